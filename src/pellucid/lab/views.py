"""What there is to see beside the network: the border between classes, what is taken for what, the codes of a waist.

And a kernel that slides over a picture, which needs no network at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.errors import DataError, PellucidError, nearest
from pellucid.explain import Trace
from pellucid.formula import Program, Tensor
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import reads
from pellucid.functions.convolution import conv2d
from pellucid.lab import gallery
from pellucid.lab.safety import MOST_SENT
from pellucid.lab.samples import Samples, label_of, labels_of, numbers
from pellucid.lab.task import Task, waist
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict

Array = NDArray[Any]

POINTS, CODES, JUDGED, NAMES = 1000, 500, 5000, 8
LARGEST_PICTURE, LARGEST_KERNEL = MOST_SENT, 15


def boundary(task: Task, net: BaseNetwork, samples: Samples, size: int) -> dict[str, Any]:
    """What a network of two inputs gives on a grid over the plane, and the examples in it."""
    (shape,), (given,) = net.input_shapes.values(), net.output_shapes.values()
    if shape != (2,) or len(given) != 1:
        raise PellucidError(f"a boundary is drawn for two inputs, but this network takes {shape}")
    size = max(2, min(int(size), math.isqrt(samples.affordable(400**2))))
    _, (points, targets) = samples.spread("train", POINTS)
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    margin = np.maximum(0.15 * (high - low), 1e-3)
    (x0, y0), (x1, y1) = low - margin, high + margin
    columns, rows = np.linspace(x0, x1, size), np.linspace(y1, y0, size)
    plane = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(net.dtype)
    grid = predict(net, plane, batch_size=4096).reshape(size, size, -1)
    told = task.classes is not None
    labels = labels_of(targets) if told else np.zeros(len(points), np.int32)
    wanted = None if told else targets.reshape(len(targets), -1)[:, 0].astype(np.float32)
    return {
        "grid": numbers(grid),
        "x": [float(x0), float(x1)],
        "y": [float(y0), float(y1)],
        "points": numbers(points),
        "labels": labels,
        "targets": wanted,
    }


def confusion(task: Task, net: BaseNetwork, samples: Samples, name: str) -> dict[str, Any]:
    """How often each class was taken for which, and a few examples of each case."""
    if task.classes is None:
        raise PellucidError("this network does not tell classes apart, so there is nothing to confuse")
    places, (x, y) = samples.spread(name, samples.affordable(JUDGED))
    said, truth = chosen(net, predict(net, x)), labels_of(y)
    count = len(task.classes)
    table = np.zeros((count, count), np.int32)
    np.add.at(table, (truth, said), 1)
    examples: dict[str, list[str]] = {}
    for place, row, column in zip(places.tolist(), truth.tolist(), said.tolist(), strict=True):
        cell = examples.setdefault(f"{row},{column}", [])
        if len(cell) < NAMES:
            cell.append(f"{name}:{place}")
    return {"set": name, "classes": list(task.classes), "counts": numbers(table), "examples": examples}


def chosen(net: BaseNetwork, outputs: Array) -> Array:
    """The class that each output says: the largest unit, or whether a single one says yes."""
    if outputs.shape[1] > 1:
        return np.asarray(outputs.argmax(axis=1))
    logit = net.reading().last[next(iter(net.output_shapes))].activation == "linear"
    return (outputs[:, 0] > (0.0 if logit else 0.5)).astype(np.int64)


def latent(task: Task, net: BaseNetwork, samples: Samples) -> dict[str, Any]:
    """The codes of examples at the network's waist, in the plane in which they vary most."""
    narrow = waist(net)
    if narrow is None:
        raise PellucidError("this network has no narrow waist, so there is no code to look at")
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
    run = net.executable(("value", path), lambda: Program({path: forward.values[path]}))
    parameters = net.parameters.snapshot()
    rows = [run({samples.input: x[k : k + 256], **parameters})[path] for k in range(0, len(x), 256)]
    return np.concatenate(rows)


