"""A network as a PyTorch module: each layer as PyTorch's own, with its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward.pools import average_pool, min_pool
from pellucid.functions.forward.sliding_window import paddings_of, sizes_of
from pellucid.interchange.keras.masked_steps import leaves_mask, loses_mask
from pellucid.interchange.onnx.layer import Operator
from pellucid.interchange.pytorch import torch_modules as modules
from pellucid.interchange.pytorch.recurrent_reading import GATES
from pellucid.interchange.pytorch.torch_package import UnsupportedError
from pellucid.layers.activation import Activation
from pellucid.layers.base import InputLayer, Layer, Shape
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise, _SpatialDropout
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.group_normalization import GroupNormalization
from pellucid.layers.layer_normalization import LayerNormalization
from pellucid.layers.masking import Masking
from pellucid.layers.merging import _Merging
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.normalization import Normalization
from pellucid.layers.permute import Permute
from pellucid.layers.prelu import PReLU
from pellucid.layers.recurrent.base import _Recurrent
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.layers.recurrent.gru import GRU
from pellucid.layers.recurrent.rnn import RNN
from pellucid.layers.repeat_vector import RepeatVector
from pellucid.layers.reshape import Reshape
from pellucid.layers.windowed.base import _Kernel
from pellucid.layers.windowed.conv import _Convolution
from pellucid.layers.windowed.conv_transpose import _Transpose
from pellucid.layers.windowed.global_pool import GlobalAveragePool, GlobalMaxPool
from pellucid.layers.windowed.pool import _Pool
from pellucid.layers.windowed.resizing import _Cropping, _UpSampling, _ZeroPadding
from pellucid.layers.windowed.separable import _DepthwiseConv, _SeparableConv
from pellucid.layers.windowed.window import window_of
from pellucid.network import BaseNetwork, Use

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Rule = Callable[[Any, tuple[Shape, ...], Arrays], modules.Step]
RULES: dict[type[Layer], Rule] = {}
"""How a layer is written, by its class or one that it is derived from."""
_ACTIVATIONS: dict[str, Callable[[Any], nn.Module]] = {
    "relu": lambda _: nn.ReLU(),
    "sigmoid": lambda _: nn.Sigmoid(),
    "tanh": lambda _: nn.Tanh(),
    "selu": lambda _: nn.SELU(),
    "silu": lambda _: nn.SiLU(),
    "mish": lambda _: nn.Mish(),
    "softplus": lambda _: nn.Softplus(threshold=60),
    "hard_sigmoid": lambda _: nn.Hardsigmoid(),
    "leaky_relu": lambda o: nn.LeakyReLU(o.get("slope", 0.3)),
    "elu": lambda o: nn.ELU(o.get("alpha", 1.0)),
    "gelu": lambda o: nn.GELU(o.get("approximate", "none")),
}
_ALONG = {"softmax": nn.Softmax, "log_softmax": nn.LogSoftmax}


def module_of(net: BaseNetwork, *, channels_last: bool = False) -> modules.NetworkModule:
    """See `pellucid.interchange.pytorch.to_torch`."""
    net.check_fixed("a module", "to_torch()")
    arrays = {path: np.asarray(array) for path, array in net.parameters.snapshot().items()}
    module = _module(net, arrays, channels_last).to(torch.float64 if net.dtype == np.float64 else torch.float32)
    return module.eval()  # type: ignore[no-any-return]


def _module(net: BaseNetwork, arrays: Arrays, channels_last: bool) -> modules.NetworkModule:
    layers: dict[str, modules.Step] = {}
    plan: list[tuple[str, str, Sequence[str]]] = []
    problems: list[str] = []
    masked: set[str] = set()
    for use in net.uses:
        if isinstance(use.layer, InputLayer):
            continue
        plan.append((use.path, use.home, use.parents))
        comes = any(p in masked for p in use.parents)
        if leaves_mask(use.layer, comes):
            masked.add(use.path)
        if use.home not in layers:
            try:
                if comes:
                    _refuse_mask(use)
                layers[use.home] = _step(use, arrays)
            except UnsupportedError as error:
                problems.append(f'"{use.home}" ({type(use.layer).__name__}{f" {error}" if str(error) else ""})')
    if problems:
        raise UnsupportedError(
            f"the network has layers that PyTorch does not have: {', '.join(dict.fromkeys(problems))}"
        )
    return modules.NetworkModule(layers, plan, dict(net.input_shapes), list(net.output_shapes), channels_last)


def _refuse_mask(use: Use) -> None:
    """Refuse what does not leave out steps there as it does here."""
    states = isinstance(use.layer, _Recurrent | Bidirectional) and len(use.parents) > 1
    other = isinstance(use.layer, Masking) and len(use.parents) > 1
    if states or other or isinstance(use.layer, BatchNormalization | BaseNetwork) or loses_mask(use.layer):
        raise UnsupportedError("of steps with a mask")


def _step(use: Use, arrays: Arrays) -> modules.Step:
    own = {k.removeprefix(f"{use.home}."): a for k, a in arrays.items() if k.startswith(f"{use.home}.")}
    if isinstance(use.layer, BaseNetwork):
        step: modules.Step = modules.Inner(_module(use.layer, own, False))
    else:
        rule = next((RULES[kind] for kind in type(use.layer).__mro__ if kind in RULES), None)
        if rule is None:
            raise UnsupportedError("")
        step = rule(use.layer, use.shapes, own)
    if not use.layer.trainable:
        step.requires_grad_(False)
    return step


def _of(*kinds: type[Layer]) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def _put(module: Any, **arrays: Array | None) -> Any:
    """A module with these numbers as its parameters and buffers."""
    for name, array in arrays.items():
        if array is not None:
            tensor = torch.tensor(np.ascontiguousarray(array))
            target = getattr(module, name)
            if tuple(target.shape) != tuple(tensor.shape):
                raise UnsupportedError(f"whose {name} has the shape {tuple(tensor.shape)}")
            target.data = tensor
    return module


def _activated(spec: ActivationLike, axis: int) -> dict[str, nn.Module]:
    """An activation as a module; `axis` is that of the channels."""
    chosen = activation(spec)
    if chosen.name == "linear":
        return {}
    if chosen.name in _ALONG:
        return {"activation": _ALONG[chosen.name](axis)}
    if chosen.name not in _ACTIVATIONS:
        raise UnsupportedError(f"with the activation {chosen.name}")
    return {"activation": _ACTIVATIONS[chosen.name](chosen.options)}


@_of(Dense)
def _dense(layer: Dense, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    linear = nn.Linear(shapes[0][-1], layer.units, bias=layer.use_bias)
    _put(linear, weight=own["kernel"].T, bias=own.get("bias"))
    return modules.Plain("last", linear=linear, **_activated(layer.activation, -1))


@_of(Activation)
def _activation(layer: Activation, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Plain("any", **_activated(layer.activation, 1 if len(shapes[0]) > 2 else -1))


@_of(Dropout)
def _dropout(layer: Dropout, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Plain("any", dropout=nn.Dropout(layer.rate))


@_of(_SpatialDropout)
def _spatial_dropout(layer: _SpatialDropout, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Plain("first", dropout=_ranked("Dropout", layer.rank)(layer.rate))


@_of(GaussianNoise)
def _noise(layer: GaussianNoise, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Plain("any", noise=modules.GaussianNoise(layer.stddev))


@_of(Normalization)
def _scaling(layer: Normalization, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    mean, deviation = (torch.tensor(np.ascontiguousarray(own[k])) for k in ("mean", "deviation"))
    return modules.Plain("last", scaling=modules.Scaling(mean, deviation, layer.invert))


@_of(Flatten)
def _flatten(layer: Flatten, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Shaped([-1])


@_of(Reshape)
def _reshape(layer: Reshape, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Shaped(layer.shape)


@_of(Permute)
def _permute(layer: Permute, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Shaped([], layer.dims)


@_of(RepeatVector)
def _repeat(layer: RepeatVector, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Repeat(layer.n)


@_of(_Merging)
def _merge(layer: Layer, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Merge(type(layer).__name__)


@_of(Embedding)
def _embedding(layer: Embedding, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    table = _put(nn.Embedding(layer.input_dim, layer.output_dim), weight=own["embeddings"])
    return modules.Embedding(table, layer.mask_zero)


@_of(Masking)
def _masking(layer: Masking, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    if len(shapes) > 1:
        raise UnsupportedError("with a mask of its own")
    return modules.Masking(layer.value)


@_of(PReLU)
def _prelu(layer: PReLU, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.PReLU(torch.tensor(own["alpha"]))


@_of(GlobalMaxPool, GlobalAveragePool)
def _global_pool(layer: Layer, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.GlobalPool("mean" if isinstance(layer, GlobalAveragePool) else "max")


# Normalisation


@_of(BatchNormalization)
def _batch_normalization(layer: BatchNormalization, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    channels = shapes[0][-1]
    norm = getattr(modules, f"BatchNorm{max(len(shapes[0]) - 1, 1)}d")(
        channels, eps=layer.epsilon, momentum=1 - layer.momentum
    )
    _put(norm, running_mean=own["mean"], running_var=own["variance"])
    return modules.Plain("first", norm=_scaled(norm, layer, own))


def _scaled(norm: Any, layer: Any, own: Arrays) -> Any:
    """γ and β put in; those that the layer does not have are 1 and 0, and stay so."""
    _put(norm, weight=own.get("gamma"), bias=own.get("beta"))
    norm.weight.requires_grad_(layer.scale)
    norm.bias.requires_grad_(layer.center)
    return norm


@_of(LayerNormalization)
def _layer_normalization(layer: LayerNormalization, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    norm = nn.LayerNorm(shapes[0][-1], eps=layer.epsilon)
    return modules.Plain("last", norm=_scaled(norm, layer, own))


@_of(GroupNormalization)
def _group_normalization(layer: GroupNormalization, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    channels = shapes[0][-1]
    norm = nn.GroupNorm(layer.groups if layer.groups > 0 else channels, channels, eps=layer.epsilon)
    return modules.Plain("first", norm=_scaled(norm, layer, own))


# Windows


def _ranked(kind: str, rank: int) -> Any:
    """PyTorch's module of this kind for sequences, images or volumes."""
    return getattr(nn, f"{kind}{rank}d")


