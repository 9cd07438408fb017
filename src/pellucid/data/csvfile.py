"""Tables from CSV files.

The rules, for each column but the target:
- all values are numbers → one float32 feature of the column's name;
- otherwise its texts are categories → one feature of 0 or 1 for each, "column=text", in sorted order;
- a column of numbers with a few texts among them (fewer than half) is an error;
- a cell that is blank or says NA, N/A, NaN, null or ? (in any case) is missing.
The target is a class when it is text, or whole numbers from -100 to 100 (at most 20 different),
and a number otherwise; ``task`` overrules this.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, nearest
from ..files import read_bytes, reason
from .dataset import Dataset

_MISSING = {"", "na", "n/a", "nan", "null", "?"}
_MAX_CATEGORIES = 100  # a column of names or dates has more: as features they would only be memorised
_MAX_CLASSES = 20  # ratings and digits are classes, years and prices are not
_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class _Column:
    """One column: its cells, stripped, and the line of the file that each came from."""

    file: str
    name: str
    cells: list[str]
    lines: list[int]

    def missing(self) -> list[int]:
        return [row for row, cell in enumerate(self.cells) if cell.lower() in _MISSING]

    def texts(self) -> list[int]:
        """The rows that hold something other than a number."""
        return [r for r, c in enumerate(self.cells) if c.lower() not in _MISSING and not _is_number(c)]

    def fail(self, row: int, problem: str) -> DataError:
        return DataError(f'{self.file}, line {self.lines[row]}, column "{self.name}": {problem}.')


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: str | None = None,
    fill: str | None = None,
    drop: Sequence[str] = (),
    delimiter: str | None = None,
    encoding: str = "utf-8",
    features: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """A CSV file with a header as a data set: x (n, features) float32, y (n,); the module states the rules.

    Args:
        target: the column to learn; without one, y is x.
        task: "classification" or "regression"; by default as the target looks.
        fill: "mean" replaces a missing feature by its column's mean (of categories, their shares);
            by default a missing value is an error. A missing target always is.
        drop: columns to leave out.
        delimiter: found by looking at the file's beginning unless given.
        features, classes: ``feature_names`` and ``class_names`` of an earlier data set, so that a file to
            predict or evaluate on is encoded as the file of the training was.

    Raises:
        DataError: the message names the line (from 1) and the column.
    """
    _one_of("task", task, ("classification", "regression"))
    _one_of("fill", fill, ("mean",))
    file = Path(path).name
    columns = _columns(_text(path, encoding), file, delimiter)
    for name in (*drop, *([] if target is None else [target])):
        _find(columns, name, file)
    inputs = {name: column for name, column in columns.items() if name != target and name not in drop}
    if features is None:
        blocks = [_feature(column, fill) for column in inputs.values()]
    else:
        blocks = _given_features(inputs, list(features), file, fill)
    if not blocks:
        raise DataError(f"{file} has no column for the features, expected at least one besides the target.")
    x = np.concatenate([values for _, values in blocks], axis=1).astype(np.float32)
    names = tuple(name for block, _ in blocks for name in block)
    y, class_names = (x, None) if target is None else _target(columns[target], task, classes)
    what = f", target {target}" if target is not None else ""
    return Dataset(Path(path).stem, x, y, names, class_names, f"{len(x)} lines of {file}{what}")


def _text(path: str | os.PathLike[str], encoding: str) -> str:
    try:
        content = read_bytes(path)
        if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
            encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = content.decode(encoding)
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        mend = 'say how it is written, such as encoding="cp1252"'
        raise DataError(f'"{path}" is not {encoding} text{at}: {mend}.') from error
    except LookupError as error:
        raise DataError(f'there is no encoding "{encoding}", expected one such as utf-8 or cp1252.') from error
    if "\0" in text:
        raise DataError(f'"{path}" holds zero bytes, expected a text file with a header line.')
    return text


def _columns(text: str, file: str, delimiter: str | None) -> dict[str, _Column]:
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n '):
        raise DataError(f"delimiter is {delimiter!r}, expected one character such as ',' or ';'.")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter or _sniff(text), skipinitialspace=True, strict=True
    )
    header: list[str] | None = None
    cells: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            first, line = line, reader.line_num + 1  # a quoted cell may span lines: name the first
            if len(row) < 2 and not "".join(row).strip():
                continue  # a blank line
            if header is None:
                header = _header([cell.strip() for cell in row], file)
                cells = [[] for _ in header]
                continue
            if len(row) != len(header):
                raise DataError(f"{file}, line {first} has {len(row)} cells, expected {len(header)}.")
            for column, cell in zip(cells, row, strict=True):
                column.append(cell.strip())
            lines.append(first)
    except csv.Error as error:
        line = reader.line_num
        raise DataError(f"{file}, line {line} is not valid CSV ({error}): check its quotes.") from error
    if header is None:
        raise DataError(f"{file} is empty, expected a header line and at least one line of values.")
    if not lines:
        raise DataError(f"{file} holds a header only, expected at least one line of values.")
    return {name: _Column(file, name, column, lines) for name, column in zip(header, cells, strict=True)}


def _sniff(text: str) -> str:
    sample = "".join(text[: 1 << 14].splitlines(keepends=True)[:20])
    head = next((line for line in sample.splitlines() if line.strip()), "")
    try:
        found = csv.Sniffer().sniff(sample, delimiters=_DELIMITERS).delimiter
    except csv.Error:
        found = ""
    # the sniffer also proposes characters of the texts: what parts the lines must part the header
    return found if found and found in head else max(_DELIMITERS, key=head.count)


def _header(names: list[str], file: str) -> list[str]:
    for place, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{file}: column {place} has no name in the header, expected one for each.")
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f'{file}: the header names "{name}" {count} times, expected each name once.')
    if all(map(_is_number, names)):
        raise DataError(f"{file} begins with numbers ({', '.join(names[:3])}), expected a header of names.")
    return names


def _find(columns: dict[str, _Column], name: str, file: str) -> _Column:
    if name not in columns:
        # `nearest` compares in lower case
        lower = {column.lower(): column for column in columns}
        hint = nearest(name, lower)
        for low, column in lower.items():
            hint = hint.replace(f'"{low}"', f'"{column}"')
        raise DataError(f'{file} has no column "{name}", its columns are {", ".join(columns)}.{hint}')
    return columns[name]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python's float also takes 1_000


def _numbers(column: _Column) -> NDArray[np.float64] | None:
    """The column's numbers (n,), NaN where missing; or None where its cells are texts."""
    texts = column.texts()
    if not texts:
        gaps = set(column.missing())
        values = np.array([np.nan if row in gaps else float(cell) for row, cell in enumerate(column.cells)])
        for row in np.flatnonzero(~(np.abs(values) <= np.finfo(np.float32).max)).tolist():
            if row not in gaps:
                raise column.fail(row, f"{column.cells[row]} is outside the range of float32")
        return values
    cell = column.cells[texts[0]]
    if 2 * len(texts) < len(column.cells) - len(column.missing()):
        raise column.fail(texts[0], f'"{cell}" is text, expected a number as in most lines')
    if all(_COMMA_NUMBER.fullmatch(column.cells[row]) for row in texts):
        raise column.fail(texts[0], f'"{cell}" has a decimal comma, expected a decimal point')
    return None


