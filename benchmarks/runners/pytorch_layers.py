"""Pellucid's layers as PyTorch has them: a module or a function for each, with the layer's parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

import pellucid as pl
from benchmarks.runners import Array
from benchmarks.runners.graph import (
    RECURRENT,
    Graph,
    Translations,
    activation,
    channels_first,
    directions,
    even_padding,
    kernel,
    values,
    window,
)
from pellucid.network import Use

LAYERS: Translations[Callable[[pl.Network, Use], Any]] = Translations()
"""Functions of the network and the use; they give a module."""
ACTIVATIONS: Final[dict[str, Callable[[], Any]]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softmax": lambda: nn.Softmax(-1),
}
GATES: Final[dict[type[pl.Layer], tuple[Any, list[int]]]] = {
    pl.RNN: (nn.RNN, [0]),
    pl.LSTM: (nn.LSTM, [0, 1, 2, 3]),
    pl.GRU: (nn.GRU, [1, 0, 2]),
}
"""The recurrent layers, and where Pellucid has the gates that PyTorch has in this order: r, z, n of the GRU."""


def model(net: pl.Network, *, sums: bool) -> Any:
    """The network as a module, with Pellucid's weights.

    Its `forward` is written out, one call of a module after the other, as a user writes it: code of its own, which
    torch.compile takes in one piece, and in a few where a recurrent layer stands in it.

    Args:
        sums: whether it ends before its softmax or sigmoid.
    """
    torch.set_default_dtype(torch.float64 if net.dtype == np.float64 else torch.float32)
    uses = {use.path: use for use in net.uses}
    code, modules = fx.Graph(), {}

    def apply(path: str, *inputs: Any) -> Any:
        use = uses[path]
        modules[path] = LAYERS.find(use)(net, use)
        value = code.call_module(path, inputs)
        name = activation(net, use, sums=sums)
        if name == "linear":
            return value
        modules[f"{path}_{name}"] = ACTIVATIONS[name]()
        return code.call_module(f"{path}_{name}", (value,))

    code.output(Graph(net)(apply, code.placeholder("x")))
    return fx.GraphModule(modules, code)


def _assign(module: Any, **arrays: Array) -> None:
    with torch.no_grad():
        for name, array in arrays.items():
            getattr(module, name).copy_(torch.from_numpy(np.ascontiguousarray(array)))


def _with_bias(module: Any, weight: Array, given: dict[str, Array]) -> Any:
    _assign(module, weight=weight, **({"bias": given["bias"]} if "bias" in given else {}))
    return module


@LAYERS.of(pl.Dense)
def _dense(net: pl.Network, use: Use) -> Any:
    weight, given = kernel(net, use).T, values(net, use)
    return _with_bias(nn.Linear(weight.shape[1], weight.shape[0], bias="bias" in given), weight, given)


@LAYERS.of(pl.Conv1D, pl.Conv2D)
def _convolution(net: pl.Network, use: Use) -> Any:
    given, moving = values(net, use), window(use)
    weight = np.moveaxis(given["kernel"], (-1, -2), (0, 1))
    kind = nn.Conv2d if len(moving.size) == 2 else nn.Conv1d
    made = kind(
        use.shapes[0][-1],
        len(weight),
        moving.size,
        stride=moving.stride,
        padding=even_padding(use),
        dilation=moving.dilation,
        bias="bias" in given,
    )
    return _with_bias(made, weight, given)


@LAYERS.of(pl.ConvTranspose1D, pl.ConvTranspose2D)
def _transposed(net: pl.Network, use: Use) -> Any:
    given, moving = values(net, use), window(use)
    weight = np.moveaxis(given["kernel"], (-1, -2), (0, 1))
    kind = nn.ConvTranspose2d if len(moving.size) == 2 else nn.ConvTranspose1d
    made = kind(*weight.shape[:2], moving.size, moving.stride, even_padding(use), bias="bias" in given)
    return _with_bias(made, weight, given)


@LAYERS.of(pl.MaxPool1D, pl.MaxPool2D)
def _pool(net: pl.Network, use: Use) -> Any:
    moving = window(use)
    kind = nn.MaxPool2d if len(moving.size) == 2 else nn.MaxPool1d
    return kind(moving.size, moving.stride, even_padding(use))


class _Mean(nn.Module):  # type: ignore[misc]  # torch is not looked into
    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return x.mean(self.axes)


@LAYERS.of(pl.GlobalAveragePool)
def _mean(net: pl.Network, use: Use) -> Any:
    places = len(use.shapes[0]) - 1
    first = use.parents[0] in channels_first(net)
    axes = tuple(range(2, 2 + places)) if first else tuple(range(1, 1 + places))
    return _Mean(axes)


@LAYERS.of(pl.BatchNormalization)
def _batch_normalization(net: pl.Network, use: Use) -> Any:
    """PyTorch's running variance is over N − 1; no loss of a training shows that."""
    layer: Any = use.layer
    given = values(net, use)
    kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d}[len(use.shape)]
    made = kind(use.shape[-1], eps=layer.epsilon, momentum=1 - layer.momentum)
    _assign(made, weight=given["gamma"], bias=given["beta"], running_mean=given["mean"], running_var=given["variance"])
    return made


