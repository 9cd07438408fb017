"""What each of PyTorch's operators is here: a layer, or another view of the same value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pellucid.interchange.onnx.layer import Operator
from pellucid.interchange.pytorch.graph_values import Array, Constant, Size, States, Value, Zeros, in_order, moved
from pellucid.interchange.pytorch.recurrent_reading import read_recurrent
from pellucid.interchange.pytorch.torch_package import UnsupportedError
from pellucid.layers.activation import Activation
from pellucid.layers.base import Layer, Node
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.group_normalization import GroupNormalization
from pellucid.layers.layer_normalization import LayerNormalization
from pellucid.layers.merging import Add, Concatenate, Maximum, Minimum, Multiply, Subtract
from pellucid.layers.prelu import PReLU
from pellucid.layers.reshape import Reshape
from pellucid.layers.windowed.conv import Conv1D, Conv2D, Conv3D
from pellucid.layers.windowed.conv_transpose import ConvTranspose1D, ConvTranspose2D, ConvTranspose3D
from pellucid.layers.windowed.global_pool import GlobalAveragePool, GlobalMaxPool
from pellucid.layers.windowed.pool import (
    AveragePool1D,
    AveragePool2D,
    AveragePool3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
)
from pellucid.layers.windowed.resizing import (
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)

HANDLERS: dict[str, Callable[..., Any]] = {}
"""How an operator is read, by its name without the overload."""
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softplus", "silu", "selu", "mish")
UNARY = {
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "neg": "Neg",
    "sin": "Sin",
    "cos": "Cos",
    "erf": "Erf",
    "reciprocal": "Reciprocal",
}
BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "maximum": "Max", "minimum": "Min"}
OWN: dict[str, type[Any]] = {
    "add": Add,
    "sub": Subtract,
    "mul": Multiply,
    "maximum": Maximum,
    "minimum": Minimum,
}
BY_RANK: dict[str, tuple[type[Any], ...]] = {
    "dropout": (SpatialDropout1D, SpatialDropout2D, SpatialDropout3D),
    "conv": (Conv1D, Conv2D, Conv3D),
    "conv_transpose": (ConvTranspose1D, ConvTranspose2D, ConvTranspose3D),
    "max_pool": (MaxPool1D, MaxPool2D, MaxPool3D),
    "average_pool": (AveragePool1D, AveragePool2D, AveragePool3D),
    "upsample": (UpSampling1D, UpSampling2D, UpSampling3D),
    "pad": (ZeroPadding1D, ZeroPadding2D, ZeroPadding3D),
}
"""The layers of sequences, images and volumes."""
SAME = ("contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy", "type_as")


def of(*names: str) -> Callable[[Any], Any]:
    def register(handler: Any) -> Any:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


def channels_last(rank: int, batch: int = 0) -> tuple[int, ...]:
    """PyTorch's axes of a batch of sequences, images or volumes, the channels last."""
    if batch != 0:
        raise UnsupportedError("the batch is not its first axis")
    return (0, *range(2, rank), 1)


def same_shape(value: Value, node: Node) -> Value:
    return Value(node, value.shape, value.axes, value.columns, masked=value.masked)


# Views


@of(*SAME)
def _same(made: Any, x: Value, *rest: Any, **more: Any) -> Value:
    return x


@of("permute")
def _permute(made: Any, x: Value, order: Sequence[int]) -> Value:
    return moved(x, [k % x.rank for k in order])


@of("transpose", "swapaxes")
def _transpose(made: Any, x: Value, one: int, two: int) -> Value:
    order = list(range(x.rank))
    order[one % x.rank], order[two % x.rank] = order[two % x.rank], order[one % x.rank]
    return moved(x, order)


@of("t")
def _t(made: Any, x: Value) -> Value:
    return moved(x, list(range(x.rank))[::-1])


