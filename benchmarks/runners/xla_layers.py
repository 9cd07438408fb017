"""Pellucid's layers as functions of arrays in JAX, which JAX then compiles and differentiates as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import jax
import jax.numpy as jnp

import pellucid as pl
from benchmarks.runners.graph import RECURRENT, Graph, Translations, activation, directions, window
from pellucid.network import Use

Values = dict[str, Any]
"""A layer's parameters by their names in it."""
LAYERS: Translations[Callable[..., Any]] = Translations()
"""Functions of the use, its parameters and the values that it reads."""
ACTIVATIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "linear": lambda z: z,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softmax": jax.nn.softmax,
}
NAMES: Final = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC")}
"""How convolutions find their axes, by the number of those that the window moves along."""


def output(net: pl.Network, parameters: Values, x: Any, *, training: bool) -> tuple[Any, Values]:
    """The network's output, and parameters that a step changes without a gradient.

    In training it ends before its softmax or sigmoid.
    """
    uses = {use.path: use for use in net.uses}
    updates: Values = {}

    def apply(path: str, *inputs: Any) -> Any:
        use = uses[path]
        prefix = f"{use.home}."
        given = {p.removeprefix(prefix): a for p, a in parameters.items() if p.startswith(prefix)}
        if training and isinstance(use.layer, pl.BatchNormalization):
            given, new = _follow(use, given, *inputs)
            updates.update({prefix + name: value for name, value in new.items()})
        value = LAYERS.find(use)(use, given, *inputs)
        return ACTIVATIONS[activation(net, use, sums=training)](value)

    return Graph(net)(apply, x), updates


def _with_bias(value: Any, p: Values) -> Any:
    return value + p["bias"] if "bias" in p else value


@LAYERS.of(pl.Dense)
def _dense(use: Use, p: Values, x: Any) -> Any:
    return _with_bias(x @ p["kernel"], p)


@LAYERS.of(pl.Conv1D, pl.Conv2D)
def _convolution(use: Use, p: Values, x: Any) -> Any:
    moving = window(use)
    value = jax.lax.conv_general_dilated(
        x,
        p["kernel"],
        moving.stride,
        moving.padding,
        rhs_dilation=moving.dilation,
        dimension_numbers=NAMES[len(moving.size)],
    )
    return _with_bias(value, p)


@LAYERS.of(pl.ConvTranspose1D, pl.ConvTranspose2D)
def _transposed(use: Use, p: Values, x: Any) -> Any:
    """A convolution over places that stand strides apart, its kernel turned round."""
    moving = window(use)
    rank = len(moving.size)
    low = [span - 1 - before for span, (before, _) in zip(moving.spans, moving.padding, strict=True)]
    # as many places at the end as give the output's extent
    spread = [(extent - 1) * stride + 1 for extent, stride in zip(use.shapes[0][:-1], moving.stride, strict=True)]
    high = [
        extent + span - 1 - places - before
        for extent, span, places, before in zip(use.shape[:-1], moving.spans, spread, low, strict=True)
    ]
    kernel = jnp.flip(p["kernel"], tuple(range(rank))).swapaxes(-1, -2)
    value = jax.lax.conv_general_dilated(
        x,
        kernel,
        (1,) * rank,
        list(zip(low, high, strict=True)),
        lhs_dilation=moving.stride,
        rhs_dilation=moving.dilation,
        dimension_numbers=NAMES[rank],
    )
    return _with_bias(value, p)


@LAYERS.of(pl.MaxPool1D, pl.MaxPool2D)
def _pool(use: Use, p: Values, x: Any) -> Any:
    moving = window(use)
    size, stride = (1, *moving.size, 1), (1, *moving.stride, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, size, stride, ((0, 0), *moving.padding, (0, 0)))


@LAYERS.of(pl.GlobalAveragePool)
def _mean(use: Use, p: Values, x: Any) -> Any:
    return x.mean(tuple(range(1, x.ndim - 1)))


def _follow(use: Use, p: Values, x: Any) -> tuple[Values, Values]:
    """In training: the batch's statistics in the place of the running ones, and the running ones after them."""
    axes, momentum = tuple(range(x.ndim - 1)), use.layer.momentum  # type: ignore[attr-defined]
    own = {"mean": x.mean(axes), "variance": x.var(axes)}
    new = {name: momentum * p[name] + (1 - momentum) * value for name, value in own.items()}
    return {**p, **own}, new


