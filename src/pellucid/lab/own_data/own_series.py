"""A series of a person's own: the values of a column in order, of which the network forecasts the next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from pellucid.data import choose_changes
from pellucid.data.series import date_column, series_in
from pellucid.data.tables.derived import DateColumn
from pellucid.data.tables.identifiers import identifiers
from pellucid.data.tables.table import Column, find
from pellucid.default_layers import SERIES_BATCH, SERIES_RATE, SERIES_WINDOW, TEST_SIZE, forecasting_layers
from pellucid.errors import DataError
from pellucid.functions.learning.optimizers import Adam
from pellucid.lab.edit.plain_code import literal
from pellucid.lab.gallery import scaled_windows
from pellucid.lab.own_data.beginning import Beginning
from pellucid.lab.own_data.own_tables import OwnTable, written
from pellucid.lab.protocol.requests import DataChoices
from pellucid.messages import Message, gettext

USUAL = ("close", "adj close", "price", "value", "y")


def is_series(columns: Mapping[str, Column]) -> bool:
    """Whether a table is a series rather than examples: dates and one column of numbers, or such a column alone."""
    dates = [name for name, column in columns.items() if _dates(column)]
    return len(columns) - len(dates) == 1 and len(dates) <= 1 and len(numbered(columns)) == 1


def numbered(columns: Mapping[str, Column]) -> list[str]:
    """The columns that can be forecast."""
    counts = identifiers(columns.values()) if len(columns) > 1 else {}
    return [name for name, column in columns.items() if name not in counts and _numbers(column)]


def _numbers(column: Column) -> bool:
    try:
        return not column.missing.all() and not _dates(column) and column.numbers() is not None
    except DataError:
        return False


def _dates(column: Column) -> bool:
    try:
        return DateColumn.learn(column) is not None
    except DataError:
        return True  # the day or the month may stand first


class OwnSeries:
    """A series, and what a person chose of it.

    Raises:
        DataError: there is no column of numbers.
    """

    def __init__(self, name: str, columns: dict[str, Column], choices: DataChoices) -> None:
        self.name = PurePosixPath(name).name
        self.table = OwnTable(name, columns, choices)
        self.columns, self.choices = columns, choices
        known = numbered(columns)
        if not known:
            raise DataError(
                gettext('"{name}" has no column of numbers, expected one whose next value is forecast', name=self.name)
            )
        usual = [name for name in known if name.lower() in USUAL]
        self.target = choices.target or (usual or known)[-1]
        self.window = choices.length or SERIES_WINDOW
        self.date = self._date()

    def _date(self) -> str | None:
        """The column of dates, by which the lines are in order."""
        dates = [name for name, column in self.columns.items() if name != self.target and _dates(column)]
        try:
            named = date_column(self.columns, self.name)
        except DataError:
            return dates[0] if dates else None
        return named if named in dates else dates[0] if dates else None

    def beginning(self) -> Beginning:
        """The task that is begun with.

        Raises:
            DataError: values that are missing, dates out of order, or fewer values than a window and the test need.
        """
        column = find(self.columns, self.target, self.name)
        if self.date is None:
            # as `read_csv` keeps them
            values = column.demand_numbers().astype(np.float32).astype(np.float64)
            if column.missing.any():
                row = int(np.argmax(column.missing))
                raise column.fail(row, "the value is missing: correct it, or remove the line")
            dates = [str(row + 1) for row in range(len(values))]
        else:
            series = series_in(
                self.columns,
                self.name,
                self.target,
                date=self.date,
                date_format=self.choices.date_format,
                fill=self.fill,
            )
            values, dates = series.values[:, 0], [series.day(row) for row in range(len(series))]
        prices, learned, tested = scaled_windows(self.target, values, dates, self.window)
        return Beginning(
            self.name,
            forecasting_layers(),
            learned,
            tested,
            code=self.code(prices.logarithmic),
            loss="mse",
            metrics=(),
            optimizer=Adam(SERIES_RATE),
            batch_size=SERIES_BATCH,
            prices=prices,
        )

    @property
    def fill(self) -> str | None:
        return "previous" if self.columns[self.target].missing.any() else None

    def code(self, logarithmic: bool) -> str:
        """Python that makes `x`, `y` and `validation_data`."""
        how: dict[str, Any] = written(self.choices)
        if self.date is None:
            others = [name for name in self.columns if name != self.target]
            drop = f", drop=[{', '.join(map(literal, others))}]" if others else ""
            more = "".join(f", {name}={literal(value)}" for name, value in how.items() if name != "date_format")
            read = f"values = pl.data.read_csv({literal(self.name)}{drop}{more}).x.astype(np.float64)"
        else:
            how |= {"date": self.date} | ({} if self.fill is None else {"fill": self.fill})
            more = "".join(f", {name}={literal(value)}" for name, value in how.items())
            read = f"values = pl.data.read_series({literal(self.name)}, {literal(self.target)}{more}).values"
        return (
            "import numpy as np\n\n"
            f"{read}\n"
            f"windows = pl.data.series_windows({'np.log(values)' if logarithmic else 'values'}, window={self.window})\n"
            f"((learned, tested),) = pl.data.walk_forward(windows, test_size={TEST_SIZE}, folds=1)\n"
            "mean, deviation = float(windows.y[learned].mean()), float(windows.y[learned].std())\n"
            "x, y = (((part - mean) / deviation).astype(np.float32) for part in (windows.x, windows.y))\n"
            "validation_data = (x[tested], y[tested])\n"
            "x, y = x[learned], y[learned]"
        )

    def notes(self) -> list[Message]:
        """What is learned, and what may surprise."""
        values = self.columns[self.target].parsed
        logarithmic = choose_changes(values[np.isfinite(values)][:, None]) == ("log",)
        known = {"window": self.window, "column": self.target}
        if logarithmic:
            said = [
                gettext('From {window} changes of "{column}", in percent, the network forecasts the next.', **known)
            ]
        else:
            said = [gettext('From {window} changes of "{column}" the network forecasts the next.', **known)]
        if self.date is None:
            said.append(gettext("There is no column of dates: the lines are taken in their order."))
        if self.fill is not None:
            said.append(gettext("Where a value is missing, the one before stands in its place."))
        return said
