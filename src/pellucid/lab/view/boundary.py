"""The boundary between classes in the plane of two inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.view.samples import Samples, labels_of, numbers
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict

Array = NDArray[Any]

POINTS = 1000


def boundary(task: Task, net: BaseNetwork, samples: Samples, size: int) -> answers.Boundary:
    """What a network of two inputs gives on a grid over the plane, and the examples in it."""
    (shape,), (given,) = net.input_shapes.values(), net.output_shapes.values()
    if shape != (2,) or len(given) != 1:
        raise PellucidError(f"a boundary needs two inputs, got the shape {shape}")
    size = max(2, min(int(size), math.isqrt(samples.affordable(400**2))))
    _, (points, targets) = samples.spread("train", POINTS)
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    margin = np.maximum(0.15 * (high - low), 1e-3)
    (x0, y0), (x1, y1) = low - margin, high + margin
    columns, rows = np.linspace(x0, x1, size), np.linspace(y1, y0, size)
    plane = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(net.dtype)
    grid = predict(net, plane, batch_size=4096).reshape(size, size, -1)
    classified = task.classes is not None
    labels = labels_of(targets) if classified else np.zeros(len(points), np.int32)
    wanted = None if classified else targets.reshape(len(targets), -1)[:, 0].astype(np.float32)
    return {
        "grid": numbers(grid),
        "x": [float(x0), float(x1)],
        "y": [float(y0), float(y1)],
        "points": numbers(points),
        "labels": labels,
        "targets": wanted,
    }
