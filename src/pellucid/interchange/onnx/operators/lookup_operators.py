"""Lookup by integers that come with the data: Gather and its kin, one-hot numbers, scattering."""

from __future__ import annotations

import numpy as np

from pellucid.errors import ShapeError
from pellucid.formula import BATCH
from pellucid.formula.expressions import Reduction
from pellucid.interchange.onnx.operators.base import (
    INT,
    MAX_STATIC,
    Node,
    Text,
    UnsupportedError,
    Value,
    axis_of,
    check_size,
    operator,
    size_of,
)
from pellucid.interchange.onnx.operators.parts import picked, sliced
from pellucid.interchange.onnx.operators.shape_operators import reshaped


def as_index(ids: Value, size: int) -> Value:
    """Integers as indices of an axis of this size; negative ones count from its end."""
    definition = ids.tensor.definition
    if definition is not None and isinstance(definition.expression, Reduction):  # argmax gives indices already
        return ids
    text = Text()
    letters = text.axes(ids.shape)
    v = text.axis(size)
    read = text.read(ids, letters)
    text.line("k", letters, f"argmax[{v}] max([{v} = {read}], [{v} = {read} + {size}])")
    return text.values({"k": (letters, INT)})[0]


@operator("Gather")
def _gather(node: Node) -> Value:
    x, ids = node.input(0), node.input(1)
    axis = axis_of(int(node.attr("axis", 0)), x.rank)
    if x.shape[axis] is BATCH:
        raise UnsupportedError("Gather chooses among the batch")
    size = size_of(x.shape[axis])
    if ids.array is not None and ids.array.size <= MAX_STATIC:
        places = np.where(ids.array < 0, ids.array + size, ids.array).reshape(-1)
        if ((places < 0) | (places >= size)).any():
            raise ShapeError(f"Gather reads at {int(places.max())}, expected places below {size}")
        shape = [*x.shape[:axis], *ids.shape, *x.shape[axis + 1 :]]
        return reshaped(picked(x, axis, places), shape)
    index = as_index(ids, size)
    text = Text()
    inner = text.axes(ids.shape)
    outer = text.axes([e for k, e in enumerate(x.shape) if k != axis])
    at = text.read(index, inner, "k")
    return text.result(
        [*outer[:axis], *inner, *outer[axis:]], text.read(x, [*outer[:axis], at, *outer[axis:]]), x.dtype
    )


@operator("GatherElements")
def _gather_elements(node: Node) -> Value:
    x, ids = node.input(0), node.input(1)
    axis = axis_of(int(node.attr("axis", 0)), x.rank)
    index = as_index(ids, size_of(x.shape[axis]))
    text = Text()
    letters = text.axes(ids.shape)
    at = text.read(index, letters, "k")
    return text.result(letters, text.read(x, [at if k == axis else a for k, a in enumerate(letters)]), x.dtype)


@operator("GatherND")
def _gather_nd(node: Node) -> Value:
    x, ids = node.input(0), node.input(1)
    shared = int(node.attr("batch_dims", 0))
    depth = size_of(ids.shape[-1])
    text = Text()
    inner = text.axes(ids.shape[:-1])
    rest = text.axes(x.shape[shared + depth :])
    ats = []
    for k in range(depth):
        column = sliced(ids, {ids.rank - 1: (k, 1, 1)})
        index = as_index(column, size_of(x.shape[shared + k]))
        ats.append(text.read(index, [*inner, "0"], "k"))
    return text.result([*inner, *rest], text.read(x, [*inner[:shared], *ats, *rest]), x.dtype)


@operator("OneHot")
def _one_hot(node: Node) -> Value:
    ids = node.input(0)
    depth = int(node.known(1).reshape(-1)[0])
    values = node.input(2)
    check_size([depth])
    axis = int(node.attr("axis", -1))
    axis = axis + ids.rank + 1 if axis < 0 else axis
    text = Text()
    letters = text.axes(ids.shape)
    v = text.axis(depth)
    read = text.read(ids, letters)
    off, on = text.read(values, ["0"], "v"), text.read(values, ["1"], "v")
    hit = f"max([{v} = {read}], [{v} = {read} + {depth}])"
    return text.result([*letters[:axis], v, *letters[axis:]], f"{off} + {hit}·({on} − {off})", values.dtype)


@operator("ScatterElements", "Scatter")
def _scatter_elements(node: Node) -> Value:
    """Each place takes what the updates at its index give it."""
    x, ids, updates = node.input(0), node.input(1), node.input(2)
    axis = axis_of(int(node.attr("axis", 0)), x.rank)
    size = size_of(x.shape[axis])
    text = Text()
    letters = text.axes(x.shape)
    inner = text.axes([e for e in updates.shape])
    brackets = [f"[{a} = {b}]" for k, (a, b) in enumerate(zip(letters, inner, strict=True)) if k != axis]
    read = text.read(ids, inner, "k")
    brackets.append(f"max([{letters[axis]} = {read}], [{letters[axis]} = {read} + {size}])")
    hit, bound = "·".join(brackets), ",".join(inner)
    update, here = text.read(updates, inner, "u"), text.read(x, letters)
    match node.attr("reduction", "none"):
        case "none":
            text.line("h", letters, f"Σ[{bound}] {hit}")
            return text.result(
                letters, f"where(0 < {text.head('h', letters)}, Σ[{bound}] {hit}·{update}, {here})", x.dtype
            )
        case "add":
            return text.result(letters, f"{here} + Σ[{bound}] {hit}·{update}", x.dtype)
        case "max" | "min" as word:
            never = "−inf" if word == "max" else "inf"
            other = f"{word}[{bound}] where(0 < {hit}, {update}, {never})"
            return text.result(letters, f"{word}({here}, {other})", x.dtype)
    raise UnsupportedError(f"{node.operator} combines updates by {node.attr('reduction')}")
