"""Sums and largest values of neighbours in memory, a vector of them at a time, where a few examples are computed and
nothing else lies in the lanes.

A largest value, as softmax takes it of all classes, is the same in any order, but for the sign of a zero. So this is
for those of which a function is made that has the same value at 0 and at −0: exp of a difference. The terms of a sum
are added up lane by lane, then across the lanes: another order than that of many examples, the same on every CPU.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.points import Linear, Point
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.work import LANES, Nest, batched, plain_axes
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Operation,
    Read,
    Reduction,
    children,
    coefficient,
    factors,
    free_axes,
)

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.sums.accumulators import Reducing

MANY = 4 * LANES
"""Neighbours of which the largest is found in vectors."""


def terms_in_lanes(e: Reduction, nest: Nest) -> Axis | None:
    """The last axis of a sum along which all its factors lie side by side, if there are whole vectors of them."""
    axis = e.axes[-1]
    if e.name != "sum" or not nest.small_batch or axis.extent is BATCH or axis.size % LANES:
        return None
    for factor in factors(coefficient(e.body)[1]):
        if not isinstance(factor, Read) or factor.tensor.kind == "int":
            return None
        others = (i.axes if isinstance(i, Affine) else free_axes(i) for i in factor.indices[:-1])
        if plain_axes(factor)[-1:] != [axis] or any(axis in free for free in others):
            return None
    return axis


def in_lanes(e: Reduction, nest: Nest) -> Axis | None:
    """The axis along which the values of an example lie side by side, if its largest may be found in any order."""
    axis = e.axes[-1]
    if e.name != "max" or not nest.small_batch or len(e.axes) != 1 or axis.size < MANY or not isinstance(e.body, Read):
        return None
    read = e.body
    if not batched(read.tensor) or axis in plain_axes(read)[:-1] or plain_axes(read)[-1] is not axis:
        return None
    return axis if all(_zero_has_no_sign(s.expression, e) for s in nest.statements) else None


def _zero_has_no_sign(e: Expression, value: Expression, *, in_exp: bool = False) -> bool:
    """Whether an expression is the same for a value of 0 and of −0, wherever it reads the value."""
    match e:
        case _ if e is value:
            return in_exp
        case Operation("exp", (argument,)):
            return _zero_has_no_sign(argument, value, in_exp=True)
        case Operation("add" | "stop", args):
            return all(_zero_has_no_sign(a, value, in_exp=in_exp) for a in args)
        case Operation("mul", (Constant(), argument)):
            return _zero_has_no_sign(argument, value, in_exp=in_exp)
    return all(_zero_has_no_sign(child, value) for child in children(e))


def largest(work: Reducing, axis: Axis, points: list[Point], accs: list[str]) -> list[str]:
    """The largest for every point: of whole vectors in lanes, then across these, then of those that are left."""
    b, maths = work.b, work.evaluator.maths
    kind = maths.type_of("f", True)
    least = maths.splat(maths.constant(-inf)).text
    full = axis.size // LANES
    loop = b.open(0, full, carried=[(kind, least) for _ in points])
    place = Linear(((loop.counter, LANES),), 0, 1)
    found = [
        maths.extreme("max", work.evaluator.values(work.body, [p.at(axis, place)])[0], Value(old, "f", True))
        for p, old in zip(points, loop.values, strict=True)
    ]
    result = []
    vectors = b.close(loop, [v.text for v in found])
    for p, text, acc in zip(points, vectors, accs, strict=True):
        value = maths.extreme("max", maths.across("max", Value(text, "f", True)), Value(acc, "f"))
        for left in range(full * LANES, axis.size):
            (one,) = work.evaluator.values(work.body, [p.at(axis, Linear((), left))])
            value = maths.extreme("max", one, value)
        result.append(value.text)
    return result
