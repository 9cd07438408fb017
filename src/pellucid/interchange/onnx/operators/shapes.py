"""The same numbers under other indices: reshaping, joining, slicing, padding, lookup; and values that shapes make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH
from pellucid.formula.axes import Extent
from pellucid.formula.expressions import Reduction
from pellucid.functions.forward.shaping import mixed_radix
from pellucid.interchange.onnx.operators.base import (
    BOOL,
    FLOAT,
    INT,
    MAX_STATIC,
    Merged,
    Node,
    Size,
    Text,
    UnsupportedError,
    Value,
    axes_of,
    axis_of,
    broadcast_shapes,
    check_size,
    constant,
    elementwise,
    number,
    operator,
    size_of,
)

BATCH_SIZE = 1_000_003
"""What stands for the size of the batch in shape arithmetic: a prime that no other extent is a multiple of."""


def stood_for(shape: Sequence[Size]) -> list[int]:
    """A shape as integers, the batch by its stand-in."""
    return [e if isinstance(e, int) else BATCH_SIZE * (e.other if isinstance(e, Merged) else 1) for e in shape]


def meant(shape: Sequence[int]) -> list[Any]:
    """A shape from integers, some of which may stand for the batch, alone or with another axis."""
    return [e if e == 0 or e % BATCH_SIZE else BATCH if e == BATCH_SIZE else Merged(e // BATCH_SIZE) for e in shape]


@operator("Shape")
def _shape(node: Node) -> Value:
    shape = stood_for(node.input(0).shape)
    start, end = int(node.attr("start", 0)), node.attr("end")
    return constant(np.asarray(shape[start : None if end is None else int(end)], np.int64), literal=False)


@operator("Size")
def _size(node: Node) -> Value:
    return constant(np.asarray(math.prod(stood_for(node.input(0).shape)), np.int64))


@operator("Constant")
def _constant(node: Node) -> Value:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if (given := node.attr(name)) is not None:
            array = np.asarray(given)
            if array.dtype.kind not in "fiub":
                break
            return constant(array.astype(FLOAT) if name.startswith("value_f") else array)
    raise UnsupportedError("Constant holds something else than numbers")


@operator("ConstantOfShape")
def _constant_of_shape(node: Node) -> Value:
    value = np.asarray(node.attr("value", np.zeros(1, np.float32))).reshape(-1)[0]
    return _filled(meant(node.integers(0) or []), value)


def _filled(shape: Sequence[Extent], value: Any) -> Value:
    """One number everywhere: it takes no memory, and along the batch it stands once."""
    check_size(shape)
    if any(e is not BATCH and size_of(e) < 1 for e in shape):
        raise UnsupportedError(f"a constant of shape {tuple(shape)} is empty")
    return constant(np.broadcast_to(np.asarray(value), [1 if e is BATCH else size_of(e) for e in shape]))


@operator("Range")
def _range(node: Node) -> Value:
    start, limit, step = (node.known(place).reshape(-1)[0] for place in range(3))
    count = max(math.ceil((limit - start) / step), 0) if step else 0
    check_size([count])
    if not count:
        raise UnsupportedError("Range is empty")
    text = Text()
    i = text.axis(count)
    return text.result([i], f"{number(float(start))} + {i}·{number(float(step))}", node.input(0).dtype)


@operator("EyeLike")
def _eye(node: Node) -> Value:
    x, k = node.input(0), int(node.attr("k", 0))
    text = Text()
    row, column = text.axes(x.shape)
    dtype = np.dtype(str(node.attr("dtype", x.dtype)))
    zero = f"0·{text.read(x, [row, column])}" if x.array is None else "0"
    return text.result([row, column], f"[{column} = {row} + {number(k)}] + {zero}", dtype)


@operator("Reshape")
def _reshape(node: Node) -> Value:
    x = node.input(0)
    wanted = node.integers(1, "shape") or []
    shape = [
        stood_for(x.shape)[k] if e == 0 and not node.attr("allowzero") and k < x.rank else e
        for k, e in enumerate(wanted)
    ]
    return reshaped(x, _completed(x, shape, node.batch))


def _completed(x: Value, wanted: Sequence[int], batch: int | None) -> list[Extent]:
    """A shape with its −1 worked out.

    A model that was made for one size of the batch may say that size: it is taken for the batch where the other extents
    make up an example.
    """
    own, shape = math.prod(stood_for(x.shape)), list(wanted)
    bad: PellucidError = ShapeError(f"a value of shape {x.shape} cannot take the shape {tuple(wanted)}")
    if shape.count(-1) > 1 or any(e < -1 or e == 0 for e in shape):
        raise bad
    tries = [shape]
    if x.batch is not None and batch is not None:
        each = [(k, e) for k, e in enumerate(shape) if e > 0 and e % batch == 0]
        each.sort(key=lambda found: found[1] != batch)  # the size itself before its multiples
        tries += [[*shape[:k], BATCH_SIZE * (e // batch), *shape[k + 1 :]] for k, e in each]
    found: list[list[Any]] = []
    for one in tries:
        rest = math.prod(e for e in one if e != -1)
        if own % rest or (-1 not in one and own != rest):
            continue
        full = meant([own // rest if e == -1 else e for e in one])
        for sizes in (full, [replace(e, outer=True) if isinstance(e, Merged) else e for e in full]):
            try:
                _runs(_apart(x.shape), _apart(sizes))
            except UnsupportedError as error:
                bad = error
            else:
                found.append(sizes)
    if not found:
        raise bad
    return min(found, key=lambda shape: sum(isinstance(e, Merged) for e in shape))  # the first of those


def _apart(shape: Sequence[Any]) -> list[Any]:
    """A shape with the batch apart from what is merged with it."""
    each: list[Any] = []
    for extent in shape:
        if isinstance(extent, Merged):
            each += [extent.other, BATCH] if extent.outer else [BATCH, extent.other]
        else:
            each.append(extent)
    return each


def reshaped(x: Value, shape: Sequence[Any]) -> Value:
    """The numbers in their order under another shape.

    Runs of axes of the same product stay apart, so that each index is as short as it can be; the batch is a run of its
    own.
    """
    check_size(shape)
    text = Text()
    whole, result = text.axes(x.shape), [text.axis(e) if e is not BATCH else "n" for e in shape]
    before, after = _letters(whole, x.shape), _letters(result, shape)
    old_sizes, new_sizes = _apart(x.shape), _apart(shape)
    indices: list[str] = []
    brackets: list[str] = []
    summed: list[str] = []
    for old, new in _runs(old_sizes, new_sizes):
        old_letters, new_letters = [before[k] for k in old], [after[k] for k in new]
        sizes = [old_sizes[k] for k in old]
        others = [new_sizes[k] for k in new]
        if any(e is BATCH for e in sizes):
            indices += ["n" if e is BATCH else "0" for e in sizes]
            continue
        real = [k for k, e in enumerate(sizes) if e != 1]
        targets = [(a, size_of(e)) for a, e in zip(new_letters, others, strict=True) if e != 1]
        place = mixed_radix([a for a, _ in targets], [e for _, e in targets]) if targets else "0"
        if len(real) == 1:
            indices += [place if k == real[0] else "0" for k in range(len(sizes))]
        elif not real:
            indices += ["0"] * len(sizes)
        else:
            inner = [old_letters[k] for k in real]
            own = mixed_radix(inner, [size_of(sizes[k]) for k in real])
            brackets.append(f"[{place} = {own}]")
            summed += inner
            indices += [a if k in real else "0" for k, a in enumerate(old_letters)]
    read = text.read(x, _together(whole, x.shape, indices))
    body = f"Σ[{','.join(summed)}] {'·'.join(brackets)}·{read}" if brackets else read
    if "n" in after:
        text.extents.setdefault("n", BATCH)
    return text.result(result, body, x.dtype)


def _letters(axes: Sequence[str], shape: Sequence[Any]) -> list[str]:
    """The letters of axes, those that are merged apart, in ONNX's order."""
    each: list[str] = []
    for pair, extent in zip(axes, shape, strict=True):
        parts = pair.split(",")
        each += reversed(parts) if isinstance(extent, Merged) and extent.outer else parts
    return each


