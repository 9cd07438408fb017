"""Forecasts beside the truth, and how far each went astray."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    figure, (left, right) = style.panels(1, 2, size=(4.5, 3.6), width_ratios=(2, 1))
    name, forecast = next(iter(forecasts.items()))
    last = slice(max(0, len(truth) - SHOWN), None)
    spread = float(np.std(forecast - truth))
    left.fill_between(
        dates[last], (forecast - spread)[last], (forecast + spread)[last], color=style.series(0), alpha=0.15, lw=0
    )
    left.plot(dates[last], truth[last], color=style.ink(), lw=1, label="truth")
    left.plot(dates[last], forecast[last], color=style.series(0), lw=1, label=f"{name} ± spread of its errors")
    left.set(title=title)
    style.legend(left)
    left.tick_params(axis="x", rotation=30)
    errors = [np.abs(f - truth) for f in forecasts.values()]
    boxes = right.boxplot(errors, tick_labels=list(forecasts), showfliers=False, showmeans=True, patch_artist=True)
    for place, box in enumerate(boxes["boxes"]):
        box.set(facecolor=style.series(place), alpha=0.4)
    for part in ("whiskers", "caps", "medians"):
        for line in boxes[part]:
            line.set_color(style.ink())
    right.set(title="error |forecast − truth|")
    right.tick_params(axis="x", rotation=15)
    caption = f"{name} and the truth; right, how far each method went astray: half of its errors lie in the box."
    return style.finished(figure, caption, path)
