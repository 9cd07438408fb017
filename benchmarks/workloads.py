"""The networks that are measured: a network, a batch, and the floating-point operations that a training step
cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pellucid.layers.convolution import Conv2D
from pellucid.layers.dense import Dense
from pellucid.layers.embedding import Embedding
from pellucid.layers.pooling import MaxPool2D
from pellucid.layers.recurrence import LSTM, RNN
from pellucid.layers.reshaping import Flatten
from pellucid.network import BaseNetwork

VOCABULARY, STEPS = 65, 64


@dataclass(frozen=True)
class Workload:
    """`flops` of one training step; `batch` examples of `shape`; the labels are class numbers below `classes`."""

    name: str
    make: Callable[[], BaseNetwork]
    batch: int
    shape: tuple[int, ...]
    classes: int
    flops: float
    text: bool = False

    def data(self, batches: int = 4) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        n = self.batch * batches
        x = rng.integers(0, VOCABULARY, (n, *self.shape)) if self.text else rng.standard_normal((n, *self.shape))
        y = rng.integers(0, self.classes, (n, STEPS) if self.text else (n,))
        return x if self.text else x.astype(np.float32), y


def _mlp() -> BaseNetwork:
    return BaseNetwork(Dense(128, "relu"), Dense(64, "relu"), Dense(10, "softmax"), input_shape=(784,))


def _lenet() -> BaseNetwork:
    return BaseNetwork(
        Conv2D(6, 5, padding="same", activation="relu"),
        MaxPool2D(2),
        Conv2D(16, 5, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(120, "relu"),
        Dense(84, "relu"),
        Dense(10, "softmax"),
        input_shape=(28, 28, 1),
    )


def _cnn() -> BaseNetwork:
    return BaseNetwork(
        Conv2D(32, 3, activation="relu"),
        Conv2D(64, 3, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(128, "relu"),
        Dense(10, "softmax"),
        input_shape=(28, 28, 1),
    )


def _recurrent(kind: type[LSTM] | type[RNN], units: int, layers: int) -> Callable[[], BaseNetwork]:
    def make() -> BaseNetwork:
        stack = [kind(units, return_sequences=True) for _ in range(layers)]
        return BaseNetwork(Embedding(VOCABULARY, units), *stack, Dense(VOCABULARY, "softmax"), input_shape=(STEPS,))

    return make


def _dense(batch: int, *sizes: int) -> float:
    """Forward, dW, and dx for all but the first layer: two operations a product."""
    products = [a * b for a, b in pairwise(sizes)]
    return 2.0 * batch * (3 * sum(products) - products[0])


def _recurrence(gates: int, units: int, layers: int) -> float:
    """Three products with the recurrent kernel, and with the kernel of every layer but the first, whose table is
    small."""
    places = 32 * STEPS
    own = 3 * gates * units * units * (2 * layers - 1)
    return 2.0 * places * (own + 3 * units * VOCABULARY)


_LENET = 2.0 * 64 * (2 * 150 * 784 + 3 * 2400 * 100) + _dense(64, 400, 120, 84, 10) + 2 * 64 * 400 * 120
_CNN = 2.0 * 64 * (2 * 288 * 676 + 3 * 288 * 64 * 576) + _dense(64, 9216, 128, 10) + 2 * 64 * 9216 * 128

WORKLOADS = [
    Workload("mlp", _mlp, 64, (784,), 10, _dense(64, 784, 128, 64, 10)),
    Workload("lenet", _lenet, 64, (28, 28, 1), 10, _LENET),
    Workload("cnn", _cnn, 64, (28, 28, 1), 10, _CNN),
    Workload("char-rnn", _recurrent(RNN, 128, 1), 32, (STEPS,), VOCABULARY, _recurrence(1, 128, 1), text=True),
    Workload("char-lstm", _recurrent(LSTM, 128, 1), 32, (STEPS,), VOCABULARY, _recurrence(4, 128, 1), text=True),
    Workload("char-lstm 2×256", _recurrent(LSTM, 256, 2), 32, (STEPS,), VOCABULARY, _recurrence(4, 256, 2), text=True),
]
