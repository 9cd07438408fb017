"""JAX: the whole step one jitted function, whose state is donated."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pellucid as pl
from benchmarks.runners import Array, Job, Steps, settings
from benchmarks.runners.xla_layers import output
from benchmarks.workloads import target


def training(job: Job) -> Steps:
    """The process's CPUs say how many threads there are."""
    net = job.net
    _precision(net)
    trainable = net.parameters.trainable
    measure = _LOSSES[target(net)]
    change, slots = _optimizer(job.optimizer)

    def loss_of(weights: Any, fixed: Any, inputs: Any, targets: Any) -> Any:
        sums, updates = output(net, {**weights, **fixed}, inputs, training=True)
        return measure(sums, targets), updates

    def update(state: Any, inputs: Any, targets: Any) -> Any:
        weights, fixed, moments, t = state
        (loss, updates), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights, fixed, inputs, targets)
        weights, moments = change(weights, gradients, moments, t + 1)
        return (weights, {**fixed, **updates}, moments, t + 1), loss

    step = jax.jit(update, donate_argnums=0)
    weights = {path: jnp.array(net.parameters[path]) for path in trainable}
    fixed = {path: jnp.array(a) for path, a in net.parameters.items() if path not in weights}
    moments = [jax.tree.map(jnp.zeros_like, weights) for _ in range(slots)]
    state: Any = (weights, fixed, moments, jnp.zeros((), net.dtype))
    endless = itertools.cycle([(jnp.array(a), jnp.array(b)) for a, b in job.batches()])

    def steps(count: int) -> Array:
        nonlocal state
        losses = []
        for inputs, targets in itertools.islice(endless, count):
            state, loss = step(state, inputs, targets)
            losses.append(loss)
        jax.block_until_ready((state, losses))
        return np.array(losses)

    return steps


def inference(job: Job) -> Steps:
    _precision(job.net)
    run = jax.jit(lambda parameters, inputs: output(job.net, parameters, inputs, training=False)[0])
    parameters, inputs = {path: jnp.array(a) for path, a in job.net.parameters.items()}, jnp.array(job.x)

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            run(parameters, inputs).block_until_ready()
        return np.array(run(parameters, inputs))

    return calls


def _precision(net: pl.Network) -> None:
    jax.config.update("jax_enable_x64", net.dtype == np.float64)


def _crossentropy(sums: Any, targets: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(sums), targets[..., None], axis=-1).mean()


def _binary_crossentropy(sums: Any, targets: Any) -> Any:
    return (jax.nn.softplus(sums) - targets * sums).mean()


def _squared_error(sums: Any, targets: Any) -> Any:
    return ((sums - targets) ** 2).mean()


_LOSSES = {"classes": _crossentropy, "images": _binary_crossentropy, "values": _squared_error}


def _optimizer(optimizer: pl.Optimizer) -> tuple[Any, int]:
    """The change of weights and moments by gradients in a step, and how many moments there are."""
    chosen = settings(optimizer)
    rate = chosen["learning_rate"]

    def sgd(weights: Any, gradients: Any, moments: Any, t: Any) -> Any:
        return jax.tree.map(lambda w, g: w - rate * g, weights, gradients), moments

    def adam(weights: Any, gradients: Any, moments: Any, t: Any) -> Any:
        b1, b2, epsilon = chosen["beta_1"], chosen["beta_2"], chosen["epsilon"]
        first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, moments[0], gradients)
        second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, moments[1], gradients)
        corrected, scale = rate / (1 - b1**t), 1 / (1 - b2**t)
        weights = jax.tree.map(
            lambda w, m, v: w - corrected * m / (jnp.sqrt(v * scale) + epsilon), weights, first, second
        )
        return weights, [first, second]

    return (sgd, 0) if chosen["name"] == "sgd" else (adam, 2)
