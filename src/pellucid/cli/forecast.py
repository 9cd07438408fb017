"""``pellucid forecast``: the next value of a series, compared with simple baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ..data.baselines import Autoregression, Persistence, verdict
from ..data.series import (
    SERIES,
    Series,
    SeriesWindows,
    after,
    choose_changes,
    levels,
    load_series,
    read_series,
    series_windows,
    walk_forward,
)
from ..default_layers import SERIES_UNITS, SERIES_WINDOW
from ..errors import DataError, nearest
from ..files import replacing
from ..forecasting import CELLS, RecurrentForecaster
from . import grouped, options
from .output import check_figure, check_writable, printable, table
from .reporting import Report, reporting, with_force
from .sources import on_disk

TODAY = "tomorrow = today"
SPOKEN = {"network": "the network", TODAY: f'"{TODAY}"', "autoregression": "the autoregression"}

GROUPS = {
    "The series": ("columns", "date", "fill"),
    "The network": ("cell", "units", "window"),
    "The training and the test": ("horizon", "test", "folds", "epochs", "seed"),
}
EPILOG = """\b
Examples:
  pellucid forecast                                      an embedded series, Google's shares
  pellucid forecast prices.csv --column Close
  pellucid forecast prices.csv --column Close --column Volume --date Day --horizon 5 --plot out.png
  pellucid forecast kurse.csv --column Kurs --date Datum --date-format %d.%m.%Y --decimal ,
  pellucid forecast synthetic --model gru                no real prices, a random walk
