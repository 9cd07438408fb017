"""A network drawn: a box a layer, from the inputs at the top to the outputs at the bottom."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAMILIES = {
    "input": ("Input",),
    "dense": ("Dense", "Embedding"),
    "convolution": (
        "Conv1D",
        "Conv2D",
        "ConvTranspose1D",
        "ConvTranspose2D",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "SeparableConv1D",
        "SeparableConv2D",
    ),
    "pooling": (
        "MaxPool1D",
        "MaxPool2D",
        "MinPool1D",
        "MinPool2D",
        "AveragePool1D",
        "AveragePool2D",
        "GlobalMaxPool",
        "GlobalAveragePool",
    ),
    "recurrent": ("RNN", "LSTM", "GRU", "Bidirectional"),
    "normalisation": (
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "Normalization",
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "GaussianNoise",
    ),
    "attention": ("MultiHeadAttention",),
}
COLORS = {
    "dense": 0,
    "convolution": 1,
    "recurrent": 2,
    "attention": 3,
    "pooling": 4,
    "normalisation": 5,
    "input": 6,
    "other": 7,
}


@dataclass(frozen=True)
class Box:
    """One layer: its path and kind, the shape of one example that leaves it, its parameters, the paths whose values it
    takes.
    """

    path: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int
    parents: tuple[str, ...]


def network_figure(boxes: Sequence[Box], *, title: str = "", path: str | os.PathLike[str] | None = None) -> Figure:
    """The layers by kind, each as wide as it has values (on a logarithmic scale), with its shape and its parameters."""
    from matplotlib.patches import FancyBboxPatch, Patch

    depth = _depths(boxes)
    ranks: dict[int, list[Box]] = {}
    for box in boxes:
        ranks.setdefault(depth[box.path], []).append(box)
    columns = max(len(r) for r in ranks.values())
    figure, (panel,) = style.panels(size=(max(4.6, 3.4 * columns + 0.6), 0.62 * len(ranks) + 1.5))
    panel.set_axis_off()
    largest = max(_values(box) for box in boxes)
    places: dict[str, tuple[float, float]] = {}
    for rank, row in ranks.items():
        for number, box in enumerate(row):
            places[box.path] = (number - (len(row) - 1) / 2, -rank)
    for box in boxes:
        x, y = places[box.path]
        for parent in box.parents:
            _arrow(panel, places[parent], (x, y), places)
        wide = 0.42 + 0.5 * math.log1p(_values(box)) / math.log1p(largest)
        color = style.series(COLORS[family(box.kind)])
        panel.add_patch(
            FancyBboxPatch(
                (x - wide / 2, y - 0.27),
                wide,
                0.54,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor=color,
                alpha=0.25,
                edgecolor="none",
            )
        )
        panel.add_patch(
            FancyBboxPatch(
                (x - wide / 2, y - 0.27),
                wide,
                0.54,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor="none",
                edgecolor=color,
                lw=1.5,
            )
        )
        shape = " × ".join("any" if extent is None else str(extent) for extent in box.shape)
        count = f"  ·  {box.parameters:,} parameters" if box.parameters else ""
        panel.text(x, y + 0.1, box.path, ha="center", va="center", fontsize=9, weight="bold", color=style.ink())
        panel.text(x, y - 0.13, f"{shape}{count}", ha="center", va="center", fontsize=7.5, color=style.ink())
    panel.set_xlim(-columns / 2 - 0.05, columns / 2 + 0.05)
    panel.set_ylim(-len(ranks) + 0.55, 0.45)
    shown = dict.fromkeys(family(b.kind) for b in boxes)
    keys = [Patch(facecolor=style.series(COLORS[f]), alpha=0.6, label=f) for f in shown]
    figure.legend(
        handles=keys,
        loc="outside upper center",
        ncols=min(4, len(keys)),
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


def _values(box: Box) -> int:
    """How many values it has, at a length of 16 where any may come."""
    return math.prod(extent or 16 for extent in box.shape)


def family(kind: str) -> str:
    """What a kind of layer belongs to."""
    return next((name for name, kinds in FAMILIES.items() if kind in kinds), "other")


def _depths(boxes: Sequence[Box]) -> dict[str, int]:
    """Every box one deeper than the deepest that it takes from."""
    depths: dict[str, int] = {}
    for box in boxes:
        depths[box.path] = 1 + max((depths[p] for p in box.parents), default=-1)
    return depths


def _arrow(
    panel: Any, start: tuple[float, float], end: tuple[float, float], places: dict[str, tuple[float, float]]
) -> None:
    """From box to box; round those that stand between."""
    between = any(x == start[0] == end[0] and end[1] < y < start[1] for x, y in places.values())
    bend = "arc3,rad=-0.35" if between else "arc3"
    side = 0.3 if between else 0.0
    panel.annotate(
        "",
        xy=(end[0] + side, end[1] + 0.28),
        xytext=(start[0] + side, start[1] - 0.28),
        arrowprops={
            "arrowstyle": "-|>",
            "color": style.faint(),
            "lw": 1.2,
            "connectionstyle": bend,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )
