"""Reductions: Σ of products, with the forms for which XLA has an operation; max and argmax."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from pellucid.engines.xla.contractions import contracted
from pellucid.engines.xla.convolutions import convolved
from pellucid.engines.xla.labelled import Axes, Value, together
from pellucid.engines.xla.scattering import interleaved, reshaped, scattered
from pellucid.formula.axes import Affine
from pellucid.formula.expressions import (
    UNIT,
    ZERO,
    Expression,
    Operation,
    Reduction,
    factors,
    free_axes,
    multiply,
    reads,
    substitute,
)
from pellucid.formula.expressions import divide as quotient
from pellucid.formula.sum_patterns import spreads

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context

SMALL = 32
"""So many elements of a window, at most, are taken one after the other, each for all windows at once."""


def reduced(c: Context, e: Reduction) -> Value:
    return total(c, e.axes, e.body) if e.name == "sum" else _largest(c, e)


def total(c: Context, axes: Axes, body: Expression) -> Value:
    """Σ over the axes of any expression."""
    while isinstance(body, Reduction) and body.name == "sum":
        axes, body = (*axes, *body.axes), body.body
    match body:
        case Operation("add", args) if any(spreads(t) for t in args):
            return c.add([total(c, axes, t) for t in args])
        case Operation("where", (condition, inner, otherwise)) if otherwise == ZERO and not free_axes(condition) & set(
            axes
        ):
            return c.build(Operation("where", (condition, Reduction("sum", axes, inner), ZERO)))
    parts, divisor = _factors(body, axes)
    for part in parts:
        tied = c.fixed(part)
        if tied is None:
            continue
        axis, place = tied
        inner = multiply(*(p for p in parts if p is not part))
        if axis in axes:  # Σ f·[g = 2] over g is f at g = 2
            inner, rest = substitute(inner, {axis: Affine.of(place)}), tuple(a for a in axes if a is not axis)
            whole = Reduction("sum", rest, inner) if rest else inner
        else:
            whole = multiply(Reduction("sum", axes, inner), part)
        return c.build(whole if divisor is None else quotient(whole, divisor))
    value = _of_product(c, axes, parts)
    return value if divisor is None else c.divide(value, c.build(divisor))


def _factors(body: Expression, axes: Axes) -> tuple[list[Expression], Expression | None]:
    """The factors of a product, quotients and conditions taken apart, and a divisor that no summed axis is in."""
    parts: list[Expression] = []
    divisors: list[Expression] = []
    for factor in factors(body):
        match factor:
            case Operation("div", (over, under)) if not free_axes(under) & set(axes):
                parts += factors(over)
                divisors.append(under)
            case Operation("div", (over, under)) if spreads(over):
                host = next((f for f in factors(over) if free_axes(under) <= free_axes(f)), None)
                parts += [f for f in factors(over) if f is not host]
                parts.append(quotient(host or UNIT, under))
            case Operation("where", (condition, yes, no)) if no == ZERO:
                parts += _conditional(condition, yes, factor, divisors)
            case _:
                parts.append(factor)
    return parts, multiply(*divisors) if divisors else None


def _conditional(
    condition: Expression, yes: Expression, whole: Expression, divisors: list[Expression]
) -> list[Expression]:
    """where(condition, product, 0) as factors, of which one is 0 where the condition fails; a divisor that is the same
    everywhere is put with the others. So attention's gradients are products of matrices; where another factor is
    infinite, 0·∞ is no number, as it is in JAX's own derivative of a mask."""
    match yes:
        case Operation("div", (over, under)) if not free_axes(under):
            inner, divisor = over, [under]
        case _:
            inner, divisor = yes, []
    among = free_axes(condition)
    masked = [f for f in factors(inner) if among <= free_axes(f)]
    if not spreads(inner) or not masked:
        return [whole]
    divisors += divisor
    return [Operation("where", (condition, f, ZERO)) if f in masked else f for f in factors(inner)]


