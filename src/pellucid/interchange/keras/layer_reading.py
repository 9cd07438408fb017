"""A layer of ours for each of Keras's classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pellucid.errors import ModelFileError
from pellucid.functions.forward.sliding_window import sizes_of
from pellucid.interchange.keras.layer_options import Options, activation_of
from pellucid.layers.activation import Activation
from pellucid.layers.base import Layer
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
from pellucid.layers.windowed.conv import Conv1D, Conv2D, Conv3D
from pellucid.layers.windowed.conv_transpose import ConvTranspose1D, ConvTranspose2D, ConvTranspose3D
from pellucid.layers.windowed.global_pool import GlobalAveragePool, GlobalMaxPool
from pellucid.layers.windowed.pool import AveragePool1D, AveragePool2D, AveragePool3D, MaxPool1D, MaxPool2D, MaxPool3D
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

READERS: dict[str, Callable[[Options], Layer]] = {}
"""How a layer is read, by Keras's class."""
OPERATIONS = {"Add": Add, "Subtract": Subtract, "Multiply": Multiply, "Maximum": Maximum, "Minimum": Minimum}
"""Functions of `keras.ops` on two values of one shape, which stand for a layer."""
FUNCTIONS = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Silu": "silu",
    "Selu": "selu",
    "HardSigmoid": "hard_sigmoid",
}
"""Functions of `keras.ops` on one value, as activations."""

Reader = Callable[[Options], Layer]


def _of(*kinds: str) -> Callable[[Reader], Reader]:
    def register(reader: Reader) -> Reader:
        READERS.update(dict.fromkeys(kinds, reader))
        return reader

    return register


def _plain(kind: Callable[..., Layer], **options: str) -> Reader:
    """A layer that takes the options named, ours by Keras's names."""

    def read(given: Options) -> Layer:
        return kind(name=given.name, **{ours: _tupled(given.required(keras)) for ours, keras in options.items()})

    return read


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value


READERS |= {
    "Dropout": _plain(Dropout, rate="rate"),
    "SpatialDropout1D": _plain(SpatialDropout1D, rate="rate"),
    "GaussianNoise": _plain(GaussianNoise, stddev="stddev"),
    "Permute": _plain(Permute, dims="dims"),
    "RepeatVector": _plain(RepeatVector, n="n"),
    "Masking": _plain(Masking, value="mask_value"),
    "Add": _plain(Add),
    "Subtract": _plain(Subtract),
    "Multiply": _plain(Multiply),
    "Average": _plain(Average),
    "Maximum": _plain(Maximum),
    "Minimum": _plain(Minimum),
    "UpSampling1D": _plain(UpSampling1D, size="size"),
    "ZeroPadding1D": _plain(ZeroPadding1D, padding="padding"),
    "Cropping1D": _plain(Cropping1D, cropping="cropping"),
}
IMAGES: dict[str, tuple[tuple[type[Any], type[Any]], str]] = {
    "SpatialDropout": ((SpatialDropout2D, SpatialDropout3D), "rate"),
    "ZeroPadding": ((ZeroPadding2D, ZeroPadding3D), "padding"),
    "Cropping": ((Cropping2D, Cropping3D), "cropping"),
    "UpSampling": ((UpSampling2D, UpSampling3D), "size"),
}
"""Layers of images and of volumes, and the option that each has."""


@_of("Dense")
def _dense(given: Options) -> Layer:
    return Dense(given.required("units"), given.activation(), name=given.name, **given.kernel())


@_of("Activation")
def _activation(given: Options) -> Layer:
    return Activation(given.activation(), name=given.name)


@_of("ReLU", "LeakyReLU", "ELU", "Softmax")
def _activation_layer(given: Options) -> Layer:
    if given.kind == "Softmax":
        given.last_axis()
    spec = {"class_name": given.kind, "config": given.values}
    return Activation(activation_of(given, spec, "its options"), name=given.name)


@_of("PReLU")
def _prelu(given: Options) -> Layer:
    shared = tuple(given.get("shared_axes") or ())
    return PReLU(shared_axes=shared, name=given.name, alpha_regularizer=given.penalty("alpha_regularizer"))


