"""A table as text: its delimiter, its header and its columns of cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, advice, argument, nearest
from ...messages import Message, gettext
from .cells import Number, Writing, may_be_thousands, unit

_DELIMITERS = ",;\t|"
_FOREIGN = {
    ".": gettext('"{cell}" has a decimal comma, expected a decimal point'),
    ",": gettext('"{cell}" has a decimal point, expected a decimal comma'),
}
_SHOWN = 60  # characters of a cell in a message
_SAMPLE = 1 << 14  # characters that are looked at to find the delimiter


@dataclass(frozen=True)
class Column:
    """One column: its cells, stripped, and the line of the file, or the row of the table, that each came from."""

    file: str
    name: str
    cells: list[str]
    lines: list[int]
    writing: Writing
    counted: str = "line"

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells stand for no value (n,)."""
        return np.fromiter(map(self.writing.lacks, self.cells), dtype=bool, count=len(self.cells))

    @cached_property
    def _parsed(self) -> tuple[NDArray[np.float64], list[int], dict[str, list[int]]]:
        """The numbers, NaN where there is none; the rows of texts; and the rows of each currency and of %."""
        if self.writing.decimal != "," and (plain := _floats(self.cells)) is not None and not self.missing.any():
            return plain, [], {}
        values = np.full(len(self.cells), np.nan)
        texts: list[int] = []
        units: dict[str, list[int]] = {}
        numbers: dict[str, Number | None] = {}  # categories come again and again
        for row in np.flatnonzero(~self.missing).tolist():
            cell = self.cells[row]
            number = numbers[cell] if cell in numbers else numbers.setdefault(cell, self.writing.number(cell))
            if number is None:
                texts.append(row)
                continue
            values[row] = number.value
            if number.unit:
                units.setdefault(number.unit, []).append(row)
        return values, texts, units

    @property
    def parsed(self) -> NDArray[np.float64]:
        """The numbers (n,), NaN where a cell is none."""
        return self._parsed[0]

    @property
    def texts(self) -> list[int]:
        """The rows that hold something other than a number."""
        return self._parsed[1]

    def numbers(self) -> NDArray[np.float64] | None:
        """The column's numbers (n,), NaN where one is missing; None where its cells are texts.

        Raises:
            DataError: a text among numbers; numbers that may mean two things, or that float32 cannot hold.
        """
        values, texts, _ = self._parsed
        self.check_texts()
        if texts:
            if 2 * len(texts) < len(values) - int(self.missing.sum()):
                cell = self.cells[texts[0]]
                raise self.fail(texts[0], gettext('"{cell}" is text, expected a number as in most lines', cell=cell))
            return None
        self._check_units()
        odd = ~self.missing & ~(np.abs(values) <= np.finfo(np.float32).max)
        if odd.any():
            row = int(np.argmax(odd))
            raise self.fail(row, f"{self.cells[row]} is outside the range of float32")
        return values

    @property
    def numbers_only(self) -> bool:
        """Whether every cell that holds something is a number."""
        return not self.texts

    def there(self) -> Column:
        """The cells that hold something."""
        rows = np.flatnonzero(~self.missing).tolist()
        cells, lines = [self.cells[row] for row in rows], [self.lines[row] for row in rows]
        return replace(self, cells=cells, lines=lines)

    def check_texts(self) -> None:
        """Raise where what was not read as numbers seems to be numbers of another writing."""
        self._check_mark()
        self._check_measures()

    def demand_numbers(self, purpose: str = "") -> NDArray[np.float64]:
        """The column's numbers, NaN where one is missing.

        Raises:
            DataError: as `numbers`, and where its cells are texts.
        """
        values = self.numbers()
        if values is None:
            row = self.texts[0]
            cell = self.cells[row]
            if purpose:
                raise self.fail(row, f'"{cell}" is text, expected a number{purpose}')
            raise self.fail(row, gettext('"{cell}" is text, expected a number', cell=cell))
        return values

    def fail(self, row: int, problem: str | Message) -> DataError:
        """The error of a cell."""
        cell = self.cells[row]

        def tidy(part: object) -> object:
            if isinstance(part, Message):
                return replace(part, values={name: tidy(value) for name, value in part.values.items()})
            if not isinstance(part, str):
                return part
            return re.sub(r"\s+", " ", part.replace(cell, cell[: _SHOWN - 1] + "…") if len(cell) > _SHOWN else part)

        said = {"file": tidy(self.file), "number": self.lines[row], "column": tidy(self.name), "problem": tidy(problem)}
        if self.counted == "row":
            return DataError(gettext('{file}, row {number}, column "{column}": {problem}.', **said))
        return DataError(gettext('{file}, line {number}, column "{column}": {problem}.', **said))

    def _check_mark(self) -> None:
        """Raise where the decimal mark is another than was given, or where a comma may be either."""
        given, texts = self.writing.decimal, self.texts
        mark, other = (".", ",") if given != "," else (",", ".")
        foreign = [r for r in texts if self._holds(r, other) and self.writing.number(self.cells[r], other) is not None]
        if texts and 2 * len(foreign) > len(texts):
            how, problem = argument("decimal", other), _FOREIGN[mark].filled(cell=self.cells[foreign[0]])
            raise self.fail(foreign[0], gettext("{problem}: use {how}", problem=problem, how=how) if how else problem)
        commas = [row for row, cell in enumerate(self.cells) if "," in cell] if given is None and not texts else []
        if not commas or not all(may_be_thousands(self.cells[row]) for row in commas):
            return
        if any("." in cell and self.writing.number(cell, ",") is None for cell in self.cells):
            return  # 999.50 elsewhere: the point is the decimal mark
        cell, point, comma = self.cells[commas[0]], argument("decimal", "."), argument("decimal", ",")
        known = {"cell": cell, "one": cell.replace(",", ""), "two": cell.replace(",", ".")}
        if not (point and comma):
            raise self.fail(commas[0], gettext('"{cell}" may be {one} or {two}', **known))
        problem = gettext(
            '"{cell}" may be {one} or {two}: use {point} for the first or {comma} for the second',
            **known,
            point=point,
            comma=comma,
        )
        raise self.fail(commas[0], problem)

    def _holds(self, row: int, mark: str) -> bool:
        return mark in self.cells[row] or (mark == "," and self.cells[row].count(".") > 1)  # 1.234.567

    def _check_units(self) -> None:
        """Raise where numbers are not of one unit: 12% is 0.12, and 12 is 12."""
        values, _, units = self._parsed
        first = {name: rows[0] for name, rows in units.items()}
        if "%" in units:
            bare = np.abs(np.nan_to_num(values)) > 0
            bare[[row for rows in units.values() for row in rows]] = False
            if bare.any():
                first[""] = int(np.argmax(bare))
        if len(first) > 1:
            a, b = sorted(first.values())[:2]
            problem = gettext(
                '"{cell}" has another unit than "{other}", expected one in all lines',
                cell=self.cells[b],
                other=self.cells[a],
            )
            raise self.fail(b, problem)

    def _check_measures(self) -> None:
        """Raise where the texts are measured values: as categories their sizes would be lost."""
        texts = self.texts
        every = len(texts) == len(self.cells) - int(self.missing.sum())
        if texts and every and all(unit(self.cells[row]) for row in texts):
            fix = advice("write the number alone", leave_out(self.name))
            raise self.fail(texts[0], f'"{self.cells[texts[0]]}" is a number with a unit, expected a number: {fix}')