def _of_product(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value:
    """Σ over the axes of the product of the parts."""
    within = [p for p in parts if free_axes(p) & set(axes)]
    outer = [c.build(p) for p in parts if not free_axes(p) & set(axes)]
    used = tuple(a for a in axes if any(a in free_axes(p) for p in within))
    if used:
        outer.append(_inner(c, used, within))
    times = c.count(a for a in axes if a not in used)
    return c.product([*([Value((), times)] if times != 1 or not outer else []), *outer])


def _inner(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value:
    """The same where every axis is in some part and every part has one of the axes."""
    for form in (reshaped, scattered, convolved, interleaved):
        value = form(c, axes, parts)
        if value is not None:
            return value
    if len(parts) == 1 and (windows := _windows(c, axes, parts[0])):
        rest = tuple(a for a in axes if a not in windows)
        body = Reduction("sum", rest, parts[0]) if rest else parts[0]
        return c.add([c.build(p) for p in _elements(c, windows, body)])
    values = [c.build(p) for p in parts]
    # a read that lies outside everywhere has lost its axes
    live = {a for v in values for a in v.axes}
    summed = tuple(a for a in axes if a in live)
    value = contracted(c, [c.truth(v) for v in values], summed)
    times = c.count(a for a in axes if a not in live)
    return value if times == 1 else c.product([Value((), times), value])


def _windows(c: Context, axes: Axes, body: Expression) -> Axes:
    """The axes that share an index with another one, if there are few enough values of them."""
    shared = {
        a
        for read in reads(body)
        for index in read.indices
        if isinstance(index, Affine) and len(index.terms) > 1
        for a in index.axes
        if a in axes and a not in c.pinned
    }
    windows = tuple(a for a in axes if a in shared)
    return windows if windows and c.count(windows) <= SMALL else ()


def _elements(c: Context, axes: Axes, body: Expression) -> Iterator[Expression]:
    """The body at every value of the axes, the last one fastest."""
    for at in itertools.product(*(range(c.extent(a)) for a in axes)):
        yield substitute(body, {a: Affine.of(k) for a, k in zip(axes, at, strict=True)})


# Maxima


def _largest(c: Context, e: Reduction) -> Value:
    """max and argmax; the first of equals wins, and the first NaN over all."""
    index = e.name == "argmax"
    windows = _windows(c, e.axes, e.body)
    if windows and set(windows) == set(e.axes):
        values = [c.number(c.build(p)) for p in _elements(c, e.axes, e.body)]
        if not index:
            return reduce(lambda a, b: together(jnp.maximum, a, b), values)
        return _winner(values)
    value = c.number(c.build(e.body))
    missing = tuple(a for a in e.axes if a not in value.axes)
    if missing:  # all equal along it: the first wins
        ones = Value(missing, jnp.zeros([c.extent(a) for a in missing], c.dtype))
        value = together(operator.add, ones, value)
    kept = tuple(a for a in value.axes if a not in e.axes)
    if not index:
        return Value(kept, jnp.max(value.array, axis=tuple(value.axes.index(a) for a in e.axes)))
    array = value.ordered((*kept, *e.axes))
    return Value(kept, jnp.argmax(array.reshape(*array.shape[: len(kept)], -1), axis=-1).astype(jnp.int32))


def _winner(values: Sequence[Value]) -> Value:
    """Which is the first of the largest."""
    best, winner = values[0], Value((), 0)
    for number, value in enumerate(values[1:], start=1):
        better = together(_beats, value, best)
        winner = together(jnp.where, better, Value((), jnp.int32(number)), winner)
        best = together(jnp.where, better, value, best)
    return Value(best.axes, jnp.broadcast_to(winner.ordered(best.axes), best.array.shape)) if not best.soft else winner


def _beats(value: Any, best: Any) -> Any:
    """Larger, or the first NaN."""
    return ~(value <= best) & (best == best)
