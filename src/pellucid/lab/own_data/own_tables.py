"""A table of a person's own: its columns, and the network that learns one of them from the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, cast

import numpy as np

from pellucid.data import Dataset, Preparation
from pellucid.data.tables.csvfile import dataset
from pellucid.data.tables.derived import DateColumn
from pellucid.data.tables.features import MAX_CATEGORIES, target_values
from pellucid.data.tables.identifiers import identifiers
from pellucid.data.tables.loading import table_in
from pellucid.data.tables.table import Column
from pellucid.default_layers import TEST_SIZE, example_layers, original_units
from pellucid.errors import DataError
from pellucid.lab.edit.plain_code import literal
from pellucid.lab.own_data.beginning import SEED, Beginning, divided
from pellucid.lab.own_data.uploads import MAX_UNPACKED
from pellucid.lab.protocol import own_files
from pellucid.lab.protocol.requests import MAX_COLUMNS, DataChoices
from pellucid.messages import Message, gettext, words

MAX_CELLS = 1 << 22
MAX_NUMBERS = 1 << 26
"""Of all examples together: 256 MiB."""
ROWS, MOST = 5, 8
"""So many lines, and categories of a column, are shown."""
CLASS_NAMES = re.compile(
    r"target|label|labels|class|y|output|outcome|result|category|species|survived|price|quality|score|churn|default",
    re.IGNORECASE,
)


def columns_of(content: bytes, name: str, choices: DataChoices) -> dict[str, Column]:
    """The columns of a table.

    Raises:
        DataError: it cannot be read, or has more cells than are read in the lab.
    """
    if content[:4] == b"PAR1":
        raise DataError(gettext('"{name}" is a Parquet file, expected text in the lab: save it as CSV', name=name))
    columns = table_in(content, name, max_bytes=MAX_UNPACKED, **written(choices))
    rows = len(next(iter(columns.values())).cells)
    if len(columns) > MAX_COLUMNS or rows * len(columns) > MAX_CELLS:
        raise DataError(
            gettext(
                '"{name}" has {rows:,} lines and {columns:,} columns, expected at most {cells:,} cells and {most:,} '
                "columns in the lab: give a part of it, or train in Python",
                name=name,
                rows=rows,
                columns=len(columns),
                cells=MAX_CELLS,
                most=MAX_COLUMNS,
            )
        )
    return columns


def written(choices: DataChoices) -> dict[str, Any]:
    """The arguments of `read_csv` that say how a table is written, where a person said so."""
    given = {"decimal": choices.decimal, "encoding": choices.encoding, "date_format": choices.date_format}
    return {name: value for name, value in given.items() if value is not None}


def usual_target(columns: Mapping[str, Column]) -> str:
    """The column that is probably to be learned: one whose name says so, or the last that may be."""
    possible = [name for name, column in columns.items() if _learnable(column)]
    called = [name for name in possible if CLASS_NAMES.fullmatch(name)]
    return (called or possible or list(columns))[-1]


def _learnable(column: Column) -> bool:
    if column.missing.any():
        return False
    try:
        if DateColumn.learn(column) is not None:
            return False
        y, classes = target_values(column, None, None)
    except DataError:
        return False
    return len(classes) <= MAX_CATEGORIES if classes is not None else len(np.unique(y)) > 1


class OwnTable:
    """A table, and what a person chose of it.

    Raises:
        DataError: no table can be read.
    """

    def __init__(self, name: str, columns: dict[str, Column], choices: DataChoices) -> None:
        self.name = PurePosixPath(name).name
        self.columns, self.choices = columns, choices
        self.target = usual_target(columns) if choices.target is None else choices.target
        used = choices.columns
        self.empty = [key for key, column in columns.items() if column.missing.all() and key != self.target]
        self.drop = [key for key in columns if used.get(key, "leave" if key in self.empty else "take") == "leave"]
        self.drop = [key for key in self.drop if key != self.target]
        self.keep = [key for key, use in used.items() if use == "take" and key in columns and key != self.target]
        self.words = [key for key, use in used.items() if use == "words" and key in columns and key != self.target]

    def data(self) -> Dataset:
        """The examples.

        Raises:
            DataError: the columns cannot be learned from as they were chosen.
        """
        found = dataset(
            self.columns,
            cast(Any, PurePosixPath(self.name)),
            self.target,
            task=self.choices.task,
            fill="mean",
            drop=self.drop,
            identifiers="drop",
            keep=self.keep,
            text_columns=self.words,
        )
        if found.x.size > MAX_NUMBERS:
            raise DataError(
                gettext(
                    "the columns become {count:,} numbers, expected at most {most:,} in the lab: leave some out",
                    count=found.x.size,
                    most=MAX_NUMBERS,
                )
            )
        return found

    def beginning(self) -> Beginning:
        """The task that is begun with.

        Raises:
            DataError: the columns cannot be learned from as they were chosen.
        """
        whole = self.data()
        return table_beginning(self.name, *divided(whole), code=self.code(whole))

    def code(self, data: Dataset) -> str:
        """Python that makes `x`, `y` and `validation_data`."""
        given: dict[str, Any] = {"task": self.choices.task, "fill": "mean"}
        given |= {"drop": [key for key in self.columns if key in self.drop or key in data.left_out]}
        given |= {"text_columns": self.words} | written(self.choices)
        arguments = [literal(self.name), literal(self.target)]
        arguments += [f"{name}={_listed(value)}" for name, value in given.items() if value]
        column = "" if data.class_names is not None else "[:, None]"
        return (
            f"data = pl.data.read_csv({', '.join(arguments)})\n"
            f"learned, test = data.divide(test_size={TEST_SIZE}, seed={SEED})\n"
            f"x, y = learned.x, learned.y{column}\n"
            f"validation_data = (test.x, test.y{column})"
        )

    def described(self) -> list[own_files.DataColumn]:
        """Each column, and what becomes of it."""
        left = self._left_out()
        return [self._described(column, left.get(name)) for name, column in self.columns.items()]

    def rows(self) -> list[list[str]]:
        """The first lines."""
        cells = [column.cells[:ROWS] for column in self.columns.values()]
        return [[cell[:100] for cell in row] for row in zip(*cells, strict=True)]

    def classes(self, data: Dataset) -> list[own_files.Counted] | None:
        """The classes, and how many lines are of each."""
        return None if data.class_names is None else counted(data.class_names, data.y)

    def notes(self, data: Dataset) -> list[Message]:
        """What was done to the lines that may surprise."""
        said = []
        if data.filled is not None and (filled := int(data.filled.any(axis=1).sum())):
            said.append(
                gettext(
                    "Lines in which a value is missing: {count}; the mean of its column stands in its place.",
                    count=filled,
                )
            )
        if data.class_names is not None and (count := len(data.y) - int(np.bincount(data.y).max())) * 20 < len(data.y):
            said.append(
                gettext(
                    "All but {count} lines are of one class: saying that one always would be right too.", count=count
                )
            )
        return said

    def _left_out(self) -> Mapping[str, Any]:
        inputs = [column for name, column in self.columns.items() if name not in [self.target, *self.drop, *self.words]]
        try:
            return {name: why for name, why in identifiers(inputs).items() if name not in self.keep}
        except DataError:
            return {}

    def _described(self, column: Column, left: Any) -> own_files.DataColumn:
        name, there = column.name, column.there()
        kind, why = _kind(column)
        use = "take"
        if name == self.target:
            use = "target"
        elif name in self.drop or left is not None:
            use = "leave"
        elif name in self.words:
            use = "words"
        if left is not None and kind != "mixed":
            kind, why = ("text" if there.texts else "identifier"), left
        numbers = there.parsed[np.isfinite(there.parsed)] if kind == "number" or not there.texts else there.parsed[:0]
        most = Counter(there.cells).most_common(MOST) if kind == "category" else []
        return {
            "name": name,
            "kind": kind,
            "use": cast(Any, use),
            "why": None if why is None else words(why),
            "missing": int(column.missing.sum()),
            "different": len(set(there.cells)),
            "low": float(numbers.min()) if numbers.size else None,
            "high": float(numbers.max()) if numbers.size else None,
            "most": [{"name": text[:100], "count": count} for text, count in most],
        }


def table_beginning(name: str, learned: Dataset, test: Dataset, *, code: str) -> Beginning:
    """What is begun with, of the examples of a table to learn from and those to judge by."""
    layers = example_layers(learned, convolves=False)
    y, y_test = learned.y, test.y
    if learned.class_names is None:
        layers.append(original_units(y))
        y, y_test = y[:, None], y_test[:, None]
    return Beginning(
        name,
        layers,
        (learned.x, y),
        (test.x, y_test),
        code=code,
        loss=None if learned.class_names is not None else "mse",
        metrics=None if learned.class_names is not None else ("mae",),
        classes=learned.class_names,
        metadata=Preparation.of(learned).metadata(),
    )


def counted(names: Sequence[str], labels: Any) -> list[own_files.Counted]:
    """Classes, and how many examples are of each."""
    counts = np.bincount(labels, minlength=len(names)).tolist()
    return [{"name": name, "count": count} for name, count in zip(names, counts, strict=True)]


def _kind(column: Column) -> tuple[Any, object]:
    """What the cells of a column are; why, where they cannot be read."""
    if column.missing.all():
        return "empty", gettext("it holds no value")
    try:
        if DateColumn.learn(column) is not None:
            return "date", None
        if column.numbers() is not None:
            return "number", None
    except DataError as error:
        return "mixed", error.message
    there = column.there()
    return ("text" if len(set(there.cells)) > MAX_CATEGORIES else "category"), None


def _listed(value: Any) -> str:
    return f"[{', '.join(map(literal, value))}]" if isinstance(value, list) else literal(value)
