"""Parts of values: joined, split, sliced, padded, picked at known places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.formula import BATCH
from pellucid.formula.axes import Extent
from pellucid.interchange.onnx.operators.base import (
    MAX_STATIC,
    Node,
    Text,
    UnsupportedError,
    Value,
    axes_of,
    axis_of,
    check_size,
    constant,
    number,
    operator,
    size_of,
)
from pellucid.interchange.onnx.operators.shape_operators import BATCH_SIZE


@operator("Concat")
def _concat(node: Node) -> Value:
    values = [node.input(place) for place in range(len(node.inputs))]
    values = [v for v in values if v.array is None or v.array.size] or values[:1]  # empty ones are of shapes alone
    if values[0].array is not None and not values[0].array.size:
        return values[0]
    return joined(values, axis_of(int(node.attr("axis", 1)), values[0].rank))


def joined(values: Sequence[Value], axis: int) -> Value:
    """Values one behind the other along an axis: nested choices, so that no infinity meets a 0."""
    shape = list(values[0].shape)
    if any(v.rank != len(shape) or any(k != axis and v.shape[k] != e for k, e in enumerate(shape)) for v in values):
        raise ShapeError(f"Concat joins shapes {' and '.join(str(v.shape) for v in values)} along axis {axis}")
    sizes = [size_of(v.shape[axis]) for v in values]
    shape[axis] = sum(sizes)
    text = Text()
    letters = text.axes(shape)
    here = letters[axis]
    terms, start = [], 0
    for value, size in zip(values, sizes, strict=True):
        at = [f"{a} − {start}" if k == axis and start else a for k, a in enumerate(letters)]
        terms.append(text.read(value, at, outside="0") if len(values) > 1 else text.read(value, at))
        start += size
    bounds = np.cumsum(sizes)
    if all(value.literal for value in values) or any(value.literal for value in values):
        body = terms[-1]
        for bound, term in reversed(list(zip(bounds[:-1], terms[:-1], strict=True))):
            body = f"where({here} < {bound}, {term}, {body})"
        return text.result(letters, body, values[0].dtype)
    return text.result(letters, " + ".join(terms), values[0].dtype)


@operator("Split")
def _split(node: Node) -> list[Value]:
    x = node.input(0)
    axis = axis_of(int(node.attr("axis", 0)), x.rank)
    size = size_of(x.shape[axis])
    sizes = node.integers(1, "split")
    if sizes is None:
        parts = int(node.attr("num_outputs", node.outputs))
        each = -(-size // parts)
        sizes = [min(each, size - k * each) for k in range(parts)]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).tolist()
    return [sliced(x, {axis: (start, 1, count)}) for start, count in zip(starts, sizes, strict=True)]


def sliced(x: Value, ranges: dict[int, tuple[int, int, int]]) -> Value:
    """A part of a value: by axis its start, step and count."""
    text = Text()
    letters = text.axes([ranges[k][2] if k in ranges else e for k, e in enumerate(x.shape)])
    indices = []
    for k, a in enumerate(letters):
        start, step, _ = ranges.get(k, (0, 1, 0))
        if k not in ranges:
            indices.append(a)
        elif step < 0:
            indices.append(f"{start} − {-step}·{a}")
        else:
            text.bindings[f"start{k}"] = start  # by name: an index that is an axis alone reads all of it
            indices.append(f"{a}·{step} + start{k}")
    return text.result(letters, text.read(x, indices), x.dtype)


@operator("Slice")
def _slice(node: Node) -> Value:
    x = node.input(0)
    starts, ends = node.integers(1, "starts") or [], node.integers(2, "ends") or []
    axes = node.integers(3, "axes")
    steps = node.integers(4) or [1] * len(starts)
    ranges: dict[int, tuple[int, int, int]] = {}
    for axis, start, end, step in zip(axes_of(axes or range(len(starts)), x.rank), starts, ends, steps, strict=True):
        extent = x.shape[axis]
        if extent is BATCH:
            if start != 0 or end < BATCH_SIZE or step != 1:
                raise UnsupportedError("Slice takes a part of the batch")
            continue
        chosen = range(size_of(extent))[slice(start, end if end > -(1 << 62) else None, step)]
        if not chosen and x.array is not None:
            return constant(x.array.take([], axis), literal=False)
        if not chosen:
            raise UnsupportedError("Slice takes an empty part")
        ranges[axis] = (chosen.start, chosen.step, len(chosen))
    return sliced(x, ranges)


@operator("Pad")
def _pad(node: Node) -> Value:
    x = node.input(0)
    pads = node.integers(1, "pads") or node.integers(1, "paddings") or []
    axes = axes_of(node.integers(3) or range(x.rank), x.rank) if node.has(3) else list(range(x.rank))
    if len(pads) != 2 * len(axes):
        raise ShapeError(f"Pad has {len(pads)} paddings for {len(axes)} axes")
    low, high = dict(zip(axes, pads, strict=False)), dict(zip(axes, pads[len(axes) :], strict=True))
    mode = node.attr("mode", "constant")
    value = node.optional(2)
    outside = number(float(node.attr("value", 0.0)))
    text = Text()
    shape: list[Extent] = []
    for k, extent in enumerate(x.shape):
        if extent is BATCH:
            if low.get(k, 0) or high.get(k, 0):
                raise UnsupportedError("Pad enlarges the batch")
            shape.append(extent)
        else:
            shape.append(size_of(extent) + low.get(k, 0) + high.get(k, 0))
    check_size(shape)
    letters = text.axes(shape)
    if mode == "constant":
        if value is not None:
            outside = text.read(value, ["0"] * value.rank, "v")
        indices = [f"{a} − {number(low[k])}" if low.get(k) else a for k, a in enumerate(letters)]
        return text.result(letters, text.read(x, indices, outside=outside), x.dtype)
    result = x
    for k in range(x.rank):
        if low.get(k) or high.get(k):
            size = size_of(x.shape[k])
            if size + low.get(k, 0) + high.get(k, 0) > MAX_STATIC:
                raise UnsupportedError(f"Pad reflects along an axis of more than {MAX_STATIC:,}")
            # what is cut off is not reflected
            first, last = max(-low.get(k, 0), 0), size - max(-high.get(k, 0), 0)
            if last <= first:
                raise UnsupportedError("Pad cuts everything off")
            places = np.arange(-max(low.get(k, 0), 0), last - first + max(high.get(k, 0), 0))
            result = picked(result, k, first + _reflected(places, last - first, str(mode)))
    return result


def _reflected(places: Any, size: int, mode: str) -> Any:
    """Which place inside stands for each, by numpy.pad's rules of these modes."""
    if mode == "edge":
        return np.clip(places, 0, size - 1)
    if mode == "wrap":
        return places % size
    if mode != "reflect":
        raise UnsupportedError(f'Pad has the mode "{mode}"')
    period = max(2 * (size - 1), 1)
    inside = np.abs(places) % period
    return np.where(inside < size, inside, period - inside)


