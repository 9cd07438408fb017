"""Time series of prices: read from a CSV file, turned into changes, cut into windows that look at the past alone.

Rows are taken as steps of equal length, so a weekend counts as one step; the longest gap stands in the description.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_integer
from ..errors import DataError, advice, argument, nearest
from ..messages import gettext
from .dates import read_dates
from .tables.loading import read_table
from .tables.table import Column, find

Floats = NDArray[np.float64]
SERIES = ("google", "synthetic")
CHANGES = ("log", "difference")
_DATE_NAMES = ("date", "datetime", "day", "time", "timestamp", "month", "year", "unnamed: 0")


@dataclass(frozen=True, eq=False, repr=False)
class Series:
    """One or several series on the same dates: dates (t,) to the second, ascending; values (t, columns) float64."""

    name: str
    dates: NDArray[np.datetime64]
    values: Floats
    columns: tuple[str, ...]
    description: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Series({self.name!r}, {len(self)} × {', '.join(self.columns)}, {self.day(0)} … {self.day(-1)})"

    def day(self, row: int) -> str:
        """A row's date, with its time if it is not midnight."""
        return str(self.dates[row]).replace("T00:00:00", "").replace("T", " ")


@dataclass(frozen=True, eq=False)
class SeriesWindows:
    """What a forecast learns from: x (n, window, columns) are changes up to a row, y (n, columns) the change of the
    next ``horizon`` rows together; ``origins`` (n,) are those rows, from which the forecast is made.
    """

    x: Floats
    y: Floats
    origins: NDArray[np.int64]
    horizon: int

    def __len__(self) -> int:
        return len(self.x)


def read_series(
    path: str | os.PathLike[str],
    columns: str | Sequence[str],
    *,
    date: str | None = None,
    date_format: str | None = None,
    fill: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing: Iterable[str] | None = None,
) -> Series:
    """Columns of a CSV file with a header as series by date.

    A file whose newest date comes first throughout is turned round.

    Args:
        date: the column of dates; by default the one called date, time, …, or a first one without a name.
        date_format: how they are written, as in `datetime.strptime`: "%d.%m.%Y"; by default as they look (`dates`).
        fill: "previous" puts the value before in the place of a missing one; by default a missing value is an error.
        delimiter, encoding, decimal, missing: as in `read_csv`.

    Raises:
        DataError: the message names the line and the column: no such column, text among the numbers, a missing value,
            a date that cannot be read or may be two, dates out of order or twice.
    """
    table = read_table(path, delimiter=delimiter, encoding=encoding, decimal=decimal, missing=missing)
    return series_in(table, path, columns, date=date, date_format=date_format, fill=fill)


def series_in(
    table: dict[str, Column],
    path: str | os.PathLike[str],
    columns: str | Sequence[str],
    *,
    date: str | None = None,
    date_format: str | None = None,
    fill: str | None = None,
) -> Series:
    """As `read_series`, of the columns of a table that was read already from the file that messages name."""
    if fill not in (None, "previous"):
        raise DataError(f'fill is "{fill}", expected "previous".')
    file = Path(path).name
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    if not names or len(set(names)) != len(names):
        raise DataError(f"columns are {names}, expected one or several different names.")
    stamps = find(table, date_column(table, file) if date is None else date, file)
    wanted = [find(table, name, file) for name in names]
    dates = read_dates(stamps, date_format)
    values = np.stack([column.demand_numbers() for column in wanted], axis=1)
    steps = np.diff(dates.astype(np.int64))
    newest_first = len(steps) > 0 and bool((steps < 0).all())
    if newest_first:
        dates, values, steps = dates[::-1], values[::-1], -steps[::-1]
    elif (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        problem = "stands there twice" if steps[row - 1] == 0 else f"comes after {stamps.cells[row - 1]}"
        raise stamps.fail(row, f"{stamps.cells[row]} {problem}, expected ascending dates: sort the lines by date")
    values, filled = _without_gaps(values, wanted, fill=fill, newest_first=newest_first)
    parts = [f"{len(values)} lines of {file}"]
    parts += ["newest first, turned round"] * newest_first + [f"{filled} missing values filled"] * (filled > 0)
    return Series(Path(path).stem, dates, values, names, "; ".join([*parts, *_gap(dates)]))


def load_series(name: str = "google") -> Series:
    """An embedded series.

    - google: the daily closing price of Google's shares from 19 August 2004 to 14 October 2008, 1,047 days, as it comes
      with matplotlib (its sample data).
    - synthetic: no real prices but a random walk with a yearly season, 1,500 weekdays from Philox with the key 0.

    Raises:
        DataError: an unknown name, or matplotlib was installed without its sample data.
    """
    if name == "google":
        return _google()
    if name == "synthetic":
        return _synthetic()
    raise DataError(f'there is no series "{name}", expected one of {", ".join(SERIES)}.{nearest(str(name), SERIES)}')


def choose_changes(values: Floats) -> tuple[str, ...]:
    """How each column's changes are measured: "log" where all values are positive, as prices are, else "difference"."""
    return tuple("log" if (column > 0).all() else "difference" for column in values.T)


def levels(values: Floats, changes: Sequence[str]) -> Floats:
    """Values (t, columns) on the scale on which changes are differences: ln p for "log", p itself for "difference"."""
    for change in changes:
        if change not in CHANGES:
            raise DataError(f'a change is "{change}", expected "log" or "difference".{nearest(str(change), CHANGES)}')
    log = np.array([change == "log" for change in changes])
    bad = log & (values <= 0)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"row {row}, column {column} holds {values[row, column]:g}, which has no logarithm:"
            ' measure the change by "difference".'
        )
    return np.where(log, np.log(np.where(log, values, 1.0)), values)


