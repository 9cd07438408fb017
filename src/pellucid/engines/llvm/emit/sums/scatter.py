"""Additions scattered to the places that a tensor of integers names: the gradient of an embedding."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.points import Batch, Linear, Point
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.work import LANES
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Expression, Index, Operation, Read, Reduction, coefficient, factors, multiply

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer


GROUP = 4
"""Vectors of a place that are added at once: what names the place is read once for all of them."""


def write_scatter(w: Writer) -> int:
    """The body of the nest's function; gives its number of units: all axes but the scattered one are cut, so that every
    element is one thread's."""
    statement = w.nest.statements[0]
    e = statement.expression
    assert isinstance(e, Reduction)
    axis = w.nest.scatter
    assert axis is not None
    bracket = next(f for f in factors(e.body) if _names(f, axis))
    assert isinstance(bracket, Operation)
    where = next(a for a in bracket.args if isinstance(a, Read))
    value = multiply(*(f for f in factors(e.body) if f is not bracket))
    last = w.nest.axes[-1]
    others = [a for a in w.nest.axes if a is not axis and a is not last]
    if last is axis:  # one number at a time
        point, units = _place(w, others, w.start, "%unit")
        _pass(w, e, axis, where, value, [point])
        return units
    full, rest = divmod(last.size, GROUP * LANES)
    units = 0
    if full:
        branch = w.b.branch(w.b.pure("icmp slt i64 {}, {}", "%unit", full * prod(a.size for a in others)))
        block = w.b.pure("urem i64 {}, {}", "%unit", full)
        point, units = _place(w, others, w.start, w.b.pure("udiv i64 {}, {}", "%unit", full))
        w.b.ranges[block] = (0, full - 1)
        points = [_lanes(point, last, Linear.counter(block, GROUP * LANES, k * LANES)) for k in range(GROUP)]
        _pass(w, e, axis, where, value, points)
        w.b.join(branch)
        units *= full
    if rest:
        branch = w.b.branch(w.b.pure("icmp sge i64 {}, {}", "%unit", units))
        point, more = _place(w, others, w.start, w.b.pure("sub nsw i64 {}, {}", "%unit", units))
        points = [_lanes(point, last, Linear((), start)) for start in range(full * GROUP * LANES, last.size, LANES)]
        if last.size % LANES:
            points[-1] = points[-1]._replace(active=last.size % LANES)
        _pass(w, e, axis, where, value, points)
        w.b.join(branch)
        units += more
    return units


def _place(w: Writer, others: list[Axis], point: Point, unit: str) -> tuple[Point, int]:
    """The place along the other axes that a unit stands for, the last axis fastest; and how many there are."""
    units = 1
    for a in reversed(others):
        number = w.b.pure("urem i64 {}, {}", w.b.pure("udiv i64 {}, {}", unit, units), a.size)
        w.b.ranges[number] = (0, a.size - 1)
        point = point.at(a, Linear.counter(number))
        units *= a.size
    return point, units


def _lanes(point: Point, last: Axis, start: Linear) -> Point:
    return point.at(last, start + Linear((), 0, 1))


def _names(e: object, axis: Axis) -> bool:
    match e:
        case Operation("eq", args):
            return any(isinstance(a, Index) and a.affine.plain is axis for a in args) and any(
                isinstance(a, Read) for a in args
            )
    return False


def _pass(w: Writer, e: Reduction, axis: Axis, where: Read, value: Expression, points: list[Point]) -> None:
    """Zeros, then all terms, for the vectors (or the number) of one place."""
    b, evaluator = w.b, w.evaluator
    statement = w.nest.statements[0]
    clear = b.open(0, axis.size)
    for point in points:
        w.store(statement, point.at(axis, Linear.counter(clear.counter)), evaluator.maths.constant(0.0))
    b.close(clear)
    inner = []
    number, body = coefficient(value)
    batch = next((a for a in e.axes if a.extent is BATCH), None)
    if batch is not None:
        inner.append(b.open(0, evaluator.shards))
        shard = inner[-1].counter
    for a in e.axes:
        if a is not batch:
            inner.append(b.open(0, a.size))
            points = [p.at(a, Linear.counter(inner[-1].counter)) for p in points]
    if batch is not None:
        left = b.pure("sub nsw i64 {}, {}", evaluator.examples, b.pure("mul nsw i64 {}, {}", shard, LANES))
        inner.append(b.open(0, b.smaller(left, LANES), top=LANES - 1))
        lane = inner[-1].counter
        index = Linear.counter(shard, LANES) + Linear.counter(lane)
        points = [p.of_batch(batch, index, Batch(shard, lane)) for p in points]
    place = evaluator.maths.as_integer(evaluator.values(where, points[:1])[0])
    wide = b.pure("sext i32 {} to i64", place.text)
    inside = b.branch(b.pure("icmp ult i64 {}, {}", wide, axis.size))
    b.ranges[wide] = (0, axis.size - 1)
    for point in points:
        term = evaluator.maths.as_real(evaluator.values(body, [point])[0])
        if number != 1:
            term = evaluator.maths.multiply(evaluator.maths.constant(float(number)), term)
        at = point.at(axis, Linear.counter(wide))
        offset, base = evaluator.address(statement.target, [at.axes[a] for a in w.nest.axes], None, False)
        pointer = evaluator.place(base, w.kind, offset)
        if offset.lane and point.active is None:
            old = Value(
                b.here(f"load <{LANES} x {w.kind}>, ptr {{}}, align {evaluator.size(w.kind)}", pointer), "f", True
            )
        elif offset.lane:
            old = Value(b.here(evaluator.masked_load(w.kind, point.active or LANES), pointer), "f", True)
        else:
            old = Value(b.load(w.kind, pointer), "f")
        w.store(statement, at, evaluator.maths.binary("fadd", old, term))
    b.join(inside)
    for loop in reversed(inner):
        b.close(loop)
