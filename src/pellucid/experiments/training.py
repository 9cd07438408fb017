"""Training with the same care for every arm: as many steps, as many rates tried, the rate chosen on validation data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import pellucid as pl

from .tasks import Array, Task

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
BATCH = 32
INITIAL = {"relu": "he_normal", "leaky_relu": "he_normal"}
"""The usual initial values of the kernels, by activation; of the others glorot_uniform."""


@dataclass(frozen=True)
class Fitted:
    """A network that was trained with the best of several rates.

    Attributes:
        validation, test: accuracies.
        loss: that of every epoch.
    """

    net: pl.Network
    rate: float
    validation: float
    test: float
    loss: list[float]


def dense(
    task: Task, widths: Sequence[int], activation: str, seed: int, *, initial: str | None = None
) -> Callable[[], pl.Network]:
    """A network of dense layers for a task, to be made afresh for every rate."""
    begin = initial or INITIAL.get(activation, "glorot_uniform")

    def make() -> pl.Network:
        hidden = [pl.Dense(width, activation=activation, kernel_initializer=begin) for width in widths]
        return pl.Network(*hidden, pl.Dense(task.classes, activation="softmax"), input_shape=task.features, seed=seed)

    return make


def fitted(
    make: Callable[[], pl.Network],
    task: Task,
    *,
    steps: int,
    rates: Sequence[float] = RATES,
    batch_size: int = BATCH,
    clip_norm: float | None = None,
) -> Fitted:
    """Train with every rate by Adam for about so many steps, and keep the network with the best validation accuracy.

    Where two are equally accurate, that with the smaller validation loss. A training that stops being finite counts as
    one with accuracy 0.
    """
    n = len(task.train[0])
    epochs = max(1, round(steps / math.ceil(n / batch_size)))
    best: tuple[tuple[float, float], Fitted] | None = None
    for rate in rates:
        net = make()
        try:
            history = net.fit(
                *task.train,
                epochs=epochs,
                batch_size=batch_size,
                optimizer=pl.Adam(rate),
                clip_norm=clip_norm,
                verbose=0,
            )
            score = net.evaluate(*task.validation, metrics=["accuracy"])
            key = score["accuracy"], -score["loss"]
            losses = list(history["loss"])
        except pl.NonFiniteError:
            key, losses = (0.0, -math.inf), []
        if best is None or key > best[0]:
            best = key, Fitted(net, rate, key[0], math.nan, losses)
    assert best is not None
    (validation, _), kept = best
    return Fitted(kept.net, kept.rate, validation, accuracy(kept.net, *task.test), kept.loss)


def accuracy(net: pl.Network, x: Array, y: Array) -> float:
    """The fraction of the examples whose largest output is their class."""
    return float(np.mean(net.predict(x).argmax(axis=1) == y))


def parameters(net: pl.Network) -> int:
    """How many numbers a network learns."""
    return sum(value.size for value in net.parameters.snapshot().values())
