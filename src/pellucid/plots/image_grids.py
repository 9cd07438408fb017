"""Images of what networks of images hold: kernels, feature maps, receptive fields."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
SHOWN = 64
"""More images than this in one figure would be too small."""


def grid_figure(
    images: Array,
    *,
    names: list[str] | None = None,
    title: str = "",
    caption: str = "",
    quantity: style.Quantity = "value",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Images (number, h, w) side by side in one scale, 0 in the middle of the colours."""
    shown = images[:SHOWN]
    columns = min(len(shown), 8, max(2, math.ceil(math.sqrt(len(shown)))))
    rows = math.ceil(len(shown) / columns)
    figure, panels = style.panels(rows, columns, size=(1.15, 1.3))
    # room for a caption and a bar of colours
    figure.set_size_inches(max(4.2, 1.15 * columns + 1.0), 1.3 * rows + 1.0)
    end = style.span(shown)
    image = None
    for place, panel in enumerate(panels):
        style.bare(panel)
        if place >= len(shown):
            panel.set_visible(False)
            continue
        image = panel.imshow(shown[place], cmap=style.diverging(quantity), vmin=-end, vmax=end, interpolation="nearest")
        panel.set_title(names[place] if names else str(place), fontsize=8, pad=2)
    style.scale(figure, image, panels[: len(shown)])
    if title:
        figure.suptitle(title, color=style.ink(), fontsize=11)
    more = f" The first {SHOWN} of {len(images)}." if len(images) > SHOWN else ""
    return style.finished(figure, caption + more, path)


def kernels_figure(
    kernels: Array, *, title: str = "", quantity: style.Quantity = "value", path: str | os.PathLike[str] | None = None
) -> Figure:
    """The kernels (u,v,c,f) of a convolution, an image for each filter and channel."""
    u, v, channels, filters = kernels.shape
    images = kernels.transpose(3, 2, 0, 1).reshape(filters * channels, u, v)
    names = [f"f{f}" if channels == 1 else f"f{f} c{c}" for f in range(filters) for c in range(channels)]
    what = "Kernels" if quantity == "value" else "Gradients of the loss by the kernels"
    return grid_figure(
        images,
        names=names,
        title=title,
        caption=f"{what}, {u} × {v}: one picture for every filter f{' and channel c' * (channels > 1)}.",
        quantity=quantity,
        path=path,
    )


def maps_figure(
    maps: Array, *, title: str = "", quantity: style.Quantity = "value", path: str | os.PathLike[str] | None = None
) -> Figure:
    """The feature maps (h,w,c) of one example, an image per channel."""
    what = "Feature maps" if quantity == "value" else "Gradients of the loss by the feature maps"
    return grid_figure(
        np.moveaxis(maps, -1, 0),
        title=title,
        caption=f"{what} of one example, {maps.shape[0]} × {maps.shape[1]}, a picture a channel.",
        quantity=quantity,
        path=path,
    )


def draw_field(panel: Any, image: Array, mask: Array, *, title: str) -> None:
    from matplotlib.collections import LineCollection

    style.bare(panel)
    low, high = float(image.min()), float(image.max())
    shown = (image - low) / (high - low) if high > low else np.zeros_like(image)
    colour = image.shape[-1] == 3
    pixels = shown if colour else shown[..., 0]
    panel.imshow(pixels, cmap=None if colour else "gray", vmin=0, vmax=1, interpolation="nearest")
    veil = np.zeros((*mask.shape, 4))
    veil[..., :3] = 1 if style.dark() is False else 0
    veil[~mask, 3] = 0.35
    panel.imshow(veil, interpolation="nearest")
    # Orange, which stands out on grey, on a black line, which stands out on orange and white.
    lines = _outline(mask)
    panel.add_collection(LineCollection(lines, colors="black", linewidths=3.6, capstyle="projecting"))
    panel.add_collection(LineCollection(lines, colors="#e69f00", linewidths=2, capstyle="projecting"))
    panel.set(title=title, xlim=(-0.7, mask.shape[1] - 0.3), ylim=(mask.shape[0] - 0.3, -0.7))


def field_caption(mask: Array) -> str:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return "The value depends on nothing in this image."
    place = f"rows {rows.min()} to {rows.max()}, columns {columns.min()} to {columns.max()}"
    return f"Outlined: the {len(rows)} pixels that the value can depend on, {place}."


def _outline(mask: Array) -> list[list[tuple[float, float]]]:
    """The edges between inside and outside of a mask, as segments."""
    padded = np.pad(mask, 1)
    lines: list[list[tuple[float, float]]] = []
    for row, column in zip(*np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1]), strict=True):
        lines.append([(column - 0.5, row - 0.5), (column + 0.5, row - 0.5)])
    for row, column in zip(*np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1]), strict=True):
        lines.append([(column - 0.5, row - 0.5), (column - 0.5, row + 0.5)])
    return lines
