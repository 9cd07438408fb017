"""Keras's layers for each of ours: classes and options, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import PellucidError
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward.sliding_window import paddings_of, sizes_of
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.layers.activation import Activation
from pellucid.layers.base import Layer, Shape
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.group_normalization import GroupNormalization
from pellucid.layers.layer_normalization import LayerNormalization
from pellucid.layers.masking import Masking
from pellucid.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.normalization import Normalization
from pellucid.layers.permute import Permute
from pellucid.layers.prelu import PReLU
from pellucid.layers.recurrent.base import _Recurrent
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.layers.recurrent.gru import GRU
from pellucid.layers.recurrent.lstm import LSTM
from pellucid.layers.recurrent.rnn import RNN
from pellucid.layers.repeat_vector import RepeatVector
from pellucid.layers.reshape import Reshape
from pellucid.layers.windowed.base import _Kernel
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
    _Pool,
)
from pellucid.layers.windowed.resizing import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from pellucid.layers.windowed.separable import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D

Options = dict[str, Any]
WRITERS: dict[type[Layer], Callable[[Any, Shape], list[Written]]] = {}
"""How a layer is written for examples of a shape."""


_ACTIVATIONS = "elu gelu hard_sigmoid linear log_softmax mish relu selu sigmoid silu softmax softplus tanh"
"""Those that Keras has by the same name and with the same options."""


class UnwritableError(PellucidError):
    """Keras has no such layer."""


@dataclass
class Written:
    """A layer of Keras's.

    Attributes:
        main: whether it is the one that has the parameters.
        kwargs: what it is called with beside its inputs.
    """

    kind: str
    options: Options
    main: bool = True
    kwargs: Mapping[str, Any] | None = None


def _of(kind: type[Layer], *kinds: type[Layer]) -> Callable[[Any], Any]:
    def register(writer: Any) -> Any:
        WRITERS.update(dict.fromkeys((kind, *kinds), writer))
        return writer

    return register


def _plain(theirs: str, **options: str) -> Callable[[Any, Shape], list[Written]]:
    return lambda layer, _: [Written(theirs, {name: getattr(layer, ours) for name, ours in options.items()})]


WRITERS |= {
    Dropout: _plain("Dropout", rate="rate"),
    SpatialDropout1D: _plain("SpatialDropout1D", rate="rate"),
    SpatialDropout2D: _plain("SpatialDropout2D", rate="rate"),
    SpatialDropout3D: _plain("SpatialDropout3D", rate="rate"),
    GaussianNoise: _plain("GaussianNoise", stddev="stddev"),
    Flatten: _plain("Flatten"),
    Reshape: _plain("Reshape", target_shape="shape"),
    Permute: _plain("Permute", dims="dims"),
    RepeatVector: _plain("RepeatVector", n="n"),
    Masking: _plain("Masking", mask_value="value"),
    Add: _plain("Add"),
    Subtract: _plain("Subtract"),
    Multiply: _plain("Multiply"),
    Average: _plain("Average"),
    Maximum: _plain("Maximum"),
    Minimum: _plain("Minimum"),
    Concatenate: _plain("Concatenate"),
    UpSampling1D: _plain("UpSampling1D", size="size"),
    UpSampling2D: _plain("UpSampling2D", size="size"),
    UpSampling3D: _plain("UpSampling3D", size="size"),
    BatchNormalization: _plain(
        "BatchNormalization", momentum="momentum", epsilon="epsilon", center="center", scale="scale"
    ),
    LayerNormalization: _plain("LayerNormalization", epsilon="epsilon", center="center", scale="scale"),
    GroupNormalization: _plain(
        "GroupNormalization", groups="groups", epsilon="epsilon", center="center", scale="scale"
    ),
    Normalization: _plain("Normalization", invert="invert"),
}


def written(layer: Layer, shapes: tuple[Shape, ...]) -> list[Written]:
    """Keras's layers for a layer of ours.

    Raises:
        UnwritableError: there is none; the message says why.
    """
    writer = WRITERS.get(type(layer))
    if writer is None:
        raise UnwritableError("")
    return writer(layer, shapes[0])


def activation_name(spec: ActivationLike) -> Any:
    """An activation as Keras writes it: a name, or a layer that has its options."""
    chosen = activation(spec)
    options = dict(chosen.options)
    if chosen.name == "leaky_relu":
        return _object("LeakyReLU", {"negative_slope": options.get("slope", 0.3)}, "keras.layers")
    if chosen.name == "elu" and options:
        return _object("ELU", options, "keras.layers")
    if options or chosen.name not in _ACTIVATIONS.split():
        raise UnwritableError(f"with the activation {chosen.name}")
    return chosen.name


def _object(kind: str, config: Options, module: str) -> Options:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _penalty(spec: PenaltyLike) -> Any:
    known = penalty(spec)
    if known is None:
        return None
    return _object("L1L2", {"l1": known.l1, "l2": known.l2}, "keras.regularizers")


def _kernel(layer: Any) -> Options:
    return {"use_bias": layer.use_bias, "kernel_regularizer": _penalty(layer.kernel_regularizer)}


@_of(Dense)
def _dense(layer: Dense, shape: Shape) -> list[Written]:
    return [Written("Dense", {"units": layer.units, "activation": activation_name(layer.activation), **_kernel(layer)})]


@_of(Activation)
def _activation(layer: Activation, shape: Shape) -> list[Written]:
    return [Written("Activation", {"activation": activation_name(layer.activation)})]


@_of(PReLU)
def _prelu(layer: PReLU, shape: Shape) -> list[Written]:
    return [
        Written(
            "PReLU", {"shared_axes": list(layer.shared) or None, "alpha_regularizer": _penalty(layer.alpha_regularizer)}
        )
    ]


@_of(Embedding)
def _embedding(layer: Embedding, shape: Shape) -> list[Written]:
    options = {"input_dim": layer.input_dim, "output_dim": layer.output_dim, "mask_zero": layer.mask_zero}
    return [Written("Embedding", options | {"embeddings_regularizer": _penalty(layer.embeddings_regularizer)})]


@_of(Conv1D, Conv2D, Conv3D)
def _convolution(layer: Conv1D | Conv2D | Conv3D, shape: Shape) -> list[Written]:
    options = {"filters": layer.filters, "groups": layer.groups, **_kernel(layer)}
    return _windowed(layer, type(layer).__name__, options)


@_of(DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D)
def _separable(layer: Any, shape: Shape) -> list[Written]:
    options = {"depth_multiplier": layer.depth_multiplier, "use_bias": layer.use_bias}
    options["depthwise_regularizer"] = _penalty(layer.kernel_regularizer)
    if isinstance(layer, SeparableConv1D | SeparableConv2D):
        options |= {"filters": layer.filters, "pointwise_regularizer": _penalty(layer.kernel_regularizer)}
    return _windowed(layer, type(layer).__name__, options)


def _windowed(layer: _Kernel, kind: str, options: Options) -> list[Written]:
    """A convolution; padding in numbers is a layer before it."""
    padding = paddings_of(layer.padding, layer.rank, "padding")
    before = []
    if not isinstance(padding, str):
        before = [_padding(layer.rank, padding)] if any(map(any, padding)) else []
        padding = "valid"
    main = Written(kind, {**options, **_moving(layer), "padding": padding})
    return [*before, main]


def _padding(rank: int, padding: Any, *, kind: str = "ZeroPadding") -> Written:
    ends = [list(pair) for pair in padding]
    key = "padding" if kind == "ZeroPadding" else "cropping"
    return Written(f"{kind}{rank}D", {key: ends if rank > 1 else ends[0]}, main=False)


def _moving(layer: _Kernel) -> Options:
    return {
        "kernel_size": list(layer.size),
        "strides": list(sizes_of(layer.strides, layer.rank, "strides")),
        "dilation_rate": list(sizes_of(layer.dilation_rate, layer.rank, "dilation_rate")),
        "activation": activation_name(layer.activation),
    }


@_of(ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
def _transposed(layer: ConvTranspose1D | ConvTranspose2D | ConvTranspose3D, shape: Shape) -> list[Written]:
    """Padding in numbers is cropped from the whole output, which "valid" gives where the kernel covers its strides."""
    padding = paddings_of(layer.padding, layer.rank, "padding")
    options = {"filters": layer.filters, **_kernel(layer), **_moving(layer), "padding": padding}
    kind = f"Conv{layer.rank}DTranspose"
    if isinstance(padding, str):
        return [Written(kind, options)]
    spans = [(k - 1) * d + 1 for k, d in zip(layer.size, options["dilation_rate"], strict=True)]
    if any(span < s for span, s in zip(spans, options["strides"], strict=True)):
        raise UnwritableError("with padding in numbers and strides larger than the kernel")
    cropping = [_padding(layer.rank, padding, kind="Cropping")] if any(map(any, padding)) else []
    return [Written(kind, options | {"padding": "valid"}), *cropping]


@_of(MaxPool1D, MaxPool2D, MaxPool3D, AveragePool1D, AveragePool2D, AveragePool3D)
def _pool(layer: _Pool, shape: Shape) -> list[Written]:
    padding = paddings_of(layer.padding, layer.rank, "padding")
    if not isinstance(padding, str):
        if any(map(any, padding)):
            raise UnwritableError("with padding in numbers")
        padding = "valid"
    size = sizes_of(layer.pool_size, layer.rank, "pool_size")
    strides = size if layer.strides is None else sizes_of(layer.strides, layer.rank, "strides")
    kind = type(layer).__name__.replace("Pool", "Pooling")
    return [Written(kind, {"pool_size": list(size), "strides": list(strides), "padding": padding})]


@_of(GlobalMaxPool, GlobalAveragePool)
def _global_pool(layer: Layer, shape: Shape) -> list[Written]:
    return [Written(f"{type(layer).__name__}ing{len(shape) - 1}D", {})]


@_of(ZeroPadding1D, ZeroPadding2D, ZeroPadding3D, Cropping1D, Cropping2D, Cropping3D)
def _resized(layer: Any, shape: Shape) -> list[Written]:
    kind = type(layer).__name__[:-2]
    given = layer.padding if kind == "ZeroPadding" else layer.cropping
    ends = paddings_of(given, layer.rank, "padding")
    return [Written(type(layer).__name__, _padding(layer.rank, ends, kind=kind).options)]


@_of(RNN, LSTM, GRU)
def _recurrent(layer: _Recurrent, shape: Shape) -> list[Written]:
    if layer.go_backwards and layer.return_sequences:
        raise UnwritableError("with go_backwards and return_sequences")
    return [Written(*_cell(layer))]


def _cell(layer: _Recurrent) -> tuple[str, Options]:
    options = {
        "units": layer.units,
        "activation": activation_name(layer.activation),
        "return_sequences": layer.return_sequences,
        "go_backwards": layer.go_backwards,
        "recurrent_dropout": layer.recurrent_dropout,
        "recurrent_regularizer": _penalty(layer.recurrent_regularizer),
        **_kernel(layer),
    }
    if isinstance(layer, GRU | LSTM):
        options["recurrent_activation"] = activation_name(layer.gate_activation)
    if isinstance(layer, GRU):
        options["reset_after"] = layer.reset_after
    return "SimpleRNN" if isinstance(layer, RNN) else type(layer).__name__, options


@_of(Bidirectional)
def _bidirectional(layer: Bidirectional, shape: Shape) -> list[Written]:
    kind, options = _cell(layer.layer)
    inner = _object(kind, options, "keras.layers")
    return [Written("Bidirectional", {"layer": inner, "merge_mode": layer.merge_mode})]


@_of(MultiHeadAttention)
def _attention(layer: MultiHeadAttention, shape: Shape) -> list[Written]:
    options = {"num_heads": layer.num_heads, "key_dim": layer.key_dim, "use_bias": layer.use_bias}
    return [Written("MultiHeadAttention", options, kwargs={"use_causal_mask": True} if layer.causal else None)]