@of("view", "reshape", "flatten", "unsqueeze", "squeeze", "unflatten", "_unsafe_view")
def _reshape(made: Any, x: Value | States, *rest: Any, **more: Any) -> Value:
    if isinstance(x, States):
        one: Value = made.states_reshaped(x)
        return one
    shape: tuple[int, ...] = made.shape
    batch = shape.index(-1) if shape.count(-1) == 1 else None
    if batch is None:
        raise UnsupportedError("it joins the batch with another axis, or leaves it out")
    if shape == x.shape:
        return x
    if x.masked:
        raise UnsupportedError("it gives another shape to steps of which some were left out")
    behind = batch != 0 or x.batch != 0
    if behind and [s for s in shape if s != 1] != [s for s in x.shape if s != 1]:
        raise UnsupportedError("it gives another shape to what has its batch behind")
    example = tuple(s for s in shape if s != -1)
    axes = (batch, *(a for a in range(len(shape)) if a != batch))
    if len(example) == 1 and x.axes != x.plain and made.only_rows():
        order = np.arange(math.prod(example)).reshape([s for s in x.shape if s != -1])
        rows = [a - (a > x.batch) for a in x.axes[1:]]
        return Value(Flatten()(x.node), shape, axes, order.transpose(rows).reshape(-1))
    x = in_order(x, x.plain)
    layer: Layer = Flatten() if len(example) == 1 else Reshape(example)
    return Value(layer(x.node), shape, axes, x.columns if len(example) == 1 else None)


@of("slice")
def _slice(made: Any, x: Value | States, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    if isinstance(x, States):
        return made.states_sliced(x, axis, start, end, step)
    axis %= x.rank
    size = x.shape[axis]
    first, last = start or 0, size if end is None else end
    if step == 1 and first == 0 and (not isinstance(last, int) or last >= (1 << 62) or last == size):
        return x
    if axis == x.batch or not isinstance(first, int) or not isinstance(last, int):
        raise UnsupportedError("it takes a part of the batch")
    first, last = (min(max(k + size if k < 0 else k, 0), size) for k in (first, last))
    place = x.axes.index(axis)
    node = operator("Slice", [x.node, [first], [last], [place], [step]])
    return Value(node, made.shape, x.axes)


@of("select")
def _select(made: Any, x: Value | States, axis: int, index: int) -> Value:
    if isinstance(x, States):
        one: Value = made.state(x, axis, index)
        return one
    axis %= x.rank
    if axis == x.batch:
        raise UnsupportedError("it takes an example out of the batch")
    place, index = x.axes.index(axis), index % x.shape[axis]
    node = operator("Gather", [x.node, np.asarray(index)], axis=place)
    return Value(node, made.shape, tuple(a - (a > axis) for a in x.axes if a != axis))


@of("cat", "concat", "concatenate")
def _cat(made: Any, values: Sequence[Any], axis: int = 0) -> Any:
    if (joined := made.states_joined(values, axis)) is not None:
        return joined
    if not all(isinstance(v, Value) for v in values):
        raise UnsupportedError("it puts values and constants together")
    first = values[0]
    axis %= first.rank
    if axis == first.batch:
        raise UnsupportedError("it puts batches together")
    taken = [in_order(v, first.axes) for v in values]
    place = first.axes.index(axis)
    if place == first.rank - 1 and all(v.columns is None for v in taken):
        return Value(Concatenate()([v.node for v in taken]), made.shape, first.axes)
    return Value(operator("Concat", [v.node for v in taken], axis=place), made.shape, first.axes)


# Arithmetic


def operator(name: str, inputs: Sequence[Any], *, opset: int = 17, **attributes: Any) -> Node:
    """A use of one of ONNX's operators: on nodes, numbers that it keeps, and constants that may be trained."""
    described: list[dict[str, Any] | None] = []
    nodes: list[Node] = []
    for given in inputs:
        if isinstance(given, Node):
            described.append({"from": len(nodes), "batch": 0, "dtype": "float32"})
            nodes.append(given)
        elif given is None:
            described.append(None)
        elif isinstance(given, dict):
            described.append(given)
        else:
            array = np.asarray(given)
            dtype = "float32" if array.dtype.kind == "f" else "int64"
            described.append({"number": array.reshape(-1).tolist(), "shape": list(array.shape), "dtype": dtype})
    layer = Operator(name, attributes=attributes, inputs=tuple(described), opset=opset)
    return layer(*nodes)


@of(*ACTIVATIONS)
def _activation(made: Any, x: Value, *rest: Any, **more: Any) -> Value:
    if made.name == "softplus" and tuple(rest[:2]) not in ((), (1,), (1, 20), (1.0, 20.0)):
        raise UnsupportedError("softplus with another beta than 1")
    return same_shape(x, Activation(made.name)(x.node))


@of("gelu")
def _gelu(made: Any, x: Value, *, approximate: str = "none") -> Value:
    spec = {"name": "gelu", "approximate": "tanh"} if approximate == "tanh" else "gelu"
    return same_shape(x, Activation(spec)(x.node))


@of("hardsigmoid")
def _hard_sigmoid(made: Any, x: Value) -> Value:
    return same_shape(x, Activation("hard_sigmoid")(x.node))


@of("leaky_relu")
def _leaky_relu(made: Any, x: Value, slope: float = 0.01) -> Value:
    return same_shape(x, Activation({"name": "leaky_relu", "slope": slope})(x.node))


@of("elu")
def _elu(made: Any, x: Value, alpha: float = 1.0, scale: float = 1, input_scale: float = 1) -> Value:
    if scale != 1 or input_scale != 1:
        raise UnsupportedError("elu with scales")
    return same_shape(x, Activation({"name": "elu", "alpha": alpha} if alpha != 1 else "elu")(x.node))


@of("hardtanh", "clamp", "relu6")
def _clamp(made: Any, x: Value, low: Any = None, high: Any = None) -> Value:
    low, high = (0.0, 6.0) if made.name == "relu6" else (low, high)
    if made.name == "hardtanh":
        low, high = -1.0 if low is None else low, 1.0 if high is None else high
    bounds = [None if b is None else np.asarray(float(b)) for b in (low, high)]
    return same_shape(x, operator("Clip", [x.node, *bounds]))


@of("prelu")
def _prelu(made: Any, x: Value, slope: Constant) -> Value:
    if x.rank > 2 and slope.array.size > 1:
        x = in_order(x, channels_last(x.rank, x.batch))
    one = slope.array.size == 1
    layer = made.layer(PReLU, slope, shared_axes=tuple(range(1, x.rank if one else x.rank - 1)))
    sizes = [1] * (x.rank - 2) + [slope.array.size]
    made.weights(layer, alpha=(slope, slope.array.reshape(sizes)))
    return same_shape(x, layer(x.node))


@of("softmax", "log_softmax", "_softmax", "_log_softmax")
def _softmax(made: Any, x: Value, axis: int, *rest: Any) -> Value:
    axis %= x.rank
    if axis == x.batch or x.columns is not None:
        raise UnsupportedError("its softmax is not over the numbers of an example")
    x = in_order(x, (*(a for a in x.axes if a != axis), axis))
    return same_shape(x, Activation(made.name.strip("_"))(x.node))


@of("dropout", "feature_dropout")
def _dropout(made: Any, x: Value, rate: float, training: bool = False) -> Value:
    if made.name == "feature_dropout" and 2 < x.rank < 6:
        x = in_order(x, channels_last(x.rank, x.batch))
        return same_shape(x, BY_RANK["dropout"][x.rank - 3](rate)(x.node))
    return same_shape(x, Dropout(rate)(x.node))


@of(*UNARY)
def _unary(made: Any, x: Value) -> Value:
    return same_shape(x, operator(UNARY[made.name], [x.node]))


@of(*BINARY)
def _binary(made: Any, x: Any, z: Any, *, alpha: float = 1) -> Value:
    if alpha != 1:
        raise UnsupportedError("it adds a multiple")
    if isinstance(x, Value) and isinstance(z, Value):
        return _of_two(made, x, z)
    value, other = (x, z) if isinstance(x, Value) else (z, x)
    if not isinstance(value, Value) or isinstance(other, Size):
        raise UnsupportedError("it does not depend on the numbers of an example alone")
    if value.columns is not None:
        raise UnsupportedError("it takes a row that was flattened with the channels in front")
    constant = other if isinstance(other, Constant) else None
    array = np.asarray(float(other)) if constant is None else constant.array.astype(float)
    if array.size == 1 and constant is None:
        taken: Any = array.reshape(())
    else:
        assert constant is not None
        taken = _beside(value, constant, array)
    nodes = [value.node, taken] if value is x else [taken, value.node]
    node = operator(BINARY[made.name], nodes)
    if constant is not None and array.size > 0 and isinstance(taken, dict):
        made.weights(node.layer, constant=(constant, array_in(value, array)))
    return same_shape(value, node)


def array_in(value: Value, array: Array) -> Array:
    """A constant beside a value, its axes in the value's order, the batch's in front."""
    wide = array.reshape((1,) * (value.rank - array.ndim) + array.shape)
    return wide.transpose(value.axes)


def _beside(value: Value, constant: Constant, array: Array) -> dict[str, Any]:
    if array.ndim > value.rank or (array.ndim == value.rank and array.shape[value.batch] != 1):
        raise UnsupportedError("its constant has the batch in it")
    shape = list(array_in(value, array).shape)
    return {"parameter": "constant", "trained": constant.trained, "shape": shape, "dtype": "float32"}


def _of_two(made: Any, x: Value, z: Value) -> Value:
    if x.rank == z.rank:
        z = in_order(z, x.axes)
    same_columns = x.columns is z.columns or (
        x.columns is not None and z.columns is not None and np.array_equal(x.columns, z.columns)
    )
    if not same_columns:
        raise UnsupportedError("it takes rows that were flattened in two orders")
    if x.shape == z.shape and made.name in OWN:
        return same_shape(x, OWN[made.name]()([x.node, z.node]))
    if x.rank != z.rank or x.masked or z.masked:
        raise UnsupportedError("it takes values with different numbers of axes")
    return Value(operator(BINARY[made.name], [x.node, z.node]), made.shape, x.axes)


@of("matmul", "bmm", "mm")
def _matmul(made: Any, x: Value, z: Any) -> Value:
    if isinstance(z, Constant):
        if z.array.ndim != 2:
            raise UnsupportedError("it multiplies by a constant that is no matrix")
        return _dense(made, x, z, z.array, None)
    if x.rank != z.rank or x.batch or z.batch:
        raise UnsupportedError("it multiplies values with different numbers of axes")
    x, z = in_order(x, x.plain), in_order(z, z.plain)
    return Value(operator("MatMul", [x.node, z.node]), made.shape, x.axes)


# Layers with weights


@of("linear")
def _linear(made: Any, x: Value, weight: Constant, bias: Constant | None = None) -> Value:
    return _dense(made, x, weight, weight.array.T, bias)


def _dense(made: Any, x: Value, weight: Constant, kernel: Array, bias: Constant | None) -> Value:
    if x.axes[-1] != x.rank - 1:
        x = in_order(x, (*(a for a in x.axes if a != x.rank - 1), x.rank - 1))
    if x.rank > 3:
        raise UnsupportedError(f"nn.Linear of {x.rank} axes, expected at most 3")
    if x.columns is not None:
        kernel = kernel[x.columns]
    layer = made.layer(Dense, weight, kernel.shape[1], use_bias=bias is not None)
    made.weights(layer, kernel=(weight, kernel), bias=(bias, None if bias is None else bias.array))
    return Value(layer(x.node), made.shape, x.axes, masked=x.masked)


@of("embedding")
def _embedding(made: Any, table: Constant, ids: Any, *rest: Any, **more: Any) -> Value:
    if not isinstance(ids, Value) or not ids.tokens or ids.mark:
        raise UnsupportedError("it looks up what is no input of integers")
    masked = made.leaves_out(ids.tokens)
    layer = made.layer(Embedding, table, *table.array.shape, mask_zero=masked)
    made.weights(layer, embeddings=(table, table.array))
    return Value(layer(ids.node), made.shape, (*ids.axes, ids.rank), masked=masked)


@of("conv1d", "conv2d", "conv3d", "convolution")
def _conv(
    made: Any,
    x: Value,
    weight: Constant,
    bias: Constant | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
    *rest: Any,
) -> Value:
    if made.name == "convolution":
        raise UnsupportedError("a convolution in a form that is not known")
    rank = x.rank - 2
    x = in_order(x, channels_last(x.rank, x.batch))
    w = weight.array.transpose(*range(2, rank + 2), 1, 0)
    layer = made.layer(
        BY_RANK["conv"][rank - 1],
        weight,
        w.shape[-1],
        w.shape[:rank],
        strides=_sizes(stride, rank),
        padding=padding if isinstance(padding, str) else _pairs(padding, rank),
        dilation_rate=_sizes(dilation, rank),
        groups=groups,
        use_bias=bias is not None,
    )
    made.weights(layer, kernel=(weight, w), bias=(bias, None if bias is None else bias.array))
    return Value(layer(x.node), made.shape, x.axes)


def _sizes(given: Any, rank: int) -> tuple[int, ...]:
    sizes = list(given) if isinstance(given, (list, tuple)) else [given]
    return tuple(sizes if len(sizes) == rank else sizes * rank)


def _pairs(given: Any, rank: int, more: Sequence[int] = ()) -> Any:
    pairs = tuple((p, p - (more[k] if more else 0)) for k, p in enumerate(_sizes(given, rank)))
    if any(min(pair) < 0 for pair in pairs):
        raise UnsupportedError("its output_padding is larger than its padding")
    return pairs[0] if rank == 1 else pairs


@of("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(
    made: Any,
    x: Value,
    weight: Constant,
    bias: Constant | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Value:
    if groups != 1:
        raise UnsupportedError("a transposed convolution in groups")
    rank = x.rank - 2
    x = in_order(x, channels_last(x.rank, x.batch))
    w = weight.array.transpose(*range(2, rank + 2), 1, 0)
    layer = made.layer(
        BY_RANK["conv_transpose"][rank - 1],
        weight,
        w.shape[-2],
        w.shape[:rank],
        strides=_sizes(stride, rank),
        padding=_pairs(padding, rank, _sizes(output_padding, rank)),
        dilation_rate=_sizes(dilation, rank),
        use_bias=bias is not None,
    )
    made.weights(layer, kernel=(weight, w), bias=(bias, None if bias is None else bias.array))
    return Value(layer(x.node), made.shape, x.axes)


@of("batch_norm")
def _batch_norm(
    made: Any,
    x: Value,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: Any,
    epsilon: float,
    *_: Any,
) -> Value:
    if mean is None or variance is None or training or momentum is None:
        raise UnsupportedError("batch normalisation without running statistics, or with momentum=None")
    if x.rank > 2:
        x = in_order(x, channels_last(x.rank, x.batch))
    options = {"momentum": 1 - momentum, "epsilon": epsilon, "center": bias is not None, "scale": weight is not None}
    layer = made.layer(BatchNormalization, weight if weight is not None else mean, **options)
    parts = {"gamma": weight, "beta": bias, "mean": mean, "variance": variance}
    made.weights(layer, **{key: (part, _columns(x, part)) for key, part in parts.items()})
    return same_shape(x, layer(x.node))


def _columns(x: Value, part: Constant | None) -> Array | None:
    """The numbers of a row's columns in our order."""
    if part is None:
        return None
    return part.array if x.columns is None else part.array[x.columns]


@of("layer_norm")
def _layer_norm(
    made: Any, x: Value, shape: Sequence[int], weight: Any = None, bias: Any = None, epsilon: float = 1e-5, *_: Any
) -> Value:
    if len(shape) != 1 or x.columns is not None:
        raise UnsupportedError("layer normalisation over several axes")
    x = in_order(x, (*(a for a in x.axes if a != x.rank - 1), x.rank - 1))
    options = {"epsilon": epsilon, "center": bias is not None, "scale": weight is not None}
    layer = made.layer(LayerNormalization, weight, **options)
    made.weights(layer, gamma=(weight, _columns(x, weight)), beta=(bias, _columns(x, bias)))
    return same_shape(x, layer(x.node))


@of("group_norm")
def _group_norm(
    made: Any, x: Value, groups: int, weight: Any = None, bias: Any = None, epsilon: float = 1e-5, *_: Any
) -> Value:
    x = in_order(x, channels_last(x.rank, x.batch)) if x.rank > 2 else x
    options = {"epsilon": epsilon, "center": bias is not None, "scale": weight is not None}
    layer = made.layer(GroupNormalization, weight, groups, **options)
    made.weights(layer, gamma=(weight, _columns(x, weight)), beta=(bias, _columns(x, bias)))
    return same_shape(x, layer(x.node))


# Windows


@of("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(
    made: Any, x: Value, size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Value:
    rank = x.rank - 2
    if set(_sizes(dilation, rank)) != {1}:
        raise UnsupportedError("a pool with dilation")
    return _pooled(made, BY_RANK["max_pool"][rank - 1], x, size, stride, _pairs(padding, rank))


def _pooled(made: Any, kind: Any, x: Value, size: Any, stride: Any, padding: Any) -> Value:
    rank = x.rank - 2
    x = in_order(x, channels_last(x.rank, x.batch))
    strides = None if stride in ((), [], None) else _sizes(stride, rank)
    layer = kind(_sizes(size, rank), strides=strides, padding=padding)
    result = Value(layer(x.node), made.shape, x.axes)
    places = [s for s in x.shape[2:]]
    pairs = [padding] if rank == 1 else list(padding)
    for place, k, s, pair, there in zip(
        places, _sizes(size, rank), strides or _sizes(size, rank), pairs, made.shape[2:], strict=True
    ):
        if (place + sum(pair) - k) // s + 1 != there:
            raise UnsupportedError("a pool with ceil_mode=True whose last window is not whole")
    return result


@of("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(
    made: Any,
    x: Value,
    size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: Any = None,
) -> Value:
    rank = x.rank - 2
    if divisor is not None:
        raise UnsupportedError("a pool with divisor_override")
    pairs = _pairs(padding, rank)
    if any(_sizes(padding, rank)) and count_include_pad:
        x = in_order(x, channels_last(x.rank, x.batch))
        layer = BY_RANK["pad"][rank - 1](pairs)
        wide = [s + 2 * p for s, p in zip(x.shape[2:], _sizes(padding, rank), strict=True)]
        x = Value(layer(x.node), (*x.shape[:2], *wide), x.axes)
        pairs = _pairs(0, rank)
    return _pooled(made, BY_RANK["average_pool"][rank - 1], x, size, stride, pairs)


@of(*(f"adaptive_{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 2, 3)))
def _adaptive(made: Any, x: Value, size: Any) -> Any:
    rank = x.rank - 2
    mean = "avg" in made.name
    x = in_order(x, channels_last(x.rank, x.batch))
    sizes = _sizes(size, rank)
    if set(sizes) == {1}:
        layer: Layer = GlobalAveragePool() if mean else GlobalMaxPool()
        node = Reshape((*sizes, x.shape[1]))(layer(x.node))
        result = Value(node, (*x.shape[:2], *sizes), x.axes)
    else:
        if any(s % k for s, k in zip(x.shape[2:], sizes, strict=True)):
            raise UnsupportedError(f"an adaptive pool of {x.shape[2:]} places to {sizes}, which do not divide them")
        window = [s // k for s, k in zip(x.shape[2:], sizes, strict=True)]
        pool = BY_RANK["average_pool" if mean else "max_pool"][rank - 1](tuple(window))
        result = Value(pool(x.node), (*x.shape[:2], *sizes), x.axes)
    return result if mean else (result, None)


@of("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
def _upsample(made: Any, x: Value, *rest: Any) -> Value:
    x = in_order(x, channels_last(x.rank, x.batch))
    times = [after / before for after, before in zip(made.shape[2:], x.shape[2:], strict=True)]
    if any(t != int(t) for t in times):
        raise UnsupportedError("an upsampling by another factor than an integer")
    size = tuple(int(t) for t in times)
    layer = BY_RANK["upsample"][len(size) - 1](size)
    return Value(layer(x.node), made.shape, x.axes)


@of("mean", "amax", "max", "sum")
def _reduced(made: Any, x: Value, dims: Any = None, keepdim: bool = False, **more: Any) -> Any:
    if dims is None:
        raise UnsupportedError("it runs over the whole batch")
    axes = sorted(d % x.rank for d in (dims if isinstance(dims, (list, tuple)) else [dims]))
    if x.batch in axes:
        raise UnsupportedError("it runs over the batch")
    if x.mark == "real" and made.name == "sum":
        return Value(x.node, made.shape, (0,), tokens=x.tokens, mark="lengths")
    rest = [a for a in range(x.rank) if a not in axes]
    name = {"amax": "max"}.get(made.name, made.name)
    if not keepdim and name != "sum" and x.rank in (3, 4, 5) and len(rest) == 2 and x.batch == 0 and not x.masked:
        x = in_order(x, (0, *axes, rest[1]))
        node = (GlobalAveragePool() if name == "mean" else GlobalMaxPool())(x.node)
        result = Value(node, made.shape, (0, 1))
    else:
        places = [x.axes.index(a) for a in axes]
        kind = {"mean": "ReduceMean", "max": "ReduceMax", "sum": "ReduceSum"}[name]
        node = operator(kind, [x.node, places], opset=18, keepdims=int(keepdim))
        kept = x.axes if keepdim else tuple(rest.index(a) for a in x.axes if a in rest)
        result = Value(node, made.shape, kept)
    return (result, None) if made.name == "max" else result


@of("ne", "eq")
def _compared(made: Any, x: Value, number: Any) -> Value:
    if not isinstance(x, Value) or not x.tokens or x.mark or number != 0:
        raise UnsupportedError("it compares what is no input of integers with 0, the padding")
    return Value(x.node, x.shape, x.axes, tokens=x.tokens, mark="real" if made.name == "ne" else "padding")


@of("logical_not", "bitwise_not")
def _not(made: Any, x: Value) -> Value:
    if x.mark not in ("real", "padding"):
        raise UnsupportedError("it turns round what does not mark padding")
    return Value(x.node, x.shape, x.axes, tokens=x.tokens, mark="padding" if x.mark == "real" else "real")


@of("zeros_like")
def _zeros_like(made: Any, x: Any, **more: Any) -> Zeros:
    return Zeros()


@of("masked_fill")
def _masked_fill(made: Any, x: Any, mask: Any, number: float) -> Value:
    """How PyTorch makes a mask of numbers, −∞ where a step is padding."""
    if not isinstance(x, Zeros) or not isinstance(mask, Value) or mask.mark != "padding" or number != -math.inf:
        raise UnsupportedError("it writes a number over others")
    return mask


@of("scaled_dot_product_attention")
def _attention_of_heads(
    made: Any, q: Value, k: Value, v: Value, mask: Any = None, rate: float = 0.0, causal: bool = False, **more: Any
) -> Value:
    if mask is not None or q.rank != 4 or more.get("scale") is not None:
        raise UnsupportedError("attention with a mask or a scale of its own, or of another number of axes than 4")
    q, k, v = (in_order(value, (0, 1, 2, 3)) for value in (q, k, v))
    node = operator("Attention", [q.node, k.node, v.node], opset=23, is_causal=int(causal))
    return Value(node, made.shape, q.axes)


for _name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
    HANDLERS[_name] = read_recurrent
