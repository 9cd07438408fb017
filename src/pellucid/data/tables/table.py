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
from .cells import Number, Writing, may_be_thousands, unit

_DELIMITERS = ",;\t|"
_MARKS = {".": "point", ",": "comma"}
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
                raise self.fail(texts[0], f'"{self.cells[texts[0]]}" is text, expected a number as in most lines')
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
            raise self.fail(row, f'"{self.cells[row]}" is text, expected a number{purpose}')
        return values

    def fail(self, row: int, problem: str) -> DataError:
        cell = self.cells[row]
        if len(cell) > _SHOWN:
            problem = problem.replace(cell, cell[: _SHOWN - 1] + "…")
        place = f'{self.file}, {self.counted} {self.lines[row]}, column "{self.name}"'
        return DataError(" ".join(f"{place}: {problem}.".split()))  # a cell may hold line breaks

    def _check_mark(self) -> None:
        """Raise where the decimal mark is another than was given, or where a comma may be either."""
        given, texts = self.writing.decimal, self.texts
        mark, other = (".", ",") if given != "," else (",", ".")
        foreign = [r for r in texts if self._holds(r, other) and self.writing.number(self.cells[r], other) is not None]
        if texts and 2 * len(foreign) > len(texts):
            how = argument("decimal", other)
            raise self.fail(
                foreign[0],
                f'"{self.cells[foreign[0]]}" has a decimal {_MARKS[other]}, expected a decimal {_MARKS[mark]}'
                + (f": use {how}" if how else ""),
            )
        commas = [row for row, cell in enumerate(self.cells) if "," in cell] if given is None and not texts else []
        if not commas or not all(may_be_thousands(self.cells[row]) for row in commas):
            return
        if any("." in cell and self.writing.number(cell, ",") is None for cell in self.cells):
            return  # 999.50 elsewhere: the point is the decimal mark
        cell, point, comma = self.cells[commas[0]], argument("decimal", "."), argument("decimal", ",")
        use = f": use {point} for the first or {comma} for the second" if point and comma else ""
        raise self.fail(commas[0], f'"{cell}" may be {cell.replace(",", "")} or {cell.replace(",", ".")}{use}')

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
            raise self.fail(b, f'"{self.cells[b]}" has another unit than "{self.cells[a]}", expected one in all lines')

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
        raise DataError(f"{file} begins with a line without names, expected a header.")
    name, count = Counter(filter(None, names)).most_common(1)[0]
    if count > 1:
        raise DataError(f'{file}: the header names "{name}" {count} times, expected each name once.')
    if all(Writing().number(name) for name in names):
        raise DataError(f"{file} begins with numbers ({', '.join(names[:3])}), expected a header of names.")
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