def _feature(column: _Column, fill: str | None) -> tuple[list[str], NDArray[np.float64]]:
    _check_missing(column, fill)
    values = _numbers(column)
    if values is not None:
        return [column.name], _filled(values[:, None])
    missing = set(column.missing())
    categories = sorted({cell for row, cell in enumerate(column.cells) if row not in missing})
    if len(categories) > _MAX_CATEGORIES:
        raise DataError(
            f'{column.file}: column "{column.name}" holds {len(categories)} different texts,'
            f" expected numbers or at most {_MAX_CATEGORIES} categories: leave it out (drop)."
        )
    return [f"{column.name}={category}" for category in categories], _one_hot(column, categories)


def _given_features(
    inputs: dict[str, _Column], features: list[str], file: str, fill: str | None
) -> list[tuple[list[str], NDArray[np.float64]]]:
    """The features of an earlier data set: "column" is a number, "column=text" one category of a column."""
    blocks: list[tuple[list[str], NDArray[np.float64]]] = []
    groups: dict[str, list[str]] = {}  # by column
    for feature in features:
        name = feature if feature in inputs else _column_of(feature, inputs)
        groups.setdefault(_find(inputs, name, file).name, []).append(feature)
    for name, members in groups.items():
        column = inputs[name]
        _check_missing(column, fill)
        if members == [name]:
            values = _numbers(column)
            if values is None:
                row = column.texts()[0]
                raise column.fail(row, f'"{column.cells[row]}" is text, expected a number')
            blocks.append(([name], _filled(values[:, None])))
        else:
            blocks.append((members, _one_hot(column, [member[len(name) + 1 :] for member in members])))
    return blocks