@_of("Flatten", *(f"{kind}{rank}D" for kind in IMAGES for rank in (2, 3)))
def _of_images(given: Options) -> Layer:
    given.fixed("data_format", "channels_last", None)
    match given.kind:
        case "Flatten":
            return Flatten(name=given.name)
        case "UpSampling2D":
            given.fixed("interpolation", "nearest")
    kinds, option = IMAGES[given.kind[:-2]]
    layer: Layer = kinds[int(given.kind[-2]) - 2](_tupled(given.required(option)), name=given.name)
    return layer


@_of("Reshape")
def _reshape(given: Options) -> Layer:
    return Reshape(given.sizes("target_shape"), name=given.name)


@_of("Concatenate")
def _concatenate(given: Options) -> Layer:
    given.last_axis()
    return Concatenate(name=given.name)


@_of("Embedding")
def _embedding(given: Options) -> Layer:
    if given.get("lora_rank") is not None:
        given.fixed("lora_rank", None)
    return Embedding(
        given.required("input_dim"),
        given.required("output_dim"),
        name=given.name,
        mask_zero=given.get("mask_zero", False),
        embeddings_regularizer=given.penalty("embeddings_regularizer"),
        **given.initial("embeddings_initializer"),
    )


@_of(*(f"Conv{rank}D{kind}" for rank in (1, 2, 3) for kind in ("", "Transpose")))
def _convolution(given: Options) -> Layer:
    kinds: dict[str, type[Any]] = {
        "Conv1D": Conv1D,
        "Conv2D": Conv2D,
        "Conv1DTranspose": ConvTranspose1D,
        "Conv2DTranspose": ConvTranspose2D,
        "Conv3D": Conv3D,
        "Conv3DTranspose": ConvTranspose3D,
    }
    more: dict[str, Any] = {}
    if "Transpose" in given.kind:
        given.fixed("output_padding", None)
    else:
        more["groups"] = given.get("groups", 1)
    return kinds[given.kind](  # type: ignore[no-any-return]
        given.required("filters"),
        activation=given.activation(),
        name=given.name,
        **_moving(given),
        **given.kernel(),
        **more,
    )


def _moving(given: Options) -> dict[str, Any]:
    moving = given.window() | {"kernel_size": given.sizes("kernel_size"), "dilation_rate": given.sizes("dilation_rate")}
    if moving["padding"] == "causal":
        (size,), (dilation,) = (sizes_of(moving[key], 1, key) for key in ("kernel_size", "dilation_rate"))
        moving["padding"] = ((size - 1) * dilation, 0)
    return moving


