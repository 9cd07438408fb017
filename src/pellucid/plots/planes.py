"""Points and regions of a plane: latent spaces, decision boundaries; and the confusion of classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
MARKERS = "os^DvPhX<>"


def latent_figure(
    points: Array,
    labels: Array | None = None,
    *,
    title: str = "",
    caption: str = "",
    axes: tuple[str, str] = ("first direction", "second direction"),
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Points (n, 2), coloured and marked by their labels (n,): classes, or quantities."""
    figure, (panel,) = style.panels(size=(5.2, 4.4))
    if labels is not None and labels.dtype.kind == "f":
        dots = panel.scatter(*points.T, c=labels, cmap="cividis", s=16)
        style.scale(figure, dots, panel)
    else:
        _scatter(panel, points, labels)
    panel.set(title=title, xlabel=axes[0], ylabel=axes[1])
    return style.finished(figure, caption, path)


def boundary_figure(
    grid: tuple[Array, Array],
    classes: Array,
    confidence: Array,
    points: Array,
    labels: Array,
    *,
    names: tuple[str, str] = ("x₀", "x₁"),
    title: str = "decision boundary",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Which class a network of two inputs gives where, and the examples.

    Args:
        grid: the places along both axes, (w,) and (h,).
        classes, confidence: at every place (h, w), the class and how sure the network is of it, from 0 to 1.
        points, labels: the examples (n, 2) and their classes (n,).
    """
    from matplotlib.colors import to_rgb

    figure, (panel,) = style.panels(size=(5.2, 4.6))
    panel.grid(False)
    page = np.array(to_rgb("#121212" if style.dark() else "white"))
    colors = np.array([to_rgb(style.series(int(k))) for k in range(int(max(classes.max(), labels.max())) + 1)])
    weight = 0.12 + 0.4 * confidence[..., None]
    pixels = page * (1 - weight) + colors[classes] * weight
    x, y = grid
    edges = (x[0], x[-1], y[0], y[-1])
    panel.imshow(pixels, extent=edges, origin="lower", aspect="auto", interpolation="bilinear")
    for k in range(len(colors)):
        inside = (classes == k).astype(float)
        if 0 < inside.sum() < inside.size:
            panel.contour(x, y, inside, levels=[0.5], colors=style.ink(), linewidths=1)
    _scatter(panel, points, labels)
    panel.set(title=title, xlabel=names[0], ylabel=names[1], xlim=edges[:2], ylim=edges[2:])
    return style.finished(
        figure,
        "The colour tells the class that the network gives at each place, its strength how sure it is; "
        "marks are the examples.",
        path,
    )


def confusion_figure(
    counts: Array, names: Sequence[str], *, title: str = "", path: str | os.PathLike[str] | None = None
) -> Figure:
    """How often examples of a class (row) were taken for another (column), (classes, classes)."""
    side = max(3.6, 0.45 * len(names) + 1.6)
    figure, (panel,) = style.panels(size=(side + 0.8, side + 0.6))
    panel.grid(False)
    fractions = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    image = panel.imshow(fractions, cmap=style.sequential(), vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            # text on the strong half of the scale is in the page's colour
            light = fractions[row, column] > 0.55
            color = ("black" if style.dark() else "white") if light else style.ink()
            panel.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    style.marks(panel, names, rotation=40 if max(map(len, names)) > 3 else 0, fontsize=8)
    style.marks(panel, names, axis="y", fontsize=8)
    panel.set(xlabel="taken for", ylabel="is", title=title)
    style.scale(figure, image, panel, "fraction of the row")
    right = np.trace(counts) / max(1, counts.sum())
    return style.finished(figure, f"{counts.sum()} examples, {right:.1%} of them right (on the diagonal).", path)


def _scatter(panel: Any, points: Array, labels: Array | None) -> None:
    edge = "#121212" if style.dark() else "white"
    if labels is None:
        panel.scatter(*points.T, color=style.series(0), s=18, edgecolors=edge, linewidths=0.5)
        return
    kinds = np.unique(labels)
    for place, kind in enumerate(kinds):
        which = points[labels == kind]
        number = int(kind) if labels.dtype.kind in "iu" else place
        marker = MARKERS[number % len(MARKERS)]
        panel.scatter(
            *which.T, color=style.series(number), marker=marker, s=36, edgecolors=edge, linewidths=0.4, label=str(kind)
        )
    if len(kinds) <= 12:
        frame = {"frameon": True, "facecolor": edge, "edgecolor": style.faint(), "framealpha": 0.85}
        panel.legend(fontsize=8, ncols=2 if len(kinds) > 6 else 1, loc="best", labelcolor=style.ink(), **frame)
