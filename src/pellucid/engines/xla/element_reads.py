"""Elements of tensors: slices where indices are affine, `take` where one is computed, a gather where nothing else
fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from pellucid.engines.xla.labelled import Axes, Value, joined, together
from pellucid.errors import FormulaError
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Constant, Expression, Read

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context


@dataclass(frozen=True, slots=True)
class Place:
    """An index into one dimension: (Σ coefficient·axis + step·(the loop's step) + offset) / divisor.

    Attributes:
        pinned: the axis of the running loop in it, if there is one.
        low, high: its smallest and largest value before division.
    """

    size: int
    terms: tuple[tuple[Axis, int], ...]
    pinned: Axis | None
    step: int
    offset: int
    divisor: int
    low: int
    high: int

    @property
    def spread(self) -> int:
        """The extent with divisor − 1 elements of outside put between the elements."""
        return (self.size - 1) * self.divisor + 1

    @property
    def leaves(self) -> bool:
        return self.low < 0 or self.high >= self.spread or self.divisor > 1


def place(c: Context, index: Affine, axis: Axis) -> Place:
    moving = tuple((a, k.value) for a, k in index.terms if a not in c.pinned)
    pinned = [(a, k.value) for a, k in index.terms if a in c.pinned]
    reach = [k.value * (c.extent(a) - 1) for a, k in index.terms]
    low, high = (index.constant + sum(pick(r, 0) for r in reach) for pick in (min, max))
    step = sum(k for _, k in pinned)
    one = pinned[0][0] if pinned else None
    return Place(c.extent(axis), moving, one, step, index.constant, index.divisor.value, low, high)


def element(c: Context, e: Read) -> Value:
    """Any read."""
    indices: list[Affine | Expression] = list(e.indices)
    axes = list(e.tensor.axes)
    valid: list[Value] = []
    if e.tensor in c.before:
        array, indices, axes, valid = _of_step(c, e)
    else:
        held = c.values[e.tensor]
        array = held.array
        indices, axes = [indices[d] for d in held.order], [axes[d] for d in held.order]
    computed = [i for i in indices if not isinstance(i, Affine)]
    places = [place(c, i, a) for i, a in zip(indices, axes, strict=True) if isinstance(i, Affine)]
    mixed = any(p.step and (p.terms or p.divisor > 1) for p in places)
    axes_met = [a for p in places for a, _ in p.terms]
    if mixed or len(computed) > 1 or len(set(axes_met)) < len(axes_met):
        return _gathered(c, e, array, indices, axes, valid)
    if e.outside is None and any(p.leaves for p in places):
        raise FormulaError(f"a read of {e.tensor.name} leaves it, and nothing says what lies outside")
    if any(not p.terms and not p.step and not _there(p) for p in places):
        assert e.outside is not None
        return c.build(e.outside)
    # dimensions from the last to the first, so that those in front keep their places
    fill = e.outside.value if isinstance(e.outside, Constant) else 0
    labels: list[Axis | None] = []
    for d in reversed(range(len(indices))):
        index = indices[d]
        if not isinstance(index, Affine):
            labels.insert(0, None)
            continue
        p = place(c, index, axes[d])
        if not p.terms:
            array, there = _picked(c, array, d, p)
            valid += there
            continue
        array = _padded(array, d, p, fill)
        array, found = window(c, array, d, p)
        labels[:0] = found
        if e.outside is not None and p.leaves and not isinstance(e.outside, Constant):
            valid.append(_exists(c, Affine(index.terms, index.offset), p))
    if computed:
        value, there = _taken(c, array, labels, computed[0], e)
        valid += there
    else:
        value = Value(tuple(a for a in labels if a is not None), array)
    return _outside(c, e, value, valid)


def _there(p: Place) -> bool:
    return p.offset % p.divisor == 0 and 0 <= p.offset < p.spread


def _outside(c: Context, e: Read, value: Value, valid: Sequence[Value]) -> Value:
    """The value where it exists, and what lies outside elsewhere."""
    if not valid or e.outside is None:
        return value
    condition = valid[0]
    for more in valid[1:]:
        condition = together(jnp.logical_and, condition, more)
    other = c.build(e.outside)
    if value.kind == "f" or other.kind == "f":
        value, other = c.number(value), c.number(other)
    return together(jnp.where, condition, value, other)


def _of_step(c: Context, e: Read) -> tuple[Any, list[Affine | Expression], list[Axis], list[Value]]:
    """A tensor of the running loop, at this step or one before."""
    known = c.before[e.tensor]
    index, axis = e.indices[known.place], e.tensor.axes[known.place]
    assert isinstance(index, Affine)
    lag = abs(index.constant)
    rest = [d for d in range(e.tensor.rank) if d != known.place]
    valid = []
    if lag and lag not in known.settled:
        at = c.index(index).array
        valid.append(Value((), jnp.logical_and(at >= 0, at < c.extent(axis))))
    return known.slices[lag], [e.indices[d] for d in rest], [e.tensor.axes[d] for d in rest], valid


def _picked(c: Context, array: Any, d: int, p: Place) -> tuple[Any, list[Value]]:
    """One element of a dimension, which is gone then; and whether it exists, where that depends on the loop's step."""
    if p.pinned is None or not p.step:
        return lax.index_in_dim(array, p.offset // p.divisor, d, keepdims=False), []
    at = p.step * c.pinned[p.pinned] + p.offset
    there = [Value((), jnp.logical_and(at >= 0, at < p.size))] if p.leaves else []
    if p.leaves:
        at = jnp.clip(at, 0, p.size - 1)
    return lax.dynamic_index_in_dim(array, at, d, keepdims=False), there


def _padded(array: Any, d: int, p: Place, fill: Any) -> Any:
    """The dimension from the lowest to the highest index that is met, with what lies outside."""
    low, high = -p.low, p.high - (p.spread - 1)
    if not low and not high and p.divisor == 1:
        return array
    if low <= 0 and high <= 0 and p.divisor == 1:
        return lax.slice_in_dim(array, p.low, p.high + 1, axis=d)
    widths = [(low, high, p.divisor - 1) if k == d else (0, 0, 0) for k in range(array.ndim)]
    return lax.pad(array, jnp.asarray(fill, array.dtype), widths)


def window(c: Context, array: Any, d: int, p: Place) -> tuple[Any, Axes]:
    """A dimension that runs from the lowest index to the highest, as the axes of the index."""
    terms = sorted(p.terms, key=lambda t: -abs(t[1]))
    for axis, k in terms:
        if k < 0:  # counted from the other end
            if len(terms) == 1:
                array, terms = lax.rev(array, (d,)), [(axis, -k)]
            else:
                return _indexed(c, array, d, p)
    axes: list[Axis] = []
    for number, (axis, k) in enumerate(terms):
        extent = c.extent(axis)
        reach = sum(by * (c.extent(a) - 1) for a, by in terms[number + 1 :])
        axes.append(axis)
        if number == len(terms) - 1:
            return lax.slice_in_dim(array, 0, k * (extent - 1) + 1, stride=k, axis=d) if k > 1 else array, tuple(axes)
        if reach >= k:
            return _indexed(c, array, d, p)
        short = extent * k - array.shape[d]
        if short > 0:
            widths = [(0, short, 0) if j == d else (0, 0, 0) for j in range(array.ndim)]
            array = lax.pad(array, jnp.zeros((), array.dtype), widths)
        array = array.reshape(*array.shape[:d], extent, k, *array.shape[d + 1 :])
        d += 1
        array = lax.slice_in_dim(array, 0, reach + 1, axis=d)
    raise AssertionError("an index without terms")


def _indexed(c: Context, array: Any, d: int, p: Place) -> tuple[Any, Axes]:
    """The same for axes that run over the same elements: each window a copy."""
    axes = tuple(a for a, _ in p.terms)
    at: Any = p.offset - p.low
    for j, (axis, k) in enumerate(p.terms):
        at = at + k * lax.broadcasted_iota(jnp.int32, [c.extent(axis) if i == j else 1 for i in range(len(axes))], j)
    return jnp.take(array, at, axis=d, mode="clip"), axes


def _exists(c: Context, index: Affine, p: Place) -> Value:
    """Where the index exists, before division."""
    at = c.index(index)
    inside = (at.array >= 0) & (at.array < p.spread)
    return Value(at.axes, inside & (at.array % p.divisor == 0) if p.divisor > 1 else inside)


def _taken(c: Context, array: Any, labels: list[Axis | None], index: Expression, e: Read) -> tuple[Value, list[Value]]:
    """One computed index, into the dimension without a label."""
    which = c.build(index)
    d = labels.index(None)
    size = array.shape[d]
    kept = tuple(a for a in labels if a is not None)
    valid = []
    if e.outside is not None:
        valid.append(Value(which.axes, jnp.logical_and(which.array >= 0, which.array < size)))
    if not set(kept) & set(which.axes):
        taken = jnp.take(array, jnp.asarray(which.array), axis=d, mode="clip")
        return Value((*kept[:d], *which.axes, *kept[d:]), taken), valid
    axes = joined(Value(kept, array), which)
    order = [a for a in axes if a in kept]
    source = jnp.transpose(jnp.moveaxis(array, d, -1), (*(kept.index(a) for a in order), len(kept)))
    source = lax.expand_dims(source, [k for k, a in enumerate(axes) if a not in kept])
    places = jnp.clip(which.ordered(axes), 0, size - 1)[..., None]
    return Value(axes, jnp.take_along_axis(source, places, axis=-1, mode="promise_in_bounds")[..., 0]), valid


def _gathered(
    c: Context,
    e: Read,
    array: Any,
    indices: Sequence[Affine | Expression],
    axes: Sequence[Axis],
    valid: Sequence[Value],
) -> Value:
    """Any read at all: every index an array of integers."""
    there = list(valid)
    at: list[Value] = []
    for index, axis in zip(indices, axes, strict=True):
        size = c.extent(axis)
        if isinstance(index, Affine):
            by = index.divisor.value
            value = c.index(Affine(index.terms, index.offset))
        else:
            by, value = 1, c.build(index)
        inside = (value.array >= 0) & (value.array <= (size - 1) * by)
        if by > 1:
            inside = inside & (value.array % by == 0)
        there.append(Value(value.axes, inside))
        at.append(Value(value.axes, jnp.clip(jnp.asarray(value.array) // by, 0, size - 1)))
    every = joined(*at)
    full = [c.extent(a) for a in every]
    values = array[tuple(jnp.broadcast_to(v.ordered(every), full) for v in at)] if at else array
    return _outside(c, e, Value(every, values), there)
