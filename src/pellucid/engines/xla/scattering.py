"""Sums with a bracket or an index that names an axis of the result: what is a reshape, what adds up rows by their
number, what adds up windows where they came from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from pellucid.engines.xla.labelled import Axes, Value, spread
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.derivative import mixed_radix
from pellucid.formula.expressions import (
    ZERO,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    free_axes,
    multiply,
    reads,
    transform,
)

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context


def _remainder(axes: Sequence[Axis], parts: Sequence[Expression]) -> Expression:
    """Σ over the axes, if there are any, of the product of the parts."""
    body = multiply(*parts)
    return Reduction("sum", tuple(axes), body) if axes else body


def reshaped(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """Σ_ij [q = w·i + j]·f(i,j), where i and j count like the digits of q: f with its dimensions i, j taken as one."""

    def counts(axis: Axis, other: Expression) -> bool:
        return isinstance(other, Index) and mixed_radix(other.affine, axis, axes)

    bracket = _bracket(c, parts, axes, counts)
    if bracket is None:
        return None
    axis, other, others = bracket
    assert isinstance(other, Index)
    digits = tuple(a for a, _ in sorted(other.affine.terms, key=lambda t: -t[1].value))
    value = c.number(c.build(_remainder([a for a in axes if a not in digits], others)))
    kept = tuple(a for a in value.axes if a not in digits)
    every = (*kept, *digits)
    array = spread(value, every, [c.extent(a) for a in every], c.dtype)
    return Value((*kept, axis), array.reshape(*array.shape[: len(kept)], c.extent(axis)))


def scattered(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """Σ_nt [v = ids[n,t]]·f(n,t): rows of f added up by their id."""

    def chosen(axis: Axis, other: Expression) -> bool:
        ids = free_axes(other)
        return not isinstance(other, Index) and bool(ids) and ids <= set(axes)

    bracket = _bracket(c, parts, axes, chosen)
    if bracket is None:
        return None
    axis, other, others = bracket
    which = c.build(other)
    if which.kind != "i" or which.soft:
        return None
    among = which.axes
    rest = c.number(c.build(_remainder([a for a in axes if a not in among], others)))
    kept = tuple(a for a in rest.axes if a not in among)
    every = (*among, *kept)
    rows = spread(rest, every, [c.extent(a) for a in every], c.dtype)
    size = c.extent(axis)
    places = jnp.where(which.array < 0, size, which.array)
    zero = jnp.zeros((size, *(c.extent(a) for a in kept)), c.dtype)
    return Value((axis, *kept), zero.at[places].add(rows, mode="drop"))


def _bracket(
    c: Context, parts: Sequence[Expression], summed: Axes, fits: Callable[[Axis, Expression], bool]
) -> tuple[Axis, Expression, list[Expression]] | None:
    """The first part [axis = other], either way round, with an axis of the result that no other part has.

    Returns the axis, the other side and the other parts.
    """
    for part in parts:
        if not isinstance(part, Operation) or part.name != "eq":
            continue
        others = [p for p in parts if p is not part]
        for one, other in (part.args, part.args[::-1]):
            axis = one.affine.bare if isinstance(one, Index) else None
            if axis is None or axis in summed or axis in c.pinned:
                continue
            if any(axis in free_axes(p) for p in (other, *others)):
                continue
            if fits(axis, other):
                return axis, other, others
    return None


# Sums that run backwards through a window: dx[h] = Σ_u f((h + p − u)/s, u)


@dataclass(frozen=True)
class _Back:
    """h, an axis of the result, stands in the parts only as (h + offset + Σ k·u)/divisor, an index into `target`."""

    axis: Axis
    index: Affine
    target: Axis
    key: object


def interleaved(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """The sum turned round: f(i,u) for every i that exists, each added to h = i·s + u − p."""
    candidates = dict.fromkeys(a for p in parts for a in free_axes(p) if a not in axes and a not in c.pinned)
    views = [b for h in candidates if (b := _backward(c, h, axes, parts)) is not None]
    if not views:
        return None
    swap = {b.key: b.target for b in views}
    windows = tuple(a for a in axes if any(b.index.coefficient(a) for b in views))

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read) and any(isinstance(i, Affine) and _key(i) in swap for i in e.indices):
            moved = tuple(
                Affine.of(swap[_key(i)]) if isinstance(i, Affine) and _key(i) in swap else i for i in e.indices
            )
            return transform(Read(e.tensor, moved, e.outside), change)
        return None

    moved = [transform(p, change) for p in parts]
    value = c.number(c.build(_remainder([a for a in axes if a not in windows], moved)))
    targets = [b.target for b in views]
    kept = tuple(a for a in value.axes if a not in windows and a not in targets)
    every = (*kept, *targets, *windows)
    array = spread(value, every, [c.extent(a) for a in every], c.dtype)
    for b in views:
        if all(s.axis is b.axis or not set(s.index.axes) & set(b.index.axes) for s in views):
            continue
        return None  # one window under two axes
    for b in views:
        array, every = _one_way(c, array, every, b)
    return Value(every, array)


def _one_way(c: Context, array: Any, every: Axes, b: _Back) -> tuple[Any, Axes]:
    """One axis after the other: `target` and its window become `axis`."""
    s = b.index.divisor.value
    taps = [a for a in b.index.axes if a is not b.axis]
    d = every.index(b.target)
    rest = tuple(a for a in every if a not in taps)
    array = jnp.transpose(array, [every.index(a) for a in (*rest, *taps)])
    d, size = rest.index(b.target), c.extent(b.target)
    extent = c.extent(b.axis)
    total: Any = None
    shifts = {}
    for at in itertools.product(*(range(c.extent(a)) for a in taps)):
        # h = s·i − offset − Σ k·u
        shifts[at] = -b.index.constant - sum(b.index.coefficient(a) * k for a, k in zip(taps, at, strict=True))
    # phases of the same remainder are added; different ones interleave
    if len(set(shifts.values())) == len(shifts) and max(shifts.values()) - min(shifts.values()) < s:
        low = min(shifts.values())
        by_shift = {shift - low: at for at, shift in shifts.items()}
        zero = jnp.zeros(array.shape[: len(rest)], array.dtype)
        phases = [array[(..., *by_shift[k])] if k in by_shift else zero for k in range(s)]
        stacked = jnp.stack(phases, axis=d + 1)
        total = stacked.reshape(*stacked.shape[:d], size * s, *stacked.shape[d + 2 :])
        total = _cut(total, d, low, extent)
    else:
        for at, shift in shifts.items():
            part = array[(..., *at)]
            widths = [(0, 0, s - 1) if k == d else (0, 0, 0) for k in range(part.ndim)]
            part = _cut(lax.pad(part, jnp.zeros((), part.dtype), widths) if s > 1 else part, d, shift, extent)
            total = part if total is None else total + part
    return total, tuple(b.axis if a is b.target else a for a in rest)


def _cut(array: Any, d: int, shift: int, extent: int) -> Any:
    """The dimension moved to begin at `shift`, and cut or filled up with 0 to the extent."""
    widths = [(shift, extent - shift - array.shape[d], 0) if k == d else (0, 0, 0) for k in range(array.ndim)]
    if not any(low or high for low, high, _ in widths):
        return array
    return lax.pad(array, jnp.zeros((), array.dtype), widths)


def _key(index: Affine) -> object:
    return frozenset((a, k.value) for a, k in index.terms), index.constant, index.divisor.value


def _backward(c: Context, h: Axis, axes: Axes, parts: Sequence[Expression]) -> _Back | None:
    """How h stands in the parts, if it does so in one way only and some part is 0 where that index does not exist."""
    indices: dict[object, tuple[Affine, Axis]] = {}
    sizes = set()
    for read in (r for p in parts for r in reads(p)):
        for index, place in zip(read.indices, read.tensor.axes, strict=True):
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
