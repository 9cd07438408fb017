"""Kernels, pooling and a convolutional network."""

from __future__ import annotations

from functools import cache
from typing import Any

import labs
import numpy as np

import pellucid as pl
from pellucid.data import load, sample_image
from pellucid.data.kernels import kernel
from pellucid.plots import style

from . import drawing
from .neurons import signed

BELOW = np.array([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]])


def show(panel: Any, image: Any, title: str, *, signed_values: bool = False, numbers: bool = False) -> None:
    """An image in grey, or in the colours of signs, with its numbers if there are few."""
    reach = style.span(np.asarray(image))
    options = {"cmap": style.diverging(), "vmin": -reach, "vmax": reach} if signed_values else {"cmap": "gray"}
    panel.imshow(image, **options)
    panel.set_title(title, fontsize=11)
    style.bare(panel)
    if numbers:
        for (row, column), value in np.ndenumerate(image):
            strong = abs(value) > 0.55 * reach
            bright = strong if not signed_values else not strong
            color = "black" if (bright and not (signed_values and style.dark())) else "white"
            panel.text(column, row, signed(float(value)), ha="center", va="center", fontsize=7.5, color=color)


def slid(image: Any, weights: Any, *, padding: str = "valid") -> Any:
    """What a layer gives whose kernel is this."""
    rows, columns = image.shape
    net = pl.Network(
        pl.Conv2D(1, weights.shape[0], use_bias=False, padding=padding),
        input_shape=(rows, columns, 1),
        engine="reference",
    )
    net.parameters["conv2d_1.kernel"] = weights[:, :, None, None]
    return net.predict(np.asarray(image, np.float32)[None, :, :, None])[0, :, :, 0]


def seven() -> Any:
    return load("digits").x[7, :, :, 0] * 16


@drawing
def photo_kernels() -> Any:
    grey = sample_image("china").mean(axis=2)[::2, ::2]
    figure, panels = style.panels(1, 5, size=(2.0, 1.7))
    show(panels[0], grey, "the photograph")
    for panel, (name, title) in zip(
        panels[1:],
        [("box", "blurred"), ("sharpen", "sharpened"), ("sobel-x", "vertical edges"), ("laplacian", "all edges")],
        strict=True,
    ):
        result = slid(grey, kernel(name)[::-1, ::-1])
        edges = name in ("sobel-x", "laplacian")
        show(panel, np.abs(result) if edges else np.clip(result, 0, 1), title)
        if edges:
            panel.images[0].set_clim(0, np.percentile(np.abs(result), 99))
    return style.finished(figure, "")


@drawing
def seven_convolved() -> Any:
    figure, panels = style.panels(1, 3, size=(2.9, 2.9))
    show(panels[0], seven(), "the seven", numbers=True)
    show(panels[1], BELOW, "kernel", signed_values=True, numbers=True)
    show(panels[2], slid(seven(), BELOW), "result", signed_values=True, numbers=True)
    return style.finished(figure, "")


@drawing
def pooled_digit() -> Any:
    figure, panels = style.panels(1, 4, size=(2.2, 2.4))
    show(panels[0], seven(), "the seven")
    kinds = [(pl.MaxPool2D, "maximum"), (pl.AveragePool2D, "average"), (pl.MinPool2D, "minimum")]
    for panel, (layer, title) in zip(panels[1:], kinds, strict=True):
        net = pl.Network(layer(2), input_shape=(8, 8, 1), engine="reference")
        show(panel, net.predict(seven()[None, :, :, None])[0, :, :, 0], title)
        panel.images[0].set_clim(0, 16)
    return style.finished(figure, "")


@cache
def reader() -> tuple[Any, Any, Any]:
    """The network of the chapter, trained, and its test data."""
    net, _, (x_test, y_test) = labs.reader()
    return net, x_test, y_test


@drawing
def cnn_maps() -> Any:
    net, _, _ = reader()
    trace = net.trace(load("digits").x[7:8])
    figure, panels = style.panels(3, 9, size=(0.85, 0.95))
    for panel in panels:
        style.bare(panel)
        panel.set_visible(False)
    show(panels[0], seven(), "")
    panels[0].set_visible(True)
    for panel, channel in zip(panels[1:9], range(8), strict=True):
        show(panel, trace["conv2d_1"][0, :, :, channel], "")
        panel.set_visible(True)
    for panel, channel in zip([*panels[10:18], *panels[19:27]], range(16), strict=True):
        show(panel, trace["conv2d_2"][0, :, :, channel], "")
        panel.set_visible(True)
    return style.finished(figure, "")


@drawing
def cnn_confusion() -> Any:
    net, x_test, y_test = reader()
    figure = net.plot_confusion(x_test, y_test)
    figure.supxlabel("")
    return figure