@_of("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
def _separable(given: Options) -> Layer:
    options = {"depth_multiplier": given.get("depth_multiplier", 1), "use_bias": given.get("use_bias", True)}
    options |= {"activation": given.activation(), "name": given.name, **_moving(given)}
    options["kernel_regularizer"] = given.penalty("depthwise_regularizer")
    if given.kind.startswith("Depthwise"):
        return (DepthwiseConv1D if given.kind[-2] == "1" else DepthwiseConv2D)(**options)
    if given.penalty("pointwise_regularizer") != options["kernel_regularizer"]:
        raise given.wrong("pointwise_regularizer", "that of the depthwise kernel")
    return (SeparableConv1D if given.kind[-2] == "1" else SeparableConv2D)(given.required("filters"), **options)


@_of(*(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _pool(given: Options) -> Layer:
    kinds = {
        "MaxPooling1D": MaxPool1D,
        "MaxPooling2D": MaxPool2D,
        "MaxPooling3D": MaxPool3D,
        "AveragePooling1D": AveragePool1D,
        "AveragePooling2D": AveragePool2D,
        "AveragePooling3D": AveragePool3D,
    }
    return kinds[given.kind](given.sizes("pool_size"), name=given.name, **given.window())


@_of(*(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _global_pool(given: Options) -> Layer:
    given.fixed("data_format", "channels_last", None)
    given.fixed("keepdims", False)
    return (GlobalMaxPool if "Max" in given.kind else GlobalAveragePool)(name=given.name)


@_of("BatchNormalization")
def _batch_normalization(given: Options) -> Layer:
    given.last_axis()
    given.fixed("renorm", False)
    given.fixed("synchronized", False)
    return BatchNormalization(momentum=given.get("momentum", 0.99), **_scaled(given))


def _scaled(given: Options) -> dict[str, Any]:
    return {
        "epsilon": given.get("epsilon", 1e-3),
        "center": given.get("center", True),
        "scale": given.get("scale", True),
        "name": given.name,
    }


@_of("LayerNormalization")
def _layer_normalization(given: Options) -> Layer:
    given.last_axis()
    given.fixed("rms_scaling", False)
    return LayerNormalization(**_scaled(given))


@_of("GroupNormalization")
def _group_normalization(given: Options) -> Layer:
    given.last_axis()
    return GroupNormalization(given.get("groups", 32), **_scaled(given))


@_of("Normalization")
def _normalization(given: Options) -> Layer:
    given.last_axis()
    for option in ("mean", "variance"):
        given.fixed(option, None)
    return Normalization(invert=given.get("invert", False), adapted=True, name=given.name)


@_of("SimpleRNN", "LSTM", "GRU")
def _recurrent(given: Options) -> Layer:
    if given.get("go_backwards") and given.get("return_sequences"):
        raise given.wrong("go_backwards", "False, or return_sequences=False")
    return _cell(given)


def _cell(given: Options) -> _Recurrent:
    given.fixed("return_state", False)
    given.fixed("stateful", False)
    options = {
        "return_sequences": given.get("return_sequences", False),
        "go_backwards": given.get("go_backwards", False),
        "name": given.name,
        "recurrent_dropout": given.get("recurrent_dropout", 0.0),
        "recurrent_regularizer": given.penalty("recurrent_regularizer"),
        **given.initial("recurrent_initializer"),
        **given.kernel(),
    }
    units, activation = given.required("units"), given.activation()
    if given.kind == "SimpleRNN":
        return RNN(units, activation, **options)
    options["gate_activation"] = given.activation("recurrent_activation")
    if given.kind == "GRU":
        return GRU(units, activation, reset_after=given.get("reset_after", True), **options)
    return LSTM(units, activation, unit_forget_bias=given.get("unit_forget_bias", True), **options)


@_of("Bidirectional")
def _bidirectional(given: Options) -> Layer:
    forward, backward = (_inner(given, key) for key in ("layer", "backward_layer"))
    if forward is None or forward.kind not in ("SimpleRNN", "LSTM", "GRU"):
        raise given.wrong("layer", "SimpleRNN, LSTM or GRU")
    if backward is not None:
        ignored = {"name", "go_backwards", "seed", "dtype", "trainable"}
        ours, theirs = ({k: v for k, v in o.values.items() if k not in ignored} for o in (forward, backward))
        if backward.kind != forward.kind or not _same(ours, theirs) or not backward.get("go_backwards"):
            raise given.wrong("backward_layer", "the layer itself, which reads backwards")
    return Bidirectional(_cell(forward), given.get("merge_mode", "concat"), name=given.name)


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two descriptions are equal but for the numbers of shared objects."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        keys = (set(ours) | set(theirs)) - {"shared_object_id", "seed"}
        return all(_same(ours.get(k), theirs.get(k)) for k in keys)
    return bool(ours == theirs)


def _inner(given: Options, key: str) -> Options | None:
    """The options of a layer inside another."""
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping):
        raise ModelFileError(f'the layer "{given.name}" ({given.kind}) has a damaged {key}')
    values = dict(value["config"])
    return Options(
        plain_name(values.get("name")) or given.name, str(value.get("class_name")), values, given.input_shape
    )


@_of("TimeDistributed")
def _time_distributed(given: Options) -> Layer:
    inner = _inner(given, "layer")
    if inner is None or inner.kind not in ("Dense", "Activation", "Dropout", "LayerNormalization"):
        raise given.wrong("layer", "Dense, Activation, Dropout or LayerNormalization, which treat each step by itself")
    inner.name = given.name
    return READERS[inner.kind](inner)


@_of("MultiHeadAttention")
def _attention(given: Options) -> Layer:
    key_dim = given.required("key_dim")
    given.fixed("value_dim", key_dim, None)
    given.fixed("output_shape", None)
    given.fixed("attention_axes", [1], None)
    given.fixed("use_gate", False)
    given.fixed("sliding_window", None)
    return MultiHeadAttention(
        given.required("num_heads"),
        key_dim,
        use_bias=given.get("use_bias", True),
        name=given.name,
        **given.initial("kernel_initializer"),
    )


def plain_name(name: object) -> str | None:
    """A layer's name as ours: letters, digits and underscores; None where nothing is left of it."""
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in str(name or ""))[:80]
    text = text.strip("_")
    return f"layer_{text}" if text[:1].isdigit() else text or None
