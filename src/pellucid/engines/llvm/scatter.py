"""Additions scattered to the places that a tensor of whole numbers names: the gradient of an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.engines.llvm.linear import Linear
from pellucid.engines.llvm.math import LANES
from pellucid.engines.llvm.points import Batch, Point
from pellucid.engines.llvm.values import Value
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Index, Operation, Read, Reduction, coefficient, factors, multiply

if TYPE_CHECKING:
    from pellucid.engines.llvm.nest import Writer


def write_scatter(w: Writer) -> int:
    """The body of the nest's function; gives its number of units: the last axis is cut, so that every element is
    one thread's."""
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
    if last is axis:
        _whole(w, e, axis, where, value, [])
        return 1
    blocks = -(-last.size // LANES)
    others = [a for a in w.nest.axes if a is not axis and a is not last]
    for block in range(blocks):
        active = last.size - block * LANES if (block + 1) * LANES > last.size else None
        branch = w.b.branch(w.b.pure("icmp eq i64 {}, {}", "%unit", block))
        point = w.start.at(last, Linear((), block * LANES, 1))
        point.active = active
        _pass(w, e, axis, where, value, others, point)
        w.b.join(branch)
    return blocks


def _names(e: object, axis: Axis) -> bool:
    match e:
        case Operation("eq", args):
            return any(isinstance(a, Index) and a.affine.plain is axis for a in args) and any(
                isinstance(a, Read) for a in args
            )
    return False


def _whole(w: Writer, e: Reduction, axis: Axis, where: Read, value: object, others: list[Axis]) -> None:
    """A target whose last axis is the one scattered over: one number at a time."""
    others = [a for a in w.nest.axes if a is not axis]
    w.o.lane = None
    _pass(w, e, axis, where, value, others, w.start)


def _pass(w: Writer, e: Reduction, axis: Axis, where: Read, value: object, others: list[Axis], point: Point) -> None:
    b, o = w.b, w.o
    statement = w.nest.statements[0]
    loops = []
    for a in others:
        loops.append(b.open(0, a.size))
        point = _at(point, a, Linear.counter(loops[-1].counter))
    clear = b.open(0, axis.size)
    w.store(statement, _at(point, axis, Linear.counter(clear.counter)), o.maths.constant(0.0))
    b.close(clear)
    inner = []
    number, body = coefficient(value)  # type: ignore[arg-type]
    batch = next((a for a in e.axes if a.extent is BATCH), None)
    if batch is not None:
        inner.append(b.open(0, o.shards))
        shard = inner[-1].counter
    for a in e.axes:
        if a is not batch:
            inner.append(b.open(0, a.size))
            point = _at(point, a, Linear.counter(inner[-1].counter))
    if batch is not None:
        left = b.pure("sub nsw i64 {}, {}", o.examples, b.pure("mul nsw i64 {}, {}", shard, LANES))
        inner.append(b.open(0, b.smaller(left, LANES), top=LANES - 1))
        lane = inner[-1].counter
        o.batches[batch] = Batch(shard, lane)
        point = _at(point, batch, Linear.counter(shard, LANES) + Linear.counter(lane))
    place = o.maths.as_whole(o.values(where, [point])[0])
    wide = b.pure("sext i32 {} to i64", place.text)
    inside = b.branch(b.pure("icmp ult i64 {}, {}", wide, axis.size))
    term = o.maths.as_real(o.values(body, [point])[0])
    if number != 1:
        term = o.maths.multiply(o.maths.constant(float(number)), term)
    target = statement.target
    b.ranges[wide] = (0, axis.size - 1)
    at = _at(point, axis, Linear.counter(wide))
    offset, base = o.address(target, [at.axes[a] for a in w.nest.axes], None, False)
    pointer = o.place(base, w.kind, offset)
    if offset.lane and point.active is None:
        old = Value(b.here(f"load <{LANES} x {w.kind}>, ptr {{}}, align {o.size(w.kind)}", pointer), "f", True)
    elif offset.lane:
        old = Value(b.here(o.masked_load(w.kind, point.active or LANES), pointer), "f", True)
    else:
        old = Value(b.here(f"load {w.kind}, ptr {{}}", pointer), "f")
    w.store(statement, at, o.maths.binary("fadd", old, term))
    b.join(inside)
    for loop in reversed([*loops, *inner]):
        b.close(loop)


def _at(point: Point, axis: Axis, value: Linear) -> Point:
    return point.at(axis, value)