def leave_out(name: str) -> str:
    """The advice to leave a column out."""
    how = argument("drop", [name])
    return f"leave the column out with {how}" if how else "leave the column out"


def parsed_table(text: str, file: str, delimiter: str | None, writing: Writing) -> dict[str, Column]:
    """The columns of a CSV text with a header, by name. See `read_table`."""
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n '):
        raise DataError(f"delimiter is {delimiter!r}, expected one character such as ',' or ';'.")
    header, cells, lines = _rows(text, file, delimiter)
    columns = {
        name or f"Unnamed: {place}": Column(file, name or f"Unnamed: {place}", column, lines, writing)
        for place, (name, column) in enumerate(zip(header, cells, strict=True))
    }
    idle = [
        f"Unnamed: {place}"
        for place, (name, column) in enumerate(zip(header, cells, strict=True))
        if not name and (not any(column) or (place == 0 and _counts(column)))
    ]
    return {name: column for name, column in columns.items() if name not in idle}


def find(columns: dict[str, Column], name: str, file: str) -> Column:
    """The column of this name.

    Raises:
        DataError: there is none; the message names the nearest.
    """
    if name not in columns:
        names = ", ".join(list(columns)[:20]) + (", …" if len(columns) > 20 else "")
        raise DataError(f'{file} has no column "{name}", its columns are {names}.{nearest(name, columns)}')
    return columns[name]


