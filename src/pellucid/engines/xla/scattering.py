"""Sums with a bracket or an index that names an axis of the result: what is a reshape, what adds up rows by their
number, what adds up windows where they came from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from pellucid.engines.xla.labelled import Axes, Value, spread
from pellucid.formula.axes import Axis
from pellucid.formula.derivative import mixed_radix
from pellucid.formula.expressions import (
    Expression,
    Index,
    free_axes,
)
from pellucid.formula.sum_patterns import (
    BackwardIndex,
    backward_index,
    naming_bracket,
    sum_of_product,
    turned_round,
)

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context


def reshaped(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """Σ_ij [q = w·i + j]·f(i,j), where i and j count like the digits of q: f with its dimensions i, j taken as one."""

    def counts(axis: Axis, other: Expression) -> bool:
        return isinstance(other, Index) and mixed_radix(other.affine, axis, axes)

    bracket = naming_bracket(parts, _of_result(c, axes), counts)
    if bracket is None:
        return None
    axis, other, others = bracket
    assert isinstance(other, Index)
    digits = tuple(a for a, _ in sorted(other.affine.terms, key=lambda t: -t[1].value))
    value = c.number(c.build(sum_of_product([a for a in axes if a not in digits], others)))
    kept = tuple(a for a in value.axes if a not in digits)
    every = (*kept, *digits)
    array = spread(value, every, [c.extent(a) for a in every], c.dtype)
    return Value((*kept, axis), array.reshape(*array.shape[: len(kept)], c.extent(axis)))


def scattered(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """Σ_nt [v = ids[n,t]]·f(n,t): rows of f added up by their id."""

    def chosen(axis: Axis, other: Expression) -> bool:
        ids = free_axes(other)
        return not isinstance(other, Index) and bool(ids) and ids <= set(axes)

    bracket = naming_bracket(parts, _of_result(c, axes), chosen)
    if bracket is None:
        return None
    axis, other, others = bracket
    which = c.build(other)
    if which.kind != "i" or which.soft:
        return None
    among = which.axes
    rest = c.number(c.build(sum_of_product([a for a in axes if a not in among], others)))
    kept = tuple(a for a in rest.axes if a not in among)
    every = (*among, *kept)
    rows = spread(rest, every, [c.extent(a) for a in every], c.dtype)
    size = c.extent(axis)
    places = jnp.where(which.array < 0, size, which.array)
    zero = jnp.zeros((size, *(c.extent(a) for a in kept)), c.dtype)
    return Value((axis, *kept), zero.at[places].add(rows, mode="drop"))


def _of_result(c: Context, summed: Axes) -> Callable[[Axis], bool]:
    return lambda axis: axis not in summed and axis not in c.pinned


# Sums that run backwards through a window: dx[h] = Σ_u f((h + p − u)/s, u)


def interleaved(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """The sum turned round: f(i,u) for every i that exists, each added to h = i·s + u − p."""
    candidates = dict.fromkeys(a for p in parts for a in free_axes(p) if a not in axes and a not in c.pinned)
    views = [b for h in candidates if (b := backward_index(h, axes, parts, c.extent)) is not None]
    if not views:
        return None
    windows = tuple(a for a in axes if any(b.index.coefficient(a) for b in views))
    moved = turned_round(parts, views)
    value = c.number(c.build(sum_of_product([a for a in axes if a not in windows], moved)))
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


def _one_way(c: Context, array: Any, every: Axes, b: BackwardIndex) -> tuple[Any, Axes]:
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