def _padded(padding: Sequence[tuple[int, int]]) -> list[int]:
    """Padding as PyTorch's `pad` wants it: the last axis first."""
    return [end for pair in reversed(padding) for end in pair]


def _ahead(rank: int, padding: Sequence[tuple[int, int]], value: float = 0.0) -> dict[str, nn.Module]:
    """A module that pads, where something is to be padded."""
    ends = _padded(padding)
    return {"padding": _ranked("ConstantPad", rank)(tuple(ends), value)} if any(ends) else {}


def _even(padding: Sequence[tuple[int, int]]) -> bool:
    return all(low == high for low, high in padding)


def _kernel(array: Array) -> Array:
    """(u, v, c, f) as (f, c, u, v)."""
    return np.moveaxis(array, (-1, -2), (0, 1))


@_of(_Convolution)
def _convolution(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    conv, ahead = _conv(layer, shapes[0], layer.filters, layer.groups)
    _put(conv, weight=_kernel(own["kernel"]), bias=own.get("bias"))
    return modules.Plain("first", **ahead, conv=conv, **_activated(layer.activation, 1))


def _conv(layer: _Kernel, shape: Shape, filters: int, groups: int) -> tuple[Any, dict[str, nn.Module]]:
    window, _ = window_of(layer, shape)
    even = _even(window.padding)
    conv = _ranked("Conv", layer.rank)(
        shape[-1],
        filters,
        window.size,
        stride=window.stride,
        padding=tuple(low for low, _ in window.padding) if even else 0,
        dilation=window.dilation,
        groups=groups,
        bias=layer.use_bias,
    )
    return conv, {} if even else _ahead(layer.rank, window.padding)


@_of(_DepthwiseConv)
def _depthwise(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    channels = shapes[0][-1]
    conv, ahead = _conv(layer, shapes[0], channels * layer.depth_multiplier, channels)
    _put(conv, weight=_depthwise_kernel(own["kernel"]), bias=own.get("bias"))
    return modules.Plain("first", **ahead, conv=conv, **_activated(layer.activation, 1))


def _depthwise_kernel(array: Array) -> Array:
    """(u, v, c, m) as (c · m, 1, u, v)."""
    moved = np.moveaxis(array, (-2, -1), (0, 1))
    return moved.reshape(-1, 1, *moved.shape[2:])


@_of(_SeparableConv)
def _separable(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    channels = shapes[0][-1]
    wide = channels * layer.depth_multiplier
    each, ahead = _conv(layer, shapes[0], wide, channels)
    if each.bias is not None:
        each.bias = None
    _put(each, weight=_depthwise_kernel(own["depthwise_kernel"]))
    point = _ranked("Conv", layer.rank)(wide, layer.filters, 1, bias=layer.use_bias)
    _put(point, weight=_kernel(own["pointwise_kernel"]), bias=own.get("bias"))
    return modules.Plain("first", **ahead, depthwise=each, pointwise=point, **_activated(layer.activation, 1))


@_of(_Transpose)
def _transposed(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    window, extents = window_of(layer, shapes[0])
    places = zip(shapes[0][:-1], window.spans, window.stride, window.padding, strict=True)
    more = [e - ((p - 1) * s + span - sum(pad)) for e, (p, span, s, pad) in zip(extents, places, strict=True)]
    extra = [low - high + m for (low, high), m in zip(window.padding, more, strict=True)]
    limits = [max(s, d) for s, d in zip(window.stride, window.dilation, strict=True)]
    fits = all(0 <= e < limit for e, limit in zip(extra, limits, strict=True))
    conv = _ranked("ConvTranspose", layer.rank)(
        shapes[0][-1],
        layer.filters,
        window.size,
        stride=window.stride,
        padding=tuple(low for low, _ in window.padding) if fits else 0,
        output_padding=tuple(extra) if fits else tuple(more),
        dilation=window.dilation,
        bias=layer.use_bias,
    )
    _put(conv, weight=_kernel(own["kernel"]), bias=own.get("bias"))
    cropping = {} if fits else _ahead(layer.rank, [(-low, -high) for low, high in window.padding])
    return modules.Plain("first", conv=conv, **cropping, **_activated(layer.activation, 1))


@_of(_Pool)
def _pool(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    window, _ = window_of(layer, shapes[0])
    mean = layer.pool is average_pool
    inside = _even(window.padding) and all(
        2 * low <= k for (low, _), k in zip(window.padding, window.size, strict=True)
    )
    options = {"stride": window.stride, "padding": tuple(low for low, _ in window.padding) if inside else 0}
    if mean:
        pool = _ranked("AvgPool", layer.rank)(window.size, count_include_pad=False, **options)
        ends = _padded(window.padding)
        return modules.Plain("first", pool=pool if inside else modules.Mean(pool, ends))
    smallest = layer.pool is min_pool
    ahead = {} if inside else _ahead(layer.rank, window.padding, np.inf if smallest else -np.inf)
    pool = _ranked("MaxPool", layer.rank)(window.size, **options)
    return modules.Plain("first", **ahead, pool=modules.Minimum(pool) if smallest else pool)


@_of(_ZeroPadding, _Cropping)
def _resized(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    crops = isinstance(layer, _Cropping)
    pairs: Any = paddings_of(layer.cropping if crops else layer.padding, layer.rank, "padding")
    pairs = [(-low, -high) for low, high in pairs] if crops else pairs
    return modules.Plain("first", **_ahead(layer.rank, pairs))


@_of(_UpSampling)
def _up_sampling(layer: Any, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    return modules.Plain("first", upsample=nn.Upsample(scale_factor=sizes_of(layer.size, layer.rank, "size")))


# Sequences


@_of(_Recurrent)
def _recurrent(layer: _Recurrent, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    inner = _cell(layer, shapes[0][-1], False)
    _gates(inner, layer, own, "")
    return modules.Recurrent(inner, layer.return_sequences, layer.go_backwards, None)


@_of(Bidirectional)
def _bidirectional(layer: Bidirectional, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    inner = _cell(layer.layer, shapes[0][-1], True)
    for way, suffix in (("forward", ""), ("backward", "_reverse")):
        part = {k.removeprefix(f"{way}."): a for k, a in own.items() if k.startswith(f"{way}.")}
        _gates(inner, layer.layer, part, suffix)
    return modules.Recurrent(inner, layer.layer.return_sequences, False, layer.merge_mode)


def _cell(layer: _Recurrent, features: int, both: bool) -> Any:
    options = {"batch_first": True, "bidirectional": both, "bias": layer.use_bias}
    used = activation(layer.activation).name
    if isinstance(layer, RNN):
        if used not in ("tanh", "relu"):
            raise UnsupportedError(f"with the activation {used}")
        return nn.RNN(features, layer.units, nonlinearity=used, **options)
    gates = activation(layer.gate_activation).name  # type: ignore[attr-defined]
    if (used, gates) != ("tanh", "sigmoid"):
        raise UnsupportedError(f"with the activations {used} and {gates}")
    if isinstance(layer, GRU):
        if not layer.reset_after:
            raise UnsupportedError("with reset_after=False")
        return nn.GRU(features, layer.units, **options)
    return nn.LSTM(features, layer.units, **options)


def _gates(module: Any, layer: _Recurrent, own: Arrays, suffix: str) -> None:
    """Kernels and biases. The second bias, which an RNN and an LSTM do not have here, is 0 and is not trained."""
    order = GATES["gru"] if isinstance(layer, GRU) else tuple(range(layer.gates))
    inverse = [order.index(k) for k in range(len(order))]

    def joined(array: Array) -> Array:
        if layer.gates == 1:
            return array.T
        picked = array[..., inverse, :]
        return picked.reshape(*picked.shape[:-2], -1).T

    names = {"weight_ih_l0": "kernel", "weight_hh_l0": "recurrent_kernel", "bias_ih_l0": "bias"}
    names |= {"bias_hh_l0": "recurrent_bias"}
    _put(module, **{f"{theirs}{suffix}": joined(own[ours]) for theirs, ours in names.items() if ours in own})
    if layer.use_bias and "recurrent_bias" not in own:
        second = getattr(module, f"bias_hh_l0{suffix}")
        second.data.zero_()
        second.requires_grad_(False)


@_of(MultiHeadAttention)
def _attention(layer: MultiHeadAttention, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    features = shapes[0][-1], shapes[-1][-1]
    step = modules.Attention(layer.num_heads, layer.key_dim, *features, layer.causal, layer.use_bias)
    width = layer.num_heads * layer.key_dim
    for part in ("query", "key", "value"):
        bias = own.get(f"{part}.bias")
        kernel = own[f"{part}.kernel"].reshape(-1, width)
        _put(getattr(step, part), weight=kernel.T, bias=None if bias is None else bias.reshape(-1))
    _put(step.output, weight=own["output.kernel"].reshape(width, -1).T, bias=own.get("output.bias"))
    return step


@_of(Operator)
def _operator(layer: Operator, shapes: tuple[Shape, ...], own: Arrays) -> modules.Step:
    known = {
        *modules.ELEMENTWISE,
        "Gather",
        "Slice",
        "Concat",
        "Clip",
        "ReduceMean",
        "ReduceMax",
        "ReduceSum",
        "Attention",
    }
    if layer.operator not in known:
        raise UnsupportedError(layer.operator)
    arguments: list[Any] = []
    for given in layer.inputs:
        if given is None:
            arguments.append(None)
        elif "from" in given:
            if int(given["batch"]) != 0 or given.get("merged") is not None:
                raise UnsupportedError("whose batch is not in front")
            arguments.append("value")
        elif "parameter" in given:
            trained = bool(given.get("trained"))
            arguments.append(nn.Parameter(torch.tensor(own[str(given["parameter"])]), requires_grad=trained))
        else:
            array = np.asarray(given["number"], str(given["dtype"])).reshape([int(s) for s in given["shape"]])
            arguments.append(torch.tensor(array))
    return modules.Operation(layer.operator, arguments, dict(layer.attributes))
