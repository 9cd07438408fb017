"""Serves small networks that together contain every layer, activation, loss and optimiser, and tells what Python says.

Run with the installed wheel. For each network a line of JSON: its address, and for places in it, as the address bar
names them, what `net.explain` tells of them.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.batches import shuffled
from pellucid.explain.arithmetic import number
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.server import Server
from pellucid.lab.task import task_of

EXAMPLES = 4
TERMS = 12
RNG = np.random.default_rng(5)


def network(*layers: Any, shape: tuple[int, ...]) -> pl.Network:
    """With biases that are not 0, which would hide their terms."""
    return moved(pl.Network(*layers, input_shape=shape, seed=3))


def moved(net: pl.Network) -> pl.Network:
    for path, value in net.parameters.items():
        net.parameters[path] = value + RNG.normal(scale=0.1, size=value.shape).astype(value.dtype)
    return net


def merged() -> pl.Network:
    x = pl.Input(5)
    a, b = pl.Dense(4, activation="sigmoid")(x), pl.Dense(4, activation="tanh")(x)
    both = pl.Concatenate()(pl.Add()(a, b), pl.Multiply()(a, b))
    return moved(pl.Network(inputs=x, outputs=pl.Dense(3, activation="softmax")(both), seed=3))


def compared() -> pl.Network:
    x = pl.Input(5)
    a, b = pl.Dense(4, activation="sigmoid")(x), pl.Dense(4, activation="tanh")(x)
    all_four = pl.Concatenate()(pl.Average()(a, b), pl.Subtract()(a, b), pl.Maximum()(a, b), pl.Minimum()(a, b))
    return moved(pl.Network(inputs=x, outputs=pl.Dense(3, activation="softmax")(all_four), seed=3))


def states() -> pl.Network:
    x = pl.Input((3, 2))
    y, *ends = pl.LSTM(2, return_state=True, return_sequences=True)(x)
    both = pl.Concatenate()(pl.LSTM(2)(y, initial_state=ends), *ends)
    return moved(pl.Network(inputs=x, outputs=pl.Dense(3, activation="softmax")(both), seed=3))


SOFT: dict[str, Any] = {"units": 3, "activation": "softmax"}


def networks() -> Iterator[tuple[str, pl.Network, str | None]]:
    """Every network with its loss."""
    chain = [pl.Dense(3, activation=name) for name in ACTIVATIONS if name not in {"step", "log_softmax"}]
    yield "activations", network(*chain, pl.Dense(2), shape=(3,)), None
    yield "log_softmax", network(pl.Dense(3, activation="log_softmax"), pl.Dense(2), shape=(3,)), None
    yield "step", network(pl.Dense(3, activation="step"), pl.Dense(2), shape=(3,)), None
    for name, loss in LOSSES.items():
        end = {"binary": "sigmoid", "categorical": "softmax", "either": "softmax"}.get(loss.reads, "linear")
        yield name, network(pl.Dense(3, activation=end), shape=(4,)), name
    yield (
        "images",
        network(
            pl.Conv2D(2, 3, padding="same", activation="relu"),
            pl.MaxPool2D(2),
            pl.ConvTranspose2D(2, 2, strides=2),
            pl.AveragePool2D(2),
            pl.MinPool2D(2),
            pl.BatchNormalization(),
            pl.Flatten(),
            pl.Dropout(0.25),
            pl.Dense(**SOFT),
            shape=(8, 8, 1),
        ),
        None,
    )
    yield (
        "image means",
        network(pl.Conv2D(3, 2, strides=2), pl.GlobalAveragePool(), pl.Dense(**SOFT), shape=(6, 6, 2)),
        None,
    )
    yield (
        "rows",
        network(
            pl.Normalization().adapt(RNG.normal(1.0, 2.0, size=(20, 8, 2))),
            pl.Conv1D(3, 3, padding="same", activation="tanh"),
            pl.MaxPool1D(2),
            pl.ConvTranspose1D(2, 2, strides=2),
            pl.AveragePool1D(2),
            pl.MinPool1D(2),
            pl.LayerNormalization(),
            pl.GlobalMaxPool(),
            pl.Dense(**SOFT),
            shape=(8, 2),
        ),
        None,
    )
    yield (
        "resized images",
        network(
            pl.SeparableConv2D(4, 3, padding="same"),
            pl.GroupNormalization(2),
            pl.DepthwiseConv2D(2),
            pl.PReLU(alpha_initializer="ones"),
            pl.UpSampling2D(2),
            pl.ZeroPadding2D(1),
            pl.Cropping2D(2),
            pl.SpatialDropout2D(0.25),
            pl.GlobalAveragePool(),
            pl.Dense(**SOFT),
            shape=(5, 4, 2),
        ),
        None,
    )
    yield (
        "volumes",
        network(
            pl.Conv3D(2, (2, 3, 3), padding="same", activation="relu"),
            pl.MaxPool3D((1, 2, 2)),
            pl.ConvTranspose3D(2, 2, strides=(1, 2, 2)),
            pl.AveragePool3D(2),
            pl.UpSampling3D((2, 1, 1)),
            pl.ZeroPadding3D((0, 1, 1)),
            pl.MinPool3D(2),
            pl.Cropping3D(((0, 0), (0, 0), (1, 0))),
            pl.SpatialDropout3D(0.25),
            pl.GlobalAveragePool(),
            pl.Dense(**SOFT),
            shape=(3, 6, 6, 1),
        ),
        None,
    )
    yield (
        "resized rows",
        network(
            pl.GaussianNoise(0.1),
            pl.SeparableConv1D(4, 3, padding="same"),
            pl.DepthwiseConv1D(2),
            pl.UpSampling1D(2),
            pl.ZeroPadding1D(1),
            pl.Cropping1D(2),
            pl.SpatialDropout1D(0.25),
            pl.Permute((2, 1)),
            pl.Flatten(),
            pl.RepeatVector(2),
            pl.Flatten(),
            pl.Dense(**SOFT),
            shape=(6, 2),
        ),
        None,
    )
    yield "rnn", network(pl.RNN(3), pl.Dense(**SOFT), shape=(4, 2)), None
    yield "lstm", network(pl.LSTM(3, return_sequences=True), pl.LSTM(2), pl.Dense(**SOFT), shape=(3, 2)), None
    yield "gru", network(pl.Masking(0.0), pl.GRU(3), pl.Dense(**SOFT), shape=(3, 2)), None
    yield "both ways", network(pl.Bidirectional(pl.LSTM(2)), pl.Dense(**SOFT), shape=(3, 2)), None
    yield "words", network(pl.Embedding(7, 3), pl.GlobalAveragePool(), pl.Dense(**SOFT), shape=(4,)), None
    yield (
        "attention",
        network(pl.MultiHeadAttention(2, 2), pl.Flatten(), pl.Dense(**SOFT), shape=(3, 4)),
        None,
    )
    yield "merged", merged(), None
    yield "states", states(), None
    yield "compared", compared(), None
    yield (
        "shapes",
        network(pl.Reshape((3, 4)), pl.Activation("relu"), pl.Dense(2, kernel_regularizer="l2"), shape=(2, 6)),
        None,
    )


def examples(name: str, net: pl.Network, loss: str | None) -> tuple[Any, Any]:
    ((shape,), (out,)) = net.input_shapes.values(), net.output_shapes.values()
    x: Any = RNG.normal(size=(EXAMPLES, *shape)).astype(np.float32)
    if name == "words":
        x = RNG.integers(0, 7, size=(EXAMPLES, *shape))
    if name == "gru":
        x[:, -1:] = 0
    reads = LOSSES[loss].reads if loss else ""
    if reads == "binary":
        return x, RNG.integers(0, 2, size=(EXAMPLES, *out)).astype(np.float32)
    if reads == "categorical":
        return x, np.eye(out[-1], dtype=np.float32)[RNG.integers(0, out[-1], EXAMPLES)]
    if reads != "values" and out == (3,):
        return x, RNG.integers(0, 3, EXAMPLES)
    return x, RNG.normal(size=(EXAMPLES, *out)).astype(np.float32)


def places(net: pl.Network, session: Session, x: Any, y: Any, loss: str | None, rule: Any) -> Iterator[dict[str, Any]]:
    """One element of each value, of each gradient, and of what the first step makes of each parameter."""
    order = shuffled(len(x), net.seed, 0)
    stepped = pl.explain.trace(net, x[order], y[order], loss=loss, optimizer=rule)
    session.stage.run.repeat({"do": "step", "count": 1})
    plain = pl.explain.trace(net, x[:1], y[:1], loss=loss)
    last = list(net.uses)[-1].path
    updates = {path for path in stepped if path.endswith("′") and path.startswith((last, "dense_1", "lstm_1"))}
    for path in sorted({*plain, *updates}):
        run = stepped if path.endswith("′") else plain
        if run.program.definition(run.tensor(path)) is None:
            continue
        shape = run[path].shape
        batch = next((k for k, a in enumerate(run.tensor(path).axes) if not isinstance(a.extent, int)), None)
        index = tuple(int(RNG.integers(n)) for n in shape)
        shown = [i for k, i in enumerate(index) if k != batch]
        told = run.explain(path, index=index)
        data = told.json(TERMS)
        yield {
            "path": path,
            "index": shown,
            "value": number(told.value),
            "formula": told.formula,
            "substituted": told.with_values if any(t["sources"] for t in data["terms"]) else "",
            "sentence": told.sentence(),
            "terms": [{"value": number(t["value"]), "numbers": t["numbers"], "text": t["text"]} for t in data["terms"]],
            "rest": [data["rest"]["count"], number(data["rest"]["sum"])],
        }


def main(chosen: set[str]) -> None:
    warnings.simplefilter("ignore")
    servers = []
    rules = cycle(OPTIMIZERS)
    for name, net, loss in networks():
        optimizer = next(rules)
        if name not in chosen:
            continue
        x, y = examples(name, net, loss)
        session = Session(task_of(net, x, y, loss=loss, optimizer=optimizer, title=name))
        servers.append(Server(session, port=0))
        told = list(places(net, session, x, y, loss, pl.functions.learning.optimizers.optimizer(optimizer)))
        kinds = sorted({type(use.layer).__name__ for use in net.uses})
        print(
            json.dumps({"name": name, "url": servers[-1].url, "places": told, "layers": kinds, "optimizer": optimizer})
        )
    try:
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        for server in servers:
            server.close()


if __name__ == "__main__":
    main(set(sys.argv[1:]))
