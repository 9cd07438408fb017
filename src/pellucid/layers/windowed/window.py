"""The window of a layer over examples of a given shape, with its padding in numbers."""

from __future__ import annotations

from pellucid.functions.forward.convolution import transposed
from pellucid.functions.forward.sliding_window import Window
from pellucid.layers.base import Layer, Shape
from pellucid.layers.windowed.base import _Kernel
from pellucid.layers.windowed.conv_transpose import _Transpose
from pellucid.layers.windowed.pool import _Pool


def window_of(layer: Layer, shape: Shape) -> tuple[Window, tuple[int, ...]]:
    """The window of a convolution, a transposed one or a pool, and the extents of its output.

    Args:
        shape: one example, (steps, channels), (height, width, channels) or (depth, height, width, channels).
    """
    places = shape[:-1]
    if isinstance(layer, _Pool):
        stride = layer.pool_size if layer.strides is None else layer.strides
        window = Window.over(places, layer.pool_size, stride=stride, padding=layer.padding, what="window")
        return window, window.steps(places)
    if not isinstance(layer, _Kernel):
        raise TypeError(f"{layer!r} has no window")
    if isinstance(layer, _Transpose):
        return transposed(places, layer.size, stride=layer.strides, padding=layer.padding, dilation=layer.dilation_rate)
    window = Window.over(
        places,
        layer.size,
        stride=layer.strides,
        padding=layer.padding,
        dilation=layer.dilation_rate,
        what="kernel",
    )
    return window, window.steps(places)
