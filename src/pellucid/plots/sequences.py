"""Values over time: the states of a recurrent layer, the gates of an LSTM."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sequence_figure(
    parts: Mapping[str, NDArray[Any]],
    *,
    title: str = "",
    caption: str = "",
    quantity: style.Quantity = "value",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Values (t, units) by name, a panel each: time to the right, units downwards.

    Gates, whose values all lie between 0 and 1, have a scale of their own: open is dark, closed is the page.
    """
    steps = max(array.shape[0] for array in parts.values())
    width = min(11.0, max(5.0, 0.22 * steps + 2.2))
    heights = [min(2.6, max(0.75, 0.13 * array.shape[1] + 0.45)) for array in parts.values()]
    figure, panels = style.panels(len(parts), 1, size=(width, 1), height_ratios=heights, sharex=True)
    figure.set_size_inches(width, sum(heights) + 1.3)
    for panel, (name, array) in zip(panels, parts.items(), strict=True):
        gate = is_gate(name, array)
        end = style.span(array)
        colors, low, high = (style.sequential(), 0.0, 1.0) if gate else (style.diverging(quantity), -end, end)
        image = panel.imshow(array.T, aspect="auto", cmap=colors, vmin=low, vmax=high, interpolation="nearest")
        panel.grid(False)
        panel.set_title(name, fontsize=9, loc="left")
        panel.set_ylabel("unit", fontsize=8)
        for axis in (panel.xaxis, panel.yaxis):
            axis.get_major_locator().set_params(integer=True)
        style.scale(figure, image, panel)
    panels[-1].set_xlabel("step")
    if title:
        figure.suptitle(title, color=style.ink(), fontsize=11)
    return style.finished(figure, caption, path)


def is_gate(name: str, array: NDArray[Any]) -> bool:
    """Whether values are those of a gate, from 0 to 1."""
    return "gate" in name and bool(np.all((array >= 0) & (array <= 1)))
