"""Reductions as loops: for several points at once, over the terms that exist, in an order no tile changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from pellucid.engines.llvm.emit.points import Batch, Linear, Point
from pellucid.engines.llvm.emit.sums.neighbours import in_lanes, largest
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.work import LANES
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Read,
    Reduction,
    factors,
    reads,
)
from pellucid.formula.parser import flat

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.builder import Builder
    from pellucid.engines.llvm.emit.evaluate import Evaluator

UNROLL = 8
"""The longest reduction axis that is written out where its reads need to know its value."""

EDGES = 6
"""How many values of a longer one, at its ends, are written out because some points are outside there."""


class Examples(NamedTuple):
    """The examples of a shard, from `start` on, that a reduction counts one by one."""

    axis: Axis
    shard: str
    start: str


@dataclass(frozen=True)
class Reducing:
    """One reduction being written: its loops from the outside in.

    Attributes:
        vector: whether the accumulators are vectors.
        across: whether their lanes are examples.
        mask: which lanes are in use, where not all are.
        examples: those that are looped over last.
        each_shard: is called with each shard that is visited.
        each_term: is called with the points of each term.
        terms: the axis whose values lie in the lanes, if the terms do.
    """

    evaluator: Evaluator
    e: Reduction
    body: Expression
    vector: bool
    across: bool = False
    mask: Value | None = None
    examples: Examples | None = None
    each_shard: Callable[[str], None] | None = None
    each_term: Callable[[list[Point]], None] | None = None
    terms: Axis | None = None

    @property
    def b(self) -> Builder:
        return self.evaluator.b

    def over(self, axes: list[Axis], points: list[Point], accs: list[str], kinds: list[str]) -> list[str]:
        b = self.b
        if not axes:
            if self.examples is not None:
                return self.over_examples(self.examples, points, accs, kinds)
            return self.body_once(points, accs)
        axis, rest = axes[0], axes[1:]
        if axis is self.terms:
            loop = b.open(0, axis.size // LANES, carried=list(zip(kinds, accs, strict=True)))
            place = Linear(((loop.counter, LANES),), 0, 1)
            return b.close(loop, self.over(rest, [p.at(axis, place) for p in points], list(loop.values), kinds))
        if not self.vector and in_lanes(self.e, self.evaluator.nest) is axis:
            return largest(self, axis, points, accs)
        if axis.extent is BATCH:
            return self.over_batch(axis, rest, points, accs, kinds)
        extent = axis.size
        if extent == 1:
            return self.over(rest, [p.at(axis, Linear()) for p in points], accs, kinds)
        guards = self.guards(axis, points)
        bounds = self.bounds(axis, guards, points) if guards else (0, extent, [])
        divides = self.divides(axis)
        if (bounds is None or divides) and extent <= UNROLL:
            for value in range(extent):
                accs = self.over(rest, [p.at(axis, Linear((), value)) for p in points], accs, kinds)
            return accs
        if bounds is None and not divides:
            middle = self.middle(axis, guards, points)
            if middle is not None:
                return self.in_three(axis, middle, rest, points, accs, kinds)
        low, high, inside = bounds if bounds is not None else (0, extent, [])
        if isinstance(low, int) and isinstance(high, int):
            if low >= high:
                return accs
            if high - low == 1:
                return self.over(rest, [p.at(axis, Linear((), low)) for p in points], accs, kinds)
        loop = b.open(low, high, carried=list(zip(kinds, accs, strict=True)), top=extent - 1)
        counter = Linear.counter(loop.counter)
        inner = [p.counted(axis, counter, inside) for p in points]
        return b.close(loop, self.over(rest, inner, list(loop.values), kinds))

    def in_three(
        self,
        axis: Axis,
        middle: tuple[int, int],
        rest: list[Axis],
        points: list[Point],
        accs: list[str],
        kinds: list[str],
    ) -> list[str]:
        """The values for which some point of a tile is outside are written out, the others looped over."""
        low, high = middle
        for value in range(low):
            accs = self.over(rest, [p.at(axis, Linear((), value)) for p in points], accs, kinds)
        loop = self.b.open(low, high, carried=list(zip(kinds, accs, strict=True)))
        sums = self.over(rest, [p.at(axis, Linear.counter(loop.counter)) for p in points], list(loop.values), kinds)
        accs = self.b.close(loop, sums)
        for value in range(high, axis.size):
            accs = self.over(rest, [p.at(axis, Linear((), value)) for p in points], accs, kinds)
        return accs

    def over_batch(
        self, axis: Axis, rest: list[Axis], points: list[Point], accs: list[str], kinds: list[str]
    ) -> list[str]:
        b = self.b
        loop = b.open(0, self.evaluator.shards, carried=list(zip(kinds, accs, strict=True)))
        shard, values = loop.counter, list(loop.values)
        if self.each_shard is not None:
            self.each_shard(shard)
        start = b.pure("mul nsw i64 {}, {}", shard, LANES)
        if self.across:
            index = Linear(((shard, LANES),), 0, 1)
            new = [p.of_batch(axis, index, Batch(shard)) for p in points]
            sums = replace(self, mask=self.in_use(shard)).over(rest, new, values, kinds)
        else:
            # Examples innermost: the values of one place of 16 examples lie together.
            sums = replace(self, examples=Examples(axis, shard, start)).over(rest, points, values, kinds)
        return b.close(loop, sums)

    def over_examples(self, e: Examples, points: list[Point], accs: list[str], kinds: list[str]) -> list[str]:
        b = self.b
        left = b.pure("sub nsw i64 {}, {}", self.evaluator.examples, e.start)
        loop = b.open(0, b.smaller(left, LANES), carried=list(zip(kinds, accs, strict=True)), top=LANES - 1)
        index = Linear.counter(e.shard, LANES) + Linear.counter(loop.counter)
        new = [p.of_batch(e.axis, index, Batch(e.shard, loop.counter)) for p in points]
        return b.close(loop, self.body_once(new, list(loop.values)))

    def in_use(self, shard: str) -> Value:
        """Which lanes of a shard are examples of their own."""
        b = self.b
        lanes = ", ".join(f"i64 {k}" for k in range(LANES))
        left = b.pure("sub nsw i64 {}, {}", self.evaluator.examples, b.pure("mul nsw i64 {}, {}", shard, LANES))
        one = b.pure(f"insertelement <{LANES} x i64> poison, i64 {{}}, i32 0", left)
        wide = b.pure(
            f"shufflevector <{LANES} x i64> {{}}, <{LANES} x i64> poison, <{LANES} x i32> zeroinitializer", one
        )
        return Value(b.pure(f"icmp sgt <{LANES} x i64> {{}}, <{lanes}>", wide), "b", True)

    def body_once(self, points: list[Point], accs: list[str]) -> list[str]:
        maths = self.evaluator.maths
        if self.each_term is not None:
            self.each_term(points)
        if self.e.name == "sum":
            return self.summed(points, accs)
        values = [maths.as_real(v) for v in self.evaluator.values(self.body, points)]
        if self.vector:
            values = [maths.splat(v) for v in values]
        following: list[str] = []
        for k, (point, value) in enumerate(zip(points, values, strict=True)):
            if value.number == -inf:
                following += accs[2 * k : 2 * k + 2] if self.e.name == "argmax" else [accs[k]]
                continue
            old = Value(accs[2 * k if self.e.name == "argmax" else k], "f", self.vector)
            if self.mask is not None:
                value = maths.select(self.mask, value, maths.constant(-inf))
            if self.e.name == "max":
                following.append(maths.extreme("max", value, old).text)
            else:
                # the first of equals wins, and NaN, the first of them, over all
                better = maths.both(maths.compare("ugt", value, old), maths.compare("ord", old, old))
                following.append(maths.select(better, value, old).text)
                place = self.evaluator.index_value(flat(self.e.axes), point)
                before = Value(accs[2 * k + 1], "i", self.vector)
                following.append(maths.select(better, place, before).text)
        return following

    def summed(self, points: list[Point], accs: list[str]) -> list[str]:
        maths = self.evaluator.maths
        following: list[str] = []
        for point, acc in zip(points, accs, strict=True):
            # each point's loads just before its product: all at the start would need a register each
            row = [self.evaluator.values(f, [point])[0] for f in factors(self.body)]
            total = Value(acc, "f", self.vector)
            truths = [v for v in row if v.kind == "b" and v.number is None]
            numbers = [maths.as_real(v) for v in row if not (v.kind == "b" and v.number is None)]
            if any(v.number == 0 for v in numbers):
                following.append(acc)
                continue
            numbers = [v for v in numbers if v.number != 1] or [maths.constant(1.0)]
            if self.mask is not None:
                truths.append(self.mask)
            last = numbers[-1]
            for truth in truths:
                last = maths.select(truth, last, maths.constant(0.0))
            first: Value | None = None
            for v in numbers[:-1]:
                first = v if first is None else maths.multiply(first, v)
            if self.vector:
                last = maths.splat(last)
            following.append(
                (maths.binary("fadd", total, last) if first is None else maths.fma(first, last, total)).text
            )
        return following

    # Bounds

    def guards(self, axis: Axis, points: list[Point]) -> list[tuple[Read, int]]:
        """Reads that add nothing where they are outside, with the place of an index that the axis takes outside."""
        guards: list[tuple[Read, int]] = []
        if self.e.name == "sum":
            candidates = [
                f for f in factors(self.body) if isinstance(f, Read) and (f.outside is None or f.outside == Constant(0))
            ]
        else:
            candidates = [self.body] if isinstance(self.body, Read) and self.body.outside == Constant(-inf) else []
        for read in candidates:
            for k, (index, place) in enumerate(zip(read.indices, read.tensor.axes, strict=True)):
                if not isinstance(index, Affine) or axis not in index.axes or place.extent is BATCH:
                    continue
                if index.divisor.value != 1 or not self.surely_inside(index, axis, place.size, points):
                    guards.append((read, k))
        return guards

    def surely_inside(self, index: Affine, axis: Axis, extent: int, points: list[Point]) -> bool:
        for point in points:
            for end in (0, axis.size - 1):
                reach = self.partial(index, point.at(axis, Linear((), end)))
                if reach[0] < 0 or reach[1] >= extent:
                    return False
        return True

    def partial(self, index: Affine, point: Point) -> tuple[float, float]:
        """The range of an index; axes that have no value yet run over their whole extent."""
        known = Linear((), index.constant)
        low = high = 0
        for a, c in index.terms:
            if a in point.axes:
                known = known + point.axes[a] * c.value
            else:
                reach = c.value * (a.size - 1)
                low, high = low + min(0, reach), high + max(0, reach)
        first, last = known.range(self.b, LANES)
        return first + low, last + high

    def bounds(
        self, axis: Axis, guards: list[tuple[Read, int]], points: list[Point]
    ) -> tuple[str | int, str | int, list[tuple[Linear, int, int]]] | None:
        """The values of the axis for which every guard is inside, if they are the same for all points."""
        b = self.b
        low: str | int = 0
        high: str | int = axis.size
        inside: list[tuple[Linear, int, int]] = []
        for read, k in guards:
            index = read.indices[k]
            assert isinstance(index, Affine)
            c = index.coefficient(axis)
            if index.divisor.value != 1 or c < -1 or any(a not in points[0].axes for a in index.axes if a is not axis):
                return None
            others = {self.evaluator.linear(index, p.at(axis, Linear())) for p in points}
            if len(others) > 1:
                return None
            rest = others.pop()
            extent = read.tensor.axes[k].size
            if rest.lane:
                return None
            number = rest.emit(b)
            # 0 ≤ rest + c·r < extent
            if c == -1:
                first, end = self.minus(number, extent - 1), b.add(number, 1)
            else:
                first, end = self.rounds(self.negative(number), c), self.rounds(self.minus(extent, number), c)
            low, high = b.larger(low, first), b.smaller(high, end)
            inside.append((rest, c, extent))
        return low, high, inside

    def middle(self, axis: Axis, guards: list[tuple[Read, int]], points: list[Point]) -> tuple[int, int] | None:
        """From which value of the axis to which all points are inside, if that is known and nearly the whole axis."""
        low, high = 0, axis.size
        for read, k in guards:
            index = read.indices[k]
            assert isinstance(index, Affine)
            c = index.coefficient(axis)
            if c < 1 or any(a not in points[0].axes for a in index.axes if a is not axis):
                return None
            for point in points:
                rest = self.evaluator.linear(index, point.at(axis, Linear()))
                if not rest.static:
                    return None
                low = max(low, -(rest.constant // c))
                high = min(high, -((rest.constant - read.tensor.axes[k].size) // c))
        return (low, high) if low < high and low + axis.size - high <= EDGES else None

    def rounds(self, length: str | int, step: int) -> str | int:
        """How many steps begin in a length: as many values, from 0 on, times the step are less than it."""
        if step == 1:
            return length
        length = self.b.larger(length, 0)
        if isinstance(length, int):
            return -(-length // step)
        return self.b.pure("udiv i64 {}, {}", self.b.add(length, step - 1), step)

    def negative(self, a: str | int) -> str | int:
        return self.minus(0, a)

    def minus(self, a: str | int, other: str | int) -> str | int:
        if isinstance(a, int) and isinstance(other, int):
            return a - other
        return self.b.pure("sub nsw i64 {}, {}", a, other)

    def divides(self, axis: Axis) -> bool:
        """Whether a divided index of the body moves with the axis: written out, most of its terms vanish."""
        return any(
            isinstance(i, Affine) and i.divisor.value != 1 and axis in i.axes
            for e in reads(self.body)
            for i in e.indices
        )
