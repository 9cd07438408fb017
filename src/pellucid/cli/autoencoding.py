"""Autoencoders: what `train --model autoencoder` builds and what `predict` says of their examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Dataset, Preparation, Standardizer
from ..errors import DataError
from .output import printable
from .reporting import Report
from .sources import changes_of

CODE = "code"
"""The entry of a network's metadata with the path of the bottleneck, of an autoencoder."""


def learn(
    dataset: Dataset, hidden: tuple[int, ...] | None, activation: str, validation: float, fitting: Any
) -> tuple[pl.History, Report]:
    """Train a network to give what it takes, through a layer that is narrower; save it.

    `hidden` are the units down to the bottleneck, whose units are the code; the way up has the same in turn.
    """
    learned, held = dataset.divide(test_size=validation, seed=fitting.seed) if validation else (dataset, None)
    x, images = learned.x, learned.x.ndim == 4
    count = int(np.prod(x.shape[1:]))
    hidden = hidden if hidden is not None else ((64, 8) if count >= 64 else (8, 2))
    if not hidden:
        raise DataError("an autoencoder has a bottleneck: give --hidden the units down to it, such as 64,8, not none.")
    if "," in activation:
        raise DataError("--model autoencoder takes one --activation for all hidden layers.")
    down = [pl.Dense(units, activation=activation) for units in hidden[:-1]]
    up = [pl.Dense(units, activation=activation) for units in hidden[-2::-1]]
    start: list[pl.Layer] = [pl.Flatten()] if images else [pl.Normalization().adapt(x)]
    last = pl.Dense(count, activation="sigmoid" if images else "linear")
    end: list[pl.Layer] = [last, pl.Reshape(x.shape[1:])] if images else [last]
    layers = [*start, *down, pl.Dense(hidden[-1]), *up, *end]
    net = pl.Network(*layers, input_shape=x.shape[1:], seed=fitting.seed)
    sizes = " → ".join(map(str, (count, *hidden, *hidden[-2::-1], count)))
    others = 0 if held is None else len(held)
    click.echo(f"{dataset.name}: {len(x)} examples to train, {others} to validate; an autoencoder {sizes}")
    for line in changes_of(learned, held):
        click.echo(printable(line))
    scale = (lambda values: values) if images else Standardizer.fit(x).transform
    history = net.fit(
        x,
        scale(x),
        loss="mse",
        validation_data=None if held is None else (held.x, scale(held.x)),
        **fitting.options(epochs=30),
    )
    if not images:  # it learned scaled numbers; what is saved answers in the table's own units
        units = pl.Normalization(invert=True).adapt(x)
        net = pl.Network(*net.layers, units, input_shape=x.shape[1:], seed=fitting.seed)
    net.metadata.update(replace(Preparation.of(learned), target=None, classes=None).metadata())
    net.metadata[CODE] = f"dense_{len(hidden)}"
    fitting.save(net, history)
    part, examples = ("training", x) if held is None else ("validation", held.x)
    error, guess = reconstruction(net, examples)[0].mean(), _size(scale(examples) - scale(x).mean(axis=0)).mean()
    click.echo(f"{part} error: {error:.4g}  (always giving the mean: {guess:.4g}), squared, a number of an example")
    found = {"mean_squared_error": float(error), "mean_squared_error_of_the_mean": float(guess)}
    return history, {"examples": {"training": len(x), "validation": others}, part: found, "code": net.metadata[CODE]}


def reconstruction(net: pl.Network, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """How badly each example is given again, as a mean square over its numbers (of a table, in deviations), and its
    code (n, units).
    """
    at = net.layers.index(net.get_layer(str(net.metadata[CODE])))
    (shape,) = net.input_shapes.values()
    codes = pl.Network(*net.layers[: at + 1], input_shape=shape).predict(x)
    outputs = net.predict(x)
    if isinstance(net.layers[0], pl.Normalization):
        scaling = pl.Network(net.layers[0], input_shape=shape)
        x, outputs = scaling.predict(x), scaling.predict(outputs)
    return _size(outputs - x), codes


def _size(difference: NDArray[Any]) -> NDArray[Any]:
    """The mean square of each example's numbers."""
    return np.asarray(np.square(difference).reshape(len(difference), -1).mean(axis=1))