def after(values: Floats, by: Floats, changes: Sequence[str]) -> Floats:
    """Values (n, columns) after they changed: p·exp(r) for "log", p + d for "difference"."""
    log = np.array([change == "log" for change in changes])
    return np.where(log, values * np.exp(np.where(log, by, 0.0)), values + by)


def series_windows(level: Floats, *, window: int, horizon: int = 1) -> SeriesWindows:
    """Windows over ``levels`` (t, columns): ``window`` changes up to a row, and the change ``horizon`` rows on from it.

    Raises:
        DataError: too few rows for a single window.
    """
    window, horizon = check_integer(window, "window", minimum=1), check_integer(horizon, "horizon", minimum=1)
    needed = window + horizon + 1
    if len(level) < needed:
        raise DataError(
            gettext(
                "the series has {count} rows, expected at least {least} for a window of {window} and a horizon of "
                "{horizon}: give more rows or a smaller window.",
                count=len(level),
                least=needed,
                window=window,
                horizon=horizon,
            )
        )
    changes = np.diff(level, axis=0)  # changes[k] leads from row k to row k + 1
    origins = np.arange(window, len(level) - horizon)
    past = np.lib.stride_tricks.sliding_window_view(changes, window, axis=0)  # (start, columns, window)
    x = np.ascontiguousarray(past[: len(origins)].transpose(0, 2, 1))
    return SeriesWindows(x, level[origins + horizon] - level[origins], origins, horizon)


def walk_forward(
    windows: SeriesWindows, *, test_size: float = 0.2, folds: int = 4
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The places of the examples to learn from and to test on, fold by fold through the last fraction ``test_size``.

    Each fold learns from everything before it and is tested on the stretch that follows. An example whose outcome lies
    in that stretch is not learned from: on the first day of the test it would not have been known.

    Raises:
        DataError: a fraction or a number of folds that leaves a fold without examples.
    """
    if not 0 < test_size < 1:
        raise DataError(f"test_size is {test_size!r}, expected a fraction between 0 and 1.")
    folds = check_integer(folds, "folds", minimum=1)
    n = len(windows)
    tested = max(1, round(test_size * n))
    edges = n - tested + np.arange(folds + 1) * tested // folds
    if tested < folds or edges[0] - windows.horizon < 1:
        raise DataError(
            f"expected enough windows to test {folds} times on a fraction of {test_size:g}, got {n}:"
            " give more rows, a smaller window, or fewer folds."
        )
    return _stretches(edges, windows.horizon)


def _stretches(edges: NDArray[Any], horizon: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield np.arange(start - horizon + 1), np.arange(start, stop)


def date_column(table: dict[str, Column], file: str) -> str:
    names = {name.lower(): name for name in reversed(table)}
    for name in _DATE_NAMES:
        if name in names:
            return names[name]
    how = argument("date", "COLUMN")
    raise DataError(
        f"{file} has no column called date, its columns are {', '.join(table)}: name the column of the dates"
        + (f" ({how})." if how else ".")
    )


def _without_gaps(
    values: Floats, columns: Sequence[Column], *, fill: str | None, newest_first: bool
) -> tuple[Floats, int]:
    """The values with missing ones filled, in the order of the dates, and how many there were."""
    missing = np.isnan(values)
    if not missing.any():
        return values, 0
    row, place = (int(i) for i in np.argwhere(missing)[0])
    column = columns[place]
    line = len(values) - 1 - row if newest_first else row
    if fill is None:
        more = f" (and {missing.sum() - 1} more)" if missing.sum() > 1 else ""
        how = argument("fill", "previous")
        raise column.fail(line, f"the value is missing{more}: {advice('correct it', how and f'use {how}')}")
    if row == 0:
        raise column.fail(line, "the first value is missing, and there is none before it: leave the line out")
    rows = np.maximum.accumulate(np.where(missing, 0, np.arange(len(values))[:, None]), axis=0)
    return np.take_along_axis(values, rows, axis=0), int(missing.sum())


def _gap(dates: NDArray[np.datetime64]) -> list[str]:
    """The longest gap in words, if it is longer than five usual steps: a closed exchange is no fault of the file."""
    steps = np.diff(dates.astype(np.int64))
    if len(steps) == 0 or steps.max() <= 5 * np.median(steps):
        return []
    row = int(steps.argmax())
    start, end = (str(d).partition("T")[0] for d in dates[row : row + 2])
    return [f"the longest gap is {math.ceil(steps[row] / 86400)} days, from {start} to {end}"]


def _google() -> Series:
    from matplotlib.cbook import get_sample_data

    try:
        rows: Any = cast(Any, get_sample_data("goog.npz"))["price_data"]
    except OSError as error:
        raise DataError('matplotlib was installed without its sample data: take the series "synthetic".') from error
    dates, values = rows["date"].astype("datetime64[s]"), rows["close"].astype(np.float64)[:, None]
    return Series("google", dates, values, ("Close",), "Google's daily closing price, 2004 to 2008, from matplotlib")


def _synthetic(days: int = 1500) -> Series:
    random = np.random.Generator(np.random.Philox(0))
    dates = np.busday_offset("2018-01-01", np.arange(days), roll="forward").astype("datetime64[s]")
    year = np.arange(days) / 261
    logs = np.log(100) + 0.05 * year + 0.04 * np.sin(2 * np.pi * year) + np.cumsum(0.01 * random.standard_normal(days))
    description = "synthetic, no real prices: a random walk with a yearly season"
    return Series("synthetic", dates, np.exp(logs)[:, None], ("Close",), description)
