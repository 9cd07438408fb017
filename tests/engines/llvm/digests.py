"""The bits of small networks after ten steps of training, written down: the same on every CPU.

    python -m tests.engines.llvm.digests [--write] [NAME …]

compares what this machine computes with digests.json, or writes it; PELLUCID_TARGET (v2, v3, v4) chooses an instruction
set that this machine has. float32 alone: float64 programs call the C library's functions.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl

STORED = Path(__file__).with_name("digests.json")
EXAMPLES, BATCH = 75, 15
Case = tuple[pl.Network, np.ndarray, np.ndarray, dict[str, Any]]


def _numbers(*shape: int) -> np.ndarray:
    """Multiples of 2⁻¹² between −2 and 2."""
    return np.random.default_rng(sum(shape)).integers(-(2**13), 2**13, (EXAMPLES, *shape)) / 2.0**12


def _words(kinds: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(kinds + sum(shape)).integers(0, kinds, (EXAMPLES, *shape))


def mlp() -> Case:
    layers = [pl.Dense(33, "tanh"), pl.Dropout(0.2), pl.Dense(20, "gelu"), pl.Dense(5, "softmax")]
    return pl.Network(*layers, input_shape=(13,), seed=1), _numbers(13), _words(5), {"optimizer": "adam"}


def regression() -> Case:
    layers = [pl.Dense(40, "softplus"), pl.LayerNormalization(), pl.Dense(3)]
    net = pl.Network(*layers, input_shape=(7,), seed=2)
    return net, _numbers(7), _numbers(3), {"optimizer": pl.SGD(0.01, momentum=0.9), "clip_norm": 1.0}


def images() -> Case:
    layers = [
        pl.Conv2D(6, 3, activation="relu"),
        pl.BatchNormalization(),
        pl.MaxPool2D(2),
        pl.Conv2D(9, 3, padding="same", activation="elu"),
        pl.GlobalAveragePool(),
        pl.Dense(5, "softmax"),
    ]
    net = pl.Network(*layers, input_shape=(10, 10, 2), seed=3)
    return net, _numbers(10, 10, 2), _words(5), {"optimizer": "rmsprop"}


def series() -> Case:
    layers = [pl.Conv1D(8, 3, activation="sigmoid"), pl.GlobalMaxPool(), pl.Dense(1, "sigmoid")]
    return pl.Network(*layers, input_shape=(12, 3), seed=4), _numbers(12, 3), _words(2), {"optimizer": "adamw"}


def lstm() -> Case:
    layers = [pl.LSTM(17, return_sequences=True), pl.LSTM(6), pl.Dense(5, "softmax")]
    return pl.Network(*layers, input_shape=(7, 4), seed=5), _numbers(7, 4), _words(5), {"optimizer": "adam"}


def gru() -> Case:
    layers = [pl.Bidirectional(pl.GRU(11)), pl.Dense(2)]
    net = pl.Network(*layers, input_shape=(6, 3), seed=6)
    return net, _numbers(6, 3), _numbers(2), {"optimizer": pl.SGD(0.05, momentum=0.9, nesterov=True)}


def text() -> Case:
    layers = [
        pl.Embedding(20, 16),
        pl.MultiHeadAttention(2, 8),
        pl.RNN(9),
        pl.Dense(20, "softmax"),
    ]
    return pl.Network(*layers, input_shape=(8,), seed=7), _words(20, 8), _words(20), {"optimizer": "adam"}


def autoencoder() -> Case:
    layers = [pl.Dense(12, "elu"), pl.Dense(3), pl.Dense(12, "leaky_relu"), pl.Dense(30, "sigmoid")]
    x = (_numbers(30) + 2) / 4
    return pl.Network(*layers, input_shape=(30,), seed=8), x, x, {"optimizer": "sgd", "loss": "binary_crossentropy"}


NETWORKS: dict[str, Callable[[], Case]] = {
    f.__name__: f for f in (mlp, regression, images, series, lstm, gru, text, autoencoder)
}


def digest(name: str) -> str:
    """Of the losses of two epochs, of all parameters after them, and of predictions for all examples and for one."""
    net, x, y, options = NETWORKS[name]()
    history = net.fit(x, y, epochs=2, batch_size=BATCH, verbose=0, **options)
    found = hashlib.sha256()
    arrays = {"loss": np.asarray(history.history["loss"]), "all": net.predict(x), "one": net.predict(x[:1])}
    for key, array in [*net.parameters.items(), *arrays.items()]:
        found.update(f"{key} {array.dtype} {array.shape}\n".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def main(names: list[str]) -> int:
    write = "--write" in names
    chosen = [n for n in names if n != "--write"] or list(NETWORKS)
    stored: dict[str, str] = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    wrong = 0
    for name in chosen:
        found = digest(name)
        same = stored.get(name) == found
        wrong += not same
        stored[name] = found
        print(f"{name:12} {found[:16]} {'as stored' if same else 'DIFFERS'}", flush=True)
    if write:
        STORED.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        return 0
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
