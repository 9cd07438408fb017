"""What is measured: which networks at which sizes, and on which data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from benchmarks import networks
from benchmarks.networks import Sizes

Array = NDArray[Any]
Mode = Literal["training", "fit", "inference"]
Target = Literal["classes", "images", "values"]

BATCHES: Final = 8
"""How many different batches there are: a run goes through them again and again, an epoch of `fit` once."""


@dataclass(frozen=True)
class Workload:
    """A network with the sizes that it is usually measured at, and how it is trained.

    `table` says whether it is a plain network for tables, which scikit-learn has too.
    """

    title: str
    build: Callable[[Sizes], pl.Network]
    batch: int
    sizes: Sizes
    optimizer: pl.Optimizer = field(default_factory=pl.Adam)
    table: bool = False


_WORDS: Final = 10_000

WORKLOADS: Final[dict[str, Workload]] = {
    "mlp": Workload("784-128-64-10 relu, batch 64", networks.mlp, 64, Sizes(width=128)),
    "mlp64": Workload("the same in float64", networks.mlp64, 64, Sizes(width=128)),
    "table32": Workload("table 30-100-2, batch 32", networks.table, 32, Sizes(width=100), table=True),
    "table256": Workload("the same, batch 256", networks.table, 256, Sizes(width=100), table=True),
    "wide": Workload("1024-2048-2048-10 relu, batch 128", networks.wide, 128, Sizes(width=2048)),
    "lenet": Workload("LeNet-5 on 28×28, batch 64", networks.lenet, 64, Sizes(width=120)),
    "cnn": Workload("conv 32@3, conv 64@3, pool, 128, 10 on 28×28, batch 64", networks.cnn, 64, Sizes(width=128)),
    "vgg": Workload(
        "conv 32@3 twice, pool, conv 64@3 twice, pool, 256, 10 on 32×32×3, batch 64",
        networks.vgg,
        64,
        Sizes(width=256),
    ),
    "resnet": Workload(
        "conv 16@3, residual blocks of 16, 32 and 64 filters with batch normalisation, on 32×32×3, batch 32",
        networks.resnet,
        32,
        Sizes(),
    ),
    "conv1d": Workload(
        "conv 32@8, 64@5 and 64@3 with strides of 2 over 256 steps of 6, mean, 6; batch 64",
        networks.conv1d,
        64,
        Sizes(length=256),
    ),
    "autoencoder": Workload(
        "conv 16@3 and 32@3, transposed 16@4 and 1@4, strides of 2, on 28×28, batch 64",
        networks.autoencoder,
        64,
        Sizes(),
    ),
    "rnn": Workload("embedding 128, RNN 128 (tanh), dense 65; batch 32, length 64", networks.rnn, 32, Sizes(64, 128)),
    "lstm": Workload("embedding 128, LSTM 128, dense 65; batch 32, length 64", networks.lstm, 32, Sizes(64, 128)),
    "lstm2": Workload("embedding 128, LSTM 2×256, dense 65; batch 32, length 64", networks.lstm2, 32, Sizes(64, 256)),
    "gru": Workload("GRU 64 over 100 steps of 8, dense 1, squared error; batch 32", networks.gru, 32, Sizes(100, 64)),
    "bilstm": Workload(
        "embedding 10,000×100, LSTM 64 both ways, dense 2; batch 32, length 50",
        networks.bilstm,
        32,
        Sizes(50, 64, _WORDS),
    ),
    "words": Workload(
        "embedding 10,000×200, LSTM 2×200, dense 10,000, gradient descent; batch 20, length 20",
        networks.words,
        20,
        Sizes(20, 200, _WORDS),
        optimizer=pl.SGD(0.1),
    ),
    "transformer": Workload(
        "embedding 64, 2 blocks of causal attention (4 heads) and 256 units, dense 65; batch 32, length 64",
        networks.transformer,
        32,
        Sizes(64, 64),
    ),
}


@dataclass(frozen=True)
class Task:
    """A workload at given sizes, as it is sent to a worker; 0 stands for the workload's own size."""

    workload: str
    mode: Mode = "training"
    batch: int = 0
    length: int = 0
    width: int = 0
    vocabulary: int = 0

    @property
    def examples(self) -> int:
        """How many examples a step takes."""
        return self.batch or WORKLOADS[self.workload].batch

    @property
    def optimizer(self) -> pl.Optimizer:
        return WORKLOADS[self.workload].optimizer

    def network(self) -> pl.Network:
        """The network with its initial weights, the same in every process."""
        own = WORKLOADS[self.workload]
        sizes = Sizes(
            self.length or own.sizes.length,
            self.width or own.sizes.width,
            self.vocabulary or own.sizes.vocabulary,
        )
        return own.build(sizes)

    def data(self, net: pl.Network) -> tuple[Array, Array]:
        """BATCHES batches of random examples and of their targets, the same in every process."""
        (shape,), (output,) = net.input_shapes.values(), net.output_shapes.values()
        rng, count = np.random.default_rng(1), BATCHES * self.examples
        sought = target(net)
        y = rng.integers(0, output[-1], (count, *output[:-1]))  # drawn first, whatever becomes of them
        entries = vocabulary(net)
        x = rng.integers(0, entries, (count, *shape)) if entries else rng.random((count, *shape)).astype(net.dtype)
        if sought == "images":
            return x, x
        return x, y if sought == "classes" else rng.normal(size=(count, *output)).astype(net.dtype)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def target(net: pl.Network) -> Target:
    """What the network is trained towards: what its last activation gives."""
    (path,) = net.output_shapes
    last = next(use.layer for use in net.uses if use.path == path)
    function = getattr(last, "activation", "linear")
    kinds: dict[str, Target] = {"softmax": "classes", "sigmoid": "images"}
    return kinds.get(str(getattr(function, "name", function)), "values")


def vocabulary(net: pl.Network) -> int:
    """How many entries the table has that the network begins with; 0 where it takes real numbers."""
    return next((use.layer.input_dim for use in net.uses if isinstance(use.layer, pl.Embedding)), 0)


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan
