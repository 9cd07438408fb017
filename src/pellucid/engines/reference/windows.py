"""Sums that run backwards through a window: dx[h] = Σ_u dy[(h + p − u)/s]·k[u]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines.reference.brackets import Axes, remainder
from pellucid.engines.reference.node import Context, Frame, Node, State, hard
from pellucid.engines.reference.operations import as_float
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import ZERO, Expression, Read, free_axes, reads, transform


@dataclass(frozen=True, slots=True)
class _Back:
    """h, an axis of the frame, stands in the parts only as (h + offset + Σ k·u)/divisor, an index into
    `size` elements.
    """

    axis: Axis
    index: Affine
    target: Axis
    key: object


def backwards(c: Context, axes: Axes, parts: Sequence[Expression], frame: Frame) -> Node | None:
    """The sum turned round: f(i,u) for every i that exists, each added to h = i·s + u − p.

    It needs no array with s − 1 of s elements zero, and no window of what is often the larger array.
    """
    views = [b for h in frame if (b := _backward(c, h, axes, parts)) is not None]
    if not views:
        return None
    windows = tuple(a for a in axes if any(b.index.coefficient(a) for b in views))
    if all(b.index.divisor.value == 1 for b in views):
        forward = max(c.count(free_axes(p)) for p in parts)
        targets = {b.axis: b.target for b in views}
        every = frozenset[Axis]().union(*map(free_axes, parts)) - set(axes) | set(windows)
        if forward < 2 * c.count([targets.get(a, a) for a in every]):
            return None
    targets = {b.axis: b.target for b in views}
    swap = {b.key: b.target for b in views}

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read) and any(isinstance(i, Affine) and _key(i) in swap for i in e.indices):
            moved = tuple(
                Affine.of(swap[_key(i)]) if isinstance(i, Affine) and _key(i) in swap else i for i in e.indices
            )
            return transform(Read(e.tensor, moved, e.outside), change)
        return None

    outer = tuple(targets.get(a, a) for a in frame)
    inner = (*windows, *outer)
    parts = [transform(p, change) for p in parts]
    node = c.build(remainder([a for a in axes if a not in windows], parts), inner)
    node = as_float(c, node)
    result = frozenset(a for a in frame if targets.get(a, a) in node.axes) | set(targets)
    shape, dtype = c.shape(result, frame), c.dtype
    get = hard(c, node, inner)
    moves = []
    for at in np.ndindex(*(c.extent(w) for w in windows)):
        values = dict(zip(windows, at, strict=True))
        source: list[Any] = [k if w in node.axes else 0 for w, k in values.items()] + [slice(None)] * len(frame)
        goal: list[Any] = [slice(None)] * len(frame)
        for b in views:
            s, shift = (
                b.index.divisor.value,
                b.index.constant + sum(k.value * values.get(a, 0) for a, k in b.index.terms),
            )
            first, last = (
                max(0, -(-shift // s)),
                min(c.extent(b.target) - 1, (c.extent(b.axis) - 1 + shift) // s),
            )
            d = frame.index(b.axis)
            goal[d] = slice(s * first - shift, max(s * last - shift + 1, 0), s)
            source[len(windows) + d] = slice(first, last + 1) if b.target in node.axes else slice(None)
            if last < first:
                break
        else:
            moves.append((tuple(goal), tuple(source)))

    def run(v: State) -> Any:
        array = get(v)
        total = np.zeros(shape, dtype=dtype)
        for goal, source in moves:
            part = total[goal]
            np.add(part, array[source], out=part)
        return total

    return Node(result, "float", run, True, strides=c.contiguous(result, frame))


def _key(index: Affine) -> object:
    return frozenset((a, k.value) for a, k in index.terms), index.constant, index.divisor.value


def _backward(c: Context, h: Axis, axes: Axes, parts: Sequence[Expression]) -> _Back | None:
    """How h stands in the parts, if it does so in one way only and some part is 0 where that index does not
    exist.
    """
    indices: dict[object, tuple[Affine, Axis]] = {}
    sizes = set()
    for part in parts:
        for e in reads(part):
            for index, place in zip(e.indices, e.tensor.axes, strict=True):
                if isinstance(index, Affine) and h in index.axes:
                    indices[_key(index)] = index, place
                    sizes.add(c.extent(place))
    if len(indices) != 1 or len(sizes) != 1:
        return None
    ((key, (index, place)),) = indices.items()
    others = [a for a in index.axes if a is not h]
    if index.coefficient(h) != 1 or not others or not set(others) <= set(axes):
        return None
    guarded = any(
        isinstance(p, Read) and p.outside == ZERO and any(isinstance(i, Affine) and _key(i) == key for i in p.indices)
        for p in parts
    )
    target = place.fresh()

    def bare(e: Expression) -> Expression | None:
        if isinstance(e, Read):
            gone = tuple(Affine.of(target) if isinstance(i, Affine) and _key(i) == key else i for i in e.indices)
            if gone != e.indices:
                return transform(Read(e.tensor, gone, e.outside), bare)
        return None

    if not guarded or any(h in free_axes(transform(p, bare)) for p in parts):
        return None
    return _Back(h, index, target, key)
