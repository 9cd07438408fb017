"""Reductions: Σ of products with the forms that have a quicker way than their definition, max and argmax."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from pellucid.engines.reference.brackets import Axes, reshaped, scattered
from pellucid.engines.reference.contraction import contract, small_window
from pellucid.engines.reference.node import Context, Frame, Node, State, constant, hard
from pellucid.engines.reference.operations import as_float, binary, divide, product
from pellucid.engines.reference.windows import backwards
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import (
    UNIT,
    ZERO,
    Expression,
    Operation,
    Reduction,
    factors,
    free_axes,
    multiply,
)
from pellucid.formula.expressions import divide as quotient
from pellucid.formula.sum_patterns import spreads, tied_axis


def reduction(c: Context, e: Reduction, frame: Frame) -> Node:
    if e.name == "sum":
        return _sum_of(c, e.axes, e.body, frame)
    return _largest(c, e, frame)


# Sums


def _sum_of(c: Context, axes: Axes, body: Expression, frame: Frame) -> Node:
    """Σ over the axes of any expression."""
    while isinstance(body, Reduction) and body.name == "sum":
        axes, body = (*axes, *body.axes), body.body
    match body:
        case Operation("add", terms) if any(spreads(t) for t in terms):
            nodes = [_sum_of(c, axes, t, frame) for t in terms]
            return reduce(lambda a, b: binary(c, np.add, a, b), nodes)
        case Operation("where", (condition, inner, otherwise)) if otherwise == ZERO and not free_axes(condition) & set(
            axes
        ):
            inner_sum = Reduction("sum", axes, inner)
            return c.build(Operation("where", (condition, inner_sum, ZERO)), frame)
    parts, divisor = _factors(body, axes)
    slices = [p for p in parts if tied_axis(p, frame.__contains__) is not None]
    if slices:
        # Σ f·[g = 2] is (Σ f)·[g = 2], of which one slice is computed.
        inner = multiply(*(p for p in parts if p not in slices))
        whole = multiply(Reduction("sum", axes, inner), *slices)
        return c.build(whole if divisor is None else quotient(whole, divisor), frame)
    node = _sum_of_product(c, axes, parts, frame)
    return node if divisor is None else divide(c, node, c.build(divisor, frame))


def _factors(body: Expression, axes: Axes) -> tuple[list[Expression], Expression | None]:
    """The factors of a product, quotients and conditions taken apart, and a divisor that no summed axis is
    in.
    """
    parts: list[Expression] = []
    divisors: list[Expression] = []
    for factor in factors(body):
        match factor:
            case Operation("div", (over, under)) if not free_axes(under) & set(axes):
                parts += factors(over)
                divisors.append(under)
            case Operation("div", (over, under)) if spreads(over):
                hosts = [f for f in factors(over) if free_axes(under) <= free_axes(f)]
                host = hosts[0] if hosts else None
                parts += [f for f in factors(over) if f is not host]
                parts.append(quotient(host or UNIT, under))
            case Operation("where", (condition, yes, no)) if no == ZERO and spreads(yes):
                among = free_axes(condition)
                touched = [f for f in factors(yes) if free_axes(f) & among]
                if touched and all(among <= free_axes(f) for f in touched):
                    # Each factor that the condition can reach is 0 where it fails, so that 0·∞ cannot
                    # come up.
                    parts += [Operation("where", (condition, f, ZERO)) if f in touched else f for f in factors(yes)]
                else:
                    parts.append(factor)
            case _:
                parts.append(factor)
    return parts, multiply(*divisors) if divisors else None


def _sum_of_product(c: Context, axes: Axes, parts: Sequence[Expression], frame: Frame) -> Node:
    """Σ over the axes of the product of the parts."""
    within = [p for p in parts if free_axes(p) & set(axes)]
    without = [p for p in parts if not free_axes(p) & set(axes)]
    used = tuple(a for a in axes if any(a in free_axes(p) for p in within))
    outer = [c.build(p, frame) for p in without]
    special = reshaped(c, used, within, frame) or scattered(c, used, within, frame) or backwards(c, used, within, frame)
    if special is not None:
        outer.append(special)
    else:
        # A read that lies outside everywhere has lost its axes.
        live = frozenset[Axis]().union(*(c.build(p, (*frame, *used)).axes for p in within))
        used = tuple(a for a in used if a in live)
        nodes = [c.build(p, (*frame, *used)) for p in within]
        summed = [n for n in nodes if n.axes & set(used)]
        outer += [c.build(p, frame) for p, n in zip(within, nodes, strict=True) if n not in summed]
        if summed:
            outer.append(contract(c, summed, used, frame))
    times = c.count([a for a in axes if a not in used])
    return product(c, [*([constant(times)] if times != 1 or not outer else []), *outer])


# Maxima


def _largest(c: Context, e: Reduction, frame: Frame) -> Node:
    """max and argmax; the first of equals wins, and the first NaN over all."""
    inner = (*frame, *e.axes)
    node = as_float(c, c.build(e.body, inner))
    axes = node.axes - set(e.axes)
    extents = tuple(c.extent(a) for a in e.axes)
    get = hard(c, node, inner)
    kept = c.shape(axes, frame)
    full = (*kept, *extents)
    count = c.count(e.axes)
    rank = len(frame)
    trailing = tuple(range(rank, len(inner)))
    small = small_window(c, axes, e.axes)
    windows = [(..., *at) for at in np.ndindex(*extents)]
    index = e.name == "argmax"

    def run(v: State) -> Any:
        array = get(v)
        if array.shape != full:
            array = np.broadcast_to(array, full)
        if not small:
            return array.reshape(*kept, count).argmax(axis=rank) if index else array.max(axis=trailing)
        best = array[windows[0]].copy()
        if not index:
            for window in windows[1:]:
                np.maximum(best, array[window], out=best)
            return best
        # The last window element that beat all before it is the first of the largest; small numbers are
        # quick to handle.
        winner = np.zeros(kept, dtype=np.uint8)
        for number, window in enumerate(windows[1:], start=1):
            better = ~(array[window] <= best)
            better &= best == best  # the first NaN is larger than any number, and no other one is larger
            np.maximum(winner, better.view(np.uint8) * np.uint8(number), out=winner)
            np.maximum(best, array[window], out=best)
        return winner.astype(np.int64)

    return Node(axes, "int" if index else "float", run, bool(axes), strides=c.contiguous(axes, frame))
