"""The codes of an autoencoder, and what the network makes of another code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, PellucidError
from pellucid.formula import Program
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import reads
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task, bottleneck
from pellucid.lab.view.samples import Samples, label_of, numbers
from pellucid.messages import gettext, suggestion
from pellucid.network import BaseNetwork

Array = NDArray[Any]

CODES = 500


def latent(task: Task, net: BaseNetwork, samples: Samples) -> answers.Latent:
    """The codes of examples at the network's bottleneck, in the plane in which they vary most."""
    narrow = bottleneck(net)
    if narrow is None:
        raise PellucidError(gettext("this network has no bottleneck, so there is no code to look at"))
    name = "test" if task.test is not None else "train"
    places, (x, y) = samples.spread(name, samples.affordable(CODES))
    codes = value_of(net, samples, narrow.path, x).astype(np.float64)
    width = codes.shape[1]
    if width <= 2:  # the plane itself, which stands still while the network learns
        centre, directions = np.zeros(width), np.eye(2, width)
    else:
        centre = codes.mean(axis=0)
        finite = np.nan_to_num(codes - centre)
        directions = np.linalg.svd(finite, full_matrices=False)[2][:2]
        signs = np.sign(directions[[0, 1], np.abs(directions).argmax(axis=1)])
        directions = directions * np.where(signs == 0, 1, signs)[:, None]
    plane = (codes - centre) @ directions.T
    labels = task.rows[places] if isinstance(task.rows, np.ndarray) and name == "test" else None
    if labels is None and task.classes is not None:
        labels = np.array([label_of(row) for row in y])
    return {
        "path": narrow.path,
        "points": numbers(plane),
        "centre": centre.astype(np.float32),
        "directions": numbers(directions),
        "labels": None if labels is None else np.asarray(labels, np.int32),
        "names": [f"{name}:{place}" for place in places.tolist()],
    }


def value_of(net: BaseNetwork, samples: Samples, path: str, x: Array) -> Array:
    """One value of many examples, as the network predicts."""
    forward = net.reading()
    run = net.executable(("value", path), lambda _: Program({path: forward.values[path]}))
    parameters = net.parameters.snapshot()
    rows = [run({samples.input: x[k : k + 256], **parameters})[path] for k in range(0, len(x), 256)]
    return np.concatenate(rows)


def decoder(net: BaseNetwork, path: str) -> Callable[[Any], answers.Numbers]:
    """The part of the network behind a value, to be given another value in its place.

    Raises:
        PellucidError: there is no such value, or the output hears of the input by another way too.
    """
    known = net.reading()
    if path not in known.values or path in known.inputs or path in known.outputs:
        choices = [p for p in known.values if p not in known.inputs and p not in known.outputs]
        raise PellucidError(
            gettext(
                'there is nothing behind "{path}", expected a value inside.{hint}',
                path=path,
                hint=suggestion(path, choices),
            )
        )
    forward = net.forward(training=False)
    cut = forward.values[path]
    if cut.kind != "float" or not cut.rank or isinstance(cut.axes[0].extent, int):
        raise PellucidError(
            gettext("{path} holds no real numbers of an example, so none can be put in its place", path=path)
        )
    cut.definition = None  # what nothing defines is an input of the program
    needed = {r.tensor for s in reachable(forward.outputs.values()) for r in reads(s.expression)}
    if cut not in needed or any(t in needed for t in forward.inputs.values()):
        raise PellucidError(
            gettext("what comes out depends on more than {path}, so nothing can be made of {path} alone", path=path)
        )
    run = net.executable(("behind", path), lambda _: Program(forward.outputs))
    shape = tuple(a.size for a in cut.axes[1:])

    def decode(code: Any) -> answers.Numbers:
        array = np.asarray(code, dtype=np.float64)
        if array.size != math.prod(shape) or not np.isfinite(array).all():
            raise DataError(
                gettext(
                    "{path}: expected {size} finite numbers, got {count}",
                    path=path,
                    size=math.prod(shape),
                    count=array.size,
                )
            )
        outputs = run({cut.name: array.reshape(1, *shape).astype(net.dtype), **net.parameters.snapshot()})
        return numbers(next(iter(outputs.values()))[0])

    return decode
