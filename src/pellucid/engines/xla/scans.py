"""Loops as `lax.scan`: what a step reads of the steps before it is carried, what is read after the loop is kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from pellucid.engines.xla.labelled import Axes
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Constant, Tensor, reads
from pellucid.formula.program import Loop

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context


def scanned(c: Context, loop: Loop, kept: Collection[Tensor]) -> None:
    """Run a loop; the tensors of it that are `kept` are known afterwards."""
    from pellucid.engines.xla.lowering import Before, Held

    places = {s.target: s.axes.index(loop.axes[s.target]) for s in loop.statements}
    pinned = tuple(loop.axes.values())
    orders: dict[Tensor, Axes] = {s.target: tuple(a for a in s.axes if a not in pinned) for s in loop.statements}
    lags, outside = _lags(loop, places)
    settled = {t: frozenset(lag for lag in lags[t] if (t, lag) in outside) for t in lags}
    kinds = {t: c.dtype if t.kind == "float" else jnp.int64 for t in lags}

    turned = _turned(c, loop)

    def start(tensor: Tensor, lag: int) -> Any:
        shape = [c.extent(a) for a in orders[tensor]]
        return jnp.full(shape, outside.get((tensor, lag), 0), kinds[tensor])

    def step(carry: dict[Tensor, tuple[Any, ...]], t: Any) -> Any:
        before = {
            tensor: Before(places[tensor], {lag: slices[lag - 1] for lag in range(1, len(slices) + 1)}, settled[tensor])
            for tensor, slices in carry.items()
        }
        now: dict[Tensor, Any] = {}
        for s in loop.statements:
            axis = loop.axes[s.target]
            known = {
                tensor: Before(b.place, {**b.slices, **({0: now[tensor]} if tensor in now else {})}, b.settled)
                for tensor, b in before.items()
            }
            inner = c.inside({axis: t}, known, turned)
            array, axes = inner.evaluated(s, orders[s.target])
            now[s.target] = jnp.transpose(array, [axes.index(a) for a in orders[s.target]])
        moved = {tensor: (now[tensor], *slices[:-1]) if slices else slices for tensor, slices in carry.items()}
        return moved, {tensor: now[tensor] for tensor in kept_here}

    kept_here = [s.target for s in loop.statements if s.target in kept]
    first = {
        s.target: tuple(start(s.target, lag) for lag in range(1, max(lags[s.target], default=0) + 1))
        for s in loop.statements
    }
    # JAX orders the keys of dictionaries, which tensors do not have: lists instead
    tensors = list(first)

    def listed(carry: Any, t: Any) -> Any:
        moved, results = step(dict(zip(tensors, carry, strict=True)), t)
        return [moved[tensor] for tensor in tensors], [results[tensor] for tensor in kept_here]

    _, results = lax.scan(listed, [first[t] for t in tensors], jnp.arange(loop.extent), reverse=loop.reverse)
    for tensor, array in zip(kept_here, results, strict=True):
        place = places[tensor]
        c.values[tensor] = Held(array, (place, *(d for d in range(tensor.rank) if d != place)))


def _turned(c: Context, loop: Loop) -> dict[Tensor, Any]:
    """Matrices that every step multiplies by, laid out as a product takes them: XLA would copy them in every step."""
    from pellucid.engines.xla.lowering import Held

    inside = {s.target for s in loop.statements}
    turned: dict[Tensor, Any] = {}
    for s in loop.statements:
        for read in reads(s.expression):
            axes = [i.plain if isinstance(i, Affine) else None for i in read.indices]
            if read.tensor in inside or None in axes or loop.axes[s.target] in axes:
                continue
            held = c.values[read.tensor]
            order = sorted(held.order, key=lambda d, axes=axes, own=s.axes: axes[d] in own)  # type: ignore[misc]
            if order != list(held.order):
                array = jnp.transpose(held.array, [held.order.index(d) for d in order])
                turned[read.tensor] = Held(array, tuple(order))
    return turned


def _lags(loop: Loop, places: dict[Tensor, int]) -> tuple[dict[Tensor, set[int]], dict[tuple[Tensor, int], float]]:
    """How many steps ago each tensor is read; and what lies outside, where every such read says the same number."""
    lags: dict[Tensor, set[int]] = {s.target: set() for s in loop.statements}
    outside: dict[tuple[Tensor, int], set[float | None]] = {}
    for s in loop.statements:
        for read in reads(s.expression):
            if read.tensor not in lags:
                continue
            index = read.indices[places[read.tensor]]
            assert isinstance(index, Affine)
            lag = abs(index.constant)
            if lag:
                lags[read.tensor].add(lag)
                number = float(read.outside.value) if isinstance(read.outside, Constant) else None
                outside.setdefault((read.tensor, lag), set()).add(number)
    alike = {key: values.pop() for key, values in outside.items() if len(values) == 1}
    return lags, {key: value for key, value in alike.items() if value is not None}


def stepped(loop: Loop) -> dict[Tensor, Axis]:
    """The tensors from outside of which every step reads its part, by the axis of theirs that it runs over."""
    inside = {s.target for s in loop.statements}
    found: dict[Tensor, Axis] = {}
    for s in loop.statements:
        axis = loop.axes[s.target]
        for read in reads(s.expression):
            for index, place in zip(read.indices, read.tensor.axes, strict=True):
                if read.tensor not in inside and isinstance(index, Affine) and index.axes == (axis,):
                    found[read.tensor] = place
    return found
