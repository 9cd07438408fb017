"""Layers whose window moves over places: channels stand in front there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.errors import PellucidError
from pellucid.functions.forward.pools import average_pool, min_pool
from pellucid.functions.forward.sliding_window import sizes_of
from pellucid.interchange.onnx.export.activation_export import activate, last_axis_alone
from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.interchange.onnx.export.plain import weight
from pellucid.layers.windowed.conv import Conv1D, Conv2D, Conv3D
from pellucid.layers.windowed.conv_transpose import ConvTranspose1D, ConvTranspose2D, ConvTranspose3D, _Transpose
from pellucid.layers.windowed.global_pool import GlobalAveragePool, GlobalMaxPool
from pellucid.layers.windowed.pool import (
    AveragePool1D,
    AveragePool2D,
    AveragePool3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MinPool1D,
    MinPool2D,
    MinPool3D,
)
from pellucid.layers.windowed.separable import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from pellucid.layers.windowed.window import window_of


@RULES.of(DepthwiseConv1D, DepthwiseConv2D)
def _depthwise(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    total = _each_channel(made, place, x, "kernel", bias=place.layer.use_bias)
    return _activated(made, place, total)


@RULES.of(SeparableConv1D, SeparableConv2D)
def _separable(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    each = _each_channel(made, place, x, "depthwise_kernel", bias=False)
    kernel = np.moveaxis(place.parameters["pointwise_kernel"], (-1, -2), (0, 1))
    weights = [made.parameter(place, "pointwise_kernel", kernel)]
    weights += [weight(made, place, "bias")] if place.layer.use_bias else []
    return _activated(made, place, made.add("Conv", each, *weights))


def _each_channel(made: Writer, place: Place, x: Value, name: str, *, bias: bool) -> str:
    """The convolution of each channel by itself: its kernels (u, v, c, m) as (c·m, 1, u, v), in as many groups."""
    window, _ = window_of(place.layer, x.shape)
    kernel = np.moveaxis(place.parameters[name], (-2, -1), (0, 1))
    kernel = kernel.reshape(-1, 1, *kernel.shape[2:])
    weights = [made.parameter(place, name, kernel)] + ([weight(made, place, "bias")] if bias else [])
    options = _moving(window.size, window.stride, window.padding)
    return made.add("Conv", made.first(x), *weights, dilations=window.dilation, group=x.shape[-1], name=name, **options)


@RULES.of(Conv1D, Conv2D, Conv3D, ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
def _convolution(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    """The kernel (u, v, c, f) as (f, c, u, v); a transposed one has f and c the other way round, here and there."""
    (x,) = inputs
    layer = place.layer
    window, extents = window_of(layer, x.shape)
    options: dict[str, Any] = _moving(window.size, window.stride, window.padding) | {"dilations": window.dilation}
    kind = "Conv"
    if isinstance(layer, _Transpose):
        kind = "ConvTranspose"
        reached = zip(x.shape[:-1], window.spans, window.stride, window.padding, strict=True)
        less = [
            wanted - ((e - 1) * s + span - sum(p)) for wanted, (e, span, s, p) in zip(extents, reached, strict=True)
        ]
        options |= {"output_padding": less} if any(less) else {}
    elif layer.groups > 1:
        options["group"] = layer.groups
    kernel = made.parameter(place, "kernel", np.moveaxis(place.parameters["kernel"], (-1, -2), (0, 1)))
    weights = [kernel, weight(made, place, "bias")] if layer.use_bias else [kernel]
    given = x
    mask = x.mask
    if mask and layer.padding == "same":
        given = Value(x.shape, made.add("Mul", made.last(x), _wide(made, mask)))
    elif mask:
        mask = _whole_windows(made, mask, layer.kernel_size, layer.strides, layer.dilation_rate)
    total = made.add(kind, made.first(given), *weights, **options)
    return _activated(made, place, total, mask)


def _activated(made: Writer, place: Place, total: str, mask: str = "") -> Value:
    """The layer's activation of a sum with its channels in front."""
    shape, function = place.use.shape, place.layer.activation
    if last_axis_alone(function):
        return Value(shape, activate(made, function, made.last(Value(shape, first=total))), mask=mask)
    return Value(shape, first=activate(made, function, total), mask=mask)


def _moving(size: Sequence[int], stride: Sequence[int], padding: Sequence[tuple[int, int]]) -> dict[str, Any]:
    pads = [low for low, _ in padding] + [high for _, high in padding]
    return {"kernel_shape": list(size), "strides": list(stride), "pads": pads}


def _wide(made: Writer, mask: str) -> str:
    """A mask (n,t) beside features, (n,t,1)."""
    return made.add("Unsqueeze", mask, made.integers("axes", 2))


def _whole_windows(made: Writer, mask: str, size: Any, stride: Any, dilation: Any) -> str:
    """1 for the windows whose steps are all real: the smallest number that each sees."""
    (k,), (s,), (d,) = (sizes_of(given, 1, "") for given in (size, stride, dilation))
    channel = made.add("Unsqueeze", made.add("Neg", mask), made.integers("channel", 1))
    largest = made.add("MaxPool", channel, kernel_shape=[k], strides=[s], dilations=[d])
    return made.add("Squeeze", made.add("Neg", largest), made.integers("channel", 1), name="mask")


@RULES.of(
    *(MaxPool1D, MaxPool2D, MaxPool3D),
    *(MinPool1D, MinPool2D, MinPool3D),
    *(AveragePool1D, AveragePool2D, AveragePool3D),
)
def _pool(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    layer = place.layer
    window, _ = window_of(layer, x.shape)
    options = _moving(window.size, window.stride, window.padding)
    smallest = layer.pool is min_pool
    given = made.first(x)
    given = made.add("Neg", given) if smallest else given
    kind = "AveragePool" if layer.pool is average_pool else "MaxPool"
    result = made.add(kind, given, **options)
    mask = _whole_windows(made, x.mask, window.size, window.stride, window.dilation) if x.mask else ""
    return Value(place.use.shape, first=made.add("Neg", result) if smallest else result, mask=mask)


@RULES.of(GlobalMaxPool, GlobalAveragePool)
def _global_pool(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    largest = isinstance(place.layer, GlobalMaxPool)
    if not x.mask:
        pooled = made.add("GlobalMaxPool" if largest else "GlobalAveragePool", made.first(x))
        return Value(place.use.shape, made.add("Flatten", pooled, axis=1))
    if len(x.shape) != 2:
        raise PellucidError(f"{place.use.path} pools an image that comes with a mask, expected a sequence")
    values = made.last(x)
    count = made.reduce("ReduceSum", x.mask, 1, keepdims=1)
    if largest:
        zero, never = made.constant("zero", np.asarray(0.0)), made.constant("never", np.asarray(-np.inf))
        there = made.add("Greater", _wide(made, x.mask), zero)
        most = made.reduce("ReduceMax", made.add("Where", there, values, never), 1)
        return Value(place.use.shape, made.add("Where", made.add("Greater", count, zero), most, zero))
    total = made.reduce("ReduceSum", made.add("Mul", values, _wide(made, x.mask)), 1)
    return Value(place.use.shape, made.add("Div", total, made.add("Max", count, made.constant("one", np.asarray(1.0)))))