@LAYERS.of(pl.LayerNormalization)
def _layer_normalization(net: pl.Network, use: Use) -> Any:
    layer: Any = use.layer
    given = values(net, use)
    made = nn.LayerNorm(use.shape[-1], eps=layer.epsilon)
    _assign(made, weight=given["gamma"], bias=given["beta"])
    return made


@LAYERS.of(pl.Embedding)
def _embedding(net: pl.Network, use: Use) -> Any:
    table = values(net, use)["embeddings"]
    made = nn.Embedding(*table.shape)
    _assign(made, weight=table)
    return made


@LAYERS.of(pl.Flatten)
def _flatten(net: pl.Network, use: Use) -> Any:
    return nn.Flatten()


@LAYERS.of(pl.Activation)
def _itself(net: pl.Network, use: Use) -> Any:
    return nn.Identity()


class _Add(nn.Module):  # type: ignore[misc]
    def forward(self, first: Any, *others: Any) -> Any:
        return sum(others, first)


@LAYERS.of(pl.Add)
def _add(net: pl.Network, use: Use) -> Any:
    return _Add()


class _Recurrent(nn.Module):  # type: ignore[misc]
    """A recurrent layer that gives all states or the last ones, without what PyTorch gives beside them."""

    def __init__(self, layer: Any, *, sequences: bool) -> None:
        super().__init__()
        self.layer, self.sequences = layer, sequences

    def forward(self, x: Any) -> Any:
        states, last = self.layer(x)
        if self.sequences:
            return states
        last = last[0] if isinstance(last, tuple) else last  # an LSTM's cells are not asked for
        return last.transpose(0, 1).flatten(1)  # (directions, n, units) to (n, directions·units)


@LAYERS.of(*RECURRENT, pl.Bidirectional)
def _recurrent(net: pl.Network, use: Use) -> Any:
    """PyTorch has two biases, of the input's part and of the state's; one that Pellucid has not stays 0."""
    layer, ways = directions(use, values(net, use))
    kind, order = GATES[type(layer)]
    features, units = use.shapes[0][-1], layer.units
    made = kind(features, units, batch_first=True, bidirectional=len(ways) == 2)

    def rows(array: Array) -> Array:
        """(…, g, j) as (g·j, …), the gates in PyTorch's order."""
        return array.reshape(-1, len(order), units)[:, order].reshape(-1, len(order) * units).T

    for given, suffix in zip(ways, ("", "_reverse"), strict=False):
        state_bias = given.get("recurrent_bias")
        arrays = {
            "weight_ih_l0": rows(given["kernel"]),
            "weight_hh_l0": rows(given["recurrent_kernel"]),
            "bias_ih_l0": rows(given["bias"])[:, 0],
            "bias_hh_l0": np.zeros(len(order) * units) if state_bias is None else rows(state_bias)[:, 0],
        }
        _assign(made, **{name + suffix: array for name, array in arrays.items()})
        if state_bias is None:
            getattr(made, f"bias_hh_l0{suffix}").requires_grad_(False)
    return _Recurrent(made, sequences=layer.return_sequences)


class _Attention(nn.Module):  # type: ignore[misc]
    """Self-attention as a PyTorch user writes it for speed: one product for Q, K and V, and the fused kernel."""

    def __init__(self, features: int, heads: int, key_dim: int, *, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.inside = nn.Linear(features, 3 * heads * key_dim)
        self.outside = nn.Linear(heads * key_dim, features)

    def forward(self, x: Any) -> Any:
        n, t, _ = x.shape
        q, k, v = self.inside(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.outside(y.transpose(1, 2).reshape(n, t, -1))


@LAYERS.of(pl.MultiHeadAttention)
def _attention(net: pl.Network, use: Use) -> Any:
    layer: Any = use.layer
    given, features = values(net, use), use.shapes[0][-1]
    made = _Attention(features, layer.num_heads, layer.key_dim, causal=layer.causal)
    kernels = [given[f"{part}.kernel"].reshape(features, -1) for part in ("query", "key", "value")]
    biases = [given[f"{part}.bias"].reshape(-1) for part in ("query", "key", "value")]
    _assign(made.inside, weight=np.concatenate(kernels, axis=1).T, bias=np.concatenate(biases))
    _assign(made.outside, weight=given["output.kernel"].reshape(-1, features).T, bias=given["output.bias"])
    return made
