"""Sums that run backwards through a window: dx[h] = Σ_u dy[(h + p − u)/s]·k[u]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.engines.reference.brackets import Axes
from pellucid.engines.reference.node import Context, Frame, Node, State, hard
from pellucid.engines.reference.operations import as_float
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Expression, free_axes
from pellucid.formula.sum_patterns import backward_index, sum_of_product, turned_round


def backwards(c: Context, axes: Axes, parts: Sequence[Expression], frame: Frame) -> Node | None:
    """The sum turned round: f(i,u) for every i that exists, each added to h = i·s + u − p.

    It needs no array with s − 1 of s elements zero, and no window of what is often the larger array.
    """
    views = [b for h in frame if (b := backward_index(h, axes, parts, c.extent)) is not None]
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
    outer = tuple(targets.get(a, a) for a in frame)
    inner = (*windows, *outer)
    moved = turned_round(parts, views)
    node = c.build(sum_of_product([a for a in axes if a not in windows], moved), inner)
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
