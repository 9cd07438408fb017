"""Sums of products as products of matrices: `dot_general` for two factors at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from pellucid.engines.xla.labelled import Axes, Value
from pellucid.formula.axes import Axis

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context


def contracted(c: Context, values: Sequence[Value], axes: Axes) -> Value:
    """Σ over `axes` of the product of the values."""
    pool = _absorbed(c, list(values))
    while len(pool) > 2:
        one, two = _cheapest(c, pool, axes)
        rest = [v for v in pool if v is not one and v is not two]
        done = {a for a in (*one.axes, *two.axes) if a in axes and not any(a in v.axes for v in rest)}
        pool = _absorbed(c, [*rest, _pair(c, one, two, done)])
    if len(pool) == 1:
        return added(c, pool[0], {a for a in axes if a in pool[0].axes})
    return _pair(c, pool[0], pool[1], set(axes))


def added(c: Context, value: Value, axes: set[Axis]) -> Value:
    """The sum of one value over some of its axes."""
    value = c.truth(value)
    if not axes:
        return value
    places = tuple(d for d, a in enumerate(value.axes) if a in axes)
    kept = tuple(a for a in value.axes if a not in axes)
    return Value(kept, jnp.sum(value.array, axis=places, dtype=value.array.dtype))


def _absorbed(c: Context, pool: list[Value]) -> list[Value]:
    """Factors whose axes another factor has too are multiplied into it, the smallest such."""
    pool = sorted(pool, key=lambda v: c.count(v.axes))
    done: list[Value] = []
    while pool:
        value = pool.pop(0)
        host = next((k for k, v in enumerate(pool) if set(value.axes) <= set(v.axes)), None)
        if host is None:
            done.append(value)
        else:
            pool[host] = c.product([value, pool[host]])
    return done


def _cheapest(c: Context, pool: Sequence[Value], axes: Axes) -> tuple[Value, Value]:
    """The two factors whose product, summed over what they alone have, is smallest."""

    def size(pair: tuple[Value, Value]) -> int:
        others = {a for v in pool if v not in pair for a in v.axes}
        return c.count({a for v in pair for a in v.axes if a not in axes or a in others})

    return min([(a, b) for k, a in enumerate(pool) for b in pool[k + 1 :]], key=size)


def _pair(c: Context, a: Value, b: Value, summed: set[Axis]) -> Value:
    """Σ over `summed` of a·b."""
    a = added(c, a, {x for x in a.axes if x in summed and x not in b.axes})
    b = added(c, b, {x for x in b.axes if x in summed and x not in a.axes})
    both = [x for x in a.axes if x in b.axes]
    inner = [x for x in both if x in summed]
    left, right = ([x for x in v.axes if x not in both] for v in (a, b))
    alone = not (left and right)
    if not inner or not (left or right) or (alone and len(both) > len(inner)):
        return added(c, c.product([a, b]), set(inner))  # nothing to gain from a product of matrices
    batch = [x for x in both if x not in summed]
    as_they_are, turned = (_turns(c, v, w, inner) if batch else 0 for v, w in ((a, b), (b, a)))
    if turned < as_they_are or (turned == as_they_are and left and right and c.rank(right) < c.rank(left)):
        a, b, left, right = b, a, right, left
    a, b = c.number(a), c.number(b)
    if batch:  # many small products, which XLA computes well where they lie as matrices
        a = Value((*batch, *left, *inner), a.ordered((*batch, *left, *inner)))
        b = Value((*batch, *inner, *right), b.ordered((*batch, *inner, *right)))
    dimensions = tuple(tuple(tuple(v.axes.index(x) for x in group) for v in (a, b)) for group in (inner, batch))
    one, two = (v.array.astype(c.factors) for v in (a, b))
    result = lax.dot_general(
        one, two, dimensions, precision=lax.Precision.HIGHEST, preferred_element_type=jnp.dtype(c.dtype)
    )
    return Value((*batch, *left, *right), result)


def _turns(c: Context, a: Value, b: Value, inner: Sequence[Axis]) -> int:
    """How many elements have to be moved until the one lies in rows and the other in columns along `inner`."""
    moved = 0
    if a.axes[-1] not in inner:
        moved += c.count(a.axes)
    if b.axes[-1] in inner:
        moved += c.count(b.axes)
    return moved