def _rows(text: str, file: str, delimiter: str | None) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the cells column by column, and the line of each row."""
    if declared := re.match(r"sep=(.)(?=[\r\n])", text):  # which spreadsheets write before the header
        text, delimiter = text[declared.end() :], delimiter or declared[1]
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
                raise DataError(
                    gettext(
                        "{file}, line {number} has {count} cells, expected {expected}.",
                        file=file,
                        number=first,
                        count=len(row),
                        expected=len(header),
                    )
                )
            for column, cell in zip(cells, row, strict=True):
                column.append(cell.strip())
            lines.append(first)
    except csv.Error as error:
        line = reader.line_num
        sentence = gettext(
            "{file}, line {number} is not valid CSV ({error}): check its quotes.",
            file=file,
            number=line,
            error=str(error),
        )
        raise DataError(sentence) from error
    if header is None:
        raise DataError(gettext("{file} is empty, expected a header line and at least one line of values.", file=file))
    if not lines:
        raise DataError(gettext("{file} holds a header only, expected at least one line of values.", file=file))
    return header, cells, lines


def _sniff(text: str) -> str:
    """The delimiter that divides the first lines into equally many cells, and the most."""
    sample = text[:_SAMPLE]
    lines = sample.splitlines(keepends=True)
    if len(sample) < len(text) and len(lines) > 1:
        lines.pop()  # cut off
    while lines and not lines[0].strip():
        lines.pop(0)

    def width(delimiter: str) -> tuple[bool, int]:
        try:
            widths = [len(row) for row in csv.reader(lines[:20], delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return False, 0
        return len(set(widths)) == 1, widths[0] if widths else 0

    widths = {delimiter: width(delimiter) for delimiter in _DELIMITERS}
    even = [delimiter for delimiter, (equal, count) in widths.items() if equal and count > 1]
    return max(even or _DELIMITERS, key=lambda delimiter: widths[delimiter][1])


def _header(names: list[str], file: str) -> list[str]:
    if not any(names):
        raise DataError(gettext("{file} begins with a line without names, expected a header.", file=file))
    name, count = Counter(filter(None, names)).most_common(1)[0]
    if count > 1:
        raise DataError(
            gettext(
                '{file}: the header names "{name}" {count} times, expected each name once.',
                file=file,
                name=name,
                count=count,
            )
        )
    if all(Writing().number(name) for name in names):
        raise DataError(
            gettext(
                "{file} begins with numbers ({numbers}), expected a header of names.",
                file=file,
                numbers=", ".join(names[:3]),
            )
        )
    return names


def _floats(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The numbers where all cells are plain ones, as in most columns."""
    try:
        values = np.array(list(map(float, cells)))
    except ValueError:
        return None
    return None if any("_" in cell for cell in cells) else values  # Python's float also takes 1_000


def _counts(cells: Sequence[str]) -> bool:
    """Whether the cells are 0, 1, 2, … or 1, 2, 3, …"""
    return any(all(cell == str(row) for row, cell in enumerate(cells, start)) for start in (0, 1))
