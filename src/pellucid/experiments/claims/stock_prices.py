"""Row 16 of the article: recurrent networks forecast tomorrow's price."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import (
    Autoregression,
    Persistence,
    Series,
    SeriesWindows,
    after,
    choose_changes,
    compare,
    levels,
    load_series,
    series_windows,
    walk_forward,
)
from pellucid.experiments.bands import dots
from pellucid.experiments.claim import Claim, Numbers, Table, Text, Verdict
from pellucid.experiments.statistics import mean, spread
from pellucid.experiments.trial import Trial
from pellucid.experiments.wording import each_of, listed
from pellucid.forecasting import RecurrentForecaster
from pellucid.messages import Message, gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
NETWORKS = ("LSTM", "RNN")
BASELINES = ("tomorrow = today", "autoregression")
NAMED = {"tomorrow = today": gettext("tomorrow = today"), "autoregression": gettext("autoregression")}
WINDOWS = (5, 20)
CONTROL = "synthetic"
"""A random walk, in which there is nothing to forecast: no method should win here."""


class StockPrices(Claim):
    statement = gettext("A recurrent network forecasts tomorrow's price better than saying that it will be today's.")
    source = gettext('The article, "Recurrent neural networks", which names the next stock price as their use.')
    refuted_if = gettext(
        'on no series of real prices the errors of a network are smaller than those of "tomorrow = today" by more'
        " than two standard errors of their difference"
    )
    setup = gettext(
        "Google's daily closing prices of 2004 to 2008, and a random walk as a control; a series of your own with"
        " --csv and --column. Walk-forward over the last fifth in 4 steps: every method is fitted again on all that"
        " came before. LSTM and RNN of 16 units, 10 epochs, 5 seeds; a linear autoregression by least squares."
        " Networks and autoregression each look 5 or 20 days back, whichever was better on the last quarter of the"
        " past. Absolute errors of the price are compared day by day (Diebold and Mariano, 1995)."
    )
    takes_series = True

    def measure(self, trial: Trial) -> Numbers:
        given = [] if trial.series is None else [replace(trial.series, name=f"{trial.series.name} (yours)")]
        seeds = trial.seeds(5, quick=2)
        results: Numbers = {}
        cases = [(s, m, seed) for s in [load_series(), load_series(CONTROL), *given] for m, seed in _methods(seeds)]
        for series, method, seed in trial.each(cases, lambda c: f"{c[1]} on {c[0].name}, seed {c[2]}"):
            known = results.setdefault(series.name, {"days": 0, "errors": {}, "against": {}, "window": {}})
            naive, errors, windows = _walk(trial, series, method, seed)
            known["days"] = len(errors)
            known["errors"].setdefault(method, []).append(np.abs(errors).mean())
            known["window"].setdefault(method, []).extend(windows)
            if method != BASELINES[0]:
                difference = compare(errors, naive)
                against = {
                    "difference": difference.difference,
                    "error": difference.error,
                    "verdict": difference.verdict,
                }
                known["against"].setdefault(method, []).append(against)
        return {"series": results}

    def judge(self, numbers: Numbers) -> Verdict:
        real = {name: known for name, known in numbers["series"].items() if name != CONTROL}
        wins = {name: [_wins(known["against"][method]) for method in NETWORKS] for name, known in real.items()}
        because = each_of(
            [
                gettext("on {name} the mean errors are {errors}", name=name, errors=_means(known["errors"]))
                for name, known in real.items()
            ]
        )
        if max(map(max, wins.values())) == 0:
            return Verdict(
                "not supported here", gettext("{because}: no network is better with any seed", because=because)
            )
        if min(map(max, wins.values())) > 0.5:
            return Verdict(
                "supported",
                gettext("{because}: on every series a network is better with most seeds", because=because),
            )
        return Verdict(
            "undecided",
            gettext("{because}: a network is better with some seeds or on some series only", because=because),
        )

    def table(self, numbers: Numbers) -> Table:
        words = {-1: gettext("better"), 0: gettext("no different"), 1: gettext("worse")}
        rows: list[list[Text]] = []
        for name, known in numbers["series"].items():
            for method, errors in known["errors"].items():
                verdicts = [row["verdict"] for row in known["against"].get(method, [])]
                against = [
                    gettext("{count} × {word}", count=verdicts.count(v), word=word)
                    for v, word in words.items()
                    if v in verdicts
                ]
                looked = ", ".join(map(str, sorted(set(known["window"][method]))))
                rows.append(
                    [name, NAMED.get(method, method), _figures(errors), looked, listed(against) if against else ""]
                )
        return Table(
            [
                gettext("series"),
                gettext("forecast"),
                gettext("mean error"),
                gettext("days back"),
                gettext('against "tomorrow = today"'),
            ],
            rows,
        )

    def draw(self, numbers: Numbers) -> Figure:
        series = numbers["series"]
        figure, (panel,) = style.panels(size=(3 + 2.2 * len(series), 3.6))
        methods = [*BASELINES, *NETWORKS]
        relative: dict[str, list[list[float]]] = {method: [] for method in methods}
        for known in series.values():
            unit = mean(known["errors"][BASELINES[0]])
            for method in methods:
                relative[method].append([error / unit for error in known["errors"][method]])
        dots(panel, [f"{name}\n{known['days']} days" for name, known in series.items()], relative)
        panel.axhline(1, color=style.faint(), lw=1, ls=":")
        panel.set(title=f'mean error, that of "{BASELINES[0]}" as 1')
        style.legend(panel, fontsize=8)
        return style.finished(
            figure, "A dot a seed. Below the dotted line a forecast is better than saying that nothing will change."
        )


def _methods(seeds: list[int]) -> list[tuple[str, int]]:
    return [(method, 0) for method in BASELINES] + [(method, seed) for method in NETWORKS for seed in seeds]


def _walk(trial: Trial, series: Series, method: str, seed: int) -> tuple[Floats, Floats, list[int]]:
    """The errors of "tomorrow = today" and of a method on the tested days of the first column, and its windows."""
    changes = choose_changes(series.values)[:1]
    values = series.values[:, :1]
    level = levels(values, changes)
    by_window = {size: series_windows(level, window=size) for size in WINDOWS}
    # the same days for every window: those of the longest
    common = by_window[max(WINDOWS)]
    naive, errors, chosen = [], [], []
    for fold, (train, test) in enumerate(walk_forward(common, test_size=0.2, folds=4)):
        size = _best_window(by_window, common, train, method, seed) if method != BASELINES[0] else 0
        windows = by_window[size or max(WINDOWS)]
        forecaster = _fit(windows, _rows(windows, common, train), method, seed)
        if isinstance(forecaster, RecurrentForecaster):
            trial.keep(f"{series.name} {method} {seed} {fold}", forecaster.net)
        today, truth = values[common.origins[test]], values[common.origins[test] + 1]
        predicted = after(today, forecaster.predict(windows.x[_rows(windows, common, test)]), changes)
        naive.append((today - truth)[:, 0])
        errors.append((predicted - truth)[:, 0])
        chosen += [size] if size else []
    return np.concatenate(naive), np.concatenate(errors), chosen


def _best_window(
    by_window: dict[int, SeriesWindows], common: SeriesWindows, train: NDArray[np.int64], method: str, seed: int
) -> int:
    """The window with the smallest error on the last quarter of the past."""
    cut = len(train) - len(train) // 4
    scores = {}
    for size, windows in by_window.items():
        forecaster = _fit(windows, _rows(windows, common, train[:cut]), method, seed)
        held = _rows(windows, common, train[cut:])
        scores[size] = float(np.abs(forecaster.predict(windows.x[held]) - windows.y[held]).mean())
    return min(scores, key=lambda size: scores[size])


def _rows(windows: SeriesWindows, common: SeriesWindows, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the examples of the longest windows stand among those of other ones."""
    return np.asarray(places + (common.origins[0] - windows.origins[0]))


def _fit(windows: SeriesWindows, rows: NDArray[np.int64], method: str, seed: int) -> Any:
    x, y = windows.x[rows], windows.y[rows]
    if method in NETWORKS:
        return RecurrentForecaster(x, y, cell=method.lower(), units=16, epochs=10, seed=seed)
    return (Persistence() if method == BASELINES[0] else Autoregression()).fit(x, y)


def _wins(against: list[dict[str, float]]) -> float:
    """The fraction of the seeds with which a method is better than "tomorrow = today"."""
    return sum(row["verdict"] == -1 for row in against) / len(against)


def _means(errors: dict[str, list[float]]) -> Message:
    return listed(
        [
            gettext("{error:.4g} ({method})", error=mean(values), method=NAMED.get(method, method))
            for method, values in errors.items()
        ]
    )


def _figures(errors: list[float]) -> str:
    return spread(errors, 4) if len(errors) > 1 else f"{errors[0]:.4f}"
