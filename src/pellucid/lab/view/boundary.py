"""The boundary between classes in the plane of two inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.formula import Program
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.view.samples import Samples, labels_of, numbers
from pellucid.messages import gettext
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict

Array = NDArray[Any]

POINTS = 1000
FEW = 64
"""Of a layer of more units none is drawn by itself."""


def boundary(task: Task, net: BaseNetwork, samples: Samples, size: int, *, units: bool = False) -> answers.Boundary:
    """What a network of two inputs gives on a grid over the plane, and the examples in it; of its `units` as well."""
    (shape,), (given,) = net.input_shapes.values(), net.output_shapes.values()
    if shape != (2,) or len(given) != 1:
        raise PellucidError(gettext("a boundary needs two inputs, got the shape {shape}", shape=shape))
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
    found: answers.Boundary = {
        "grid": numbers(grid),
        "x": [float(x0), float(x1)],
        "y": [float(y0), float(y1)],
        "points": numbers(points),
        "labels": labels,
        "targets": wanted,
    }
    if units:
        found["units"] = {
            path: numbers(value.reshape(size, size, -1)) for path, value in _layers(net, samples, plane).items()
        }
    return found


def _layers(net: BaseNetwork, samples: Samples, plane: Array) -> dict[str, Array]:
    """What each layer of few units gives at points (n, 2): (n, units) by its path, the inputs among them."""
    known = net.reading().values
    flat = {
        use.path: known[use.path]
        for use in net.uses
        if use.path not in net.input_shapes and len(use.shape) == 1 and use.shape[0] <= FEW
    }
    run = net.executable("layers over the plane", lambda _: Program(flat))
    rows = [run({samples.input: plane[k : k + 4096], **net.parameters.snapshot()}) for k in range(0, len(plane), 4096)]
    return {samples.input: plane, **{path: np.concatenate([row[path] for row in rows]) for path in flat}}
