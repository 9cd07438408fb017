"""A small network drawn unit by unit: circles, the bias units beside them, a line for each weight."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RADIUS = 0.25
ACROSS = 2.3
"""Inches from one layer to the next."""
WRITTEN = 4
"""Weights are written on their lines where a unit has at most so many lines to the right, …"""
MAX_WRITTEN = 20
"""… and no more of them between two layers."""


@dataclass(frozen=True)
class Units:
    """One layer of units, in the order of the layers.

    Attributes:
        path: the layer's path.
        count: how many units it has.
        kind: what stands below its path, such as the name of its activation.
        kernel: the weights from the units of the layer before, (before, count); None where each unit takes that beside
            it alone, as an Activation layer does.
        bias: (count,), or None.
        curve: its activation drawn in the units: x and y, or None.
        names: what the units are called, or nothing.
    """

    path: str
    count: int
    kind: str = ""
    kernel: style.Array | None = None
    bias: style.Array | None = None
    curve: tuple[style.Array, style.Array] | None = None
    names: Sequence[str] = ()


def unit_figure(layers: Sequence[Units], *, title: str, path: str | os.PathLike[str] | None = None) -> Figure:
    """Units as circles, from the inputs at the left to the outputs at the right; a bias is the weight of a dashed unit
    that gives 1.
    """
    biased = [place + 1 < len(layers) and layers[place + 1].bias is not None for place in range(len(layers))]
    most = max(units.count + extra for units, extra in zip(layers, biased, strict=True))
    gap = 1.0 if most <= 5 else 0.72
    places = [
        _column(number * ACROSS, units.count + extra, gap)
        for number, (units, extra) in enumerate(zip(layers, biased, strict=True))
    ]
    left = _room(layers[0].names)
    right = _room(layers[-1].names)
    high = (most - 1) / 2 * gap + 0.45
    width, height = (len(layers) - 1) * ACROSS + left + right, 2 * high + 0.5
    figure, (panel,) = style.panels(size=(max(width, 4.4), height + 0.7))
    panel.set_axis_off()
    panel.set(xlim=(-left, width - left), ylim=(-high - 0.5, high), aspect="equal")
    largest = max((_largest(units) for units in layers), default=1.0) or 1.0
    for number in range(1, len(layers)):
        _lines(panel, layers[number], places[number - 1], places[number], largest)
    for units, where, extra in zip(layers, places, biased, strict=True):
        _circles(panel, units, where, first=units is layers[0], last=units is layers[-1])
        if extra:
            _bias_unit(panel, where[-1])
        x = where[0][0]
        panel.text(x, -high - 0.05, units.path, ha="center", va="top", fontsize=8.5, weight="bold", color=style.ink())
        panel.text(x, -high - 0.25, units.kind, ha="center", va="top", fontsize=8, color=style.ink())
    return style.finished(figure, _caption(layers, title), path)


def _caption(layers: Sequence[Units], title: str) -> str:
    sizes = "-".join(str(u.count) for u in layers if u.kernel is not None or u is layers[0])
    parameters = sum(0 if a is None else a.size for u in layers for a in (u.kernel, u.bias))
    ends = " Dashed units give 1, and their lines are the biases." if any(u.bias is not None for u in layers) else ""
    return (
        f"{title}: {sizes}, {parameters:,} parameters. A line is a weight: blue negative, orange positive, the"
        f" wider the larger.{ends}"
    )


def _column(x: float, count: int, gap: float) -> list[tuple[float, float]]:
    """The places of units below one another, around 0."""
    return [(x, ((count - 1) / 2 - k) * gap) for k in range(count)]


def _room(names: Sequence[str]) -> float:
    """Inches beside a column, for its units and their names."""
    return 0.5 + 0.075 * max(map(len, names), default=0)


def _largest(units: Units) -> float:
    arrays = [a for a in (units.kernel, units.bias) if a is not None and a.size]
    return max((style.span(a) for a in arrays), default=0.0)


def _lines(
    panel: Any,
    units: Units,
    before: Sequence[tuple[float, float]],
    after: Sequence[tuple[float, float]],
    largest: float,
) -> None:
    """The weights into one layer. Written a 1/(n + 1) of the way along, those of n units next to one another stand
    evenly above one another, so that none covers another.
    """
    ends = after[: units.count]
    if units.kernel is None:
        for start, end in zip(before, ends, strict=False):
            _line(panel, start, end, style.faint(), 1.0)
        return
    rows = units.kernel if units.bias is None else np.vstack([units.kernel, units.bias[None]])
    colors = {True: style.diverging()(0.22), False: style.diverging()(0.78)}
    for start, weights in zip(before, rows, strict=False):
        for end, weight in zip(ends, weights.tolist(), strict=True):
            size = min(1.0, abs(weight) / largest) if np.isfinite(weight) else 1.0
            color = colors[weight < 0] if size > 0.01 else style.faint()
            _line(panel, start, end, color, 0.7 + 2.6 * size)
    if units.count > WRITTEN or rows.size > MAX_WRITTEN:
        return
    along = 1 / (units.count + 1)
    back = panel.figure.get_facecolor()
    for start, weights in zip(before, rows, strict=False):
        for end, weight in zip(ends, weights.tolist(), strict=True):
            x, y = (a + along * (b - a) for a, b in zip(start, end, strict=True))
            panel.text(
                x,
                y,
                f"{weight:.2f}".replace("-", "−"),
                ha="center",
                va="center",
                fontsize=7.5,
                color=style.ink(),
                bbox={"boxstyle": "round,pad=0.12", "facecolor": back, "edgecolor": "none"},
            )


def _line(panel: Any, start: tuple[float, float], end: tuple[float, float], color: Any, width: float) -> None:
    panel.plot(*zip(start, end, strict=True), color=color, lw=width, solid_capstyle="round", zorder=1)


def _circles(panel: Any, units: Units, where: Sequence[tuple[float, float]], *, first: bool, last: bool) -> None:
    from matplotlib.patches import Circle

    color = style.series(6 if units.kernel is None else 0)
    for number, (x, y) in enumerate(where[: units.count]):
        back = panel.figure.get_facecolor()
        panel.add_patch(Circle((x, y), RADIUS, facecolor=back, edgecolor="none", zorder=2))
        panel.add_patch(Circle((x, y), RADIUS, facecolor=color, alpha=0.18, edgecolor="none", zorder=3))
        panel.add_patch(Circle((x, y), RADIUS, facecolor="none", edgecolor=color, lw=1.6, zorder=4))
        if units.curve is None:
            panel.text(
                x,
                y,
                f"$x_{{{number}}}$" if first else str(number),
                ha="center",
                va="center",
                fontsize=9,
                color=style.ink(),
                zorder=5,
            )
        else:
            _curve(panel, units.curve, x, y)
        if number < len(units.names) and (first or last):
            side = -1 if first else 1
            align = "right" if side < 0 else "left"
            panel.text(
                x + side * (RADIUS + 0.08),
                y,
                units.names[number],
                ha=align,
                va="center",
                fontsize=8.5,
                color=style.ink(),
            )


def _curve(panel: Any, curve: tuple[style.Array, style.Array], x: float, y: float) -> None:
    """An activation's graph inside a unit, with the axis on which it is 0."""
    across, up = curve
    wide = 0.72 * RADIUS
    tall = wide / max(float(np.abs(up).max()), 1e-6)
    panel.plot([x - wide, x + wide], [y, y], color=style.faint(), lw=0.6, zorder=5)
    panel.plot(x + across / np.abs(across).max() * wide, y + up * tall, color=style.ink(), lw=1.4, zorder=6)


def _bias_unit(panel: Any, where: tuple[float, float]) -> None:
    from matplotlib.patches import Circle

    back = panel.figure.get_facecolor()
    panel.add_patch(
        Circle(where, RADIUS * 0.85, facecolor=back, edgecolor=style.faint(), lw=1.3, linestyle=(0, (3, 2)), zorder=2)
    )
    panel.text(*where, "1", ha="center", va="center", fontsize=9, color=style.ink(), zorder=5)