"""


@dataclass(frozen=True)
class Outcome:
    """The forecasts of the test rows: values by method (n, columns), the truth, and where the folds end."""

    truth: NDArray[np.float64]
    forecasts: dict[str, NDArray[np.float64]]
    targets: NDArray[np.int64]
    folds: list[int]
    latest: NDArray[np.float64]


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("prices", metavar="PRICES", default="google")
@click.option("--column", "columns", metavar="COLUMN", multiple=True, help="A column to forecast; may be repeated.")
@click.option("--date", metavar="COLUMN", help="The column of the dates.  [default: the one called date, time, …]")
@options.date_format()
@click.option("--fill", type=click.Choice(["previous"]), help="Replace missing values.  [default: an error]")
@click.option("--horizon", type=options.IntRange(min=1), default=1, show_default=True, help="How many rows ahead.")
@click.option(
    "--window",
    type=options.IntRange(min=1),
    default=SERIES_WINDOW,
    show_default=True,
    help="How many past changes are seen.",
)
@click.option(
    "--model", "cell", type=click.Choice(list(CELLS)), default="lstm", show_default=True, help="The recurrent layer."
)
@click.option(
    "--units",
    type=options.IntRange(min=1),
    default=SERIES_UNITS,
    show_default=True,
    help="Units of the recurrent layer.",
)
@click.option(
    "--test",
    type=options.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="The fraction of the rows, the last ones, to test on.",
)
@click.option(
    "--folds",
    type=options.IntRange(min=1),
    default=4,
    show_default=True,
    help="How many times to train again on the way through the test.",
)
@options.epochs(10)
@options.seed()
@click.option("--plot", type=click.Path(path_type=Path), help="Draw forecasts and errors, such as forecast.png.")
@options.csv_writing(dates=False)
@with_force
@reporting(meanwhile=True)
def command(
    prices: str,
    columns: tuple[str, ...],
    date: str | None,
    date_format: str | None,
    fill: str | None,
    horizon: int,
    window: int,
    cell: str,
    units: int,
    test: float,
    folds: int,
    epochs: int,
    seed: int,
    plot: Path | None,
    writing: dict[str, Any],
    report: Report,
) -> None:
    """PRICES is a CSV file with a column of dates, or one of the embedded series google and synthetic. The network sees
    past changes (of the logarithm, where all values are positive) and forecasts the next. The test is walk-forward: the
    network is trained on everything before a block of the test, forecasts the block, and is trained again. It is
    compared with "tomorrow = today" and a linear autoregression, on the same rows.
    """
    check_figure(plot)
    check_writable(plot, sources=[prices])
    series = _series(on_disk(prices), columns, {"date": date, "date_format": date_format, "fill": fill, **writing})
    changes = choose_changes(series.values)
    level = levels(series.values, changes)
    windows = series_windows(level, window=window, horizon=horizon)
    stretches = list(walk_forward(windows, test_size=test, folds=folds))
    tested = sum(len(test_rows) for _, test_rows in stretches)
    click.echo(f"{series.name}: {series.description}")
    click.echo(
        f"{len(series)} rows from {series.day(0)} to {series.day(-1)}; {cell.upper()} of {units} units on windows of"
        f" {window}, {_rows(horizon)} ahead; tested on the last {tested} in {folds} steps"
    )
    outcome = _walk(series, windows, level, stretches, changes, cell=cell, units=units, epochs=epochs, seed=seed)
    if plot is not None:
        _draw(series, outcome, horizon, plot)
    report |= {"series": series.name, "rows": len(series), "tested": tested, "horizon": horizon, "plot": plot}
    report["columns"] = {name: _judge(outcome, k, printable(name), horizon) for k, name in enumerate(series.columns)}
    for name, next_values in _ahead(series, outcome, changes, horizon).items():
        report["columns"][name]["next"] = next_values
    if plot is not None:
        click.echo(f"drew {plot}")


def _draw(series: Series, outcome: Outcome, horizon: int, plot: Path) -> None:
    from pellucid.plots.forecasts import forecast_figure

    title = f"{series.columns[0]}, {_rows(horizon)} ahead"
    drawn = {name: values[:, 0] for name, values in outcome.forecasts.items()}
    with replacing(plot) as beside:
        forecast_figure(series.dates[outcome.targets], outcome.truth[:, 0], drawn, title=title, path=beside)


def _series(prices: str, columns: tuple[str, ...], reading: Mapping[str, Any]) -> Series:
    path = Path(prices)
    if path.exists() and not path.is_dir():
        if not columns:
            raise DataError(f"{path.name} is a table, expected the column to forecast: --column COLUMN.")
        return read_series(path, columns, **reading)
    if path.is_dir():
        raise DataError(f'"{prices}" is a folder, expected a CSV file or a series: {", ".join(SERIES)}.')
    if prices not in SERIES:
        raise DataError(
            f'there is no file or series "{prices}", the series are {", ".join(SERIES)}.{nearest(prices, SERIES)}'
        )
    series = load_series(prices)
    given = [name for name, value in reading.items() if value is not None]
    if given or (columns and columns != series.columns):
        option = "--" + (given[0].replace("_", "-") if given else "column")
        raise DataError(f'"{prices}" is an embedded series with the column Close: leave {option} out.')
    return series


def _walk(
    series: Series,
    windows: SeriesWindows,
    level: NDArray[np.float64],
    stretches: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    changes: tuple[str, ...],
    *,
    cell: str,
    units: int,
    epochs: int,
    seed: int,
) -> Outcome:
    """Train and forecast, block by block."""
    forecasts: dict[str, list[NDArray[np.float64]]] = {"network": [], TODAY: [], "autoregression": []}
    newest = np.diff(level, axis=0)[None, -windows.x.shape[1] :]
    latest = np.empty(0)
    for train, test in stretches:
        x, y = windows.x[train], windows.y[train]
        network = RecurrentForecaster(x, y, cell=cell, units=units, epochs=epochs, seed=seed)
        models: list[RecurrentForecaster | Persistence | Autoregression]
        models = [network, Persistence().fit(x, y), Autoregression().fit(x, y)]
        for rows, model in zip(forecasts.values(), models, strict=True):
            rows.append(after(series.values[windows.origins[test]], model.predict(windows.x[test]), changes))
        latest = after(series.values[-1:], network.predict(newest), changes)[0]
    places = np.concatenate([test for _, test in stretches])
    targets = windows.origins[places] + windows.horizon
    ends = np.cumsum([len(test) for _, test in stretches])[:-1].tolist()
    return Outcome(series.values[targets], {k: np.concatenate(v) for k, v in forecasts.items()}, targets, ends, latest)


def _judge(outcome: Outcome, place: int, name: str, horizon: int) -> Report:
    """The errors side by side, and the sentence that follows from them."""
    truth = outcome.truth[:, place]
    errors = {method: values[:, place] - truth for method, values in outcome.forecasts.items()}
    rows = []
    for method, error in errors.items():
        size = np.abs(error)
        parts = np.array([part.mean() for part in np.split(size, outcome.folds)])
        percent = f"{100 * np.mean(size / np.abs(truth)):.3f}%" if (truth != 0).all() else ""
        rows.append(
            [method, f"{size.mean():.4g}", f"{parts.min():.4g} … {parts.max():.4g}", f"{size.std():.4g}", percent]
        )
    click.echo(f"\n{name}:")
    table(["forecast", "mean error", "min … max by step", "spread of the errors", "of the value"], rows)
    spoken = {SPOKEN[method]: error for method, error in errors.items()}
    sentence = verdict(spoken, SPOKEN["network"], horizon=horizon)
    click.echo(sentence)
    return {
        "mean_absolute_error": {method: float(np.abs(error).mean()) for method, error in errors.items()},
        "verdict": sentence,
        "truth": truth,
        "forecasts": {method: values[:, place] for method, values in outcome.forecasts.items()},
    }


def _ahead(series: Series, outcome: Outcome, changes: tuple[str, ...], horizon: int) -> Report:
    """What comes after the last row, with the range that four fifths of the errors of the test stayed in."""
    click.echo()
    found: Report = {}
    for place, name in enumerate(series.columns):
        column, change = np.s_[:, place : place + 1], changes[place : place + 1]
        missed = levels(outcome.truth[column], change) - levels(outcome.forecasts["network"][column], change)
        middle = outcome.latest[place]
        low, high = after(np.array([[middle]]), np.quantile(missed, [0.1, 0.9])[:, None], change)[:, 0]
        click.echo(
            f"{_rows(horizon)} after {series.day(-1)}, {printable(name)} {series.values[-1, place]:.6g}: the network"
            f" says {middle:.6g}; with the errors of the test, four times in five between {low:.6g} and {high:.6g}"
        )
        found[name] = {"last": float(series.values[-1, place]), "network": middle, "low": low, "high": high}
    return found


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
