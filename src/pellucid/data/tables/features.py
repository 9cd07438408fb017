"""The features and the target of a table: which numbers its columns become."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, advice, argument
from ...messages import Message, gettext
from .derived import DateColumn, Derived, TextColumn
from .table import Column, find, leave_out

if TYPE_CHECKING:
    from .preparation import Preparation

MAX_CATEGORIES = 100  # a column of names or dates has more: as features they would only be memorised
MAX_CLASSES = 20  # ratings and digits are classes, years and prices are not
_MAX_ENCODED = 1 << 28  # numbers of 0 and 1 that categories may become: 1 GiB


def features(
    inputs: dict[str, Column], fill: str | None, file: str, texts: Collection[str] = (), words: int | None = None
) -> tuple[NDArray[np.float32], tuple[str, ...], dict[str, Derived]]:
    """x, NaN where a value is missing; the names of its columns; and the columns of dates and texts, these the ones
    that `texts` names, which become columns for that many `words`.
    """
    if not inputs:
        raise DataError(
            gettext("{file} has no column for the features, expected at least one besides the target.", file=file)
        )
    for name, column in inputs.items():
        _check_missing(column, filled=fill is not None or name in texts)
    derived: dict[str, Derived] = {}
    for name, column in inputs.items():
        found = TextColumn.learn(column, words) if name in texts else DateColumn.learn(column)
        if found is not None:
            derived[name] = found
    rest = {name: column for name, column in inputs.items() if name not in derived}
    categories = {name: _categories(column) for name, column in rest.items() if column.numbers() is None}
    names: list[str] = []
    for name in inputs:
        if name in derived:
            names += derived_names(name, derived[name])
        else:
            names += [f"{name}={text}" for text in categories[name]] if name in categories else [name]
    rows = len(next(iter(inputs.values())).cells)
    encoded = rows * (sum(map(len, categories.values())) + sum(len(part.parts) for part in derived.values()))
    if encoded > _MAX_ENCODED:
        widths = {name: len(texts) for name, texts in categories.items()}
        widths |= {name: len(part.parts) for name, part in derived.items()}
        widest = max(widths, key=lambda name: widths[name])
        raise DataError(
            f"{file}: the categories and words of {rows} lines become {encoded * 4 / 2**30:.1f} GiB of zeros and ones,"
            f' expected at most {_MAX_ENCODED * 4 / 2**30:.0f}: "{widest}" has {widths[widest]}, {leave_out(widest)}.'
        )
    x = np.empty((rows, len(names)), dtype=np.float32)
    at = 0
    for name, column in inputs.items():
        known = categories.get(name)
        if name in derived:
            width = len(derived[name].parts)
            x[:, at : at + width] = derived[name].write(column)
        else:
            width = 1 if known is None else len(known)
            _write(x[:, at : at + width], column, known)
        at += width
    return x, tuple(names), derived


def derived_names(column: str, derived: Derived) -> list[str]:
    """The features of a column of dates or texts."""
    return [f"{column}:{part}" for part in derived.parts]


def owners(features: Sequence[str], derived: Mapping[str, Derived]) -> list[str]:
    """The column that each feature is made of, where the table itself is not at hand."""
    made = {feature: column for column, part in derived.items() for feature in derived_names(column, part)}
    return [made.get(feature) or feature.partition("=")[0] for feature in features]


def like(inputs: dict[str, Column], before: Preparation, file: str) -> NDArray[np.float32]:
    """The features of an earlier data set: "column" is a number, "column=text" one category of a column."""
    groups: dict[str, list[int]] = {}  # the places of its features, by column
    made = dict(zip(before.features, owners(before.features, before.derived), strict=True))
    for place, feature in enumerate(before.features):
        if made[feature] in before.derived:
            name = made[feature]
        else:
            name = feature if feature in inputs else _column_of(feature, inputs)
        groups.setdefault(find(inputs, name, file).name, []).append(place)
    x = np.empty((len(next(iter(inputs.values())).cells), len(before.features)), dtype=np.float32)
    for name, places in groups.items():
        column, names = inputs[name], [before.features[place] for place in places]
        part = before.derived.get(name)
        texts = None if names == [name] else [feature[len(name) + 1 :] for feature in names]
        filled = before.means is not None or isinstance(part, TextColumn)
        _check_missing(column, filled=filled, known=texts or (), later=True)
        block = np.empty((len(x), len(places)), dtype=np.float32)
        if part is not None:
            block[:] = part.write(column)
        else:
            _write(block, column, texts, unseen=before.unseen)
        if before.means is not None:
            block = np.where(np.isnan(block), np.array([before.means[place] for place in places], np.float32), block)
        x[:, places] = block
    return x


def _column_of(feature: str, inputs: dict[str, Column]) -> str:
    owners = [name for name in inputs if feature.startswith(f"{name}=")]
    return max(owners, key=len, default=feature.partition("=")[0])


def _categories(column: Column) -> list[str]:
    texts = sorted({cell for cell, gone in zip(column.cells, column.missing, strict=True) if not gone})
    if len(texts) > MAX_CATEGORIES:
        raise DataError(
            f'{column.file}: column "{column.name}" holds {len(texts)} different texts, expected numbers or at most'
            f" {MAX_CATEGORIES} categories: {advice(read_words(column.name), leave_out(column.name))}."
        )
    return texts


def read_words(name: str) -> str | None:
    """The advice to read the words of a column."""
    how = argument("text_columns", [name])
    return f"read its words with {how}" if how else None


def _write(
    block: NDArray[np.float32], column: Column, categories: Sequence[str] | None, *, unseen: str = "error"
) -> None:
    """A column's numbers, or 1 in the place of each row's category; NaN where the value is missing.

    `unseen` is what happens to a text that is no category: "error", or "ignore", which leaves the row's zeros.
    """
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
            if unseen == "ignore":
                continue
            how = argument("unseen", "ignore")
            raise column.fail(row, _unknown(cell, categories) + (f": correct it, or use {how}" if how else ""))


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


def _is_missing(column: Column, gaps: Sequence[int], fix: str | Message) -> DataError:
    word = f' ("{column.cells[gaps[0]]}")' if column.cells[gaps[0]] else ""
    if len(gaps) == 1:
        return column.fail(gaps[0], gettext("the value is missing{word}: {fix}", word=word, fix=fix))
    if len(gaps) == 2:
        return column.fail(
            gaps[0], gettext("the value is missing{word} (and in 1 more line): {fix}", word=word, fix=fix)
        )
    known = {"word": word, "count": len(gaps) - 1, "fix": fix}
    return column.fail(gaps[0], gettext("the value is missing{word} (and in {count} more lines): {fix}", **known))


def target_values(
    column: Column, task: str | None, classes: Sequence[str] | None
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    gaps = [row for row in np.flatnonzero(column.missing).tolist() if column.cells[row] not in (classes or ())]
    if gaps:
        how = column.cells[gaps[0]] and argument("missing", ["NA"])
        if not how:
            raise _is_missing(column, gaps, gettext("a target must be known, so correct or remove the line"))
        word = f", or say which words stand for no value ({how})"
        raise _is_missing(column, gaps, f"a target must be known, so correct or remove the line{word}")
    if column.texts:
        if task == "regression":
            column.demand_numbers(" for the regression")
        cells = column.cells
        known = sorted(set(cells))
        if task is None and classes is None:
            column.check_texts()
            if len(known) > MAX_CLASSES:
                column.numbers()  # finds a slip in a column of numbers; few classes may well be "3" and "4+"
    else:
        numbers = column.demand_numbers()
        fractions = numbers != np.floor(numbers)
        small = np.abs(numbers).max() <= 100 and len(np.unique(numbers)) <= MAX_CLASSES
        if task is None and classes is None:
            task = "classification" if small and not fractions.any() else "regression"
        if task == "regression":
            return numbers.astype(np.float32), None
        if fractions.any():
            row = int(np.argmax(fractions))
            raise column.fail(row, gettext("{cell} is a fraction, expected a class", cell=column.cells[row]))
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