@LAYERS.of(pl.BatchNormalization)
def _batch_normalization(use: Use, p: Values, x: Any) -> Any:
    scale = p["gamma"] * jax.lax.rsqrt(p["variance"] + use.layer.epsilon)  # type: ignore[attr-defined]
    return (x - p["mean"]) * scale + p["beta"]


@LAYERS.of(pl.LayerNormalization)
def _layer_normalization(use: Use, p: Values, x: Any) -> Any:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + use.layer.epsilon) * p["gamma"] + p["beta"]  # type: ignore[attr-defined]


@LAYERS.of(pl.Embedding)
def _embedding(use: Use, p: Values, x: Any) -> Any:
    return p["embeddings"][x]


@LAYERS.of(pl.Flatten)
def _flatten(use: Use, p: Values, x: Any) -> Any:
    return x.reshape(len(x), -1)


@LAYERS.of(pl.Activation)
def _itself(use: Use, p: Values, x: Any) -> Any:
    return x


@LAYERS.of(pl.Add)
def _add(use: Use, p: Values, *inputs: Any) -> Any:
    return sum(inputs[1:], inputs[0])


@LAYERS.of(pl.MultiHeadAttention)
def _attention(use: Use, p: Values, x: Any) -> Any:
    parts = [
        jnp.einsum("nti,ihd->nthd", x, p[f"{part}.kernel"]) + p[f"{part}.bias"] for part in ("query", "key", "value")
    ]
    y = jax.nn.dot_product_attention(*parts, is_causal=use.layer.causal)
    return jnp.einsum("nthd,hdo->nto", y, p["output.kernel"]) + p["output.bias"]


@LAYERS.of(*RECURRENT, pl.Bidirectional)
def _recurrent(use: Use, p: Values, x: Any) -> Any:
    layer, ways = directions(use, p)
    states = [_scan(layer, way, x, reverse=place == 1) for place, way in enumerate(ways)]
    if not layer.return_sequences:  # the state at the step where the direction ends
        states = [h[0] if place == 1 else h[-1] for place, h in enumerate(states)]
        return jnp.concatenate(states, -1)
    return jnp.concatenate(states, -1).swapaxes(0, 1)


def _scan(layer: Any, p: Values, x: Any, *, reverse: bool) -> Any:
    """All states (t, n, units), the inputs' products taken in one before the steps."""
    cell, carried = CELLS[type(layer)]
    z = x @ p["kernel"].reshape(x.shape[-1], -1) + p["bias"].reshape(-1)
    u = p["recurrent_kernel"].reshape(layer.units, -1)
    d = p["recurrent_bias"].reshape(-1) if "recurrent_bias" in p else 0
    zeros = tuple(jnp.zeros((len(x), layer.units), x.dtype) for _ in range(carried))

    def step(carry: Any, now: Any) -> Any:
        new = cell(carry, now, carry[0] @ u + d)
        return new, new[0]

    return jax.lax.scan(step, zeros, z.swapaxes(0, 1), reverse=reverse)[1]


def _rnn(carry: Any, now: Any, state: Any) -> Any:
    return (jnp.tanh(now + state),)


def _lstm(carry: Any, now: Any, state: Any) -> Any:
    i, f, g, o = jnp.split(now + state, 4, axis=-1)
    c = jax.nn.sigmoid(f) * carry[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(carry: Any, now: Any, state: Any) -> Any:
    (az, ar, ac), (uz, ur, uc) = jnp.split(now, 3, axis=-1), jnp.split(state, 3, axis=-1)
    z, r = jax.nn.sigmoid(az + uz), jax.nn.sigmoid(ar + ur)
    return (z * carry[0] + (1 - z) * jnp.tanh(ac + r * uc),)


CELLS: Final[dict[type[pl.Layer], tuple[Callable[..., Any], int]]] = {
    pl.RNN: (_rnn, 1),
    pl.LSTM: (_lstm, 2),
    pl.GRU: (_gru, 1),
}
"""What one step makes of the states before it, the inputs' part and the states' part of the sums; and how many states
it carries."""
