"""Reads: an affine read is a strided view of its tensor, padded only where the read can leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pellucid.engines.reference.node import STEP, Context, Frame, Kind, Node, State, hard
from pellucid.errors import FormulaError, PellucidError
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Constant, Expression, Index, Read


@dataclass(frozen=True, slots=True)
class Place:
    """An index into one dimension of a tensor: (Σ coefficient·axis + step·(the loop's step) + offset) /
    divisor.
    """

    size: int
    terms: tuple[tuple[Axis, int], ...]
    step: int
    offset: int
    divisor: int
    low: int
    high: int

    @property
    def spread(self) -> int:
        """The extent of the dimension with divisor − 1 elements of outside put between its elements."""
        return (self.size - 1) * self.divisor + 1

    @property
    def leaves(self) -> bool:
        return self.low < 0 or self.high >= self.spread or self.divisor > 1


def _place(c: Context, index: Affine, axis: Axis) -> Place:
    terms = tuple((a, k.value) for a, k in index.terms if a not in c.pinned)
    step = sum(k.value for a, k in index.terms if a in c.pinned)
    reach = [k.value * (c.extent(a) - 1) for a, k in index.terms]
    low, high = (index.constant + sum(pick(r, 0) for r in reach) for pick in (min, max))
    return Place(c.extent(axis), terms, step, index.constant, index.divisor.value, low, high)


def read(c: Context, e: Read, frame: Frame) -> Node:
    """A node for any read."""
    pairs = list(zip(e.indices, e.tensor.axes, strict=True))
    computed = [d for d, index in enumerate(e.indices) if not isinstance(index, Affine)]
    places = [_place(c, index, axis) for index, axis in pairs if isinstance(index, Affine)]
    if any(p.step and (p.terms or p.divisor > 1) for p in places) or len(computed) > 1:
        return _gathered(c, e, frame)
    if computed:
        return _taken(c, e, computed[0], frame)
    if e.outside is None and any(p.leaves for p in places):
        raise FormulaError(f"a read of {e.tensor.name} leaves it, and nothing says what lies outside")
    fixed = [p for p in places if not p.terms and not p.step]
    if any(p.offset % p.divisor or not 0 <= p.offset < p.spread for p in fixed):
        assert e.outside is not None
        return c.build(e.outside, frame)
    return _affine(c, e, places, frame)


def _kind(e: Read) -> Kind:
    return "int" if e.tensor.kind == "int" else "float"


def _affine(c: Context, e: Read, places: list[Place], frame: Frame) -> Node:
    """Three steps: fixed dimensions picked, the others padded, and the view of that in the frame's order."""
    slot = c.slots[e.tensor]
    moving = [p for p in places if p.terms]
    axes = frozenset(a for p in moving for a, _ in p.terms)
    dtype = np.dtype(np.int64) if e.tensor.kind == "int" else c.dtype
    pick = tuple(slice(None) if p.terms else p.offset // p.divisor for p in places)
    steps = [(d, p) for d, p in enumerate(places) if p.step]
    view, strides, exclusive = _view(c, moving, axes, frame, _fill(e), dtype)
    whole = all(p.terms for p in places)

    def run(v: State) -> Any:
        array = v[slot]
        if steps:
            at = list(pick)
            for d, p in steps:
                at[d] = p.step * v[STEP] + p.offset
            array = array[tuple(at)]
        elif not whole:
            array = array[pick]
        return array if view is None else view(array)

    result = Node(axes, _kind(e), run, exclusive, strides=strides)
    if e.outside is not None and any(p.leaves for p in moving) and not isinstance(e.outside, Constant):
        result = _masked(c, result, moving, e.outside, frame)
    leaving = [p for _, p in steps if p.leaves]
    if leaving and e.outside is not None:
        outside = c.build(e.outside, frame)
        result = _switched(c, result, leaving, outside, frame, dtype)
    return result


def _fill(e: Read) -> float:
    return e.outside.value if isinstance(e.outside, Constant) else 0


def _view(
    c: Context, moving: list[Place], axes: frozenset[Axis], frame: Frame, fill: float, dtype: np.dtype[Any]
) -> tuple[Any, dict[Axis, int], bool]:
    """A function from the array of the moving dimensions to the view of it in the frame; None if they are
    the same.
    """
    pad = None
    sizes = tuple(p.size for p in moving)
    origin = [p.offset for p in moving]
    if any(p.leaves for p in moving):
        lows = [max(0, -p.low) for p in moving]
        highs = [max(0, p.high - (p.spread - 1)) for p in moving]
        sizes = tuple(low + p.spread + high for p, low, high in zip(moving, lows, highs, strict=True))
        origin = [o + low for o, low in zip(origin, lows, strict=True)]
        inside = tuple(slice(low, low + p.spread, p.divisor) for p, low in zip(moving, lows, strict=True))
        pad = (sizes, inside)
    widths = [1] * len(moving)
    for d in reversed(range(len(moving) - 1)):
        widths[d] = widths[d + 1] * sizes[d + 1]
    strides: dict[Axis, int] = {}
    for p, width in zip(moving, widths, strict=True):
        for a, k in p.terms:
            strides[a] = strides.get(a, 0) + k * width
    sliced = len(axes) == len(moving) and all(len(p.terms) == 1 for p in moving)
    look = _slices(c, moving, origin, sizes, frame) if sliced else _windows(c, moving, axes, origin, frame)
    if pad is None:
        return look, strides, False
    shape, inside = pad

    def padded(array: Any) -> Any:
        large = np.full(shape, fill, dtype=dtype) if fill else np.zeros(shape, dtype=dtype)
        large[inside] = array
        return large if look is None else look(large)

    return padded, strides, sliced


def _slices(c: Context, moving: list[Place], origin: list[int], sizes: tuple[int, ...], frame: Frame) -> Any:
    """Each dimension has an axis of its own: slices, then the frame's order."""
    cut = []
    for p, start, size in zip(moving, origin, sizes, strict=True):
        ((axis, by),) = p.terms
        last = start + by * (c.extent(axis) - 1)
        whole = start == 0 and by == 1 and last == size - 1
        stop = last + (1 if by > 0 else -1)
        cut.append(slice(None) if whole else slice(start, stop if stop >= 0 else None, by))
    order = [p.terms[0][0] for p in moving]
    turn = sorted(range(len(order)), key=lambda d: frame.index(order[d]))
    index = tuple(cut[turn[sum(b in order for b in frame[:k])]] if a in order else None for k, a in enumerate(frame))
    turned = turn != list(range(len(order)))
    trivial = all(i == slice(None) for i in index)
    if turned:
        return (lambda array: array.transpose(turn)) if trivial else (lambda array: array.transpose(turn)[index])
    return None if trivial else (lambda array: array[index])


def _windows(c: Context, moving: list[Place], axes: frozenset[Axis], origin: list[int], frame: Frame) -> Any:
    """Several axes run over one dimension: a view with strides of its own."""
    shape = c.shape(axes, frame)
    terms = [[(d, k) for d, p in enumerate(moving) for b, k in p.terms if b is a] for a in frame]
    start = tuple(slice(o, None) for o in origin)

    def look(array: Any) -> Any:
        strides = tuple(sum(k * array.strides[d] for d, k in t) for t in terms)
        return as_strided(array[start], shape, strides, writeable=False)

    return look


def _valid(c: Context, places: list[Place], frame: Frame) -> Any:
    """Where in the frame the moving indices exist."""
    valid: Any = np.True_
    for p in places:
        index: Any = p.offset
        for a, k in p.terms:
            index = index + k * np.arange(c.extent(a)).reshape(c.shape((a,), frame))
        valid = valid & (index >= 0) & (index < p.spread) & (index % p.divisor == 0)
    return valid


def _masked(c: Context, node: Node, moving: list[Place], outside: Expression, frame: Frame) -> Node:
    other = c.build(outside, frame)
    leaving = [p for p in moving if p.leaves]
    valid = _valid(c, leaving, frame)  # along the axes that leave alone: the others always exist
    inner, outer = node.run, other.run
    if node.fresh and other.axes <= node.axes and len(leaving) == 1 and len(leaving[0].terms) == 1:
        # One axis leaves: its first and last elements are written over, the rest stays as it was read.
        d = frame.index(leaving[0].terms[0][0])
        inside = np.flatnonzero(valid)
        first, last = (inside[0], inside[-1] + 1) if len(inside) else (valid.size, valid.size)
        ends = [s for s in (slice(0, first), slice(last, None)) if len(range(valid.size)[s])]
        if valid.ravel()[first:last].all():
            varies = frame[d] in other.axes
            edges = [(*(slice(None) for _ in range(d)), s) for s in ends]
            value = hard(c, other, frame)

            def overwritten(v: State) -> Any:
                array, outer_array = inner(v), value(v)
                for edge in edges:
                    array[edge] = outer_array[edge] if varies else outer_array
                return array

            return Node(node.axes, node.kind, overwritten, True, strides=node.strides)
    return Node(
        node.axes | other.axes,
        node.kind,
        lambda v: np.where(valid, inner(v), outer(v)),
        True,
        strides=node.strides,
    )


def _switched(c: Context, node: Node, leaving: list[Place], outside: Node, frame: Frame, dtype: np.dtype[Any]) -> Node:
    """A read that is outside as a whole at some steps of the loop."""
    axes = node.axes | outside.axes
    shape = c.shape(axes, frame) if axes else ()
    inner, outer = node.run, hard(c, outside, frame) if axes else outside.run
    same = node.axes == axes

    def run(v: State) -> Any:
        t = v[STEP]
        if all(0 <= p.step * t + p.offset < p.size for p in leaving):
            return inner(v) if same else np.broadcast_to(inner(v), shape)
        return np.broadcast_to(np.asarray(outer(v), dtype=dtype), shape)

    return Node(axes, node.kind, run, strides=node.strides)


# Reads by an element of an integer tensor


def _name(index: Expression) -> str:
    return index.tensor.name if isinstance(index, Read) else "the index"


def _taken(c: Context, e: Read, dimension: int, frame: Frame) -> Node:
    """One computed index: the view of all other dimensions, and np.take along this one."""
    along = Axis("", e.tensor.axes[dimension].extent)
    size = c.extent(e.tensor.axes[dimension])
    index = e.indices[dimension]
    assert isinstance(index, Expression)
    shifted = tuple(Affine.of(along) if d == dimension else i for d, i in enumerate(e.indices))
    source = c.build(Read(e.tensor, shifted, e.outside), (*frame, along))
    which = c.build(index, frame)
    if along not in source.axes:
        return _gathered(c, e, frame)
    kept = tuple(a for a in frame if a in source.axes)
    chosen = tuple(a for a in frame if a in which.axes)
    axes = frozenset((*kept, *chosen))
    get, at = source.run, hard(c, which, frame)
    outside = None if e.outside is None else c.build(e.outside, frame)
    outer = None if outside is None else hard(c, outside, frame)
    shape = c.shape(axes, frame)
    name, tensor, axis_name = _name(index), e.tensor.name, e.tensor.axes[dimension].name

    if set(kept) & set(chosen) or not axes:

        def take(values: Any, places: Any) -> Any:
            return np.take_along_axis(values, places[..., None], axis=-1)[..., 0]

    else:
        rank = len(frame)
        to_rows = (
            rank,
            *(d for d in range(rank) if frame[d] in kept),
            *(d for d in range(rank) if frame[d] not in kept),
        )
        rows = (size, *(c.extent(a) for a in kept))
        places_shape = tuple(c.extent(a) for a in chosen)
        order = (*chosen, *kept)
        turn = tuple(sorted(range(len(order)), key=lambda d: frame.index(order[d])))

        def take(values: Any, places: Any) -> Any:
            rows_taken = values.transpose(to_rows).reshape(rows).take(places.reshape(places_shape), axis=0)
            return rows_taken.transpose(turn).reshape(shape)

    def run(v: State) -> Any:
        places = at(v)
        low, high = places.min(), places.max()
        if low >= 0 and high < size:
            return take(get(v), places)
        if outer is None:
            raise _missing(name, low if low < 0 else high, size, axis_name, tensor)
        inside = (places >= 0) & (places < size)
        return np.where(inside, take(get(v), np.where(inside, places, 0)), outer(v))

    if outside is not None and not outside.axes <= axes:
        return _gathered(c, e, frame)
    return Node(axes, _kind(e), run, True, strides=c.contiguous(axes, frame))


def _missing(name: str, value: Any, size: int, axis: str, tensor: str) -> PellucidError:
    return PellucidError(
        f"{name} holds {value}, but {tensor} has {size} along {axis or 'that axis'}: 0 to {size - 1} exist"
    )


def _gathered(c: Context, e: Read, frame: Frame) -> Node:
    """Any read at all: every index as an array of integers."""
    slot = c.slots[e.tensor]
    nodes: list[tuple[Node, int, int, str, str]] = []
    for index, axis in zip(e.indices, e.tensor.axes, strict=True):
        if isinstance(index, Affine):
            divisor = index.divisor.value
            node = c.build(Index(Affine(index.terms, index.offset)), frame)
            nodes.append((node, c.extent(axis), divisor, "the index", axis.name))
        else:
            nodes.append((c.build(index, frame), c.extent(axis), 1, _name(index), axis.name))
    outside = None if e.outside is None else c.build(e.outside, frame)
    axes = frozenset(a for n, *_ in nodes for a in n.axes) | (outside.axes if outside is not None else frozenset())
    shape = c.shape(axes, frame)
    runs = [(hard(c, node, frame), size, divisor, name, axis) for node, size, divisor, name, axis in nodes]
    outer = None if outside is None else hard(c, outside, frame)
    tensor = e.tensor.name

    def run(v: State) -> Any:
        valid: Any = np.True_
        at = []
        for index, size, divisor, name, axis in runs:
            places = index(v)
            inside = (places >= 0) & (places <= (size - 1) * divisor) & (places % divisor == 0)
            if outer is None and not inside.all():
                raise _missing(name, places[~inside][0], size, axis, tensor)
            valid = valid & inside
            at.append(np.where(inside, places // divisor, 0))
        values = v[slot][tuple(at)]
        if outer is not None:
            values = np.where(valid, values, outer(v))
        return np.broadcast_to(values, shape) if values.shape != shape else values

    return Node(axes, _kind(e), run, strides=c.contiguous(axes, frame))
