"""Forecasts beside the truth, and how far each went astray."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = ("#1f6feb", "#d9730d", "#6e7781")
SHOWN = 120  # more days would only be a line on a line


def forecast_figure(
    dates: NDArray[Any],
    truth: NDArray[Any],
    forecasts: Mapping[str, NDArray[Any]],
    *,
    title: str = "",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The last forecasts of the first method with the spread of its errors; the errors of all. Saved to `path`.

    Args:
        dates: the days that were forecast (n,); truth, and each forecast: their values (n,).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    name, forecast = next(iter(forecasts.items()))
    last = slice(max(0, len(truth) - SHOWN), None)
    spread = float(np.std(forecast - truth))
    left.fill_between(
        dates[last], (forecast - spread)[last], (forecast + spread)[last], color=COLORS[0], alpha=0.15, lw=0
    )
    left.plot(dates[last], truth[last], color="black", lw=1, label="truth")
    left.plot(dates[last], forecast[last], color=COLORS[0], lw=1, label=f"{name} ± spread of its errors")
    left.set(title=title)
    left.legend(frameon=False)
    left.tick_params(axis="x", rotation=30)
    errors = [np.abs(f - truth) for f in forecasts.values()]
    boxes = right.boxplot(errors, tick_labels=list(forecasts), showfliers=False, showmeans=True, patch_artist=True)
    for box, color in zip(boxes["boxes"], COLORS, strict=False):
        box.set(facecolor=color, alpha=0.4)
    right.set(title="error |forecast − truth|")
    right.tick_params(axis="x", rotation=15)
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    if path is not None:
        figure.savefig(path)
    return figure
