"""How the gradient changes from layer to layer of a deep network, before it has learned anything."""

from __future__ import annotations

import math

import numpy as np

from .tasks import Task
from .training import dense

VANISHES = 0.1 ** (1 / 19)
"""The factor a layer below which a gradient counts as vanishing: a tenth from the 20th layer to the first."""


def by_layer(task: Task, activation: str, depth: int, seed: int, *, initial: str | None = None) -> list[float]:
    """The root mean square of the gradient by the output of each hidden layer, of 32 units, first to last."""
    net = dense(task, [32] * depth, activation, seed, initial=initial)()
    run = net.trace(task.train[0][:256], task.train[1][:256])
    return [float(np.sqrt(np.mean(np.square(run[f"d(dense_{k + 1})"].astype(np.float64))))) for k in range(depth)]


def factor(sizes: list[float]) -> float:
    """By what the gradient is multiplied from one layer to the layer before it, on the geometric mean."""
    return math.exp(math.log(sizes[0] / sizes[-1]) / (len(sizes) - 1))