def _column_of(feature: str, inputs: dict[str, _Column]) -> str:
    owners = [name for name in inputs if feature.startswith(f"{name}=")]
    return max(owners, key=len, default=feature.partition("=")[0])


def _one_hot(column: _Column, categories: list[str]) -> NDArray[np.float64]:
    place = {category: i for i, category in enumerate(categories)}
    missing = set(column.missing())
    values = np.zeros((len(column.cells), len(categories)))
    for row, cell in enumerate(column.cells):
        if row in missing:
            values[row] = np.nan
        elif cell in place:
            values[row, place[cell]] = 1
        else:
            raise column.fail(row, _unknown(cell, categories))
    return _filled(values)


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    gaps = np.isnan(values)
    return np.where(gaps, np.nanmean(values, axis=0), values) if gaps.any() else values


def _check_missing(column: _Column, fill: str | None, mend: str = 'correct it or use fill="mean"') -> None:
    missing = column.missing()
    if len(missing) == len(column.cells):
        raise DataError(f'{column.file}: column "{column.name}" holds no value at all: leave it out.')
    if missing and fill is None:
        more = f" (and in {len(missing) - 1} more lines)" if len(missing) > 1 else ""
        raise column.fail(missing[0], f"the value is missing{more}: {mend}")


def _target(
    column: _Column, task: str | None, classes: Sequence[str] | None
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    _check_missing(column, None, "a target must be known, so correct or remove the line")
    if texts := column.texts():
        if task == "regression":
            cell = column.cells[texts[0]]
            raise column.fail(texts[0], f'"{cell}" is text, expected a number for the regression')
        cells = column.cells
        known = sorted(set(cells))
        if task is None and classes is None and len(known) > _MAX_CLASSES:
            _numbers(column)  # finds a slip in a column of numbers; few classes may well be "3" and "4+"
    else:
        numbers = np.array(_numbers(column), dtype=np.float64)
        fractions = numbers != np.floor(numbers)
        small = np.abs(numbers).max() <= 100 and len(np.unique(numbers)) <= _MAX_CLASSES
        if task is None and classes is None:
            task = "classification" if small and not fractions.any() else "regression"
        if task == "regression":
            return numbers.astype(np.float32), None
        if fractions.any():
            row = int(np.argmax(fractions))
            raise column.fail(row, f"{column.cells[row]} is a fraction, expected a class")
        cells = [str(int(number)) for number in numbers]  # 1 and 1.0 are one class
        known = [str(number) for number in sorted(set(map(int, cells)))]
    names = tuple(known if classes is None else classes)
    place = {name: i for i, name in enumerate(names)}
    for row, cell in enumerate(cells):
        if cell not in place:
            raise column.fail(row, _unknown(cell, names))
    return np.array([place[cell] for cell in cells], dtype=np.int64), names


def _unknown(cell: str, known: Sequence[str]) -> str:
    shown = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
    return f'"{cell}" is not one of the known values {shown}'


def _one_of(what: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        listed = " or ".join(f'"{choice}"' for choice in choices)
        raise DataError(f'{what} is "{value}", expected {listed}.{nearest(str(value), choices)}')