def _together(axes: Sequence[str], shape: Sequence[Any], indices: Sequence[str]) -> list[str]:
    """Indices by axes, that of an axis that is merged with the batch behind the batch's."""
    each, result = iter(indices), []
    for pair, extent in zip(axes, shape, strict=True):
        parts = [next(each) for _ in pair.split(",")]
        result.append(",".join(reversed(parts) if isinstance(extent, Merged) and extent.outer else parts))
    return result


def _runs(old: Sequence[Extent], new: Sequence[Extent]) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes in runs of the same product."""
    runs: list[tuple[list[int], list[int]]] = []
    left, right = stood_for(old), stood_for(new)
    i = j = 0
    while i < len(left) or j < len(right):
        here, there = [i] if i < len(left) else [], [j] if j < len(right) else []
        a, b = (left[i] if here else 1), (right[j] if there else 1)
        i, j = i + len(here), j + len(there)
        while a != b:
            if a < b and i < len(left):
                here.append(i)
                a *= left[i]
                i += 1
            elif b < a and j < len(right):
                there.append(j)
                b *= right[j]
                j += 1
            else:
                raise ShapeError(f"shapes {tuple(old)} and {tuple(new)} hold different numbers")
        runs.append((here, there))
    for here, _ in runs:
        if BATCH_SIZE in [left[k] for k in here] and math.prod(left[k] for k in here) != BATCH_SIZE:
            raise UnsupportedError("the batch is moved among other axes, expected it to stay before them")
    return runs


@operator("Flatten")
def _flatten(node: Node) -> Value:
    x = node.input(0)
    axis = int(node.attr("axis", 1))
    axis = axis + x.rank if axis < 0 else axis
    sizes = stood_for(x.shape)
    wanted = [math.prod(sizes[:axis]), math.prod(sizes[axis:])]
    return reshaped(x, _completed(x, wanted, node.batch))


@operator("Squeeze")
def _squeeze(node: Node) -> Value:
    x = node.input(0)
    axes = node.integers(1, "axes")
    gone = [k for k, e in enumerate(x.shape) if e == 1] if axes is None else axes_of(axes, x.rank)
    if any(x.shape[k] != 1 for k in gone):
        raise UnsupportedError(f"Squeeze takes axes {gone} away from the shape {x.shape}, expected extents of 1")
    return reshaped(x, [e for k, e in enumerate(x.shape) if k not in gone])


@operator("Unsqueeze")
def _unsqueeze(node: Node) -> Value:
    x = node.input(0)
    axes = node.integers(1, "axes") or []
    shape = list(x.shape)
    for axis in sorted(axes_of(axes, x.rank + len(axes))):
        shape.insert(axis, 1)
    return reshaped(x, shape)


@operator("Transpose")
def _transpose(node: Node) -> Value:
    x = node.input(0)
    order = [int(k) for k in node.attr("perm", list(reversed(range(x.rank))))]
    if sorted(order) != list(range(x.rank)):
        raise ShapeError(f"Transpose orders {x.rank} axes by {order}")
    text = Text()
    letters = text.axes(x.shape)
    return text.result([letters[k] for k in order], text.read(x, letters), x.dtype)


@operator("Expand")
def _expand(node: Node) -> Value:
    x, wanted = node.input(0), meant(node.integers(1) or [])
    if BATCH in wanted and x.batch is None:
        x = one_example(x, wanted.index(BATCH) - len(wanted) + x.rank, node.batch)
    return expanded(x, broadcast_shapes(x.shape, wanted))


def one_example(x: Value, axis: int, batch: int | None) -> Value:
    """Known numbers that are the same along an axis for all examples of the batch that a model was made for, for one:
    first states, say.
    """
    if x.array is None or batch is None or not 0 <= axis < x.rank or x.array.shape[axis] != batch:
        return x
    first = x.array.take([0], axis)
    return constant(first, literal=x.literal) if (x.array == first).all() else x


def expanded(x: Value, shape: Sequence[Extent]) -> Value:
    """A value with its axes of 1 stretched."""
    check_size(shape)
    if x.batch is None and BATCH in shape:
        place = list(shape).index(BATCH)
        if x.array is None:
            raise UnsupportedError("a value without a batch is stretched along the batch")
        stretched = [1 if e is BATCH else size_of(e) for e in shape]
        if place - len(shape) + x.rank >= 0 and x.shape[place - len(shape) + x.rank] != 1:
            raise ShapeError(f"a value of shape {x.shape} cannot be stretched to {tuple(shape)}")
        return constant(np.broadcast_to(x.array, stretched))
    text = Text()
    letters = text.axes(shape)
    return text.result(letters, text.broadcast(x, letters), x.dtype)


@operator("Tile")
def _tile(node: Node) -> Value:
    x = node.input(0)
    repeats = node.integers(1) or []
    wide: list[Extent] = []
    final: list[Extent] = []
    for extent, times in zip(x.shape, repeats, strict=True):
        if extent is BATCH and times != 1:
            raise UnsupportedError("Tile repeats the batch")
        wide += [times, extent]
        final.append(BATCH if extent is BATCH else size_of(extent) * times)
    check_size(final)
    if min(repeats, default=1) < 1:
        raise UnsupportedError("Tile makes an empty value")
    text = Text()
    letters = text.axes(wide)
    spread = text.result(letters, text.read(x, letters[1::2]), x.dtype)
    return reshaped(spread, final)


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
            places = np.arange(-low.get(k, 0), size + high.get(k, 0))
            result = picked(result, k, _reflected(places, size, str(mode)))
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


@operator("Trilu")
def _trilu(node: Node) -> Value:
    x = node.input(0)
    k = int(node.known(1).reshape(-1)[0]) if node.has(1) else 0
    text = Text()
    letters = text.axes(x.shape)
    row, column = letters[-2:]
    shown = f"{row} + {number(k)}"
    condition = f"{shown} ≤ {column}" if node.attr("upper", 1) else f"{column} ≤ {shown}"
    return text.result(letters, f"where({condition}, {text.read(x, letters)}, 0)", x.dtype)


@operator("DepthToSpace", "SpaceToDepth")
def _blocks(node: Node) -> Value:
    x, b = node.input(0), int(node.attr("blocksize"))
    n, c, h, w = x.shape
    if node.operator == "SpaceToDepth":
        h, w = size_of(h), size_of(w)
        if h % b or w % b:
            raise ShapeError(f"SpaceToDepth divides {h}×{w} places into blocks of {b}")
        parts = reshaped(x, [n, c, h // b, b, w // b, b])
        order = (0, 1, 3, 5, 2, 4) if node.attr("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
        return reshaped(_ordered(parts, *order), [n, size_of(c) * b * b, h // b, w // b])
    depth = size_of(c) // (b * b)
    split: list[Extent] = [n, b, b, depth, h, w]
    order = (0, 3, 4, 1, 5, 2)
    if node.attr("mode", "DCR") == "CRD":
        split, order = [n, depth, b, b, h, w], (0, 1, 4, 2, 5, 3)
    return reshaped(_ordered(reshaped(x, split), *order), [n, depth, size_of(h) * b, size_of(w) * b])


def _ordered(x: Value, *order: int) -> Value:
    text = Text()
    letters = text.axes(x.shape)
    return text.result([letters[k] for k in order], text.read(x, letters), x.dtype)


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


def truth(x: Value) -> Value:
    """A value as 1 and 0."""
    return elementwise([x], lambda x: f"1 − [{x} = 0]", BOOL)