def decoder(net: BaseNetwork, path: str) -> Callable[[Any], dict[str, Any]]:
    """The part of the network behind a value, to be given another value in its place.

    Raises:
        PellucidError: there is no such value, or the output hears of the input by another way too.
    """
    known = net.reading()
    if path not in known.values or path in known.inputs or path in known.outputs:
        choices = [p for p in known.values if p not in known.inputs and p not in known.outputs]
        raise PellucidError(f'there is nothing behind "{path}", expected a value inside.{nearest(path, choices)}')
    forward = net.forward(training=False)
    cut = forward.values[path]
    if cut.kind != "float" or not cut.rank or isinstance(cut.axes[0].extent, int):
        raise PellucidError(f"{path} holds no real numbers of an example, so none can be put in its place")
    cut.definition = None  # what nothing defines is an input of the program
    needed = {r.tensor for s in reachable(forward.outputs.values()) for r in reads(s.expression)}
    if cut not in needed or any(t in needed for t in forward.inputs.values()):
        raise PellucidError(f"what comes out depends on more than {path}, so nothing can be made of {path} alone")
    run = net.executable(("behind", path), lambda: Program(forward.outputs))
    shape = tuple(a.size for a in cut.axes[1:])

    def decode(code: Any) -> dict[str, Any]:
        try:
            array = np.asarray(code, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError("a code is numbers, but something else came") from None
        if array.size != math.prod(shape) or not np.isfinite(array).all():
            raise DataError(f"{array.size} numbers came, but {path} is {math.prod(shape)} finite ones")
        found = run({cut.name: array.reshape(1, *shape).astype(net.dtype), **net.parameters.snapshot()})
        return numbers(next(iter(found.values()))[0])

    return decode


class Sliding:
    """A kernel over a picture, computed by the formula of Conv2D; programs are kept for the next picture."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def __call__(
        self,
        picture: Any,
        kernel: Sequence[Sequence[float]] | Array,
        *,
        stride: int,
        padding: int,
        dilation: int,
        at: Sequence[int] | None = None,
    ) -> dict[str, Any]:
        x = gallery.picture() if picture is None else _plane(picture, "the picture")
        k = _plane(kernel, "the kernel")
        if x.size > LARGEST_PICTURE or max(k.shape) > LARGEST_KERNEL:
            raise DataError(
                f"a picture of {x.shape} and a kernel of {k.shape} came: the most are {LARGEST_PICTURE} pixels and "
                f"{LARGEST_KERNEL} × {LARGEST_KERNEL} weights"
            )
        key = x.shape, k.shape, stride, padding, dilation
        if key not in self._known:
            if len(self._known) >= 32:
                self._known.pop(next(iter(self._known)))
            image = Tensor.input("x", n=1, h=x.shape[0], w=x.shape[1], c=1)
            weights = Tensor.input("k", u=k.shape[0], v=k.shape[1], c=1, f=1)
            result = conv2d(image, weights, stride=stride, padding=padding, dilation=dilation)
            # The reference engine needs no time to compile, and every move of a slider is another program.
            self._known[key] = compile_program(Program({"y": result}), engine="reference", dtype=np.float32)
        run = self._known[key]
        given = {"x": x[None, :, :, None], "k": k[:, :, None, None]}
        found = run(given)["y"]
        answer = {"image": numbers(x), "output": numbers(found[0, :, :, 0])}
        if at is not None:
            _, rows, columns, _ = found.shape
            if len(at) != 2 or not (0 <= at[0] < rows and 0 <= at[1] < columns):
                raise DataError(f"the output is {rows} × {columns}, so there is nothing at {list(at)}")
            told = Trace(run.program, {**given, "y": found}, ["x"]).explain("y", index=(0, *at, 0))
            said = told.json(k.size)
            answer["window"] = {name: said[name] for name in ("value", "terms", "outside")}
        return answer


def _plane(value: Any, what: str) -> Array:
    try:
        array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        raise DataError(f"{what} has to be rows of numbers of one length") from None
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise DataError(f"{what} has to be rows of finite numbers, but an array of shape {array.shape} came")
    return array
