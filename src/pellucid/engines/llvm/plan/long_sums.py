"""Long sums are added up in two levels, or what float32 rounds away becomes seen.

A sum of n equal terms in one accumulator loses up to about n·2⁻²⁵ of its value: a thousandth of the penalty of two
million weights. Added up along its last axes first, and these sums along the others, it loses some √n of that.

And what is inside a sum over the examples and is a sum itself is made before it, for shards make parts of the former.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from math import isqrt, prod

from pellucid.engines.llvm.plan.work import Plan
from pellucid.formula.axes import BATCH, ONE, Affine, Axis, Coefficient
from pellucid.formula.expressions import (
    Expression,
    Read,
    Reduction,
    Statement,
    Tensor,
    add,
    factors,
    free_axes,
    rename,
    substitute,
    transform,
    walk,
)
from pellucid.formula.program import Stage

LONG = 1 << 10
"""Terms of a sum that may meet in one accumulator: they lose less than 2⁻¹⁵ of it, and mostly a hundredth of that."""


def split_long_sums(plan: Plan) -> Plan:
    """A statement for the inner level of every long sum, before the statement that has the sum."""
    return replace(plan, stages=tuple(new for stage in plan.stages for new in _split(stage)))


def _split(stage: Stage) -> list[Stage]:
    if not isinstance(stage, Statement):
        return [stage]
    before: list[Stage] = []
    bound = [a for e in walk(stage.expression) if isinstance(e, Reduction) for a in e.axes]

    def made_first(e: Reduction, *outer: Axis) -> Read:
        """A tensor of the values of e, for all values of the axes that stand around it."""
        axes = [a for a in dict.fromkeys((*outer, *stage.axes, *bound)) if a in free_axes(e)]
        own = {a: a.fresh() for a in sorted(axes, key=lambda a: a.extent is not BATCH)}
        part = Tensor(f"{stage.target.name}.part{len(before) + 1}", tuple(own.values()))
        before.append(Statement(part, rename(shortened(e) or e, own)))
        return Read(part, tuple(Affine.of(a) for a in own))

    def shortened(e: Expression) -> Expression | None:
        if not isinstance(e, Reduction) or _is_contraction(e):
            return None
        inner = [i for i in walk(e.body) if isinstance(i, Reduction)]
        batch, rest = tuple(a for a in e.axes if a.extent is BATCH), tuple(a for a in e.axes if a.extent is not BATCH)
        if inner and batch:
            return Reduction(e.name, e.axes, transform(e.body, lambda i: made_first(i) if i in inner else None))
        if inner or e.name != "sum" or _size(rest) <= LONG:
            return None
        if len(e.axes) == 1:
            return _in_pieces(e, made_first)
        cut = min(range(1, len(rest)), key=lambda k: max(_size(rest[:k]), _size(rest[k:])), default=0)
        outer, near = (batch, rest) if batch else (rest[:cut], rest[cut:])
        total = Reduction("sum", outer, made_first(Reduction("sum", near, e.body), *outer))
        return shortened(total) or total

    expression = transform(stage.expression, shortened)
    return [*before, Statement(stage.target, expression, stage.letters)] if before else [stage]


def _is_contraction(e: Reduction) -> bool:
    """A product whose factors lie along different axes: its terms are of both signs, and tiles depend on its shape."""
    free = [free_axes(f) - set(e.axes) for f in factors(e.body)]
    return any(one and two and one != two for one, two in pairwise(free))


def _in_pieces(e: Reduction, made_first: Callable[..., Read]) -> Expression:
    """A sum along one axis as the sum of the sums of pieces of one length, and what is left over."""
    (axis,) = e.axes
    length = isqrt(axis.size)
    piece, place = Axis(f"{axis.name}₁", axis.size // length), Axis(f"{axis.name}₂", length)
    at = Affine(((piece, Coefficient(length)), (place, ONE)))
    parts = made_first(Reduction("sum", (place,), substitute(e.body, {axis: at})), piece)
    total = Reduction("sum", (piece,), parts)
    if not axis.size % length:
        return total
    left = Axis(axis.name, axis.size % length)
    at = Affine(((left, ONE),), (Coefficient(axis.size - left.size),))
    return add(total, Reduction("sum", (left,), substitute(e.body, {axis: at})))


def _size(axes: Iterable[Axis]) -> int:
    return prod(a.size for a in axes)
