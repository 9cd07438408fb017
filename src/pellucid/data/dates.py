"""Dates in the cells of a column, in one format for all of it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, argument
from ..messages import gettext
from .tables.table import Column

Dates = NDArray[np.datetime64]

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%Y-%b-%d", "%Y %b %d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%b. %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%a %b %d %Y", "%a, %b %d, %Y", "%A, %B %d, %Y", "%a, %d %b %Y", "%A, %d %B %Y", "%d. %B %Y", "%d/%b/%Y"),
)
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y %b", "%Y")
FORMATS = (*(day + clock for clock in _CLOCKS for day in _DAYS), *_MONTHS)
"""What is tried, beside ISO 8601 and seconds since 1970, in the notation of `datetime.strptime`."""

ISO = "ISO 8601"
_EPOCH = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}  # digits of a moment from 2001 to 2286, and parts of a second
_Reader = Callable[[str], datetime.datetime]


def read_dates(column: Column, format: str | None = None) -> Dates:
    """The dates of a column (n,), to the second.

    Without a format: ISO 8601 (2024-01-31, 20240131, 2024-01-31T16:00+01:00), seconds, milli-, micro- or nanoseconds
    since 1970, or the one of `FORMATS` that reads every cell; where both the day and the month may stand first, the one
    in which the dates go one way. Where cells have offsets from UTC, the local times are kept if their order is that of
    the moments, else UTC is.

    Raises:
        DataError: a cell that is no date; no format known; dates in which the day or the month may stand first.
    """
    if format is not None:
        return _in_format(column, format)
    if "" in column.cells:
        raise column.fail(column.cells.index(""), "the date is missing, expected one such as 2024-01-31")
    for reader in (_epoch, _iso):
        if all(map(partial(_reads, reader), column.cells)):
            return _moments(column, reader)
    return _guessed(column)


def are_dates(column: Column) -> bool:
    """Whether every cell that holds something is a date in one of the forms that are known."""
    cells = column.there().cells
    first = [reader for reader in (_iso, *map(_strptime, FORMATS)) if cells and _reads(reader, cells[0])]
    return any(all(map(partial(_reads, reader), cells)) for reader in first)


def format_of(column: Column, format: str | None = None) -> str | None:
    """How the dates of a column are written: `format` if that reads every cell which holds something, `ISO`, or one of
    `FORMATS`; None where they are no dates.

    Raises:
        DataError: dates in which the day or the month may stand first.
    """
    there = column.there()
    if not there.cells:
        return None
    if format is not None and reads_all(there, format):
        return format
    if column.numbers_only or not are_dates(there):
        return None
    return ISO if all(map(partial(_reads, _iso), there.cells)) else _chosen(there, ordered=False)


def reads_all(column: Column, format: str) -> bool:
    """Whether every cell that holds something, and one at least, is a date in this format."""
    _check_format(format)
    cells = column.there().cells
    return bool(cells) and all(map(partial(_reads, _strptime(format)), cells))


def moments_in(column: Column, format: str) -> Dates:
    """The dates of a column (n,) in a format that `format_of` gave, NaT where one is missing; an offset from UTC is
    left out, which keeps the local time.

    Raises:
        DataError: a cell that is no date in this format.
    """
    reader = _iso if format == ISO else _strptime(format)
    dates = np.full(len(column.cells), "NaT", dtype="datetime64[s]")
    for row in np.flatnonzero(~column.missing).tolist():
        cell = column.cells[row]
        if not _reads(reader, cell):
            how = argument("date_format", "%d.%m.%Y")
            use = f", or say how it is written, such as {how}" if how else ""
            like = "one such as 2024-01-31" if format == ISO else f'"{format}", as in the table that was learned'
            raise column.fail(row, f'"{cell}" is no date, expected {like}{use}')
        dates[row] = reader(cell).replace(tzinfo=None)
    return dates


def _check_format(format: str) -> None:
    try:
        datetime.datetime.strptime(datetime.datetime(2001, 2, 3).strftime(format), format)
    except ValueError as error:
        raise DataError(f'the format of the dates is "{format}", expected one such as %d.%m.%Y ({error}).') from error


def _in_format(column: Column, format: str) -> Dates:
    _check_format(format)
    reader = _strptime(format)
    for row, cell in enumerate(column.cells):
        if not _reads(reader, cell):
            raise column.fail(row, f'"{cell}" is no date, expected "{format}"')
    return _moments(column, reader)


def _guessed(column: Column) -> Dates:
    return _moments(column, _strptime(_chosen(column)))


def _chosen(column: Column, *, ordered: bool = True) -> str:
    """The one of `FORMATS` that reads every cell, the first of several that read the same dates; where they do not, the
    one in which the dates go one way, if those of a column are `ordered`.

    Raises:
        DataError: none does, or the day or the month may stand first.
    """
    first = column.cells[0]
    fitting = {f: _strptime(f) for f in FORMATS if _reads(_strptime(f), first)}
    if not fitting:
        how = argument("date_format", "%d.%m.%Y")
        odd = gettext('"{cell}" is no date that is known, expected one such as 2024-01-31', cell=first)
        use = gettext("{problem}, or say how it is written, such as {how}", problem=odd, how=how)
        raise column.fail(0, use if how else odd)
    for row, cell in enumerate(column.cells):
        left = {f: reader for f, reader in fitting.items() if _reads(reader, cell)}
        if not left:
            odd = gettext(
                '"{cell}" is no date like "{other}", expected one format in all lines', cell=cell, other=first
            )
            raise column.fail(row, odd)
        fitting = left
    readings = {f: _moments(column, reader) for f, reader in fitting.items()}
    if len({dates.tobytes() for dates in readings.values()}) > 1:
        in_order = {f: dates for f, dates in readings.items() if ordered and _one_way(dates)}
        if len({dates.tobytes() for dates in in_order.values()}) != 1:
            ways = [argument("date_format", f) for f in list(readings)[:2]]
            may = gettext('"{cell}" may begin with the day or the month', cell=first)
            known = {"problem": may, "one": ways[0], "two": ways[1]}
            raise column.fail(0, gettext("{problem}: use {one} or {two}", **known) if all(ways) else may)
        readings = in_order
    return next(iter(readings))


def _one_way(dates: Dates) -> bool:
    steps = np.diff(dates.astype(np.int64))
    return bool((steps > 0).all() or (steps < 0).all())


def _reads(reader: _Reader, cell: str) -> bool:
    try:
        reader(cell)
    except (ValueError, OverflowError):
        return False
    return True


def _strptime(format: str) -> _Reader:
    return lambda cell: datetime.datetime.strptime(cell, format)


def _epoch(cell: str) -> datetime.datetime:
    whole, _, rest = cell.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) in _EPOCH and rest.strip("0") == ""):
        raise ValueError(cell)
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(whole) // _EPOCH[len(whole)])


def _iso(cell: str) -> datetime.datetime:
    if re.fullmatch(r"\d{4}-\d{2}", cell):
        cell += "-01"
    if cell.isdigit() and len(cell) != 8:  # which fromisoformat takes for a date and a time without a mark between
        raise ValueError(cell)
    moment = datetime.datetime.fromisoformat(re.sub(r" ?(UTC|GMT)$", "+00:00", cell))
    if moment.tzinfo is not None:
        moment.astimezone(datetime.UTC)  # which is none in the first and the last hours that there are
    return moment


def _moments(column: Column, reader: _Reader) -> Dates:
    """Every cell by a reader that reads it; those with offsets from UTC in their order."""
    read = [reader(cell) for cell in column.cells]
    local = _seconds([moment.replace(tzinfo=None) for moment in read])
    aware = [moment.utcoffset() is not None for moment in read]
    if not any(aware):
        return local
    if not all(aware):
        row = aware.index(not aware[0])
        kind = "has" if aware[row] else "lacks"
        raise column.fail(row, f'"{column.cells[row]}" {kind} an offset from UTC, expected it in all lines or in none')
    utc = _seconds([moment.astimezone(datetime.UTC).replace(tzinfo=None) for moment in read])
    same = np.array_equal(np.sign(np.diff(utc.astype(np.int64))), np.sign(np.diff(local.astype(np.int64))))
    return local if same else utc


def _seconds(moments: Sequence[datetime.datetime]) -> Dates:
    return np.array(moments, dtype="datetime64[s]")
