"""A network drawn: a box a layer, from the inputs at the top to the outputs at the bottom."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAMILIES = {
    "input": r"^Input$",
    "attention": r"Attention",
    "convolution": r"Conv",
    "pooling": r"Pool",
    "recurrent": r"RNN|LSTM|GRU|Bidirectional",
    "normalisation": r"Norm|Dropout|Noise",
    "dense": r"Dense|Embedding|Network",
}
"""What the kinds of layers are called that belong together."""
COLORS = {"dense": 0, "convolution": 1, "recurrent": 2, "normalisation": 3, "pooling": 4, "other": 6, "attention": 7}
ACROSS = 3.3
"""Inches from one column of boxes to the next."""
DOWN = 0.92
"""Inches from one row of boxes to the next."""
TALL = 0.6
LANE = 0.16
"""Inches between lines that run beside the boxes."""


@dataclass(frozen=True)
class Box:
    """One layer: its path and kind, the shape of one example that leaves it, its parameters, the paths whose values it
    takes, and the options that tell it from others of its kind, such as "3 × 3, relu".
    """

    path: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int
    parents: tuple[str, ...]
    options: str = ""


@dataclass(frozen=True)
class Place:
    """Where a box is drawn, in inches: its middle and its width."""

    x: float
    y: float
    width: float

    @property
    def right(self) -> float:
        return self.x + self.width / 2


def network_figure(boxes: Sequence[Box], *, title: str = "", path: str | os.PathLike[str] | None = None) -> Figure:
    """The layers by kind, each as wide as it has values (on a logarithmic scale), with its shape and its parameters."""
    from matplotlib.patches import Patch

    places = _places(boxes)
    lines = [(places[parent], places[box.path]) for box in boxes for parent in box.parents]
    lanes = _lanes(lines, list(places.values()))
    left = min(p.x - p.width / 2 for p in places.values()) - 0.1
    right = max(*(p.right for p in places.values()), *lanes.values(), 0.0) + 0.1
    low = min(p.y for p in places.values()) - TALL / 2 - 0.05
    high = TALL / 2 + 0.05
    figure, (panel,) = style.panels(size=(max(4.4, right - left + 0.2), high - low + 1.0))
    panel.set_axis_off()
    panel.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    for line in lines:
        _arrow(panel, *line, lanes.get(line))
    for box in boxes:
        _draw(panel, box, places[box.path])
    shown = dict.fromkeys(family(b.kind) for b in boxes if family(b.kind) != "input")
    keys = [Patch(facecolor=style.series(COLORS[f]), alpha=0.6, label=f) for f in shown]
    if keys:
        fits = sum(0.4 + 0.07 * len(name) for name in shown) < figure.get_figwidth()
        figure.legend(
            handles=keys,
            loc="outside upper center",
            ncols=len(keys) if fits else math.ceil(len(keys) / 2),
            handlelength=1.2,
            columnspacing=1.0,
            frameon=False,
            labelcolor=style.ink(),
            fontsize=8,
        )
    total = sum(b.parameters for b in boxes)
    return style.finished(
        figure,
        f"{title or 'The network'}: {len(boxes)} layers, {total:,} parameters. "
        "Boxes are as wide as they have values, on a logarithmic scale.",
        path,
    )


def family(kind: str) -> str:
    """What a kind of layer belongs to."""
    return next((name for name, kinds in FAMILIES.items() if re.search(kinds, kind)), "other")


def _places(boxes: Sequence[Box]) -> dict[str, Place]:
    """Every box below the deepest that it takes from, those of the same depth side by side."""
    depths: dict[str, int] = {}
    for box in boxes:
        depths[box.path] = 1 + max((depths[p] for p in box.parents), default=-1)
    rows: dict[int, list[Box]] = {}
    for box in boxes:
        rows.setdefault(depths[box.path], []).append(box)
    largest = max(_values(box) for box in boxes)
    return {
        box.path: Place(
            (number - (len(row) - 1) / 2) * ACROSS,
            -depth * DOWN,
            max(_written(box), 1.3 + 1.6 * math.log1p(_values(box)) / math.log1p(largest)),
        )
        for depth, row in rows.items()
        for number, box in enumerate(row)
    }


def _values(box: Box) -> int:
    """How many values it has, at a length of 16 where any may come."""
    return math.prod(extent or 16 for extent in box.shape)


def _size(box: Box) -> str:
    shape = " × ".join("any" if extent is None else str(extent) for extent in box.shape)
    return f"{shape}  ·  {box.parameters:,} parameters" if box.parameters else shape


def _written(box: Box) -> float:
    """Inches that what stands in a box takes."""
    return 0.2 + max(0.085 * len(box.path), 0.066 * len(box.options), 0.066 * len(_size(box)))


def _draw(panel: Any, box: Box, place: Place) -> None:
    from matplotlib.patches import FancyBboxPatch

    kind = family(box.kind)
    color = style.faint() if kind == "input" else style.series(COLORS[kind])
    corner = (place.x - place.width / 2, place.y - TALL / 2)
    back = panel.figure.get_facecolor()
    for fill, alpha, edge in (
        (back, 1.0, "none"),
        (color, 0.0 if kind == "input" else 0.2, "none"),
        ("none", 1.0, color),
    ):
        panel.add_patch(
            FancyBboxPatch(
                corner,
                place.width,
                TALL,
                boxstyle="round,pad=0,rounding_size=0.07",
                facecolor=fill,
                alpha=alpha,
                edgecolor=edge,
                lw=1.5,
                zorder=3,
            )
        )
    texts = [(box.path, 9.0, "bold"), (box.options, 7.5, "normal"), (_size(box), 7.5, "normal")]
    texts = [each for each in texts if each[0]]
    for number, (text, size, weight) in enumerate(texts):
        y = place.y + ((len(texts) - 1) / 2 - number) * 0.17
        panel.text(
            place.x, y, text, ha="center", va="center", fontsize=size, weight=weight, color=style.ink(), zorder=4
        )


Line = tuple[Place, Place]


def _lanes(lines: Sequence[Line], places: Sequence[Place]) -> dict[Line, float]:
    """How far to the right those lines run that would cross a box on the straight way."""
    lanes: dict[Line, float] = {}
    for line in lines:
        start, end = line
        between = [p for p in places if end.y < p.y < start.y]
        crossed = any(abs(p.x - _along(line, p.y)) < p.width / 2 + 0.05 for p in between)
        if not crossed:
            continue
        lane = max(p.right for p in (*between, start, end)) + LANE
        while any(
            abs(taken - lane) < LANE and other[1].y < start.y and end.y < other[0].y for other, taken in lanes.items()
        ):
            lane += LANE
        lanes[line] = lane
    return lanes


def _along(line: Line, y: float) -> float:
    start, end = line
    return start.x + (end.x - start.x) * (start.y - y) / (start.y - end.y)


def _arrow(panel: Any, start: Place, end: Place, lane: float | None) -> None:
    """From box to box: straight, or out to a lane, down, and in again."""
    from matplotlib.patches import FancyArrowPatch, PathPatch
    from matplotlib.path import Path

    color, width = style.faint(), 1.2
    tail, head = (start.x, start.y - TALL / 2), (end.x, end.y + TALL / 2)
    if lane is not None:
        tail, head = (end.right + 0.14, end.y + 0.12), (end.right, end.y + 0.12)
        top, turn = start.y - 0.12, 0.09
        route = [
            (Path.MOVETO, (start.right, top)),
            (Path.LINETO, (lane - turn, top)),
            (Path.CURVE3, (lane, top)),
            (Path.CURVE3, (lane, top - turn)),
            (Path.LINETO, (lane, tail[1] + turn)),
            (Path.CURVE3, (lane, tail[1])),
            (Path.CURVE3, (lane - turn, tail[1])),
            (Path.LINETO, head),
        ]
        codes, points = zip(*route, strict=True)
        panel.add_patch(PathPatch(Path(points, codes), facecolor="none", edgecolor=color, lw=width, zorder=1))
    panel.add_patch(
        FancyArrowPatch(
            tail, head, arrowstyle="-|>", mutation_scale=9, color=color, lw=width, shrinkA=0, shrinkB=0, zorder=2
        )
    )
