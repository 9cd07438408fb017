"""The same numbers under other indices: reshaping, joining, slicing, padding, lookup; and values that shapes make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH
from pellucid.formula.axes import Extent
from pellucid.functions.forward.shaping import mixed_radix
from pellucid.interchange.onnx.operators.base import (
    FLOAT,
    Merged,
    Node,
    Size,
    Text,
    UnsupportedError,
    Value,
    axes_of,
    broadcast_shapes,
    check_size,
    constant,
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
