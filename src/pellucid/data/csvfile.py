"""Tables from CSV files as data sets.

The rules, for each column but the target:
- all values are numbers, in any usual dress (1,234.50, $12, 12%) → one float32 feature of the column's name;
- otherwise its texts are categories → one feature of 0 or 1 for each, "column=text", in sorted order;
- a column of numbers with a few texts among them (fewer than half) is an error, and so are numbers that may mean two
  things (250,000), measured values (3.5 kg), and dates of which most are different;
- a cell that is blank or holds NA, None, -, #N/A, … (`cells.MISSING`) is missing.
The target is a class when it is text, or integers from -100 to 100 (at most 20 different), and a number otherwise;
``task`` overrules this.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, advice, argument, nearest
from .dataset import Dataset, fill_by_means
from .dates import are_dates
from .preparation import Preparation
from .table import Column, find, leave_out, read_table

_MAX_CATEGORIES = 100  # a column of names or dates has more: as features they would only be memorised
_MAX_CLASSES = 20  # ratings and digits are classes, years and prices are not
_MAX_ENCODED = 1 << 28  # numbers of 0 and 1 that categories may become: 1 GiB


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: str | None = None,
    fill: str | None = None,
    drop: Sequence[str] = (),
    like: Dataset | Preparation | Mapping[str, Any] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing: Iterable[str] | None = None,
) -> Dataset:
    """A CSV file with a header as a data set: x (n, features) float32, y (n,); the module states the rules.

    Args:
        target: the column to learn; without one, y is x.
        task: "classification" or "regression"; by default as the target looks.
        fill: "mean" replaces a missing feature by its column's mean (of categories, their fractions), which
            `Dataset.split` takes over the train part alone;
            by default a missing value is an error. A missing target always is.
        drop: columns to leave out.
        like: the data set that a network learned from, or the network's ``metadata``: this file is read in the same
            way, with those features, classes and means, so that it can be predicted or evaluated on.
        delimiter: found by looking at the file's beginning unless given.
        decimal: "." or ","; by default the point, and where a comma may be either, an error.
        missing: the words, in any case, that beside the empty cell stand for a missing value, instead of `MISSING`.

    Raises:
        DataError: the message names the line (from 1) and the column.
    """
    _one_of("task", task, ("classification", "regression"))
    _one_of("fill", fill, ("mean",))
    columns = read_table(path, delimiter=delimiter, encoding=encoding, decimal=decimal, missing=missing)
    return dataset(columns, Path(path), target, task=task, fill=fill, drop=drop, like=like)


def dataset(
    columns: dict[str, Column],
    path: Path,
    target: str | None = None,
    *,
    task: str | None = None,
    fill: str | None = None,
    drop: Sequence[str] = (),
    like: Dataset | Preparation | Mapping[str, Any] | None = None,
) -> Dataset:
    """The columns of a file as a data set. See `read_csv`."""
    file = path.name
    for name in (*drop, *([] if target is None else [target])):
        find(columns, name, file)
    inputs = {name: column for name, column in columns.items() if name != target and name not in drop}
    before = None if like is None else Preparation.of(like)
    if before is not None and before.features:
        if fill is not None and before.means is None:
            raise DataError("expected no fill, as the earlier table was read without it: read that with fill as well.")
        x, names, means, filled = _like(inputs, before, file), before.features, before.means, None
    else:
        x, names = _features(inputs, fill, file)
        filled = None if fill is None else np.isnan(x)
        x, means = (x, None) if filled is None else fill_by_means(x, filled)
    classes = None if before is None else before.classes
    if before is not None and before.target is not None and classes is None:
        task = task or "regression"
    y, class_names = (x, None) if target is None else _target(columns[target], task, classes)
    what = f", target {target}" if target is not None else ""
    description = f"{len(x)} lines of {file}{what}"
    return Dataset(path.stem, x, y, names, class_names, description, means, target, filled)


def _features(inputs: dict[str, Column], fill: str | None, file: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """x, NaN where a value is missing, and the names of its columns."""
    if not inputs:
        raise DataError(f"{file} has no column for the features, expected at least one besides the target.")
    for column in inputs.values():
        _check_missing(column, filled=fill is not None)
    categories = {name: _categories(column) for name, column in inputs.items() if column.numbers() is None}
    names: list[str] = []
    for name in inputs:
        names += [f"{name}={text}" for text in categories[name]] if name in categories else [name]
    rows = len(next(iter(inputs.values())).cells)
    encoded = rows * sum(map(len, categories.values()))
    if encoded > _MAX_ENCODED:
        widest = max(categories, key=lambda name: len(categories[name]))
        raise DataError(
            f"{file}: the categories of {rows} lines become {encoded * 4 / 2**30:.1f} GiB of zeros and ones, expected"
            f' at most {_MAX_ENCODED * 4 / 2**30:.0f}: "{widest}" has {len(categories[widest])}, {leave_out(widest)}.'
        )
    x = np.empty((rows, len(names)), dtype=np.float32)
    at = 0
    for name, column in inputs.items():
        texts = categories.get(name)
        width = 1 if texts is None else len(texts)
        _write(x[:, at : at + width], column, texts)
        at += width
    return x, tuple(names)


def _like(inputs: dict[str, Column], before: Preparation, file: str) -> NDArray[np.float32]:
    """The features of an earlier data set: "column" is a number, "column=text" one category of a column."""
    groups: dict[str, list[int]] = {}  # the places of its features, by column
    for place, feature in enumerate(before.features):
        name = feature if feature in inputs else _column_of(feature, inputs)
        groups.setdefault(find(inputs, name, file).name, []).append(place)
    x = np.empty((len(next(iter(inputs.values())).cells), len(before.features)), dtype=np.float32)
    for name, places in groups.items():
        column, names = inputs[name], [before.features[place] for place in places]
        texts = None if names == [name] else [feature[len(name) + 1 :] for feature in names]
        _check_missing(column, filled=before.means is not None, known=texts or (), later=True)
        block = np.empty((len(x), len(places)), dtype=np.float32)
        _write(block, column, texts)
        if before.means is not None:
            block = np.where(np.isnan(block), np.array([before.means[place] for place in places], np.float32), block)
        x[:, places] = block
    return x


def _column_of(feature: str, inputs: dict[str, Column]) -> str:
    owners = [name for name in inputs if feature.startswith(f"{name}=")]
    return max(owners, key=len, default=feature.partition("=")[0])


def _categories(column: Column) -> list[str]:
    texts = sorted({cell for cell, gone in zip(column.cells, column.missing, strict=True) if not gone})
    if len(texts) > _MAX_CATEGORIES:
        raise DataError(
            f'{column.file}: column "{column.name}" holds {len(texts)} different texts, expected numbers or at most'
            f" {_MAX_CATEGORIES} categories: {leave_out(column.name)}."
        )
    if 2 * len(texts) > len(column.cells) and are_dates(column):
        row, fix = int(np.argmin(column.missing)), leave_out(column.name)
        raise column.fail(row, f'"{column.cells[row]}" is a date, expected numbers or recurring categories: {fix}')
    return texts


def _write(block: NDArray[np.float32], column: Column, categories: Sequence[str] | None) -> None:
    """A column's numbers, or 1 in the place of each row's category; NaN where the value is missing."""
    if categories is None:
        block[:, 0] = column.demand_numbers()
        return
    place = {category: i for i, category in enumerate(categories)}
    block[:] = 0
    for row, (cell, gone) in enumerate(zip(column.cells, column.missing.tolist(), strict=True)):
        if cell in place:  # a known category may be called None
            block[row, place[cell]] = 1
        elif gone:
            block[row] = np.nan
        else:
            raise column.fail(row, _unknown(cell, categories))


def _check_missing(column: Column, *, filled: bool, known: Sequence[str] = (), later: bool = False) -> None:
    """Raise where a value is missing and nothing fills it."""
    gaps = [row for row in np.flatnonzero(column.missing).tolist() if column.cells[row] not in known]
    if len(gaps) == len(column.cells) and not later:
        raise DataError(f'{column.file}: column "{column.name}" holds no value at all: {leave_out(column.name)}.')
    if not gaps or filled:
        return
    how = argument("fill", "mean")
    if later:
        fix = "correct it, or train with missing values filled by means"
    else:
        fix = advice("correct it", how and f"use {how}")
    raise _is_missing(column, gaps, fix)


def _is_missing(column: Column, gaps: Sequence[int], fix: str) -> DataError:
    more = f" (and in {len(gaps) - 1} more line{'s' * (len(gaps) > 2)})" if len(gaps) > 1 else ""
    word = f' ("{column.cells[gaps[0]]}")' if column.cells[gaps[0]] else ""
    return column.fail(gaps[0], f"the value is missing{word}{more}: {fix}")


def _target(
    column: Column, task: str | None, classes: Sequence[str] | None
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    gaps = [row for row in np.flatnonzero(column.missing).tolist() if column.cells[row] not in (classes or ())]
    if gaps:
        how = column.cells[gaps[0]] and argument("missing", ["NA"])
        word = f", or say which words stand for no value ({how})" if how else ""
        raise _is_missing(column, gaps, f"a target must be known, so correct or remove the line{word}")
    if column.texts:
        if task == "regression":
            column.demand_numbers(" for the regression")
        cells = column.cells
        known = sorted(set(cells))
        if task is None and classes is None:
            column.check_texts()
            if len(known) > _MAX_CLASSES:
                column.numbers()  # finds a slip in a column of numbers; few classes may well be "3" and "4+"
    else:
        numbers = column.demand_numbers()
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
