"""Who is measured: one module a library, each a reading of the same Pellucid network.

A module has some of `training(job)`, a step of training; `fit(job)`, an epoch as the library's users write it; and
`inference(job)`, a call. Each gives a function of a number of steps (epochs, calls): it takes them, waits until they
are done, and gives their losses (an epoch's is the mean of its steps), or the output of the last call. A library
whose later losses are others by design says in `COMPARED` how many are compared.

Libraries are imported inside, and only there. How a library computes a layer stands beside its module, in
`pytorch_layers` and `xla_layers`: one function a kind of layer. `graph` is what these share. ONNX Runtime runs what
Pellucid exports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from benchmarks.workloads import Task

Array = NDArray[Any]
Steps = Callable[[int], Array]


@dataclass(frozen=True)
class Job:
    """What a runner is asked to do.

    Attributes:
        net: the network with its weights.
        x, y: the examples and their targets, in whole batches.
        batch: how many examples a step takes.
        threads: how many threads the library may use.
        compiled: whether the library compiles the network first, where it can do without.
    """

    net: pl.Network
    x: Array
    y: Array
    batch: int
    optimizer: pl.Optimizer
    threads: int = 1
    compiled: bool = False

    @classmethod
    def of(cls, task: Task, **options: Any) -> Job:
        """The job that a task stands for."""
        net = task.network()
        x, y = task.data(net)
        if task.mode == "inference":
            x, y = np.ascontiguousarray(x[: task.examples]), y[: task.examples]
        return cls(net, x, y, task.examples, task.optimizer, **options)

    def first(self) -> Job:
        """The same with the first batch alone."""
        return replace(self, x=self.x[: self.batch], y=self.y[: self.batch])

    def batches(self) -> list[tuple[Array, Array]]:
        return [(self.x[k : k + self.batch], self.y[k : k + self.batch]) for k in range(0, len(self.x), self.batch)]


def settings(optimizer: pl.Optimizer) -> Mapping[str, Any]:
    """An optimizer's settings by Pellucid's names, its "name" among them.

    Raises:
        PellucidError: the runners have no such optimizer.
    """
    found = optimizer.config()
    if found["name"] not in ("adam", "sgd") or found.get("momentum"):
        raise pl.PellucidError(f"the runners train with Adam or plain SGD, got {optimizer!r}")
    return found
