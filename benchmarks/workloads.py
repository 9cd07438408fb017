"""What is measured: networks, their data, and how many floating-point operations a step of them takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.summary import summarise

Array = NDArray[Any]
Mode = Literal["training", "inference"]

VOCABULARY: Final = 65
BATCHES: Final = 8
"""How many different batches a run goes through, again and again."""


@dataclass(frozen=True)
class Sizes:
    """What grows: the steps of a sequence, and the units of the first hidden layer (or of every recurrent one)."""

    length: int
    width: int


@dataclass(frozen=True)
class Workload:
    """A network with the sizes that it is usually measured at."""

    title: str
    build: Callable[[Sizes], pl.Network]
    batch: int
    sizes: Sizes


def _mlp(sizes: Sizes) -> pl.Network:
    return pl.Network(
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(64, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(784,),
        seed=0,
        engine="llvm",
    )


def _lenet(sizes: Sizes) -> pl.Network:
    return pl.Network(
        pl.Conv2D(6, kernel_size=5, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, kernel_size=5, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(84, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
        engine="llvm",
    )


def _cnn(sizes: Sizes) -> pl.Network:
    return pl.Network(
        pl.Conv2D(32, kernel_size=3, activation="relu"),
        pl.Conv2D(64, kernel_size=3, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
        engine="llvm",
    )


def _text(sizes: Sizes, *recurrent: pl.Layer) -> pl.Network:
    return pl.Network(
        pl.Embedding(VOCABULARY, 128),
        *recurrent,
        pl.Dense(VOCABULARY, activation="softmax"),
        input_shape=(sizes.length,),
        seed=0,
        engine="llvm",
    )


def _lstm(sizes: Sizes) -> pl.Network:
    return _text(sizes, pl.LSTM(sizes.width, return_sequences=True))


def _lstm2(sizes: Sizes) -> pl.Network:
    return _text(sizes, *(pl.LSTM(sizes.width, return_sequences=True) for _ in range(2)))


def _rnn(sizes: Sizes) -> pl.Network:
    return _text(sizes, pl.RNN(sizes.width, return_sequences=True))


WORKLOADS: Final[dict[str, Workload]] = {
    "mlp": Workload("784-128-64-10 relu, batch 64", _mlp, 64, Sizes(1, 128)),
    "lenet": Workload("LeNet-5 on 28×28, batch 64", _lenet, 64, Sizes(1, 120)),
    "cnn": Workload("conv 32@3, conv 64@3, pool, 128, 10 on 28×28, batch 64", _cnn, 64, Sizes(1, 128)),
    "lstm": Workload("embedding 128, LSTM 128, dense 65; batch 32, length 64", _lstm, 32, Sizes(64, 128)),
    "lstm2": Workload("embedding 128, LSTM 2×256, dense 65; batch 32, length 64", _lstm2, 32, Sizes(64, 256)),
    "rnn": Workload("embedding 128, RNN 128 (tanh), dense 65; batch 32, length 64", _rnn, 32, Sizes(64, 128)),
}


@dataclass(frozen=True)
class Task:
    """A workload at given sizes, as it is sent to a worker; 0 stands for the workload's own size."""

    workload: str
    mode: Mode = "training"
    batch: int = 0
    length: int = 0
    width: int = 0

    @property
    def examples(self) -> int:
        """How many examples a step takes."""
        return self.batch or WORKLOADS[self.workload].batch

    def network(self) -> pl.Network:
        """The network with its initial weights, the same in every process."""
        workload = WORKLOADS[self.workload]
        return workload.build(Sizes(self.length or workload.sizes.length, self.width or workload.sizes.width))

    def data(self, net: pl.Network) -> tuple[Array, Array]:
        """BATCHES batches of random examples and of their classes, the same in every process."""
        (shape,), (output,) = net.input_shapes.values(), net.output_shapes.values()
        rng, count = np.random.default_rng(1), BATCHES * self.examples
        classes, places = output[-1], output[:-1]
        y = rng.integers(0, classes, (count, *places))
        if isinstance(net.uses[1].layer, pl.Embedding):
            return rng.integers(0, VOCABULARY, (count, *shape)), y
        return rng.random((count, *shape), dtype=np.float32), y

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def flops(net: pl.Network, task: Task) -> int:
    """The floating-point operations that a step cannot do without, two to a multiply-add.

    Training takes three times the forward pass: the same again for the gradients of the weights and of the inputs, but
    that the first layer needs no gradient of its input. A kernel behind an embedding costs a table of
    vocabulary × outputs once a step, however many examples read it. Element-wise work, the optimizer's too, counts
    nothing.
    """
    passes = 3 if task.mode == "training" else 1
    total, first = 0, True
    for use, row in zip(net.uses, summarise(net).rows, strict=True):
        work, times = task.examples * row.multiply_adds, passes
        if isinstance(use.layer, pl.LSTM | pl.RNN) and use.parents == ("embedding_1",):
            kernel = net.parameters[f"{use.path}.kernel"].size
            work += kernel * (VOCABULARY - task.examples * use.shape[0])
        elif first and row.parameters:
            times = min(passes, 2)
        first = first and not row.parameters
        total += 2 * times * work
    return total


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan
