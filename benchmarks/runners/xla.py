"""JAX: the whole step one jitted function, whose state is donated."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pellucid as pl
from benchmarks.runners import ADAM, Array, Steps, activation, batches, layers
from pellucid.network import Use


def model(net: pl.Network) -> Callable[[Any, Any], Any]:
    """A function of the parameters by path and of the examples: the sums before the softmax."""
    parts = [(use, _layer(use)) for use in layers(net)]

    def logits(parameters: Any, x: Any) -> Any:
        for use, part in parts:
            x = part({n.rsplit(".", 1)[1]: a for n, a in parameters.items() if n.startswith(f"{use.path}.")}, x)
            if activation(use) == "relu":
                x = jax.nn.relu(x)
        return x

    return logits


def training(net: pl.Network, x: Array, y: Array, *, batch: int, threads: int, compiled: bool) -> Steps:
    """The process's CPUs say how many threads there are."""
    logits = model(net)

    def loss_of(parameters: Any, inputs: Any, targets: Any) -> Any:
        logs = jax.nn.log_softmax(logits(parameters, inputs))
        return -jnp.take_along_axis(logs, targets[..., None], axis=-1).mean()

    def update(state: Any, inputs: Any, targets: Any) -> Any:
        parameters, first, second, t = state
        loss, gradients = jax.value_and_grad(loss_of)(parameters, inputs, targets)
        t = t + 1
        b1, b2 = ADAM.beta_1, ADAM.beta_2
        first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, second, gradients)
        rate, scale = ADAM.initial_rate / (1 - b1**t), 1 / (1 - b2**t)
        parameters = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v * scale) + ADAM.epsilon), parameters, first, second
        )
        return (parameters, first, second, t), loss

    step = jax.jit(update, donate_argnums=0)
    start = {path: jnp.array(a) for path, a in net.parameters.items()}
    zeros = [jax.tree.map(jnp.zeros_like, start) for _ in range(2)]
    state: Any = (start, *zeros, jnp.zeros((), jnp.float32))
    endless = itertools.cycle([(jnp.array(a), jnp.array(b)) for a, b in batches(x, y, batch)])

    def steps(count: int) -> Array:
        nonlocal state
        losses = []
        for inputs, targets in itertools.islice(endless, count):
            state, loss = step(state, inputs, targets)
            losses.append(loss)
        jax.block_until_ready((state, losses))
        return np.array(losses)

    return steps


def inference(net: pl.Network, x: Array, *, threads: int, compiled: bool) -> Steps:
    logits = model(net)
    run = jax.jit(lambda parameters, inputs: jax.nn.softmax(logits(parameters, inputs)))
    parameters, inputs = {path: jnp.array(a) for path, a in net.parameters.items()}, jnp.array(x)

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            run(parameters, inputs).block_until_ready()
        return np.array(run(parameters, inputs))

    return calls


def _layer(use: Use) -> Callable[[dict[str, Any], Any], Any]:
    layer = use.layer
    if isinstance(layer, pl.Dense):
        return lambda p, x: x @ p["kernel"] + p["bias"]
    if isinstance(layer, pl.Conv2D):
        padding = "SAME" if use.shape[:2] == use.shapes[0][:2] else "VALID"
        kinds = ("NHWC", "HWIO", "NHWC")
        return lambda p, x: (
            jax.lax.conv_general_dilated(x, p["kernel"], (1, 1), padding, dimension_numbers=kinds) + p["bias"]
        )
    if isinstance(layer, pl.MaxPool2D):
        window = (1, 2, 2, 1)
        return lambda p, x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
    if isinstance(layer, pl.Embedding):
        return lambda p, x: p["embeddings"][x]
    if isinstance(layer, pl.LSTM):
        return _lstm
    if isinstance(layer, pl.RNN):
        return _rnn
    return lambda p, x: x.reshape(len(x), -1)


def _lstm(p: dict[str, Any], x: Any) -> Any:
    units = p["recurrent_kernel"].shape[0]
    z = x @ p["kernel"].reshape(x.shape[-1], -1) + p["bias"].reshape(-1)
    u = p["recurrent_kernel"].reshape(units, -1)

    def step(carry: Any, now: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(now + h @ u, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((len(x), units), x.dtype)
    return jax.lax.scan(step, (zero, zero), z.swapaxes(0, 1))[1].swapaxes(0, 1)


def _rnn(p: dict[str, Any], x: Any) -> Any:
    z = x @ p["kernel"] + p["bias"]

    def step(h: Any, now: Any) -> Any:
        h = jnp.tanh(now + h @ p["recurrent_kernel"])
        return h, h

    zero = jnp.zeros((len(x), p["recurrent_kernel"].shape[0]), x.dtype)
    return jax.lax.scan(step, zero, z.swapaxes(0, 1))[1].swapaxes(0, 1)
