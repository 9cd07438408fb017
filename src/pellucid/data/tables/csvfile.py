"""Tables from CSV files as data sets.

The rules, for each column but the target:
- all values are numbers, in any usual dress (1,234.50, $12, 12%) → one float32 feature of the column's name;
- all texts are dates (ISO 8601, another known form, or the one of ``date_format``) → "column:days" since the first,
  and sine and cosine of their places in the year ("column:month sin"), the week and the day, as far as these differ;
- a column of ``text_columns``, or the only one if its texts are too many for categories → one feature of 0 or 1 for
  each word that comes twice, "column:word", the most frequent first;
- otherwise its texts are categories → one feature of 0 or 1 for each, "column=text", in sorted order;
- a column of numbers with a few texts among them (fewer than half) is an error, and so are numbers that may mean two
  things (250,000), measured values (3.5 kg), and dates in which the day or the month may stand first (01/02/2024);
- a cell that is blank or holds NA, None, -, #N/A, … (`cells.MISSING`) is missing.
The target is a class when it is text, or integers from -100 to 100 (at most 20 different), and a number otherwise;
``task`` overrules this.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError, nearest
from ..dataset import Dataset, fill_by_means
from .derived import Derived
from .features import features, target_values
from .features import like as features_like
from .identifiers import identifiers as identifiers_of
from .loading import read_table
from .preparation import Preparation
from .table import Column, find


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: str | None = None,
    fill: str | None = None,
    drop: Sequence[str] = (),
    identifiers: str = "keep",
    keep: Sequence[str] = (),
    text_columns: Sequence[str] = (),
    words: int | None = None,
    unseen: str = "error",
    like: Dataset | Preparation | Mapping[str, Any] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing: Iterable[str] | None = None,
    date_format: str | None = None,
) -> Dataset:
    """A CSV file with a header, also in gzip or zip, or a Parquet file, as a data set: x (n, features) float32, y (n,).

    The module states the rules.

    Args:
        target: the column to learn; without one, y is x.
        task: "classification" or "regression"; by default as the target looks.
        fill: "mean" replaces a missing feature by its column's mean (of categories, their fractions), which
            `Dataset.split` takes over the train part alone;
            by default a missing value is an error. A missing target always is.
        drop: columns to leave out.
        identifiers: "drop" leaves out, beside these, the columns that only tell the rows apart (a number of each row,
            names, ticket numbers), listed in ``Dataset.left_out``; "keep" takes every column.
        keep: columns that are taken in spite of that.
        text_columns: columns of texts, of which the words become features.
        words: how many words of each of these at most; 1,000 by default.
        unseen: what becomes of a category that the first table did not have: "error", or "ignore", which is none of
            the known ones. It goes with `like`, and is kept for later tables.
        like: the data set that a network learned from, or the network's ``metadata``: this file is read in the same
            way, with those features, classes and means, so that it can be predicted or evaluated on.
        delimiter: found by looking at the file's beginning unless given.
        decimal: "." or ","; by default the point, and where a comma may be either, an error.
        missing: the words, in any case, that beside the empty cell stand for a missing value, instead of `MISSING`.
        date_format: how dates are written, as in `datetime.strptime`, such as "%d/%m/%Y"; by default as they look.

    Raises:
        DataError: the message names the line (from 1) and the column.
    """
    _one_of("task", task, ("classification", "regression"))
    _one_of("fill", fill, ("mean",))
    writing: dict[str, Any] = {"decimal": decimal, "missing": missing, "date_format": date_format}
    columns = read_table(path, delimiter=delimiter, encoding=encoding, **writing)
    return dataset(
        columns,
        Path(path),
        target,
        task=task,
        fill=fill,
        drop=drop,
        identifiers=identifiers,
        keep=keep,
        text_columns=text_columns,
        words=words,
        unseen=unseen,
        like=like,
    )


def dataset(
    columns: dict[str, Column],
    path: Path,
    target: str | None = None,
    *,
    task: str | None = None,
    fill: str | None = None,
    drop: Sequence[str] = (),
    identifiers: str = "keep",
    keep: Sequence[str] = (),
    text_columns: Sequence[str] = (),
    words: int | None = None,
    unseen: str = "error",
    like: Dataset | Preparation | Mapping[str, Any] | None = None,
) -> Dataset:
    """The columns of a file as a data set. See `read_csv`."""
    _one_of("identifiers", identifiers, ("keep", "drop"))
    _one_of("unseen", unseen, ("error", "ignore"))
    file = path.name
    for name in (*drop, *keep, *text_columns, *([] if target is None else [target])):
        find(columns, name, file)
    inputs = {name: column for name, column in columns.items() if name != target and name not in drop}
    before = None if like is None else Preparation.of(like)
    left_out: dict[str, str] = {}
    if identifiers == "drop" and not (before is not None and before.features):
        found = identifiers_of([column for name, column in inputs.items() if name not in text_columns])
        if len(found) < len(inputs):  # a table of nothing else tells more by the error that it gives
            left_out = {name: str(reason) for name, reason in found.items() if name not in keep}
            inputs = {name: column for name, column in inputs.items() if name not in left_out}
    derived: dict[str, Derived] = {}
    if before is not None and before.features:
        if fill is not None and before.means is None:
            raise DataError("expected no fill, as the earlier table was read without it: read that with fill as well.")
        if unseen == "ignore":
            before = replace(before, unseen=unseen)
        x, names, means, filled = features_like(inputs, before, file), before.features, before.means, None
        unseen, derived = before.unseen, dict(before.derived)
    else:
        x, names, derived = features(inputs, fill, file, text_columns or _only_text(inputs), words)
        filled = None if fill is None else np.isnan(x)
        x, means = (x, None) if filled is None else fill_by_means(x, filled)
    classes = None if before is None else before.classes
    if before is not None and before.target is not None and classes is None:
        task = task or "regression"
    y, class_names = (x, None) if target is None else target_values(columns[target], task, classes)
    what = f", target {target}" if target is not None else ""
    description = f"{len(x)} lines of {file}{what}"
    return Dataset(
        path.stem,
        x,
        y,
        names,
        class_names,
        description,
        means,
        target,
        filled,
        left_out=left_out,
        unseen=unseen,
        derived=derived,
    )


def _only_text(inputs: Mapping[str, Column]) -> list[str]:
    """The one column of a table, where it holds texts of several words, too many to be categories."""
    if len(inputs) != 1:
        return []
    ((name, column),) = inputs.items()
    if not column.texts or not identifiers_of([column]):
        return []
    lengths = [len(column.cells[row].split()) for row in column.texts]
    return [name] if sum(lengths) >= 2 * len(lengths) else []


def _one_of(what: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        listed = " or ".join(f'"{choice}"' for choice in choices)
        raise DataError(f'{what} is "{value}", expected {listed}.{nearest(str(value), choices)}')