def picked(x: Value, axis: int, places: Any) -> Value:
    """A value at known places along an axis: runs of even steps, one behind the other."""
    wanted = [int(p) for p in places]
    runs: list[tuple[int, int, int]] = []
    k = 0
    while k < len(wanted):
        step = wanted[k + 1] - wanted[k] if k + 1 < len(wanted) else 1
        end = k + 1
        while end < len(wanted) and wanted[end] - wanted[end - 1] == step and step:
            end += 1
        runs.append((wanted[k], step or 1, end - k))
        k = end
    if len(runs) > 8:
        return _looked_up(x, axis, wanted)
    parts = [sliced(x, {axis: run}) for run in runs]
    return parts[0] if len(parts) == 1 else joined(parts, axis)


def _looked_up(x: Value, axis: int, places: list[int]) -> Value:
    """A value at known places, which a sum of steps gives: the first one, and each change where it comes."""
    jumps = [(k, b - a) for k, (a, b) in enumerate(pairwise(places), 1) if a != b]
    if len(jumps) > 1024:
        raise UnsupportedError(f"{len(jumps):,} changes of places along an axis, expected at most 1,024")
    text = Text()
    letters = text.axes([len(places) if k == axis else e for k, e in enumerate(x.shape)])
    here, i = letters[axis], text.axis(size_of(x.shape[axis]))
    steps = " + ".join([str(places[0]), *(f"{number(by)}·[{at} ≤ {here}]" for at, by in jumps)])
    text.line("k", [here], f"argmax[{i}] [{i} = {steps}]")
    at = text.head("k", [here])
    return text.result(letters, text.read(x, [at if k == axis else a for k, a in enumerate(letters)]), x.dtype)


@operator("ReverseSequence")
def _reverse(node: Node) -> Value:
    x, lengths = node.input(0), node.input(1)
    time, batch = int(node.attr("time_axis", 0)), int(node.attr("batch_axis", 1))
    text = Text()
    letters = text.axes(x.shape)
    t, size = letters[time], size_of(x.shape[time])
    length = text.read(lengths, [letters[batch]], "l")
    at = [letters[batch], t]
    u = text.axis(size)
    text.line("k", at, f"argmax[{u}] [{u} = where({t} < {length}, {length} − 1 − {t}, {t})]")
    return text.result(
        letters, text.read(x, [text.head("k", at) if k == time else a for k, a in enumerate(letters)]), x.dtype
    )


@operator("CenterCropPad")
def _crop(node: Node) -> Value:
    x = node.input(0)
    wanted = node.integers(1) or []
    axes = axes_of(node.attr("axes") or range(x.rank), x.rank)
    text = Text()
    extents = dict(zip(axes, wanted, strict=True))
    letters = text.axes([extents.get(k, e) for k, e in enumerate(x.shape)])
    indices = list(letters)
    for k, extent in extents.items():
        own = size_of(x.shape[k])
        shift = (own - extent) // 2 if extent <= own else -((extent - own) // 2)
        indices[k] = f"{letters[k]} + {number(shift)}" if shift else letters[k]
    return text.result(letters, text.read(x, indices, outside="0"), x.dtype)
