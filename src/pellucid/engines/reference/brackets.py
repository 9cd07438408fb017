"""Sums with a bracket that names an axis of the result: what is a reshape, and what adds up rows by their
number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.engines.reference.node import Context, Frame, Node, Run, State, hard
from pellucid.engines.reference.operations import as_float
from pellucid.formula.axes import Axis
from pellucid.formula.derivative import mixed_radix
from pellucid.formula.expressions import Expression, Index, free_axes
from pellucid.formula.sum_patterns import naming_bracket, sum_of_product

Axes = tuple[Axis, ...]


def reshaped(c: Context, axes: Axes, parts: Sequence[Expression], frame: Frame) -> Node | None:
    """Σ_ij [q = w·i + j]·f(i,j), where i and j count like the digits of q: f with its dimensions i, j taken
    as one.
    """

    def counts(axis: Axis, other: Expression) -> bool:
        return isinstance(other, Index) and mixed_radix(other.affine, axis, axes)

    bracket = naming_bracket(parts, frame.__contains__, counts)
    if bracket is None:
        return None
    axis, other, others = bracket
    assert isinstance(other, Index)
    digits = tuple(a for a, _ in sorted(other.affine.terms, key=lambda t: -t[1].value))
    outer = tuple(a for a in frame if a is not axis)
    inner = (*outer, *digits)
    rest = as_float(c, c.build(sum_of_product([a for a in axes if a not in digits], others), inner))
    kept = tuple(a for a in outer if a in rest.axes)
    get = _dimensions(c, rest, inner, (*kept, *digits))
    shape, turn = _placed(c, (*kept, axis), frame)
    result = frozenset((*kept, axis))
    own = rest.fresh and set(digits) <= rest.axes
    strides = c.contiguous(result, (*kept, axis))
    return Node(result, "float", lambda v: get(v).reshape(shape).transpose(turn), own, strides=strides)


def scattered(c: Context, axes: Axes, parts: Sequence[Expression], frame: Frame) -> Node | None:
    """Σ_nt [v = ids[n,t]]·f(n,t): rows of f added up by their id.

    A stable sort of the ids comes first, so that the order of the sum, and with it every bit, is the same.
    """

    def chosen(axis: Axis, other: Expression) -> bool:
        ids = free_axes(other)
        return not isinstance(other, Index) and bool(ids) and ids <= set(axes)

    bracket = naming_bracket(parts, frame.__contains__, chosen)
    if bracket is None:
        return None
    axis, other, others = bracket
    among = tuple(a for a in axes if a in free_axes(other))
    outer = tuple(a for a in frame if a is not axis)
    inner = (*outer, *among)
    which = c.build(other, inner)
    if which.kind != "int":
        return None
    rest = as_float(c, c.build(sum_of_product([a for a in axes if a not in among], others), inner))
    kept = tuple(a for a in outer if a in rest.axes)
    get, ids = _dimensions(c, rest, inner, (*among, *kept)), _dimensions(c, which, inner, among)
    shape, turn = _placed(c, (axis, *kept), frame)
    size, columns, dtype = c.extent(axis), c.count(kept), c.dtype

    def run(v: State) -> Any:
        total = np.zeros((size, columns), dtype=dtype)
        places = ids(v).ravel()
        rows = get(v).reshape(-1, columns)
        order = np.argsort(places, kind="stable")
        order = order[(places[order] >= 0) & (places[order] < size)]
        if len(order):
            places = places[order]
            starts = np.flatnonzero(np.diff(places, prepend=-1))
            total[places[starts]] = np.add.reduceat(rows[order], starts, axis=0)
        return total.reshape(shape).transpose(turn)

    result = frozenset((axis, *kept))
    return Node(result, "float", run, True, strides=c.contiguous(result, (axis, *kept)))


def _dimensions(c: Context, node: Node, frame: Frame, order: Axes) -> Run:
    """The node as an array with exactly the dimensions `order`, all of their full extent."""
    get = hard(c, node, frame)
    full = c.shape(order, frame)
    turn = tuple(frame.index(a) for a in order)
    turn = (*turn, *(d for d in range(len(frame)) if d not in turn))
    sizes = tuple(c.extent(a) for a in order)
    if set(order) <= node.axes:
        return lambda v: get(v).transpose(turn).reshape(sizes)
    return lambda v: np.broadcast_to(get(v), full).transpose(turn).reshape(sizes)


def _placed(c: Context, order: Axes, frame: Frame) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For an array with the dimensions `order`: a shape and a transposition after which it stands in the
    frame.
    """
    every = (*order, *(a for a in frame if a not in order))
    return c.shape(order, every), tuple(every.index(a) for a in frame)
