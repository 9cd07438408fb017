"""A nest of loops as a function of IR: the loops over its targets' axes in tiles, the expressions, the stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial as bound
from math import prod
from typing import Literal

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.cache_blocking import sum_of_parts, sum_of_pieces, write_partial
from pellucid.engines.llvm.emit.epilogues import LONG, grid, operations, write_afterwards
from pellucid.engines.llvm.emit.evaluate import Evaluator
from pellucid.engines.llvm.emit.linear import Linear
from pellucid.engines.llvm.emit.points import Batch, Point
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.layout import Layout, at_home, lane_last
from pellucid.engines.llvm.plan.split_reductions import CACHED
from pellucid.engines.llvm.plan.tiles import Tile, choose, looked_up
from pellucid.engines.llvm.plan.work import LANES, Nest, Partial, Unsupported
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import (
    Expression,
    Read,
    Reduction,
    Statement,
    Tensor,
    children,
    free_axes,
    reads,
)

ATTRIBUTES = "#0"

INLINE = 4
"""Up to how many points of a tile write exp and its kin out instead of calling them: more would be much code."""


@dataclass(frozen=True)
class Function:
    """A nest's function: `units` pieces of it may run on any thread, in any order (0: one for every shard; where
    threads share a shard's work, at most so many of every shard)."""

    name: str
    text: str
    units: int
    used: frozenset[str]


class NestEvaluator(Evaluator):
    """An evaluator that knows what the nest itself has just made."""

    nest: Nest

    def own_place(self, e: Read, point: Point) -> bool:
        return all(isinstance(i, Affine) and i.plain is a for i, a in zip(e.indices, self.nest.axes, strict=True))


class Writer:
    """Writes one nest. `fixed` is the step of the recurrence, if it is known; else it is the argument %step."""

    def __init__(
        self,
        name: str,
        nest: Nest,
        layout: Layout,
        kind: Literal["float", "double"],
        *,
        wide: bool,
        fixed: int | None = None,
    ) -> None:
        self.name, self.nest, self.layout, self.kind = name, nest, layout, kind
        self.b = Builder()
        self.lanes_last = lane_last(nest)
        axes = list(nest.axes)
        self.batch = axes.pop(0) if nest.kind == "shard" else None
        lane = axes[-1] if self.lanes_last else self.batch if not nest.few else None
        self.o = NestEvaluator(self.b, layout, kind, lane, rows=self.lanes_last)
        self.o.nest = nest
        self.o.panels = layout.plan.panels.get(nest, {})
        self.lane = lane
        start: dict[Axis, Linear] = {}
        if self.batch is not None:
            self.o.batches[self.batch] = Batch("%unit")
            lanes = Linear.counter("%unit", LANES) + Linear((), 0, 1)
            start[self.batch] = Linear.counter("%unit") if nest.few else lanes
        if nest.step is not None:
            axes.remove(nest.step)
            if fixed is not None:
                start[nest.step] = Linear((), fixed)
            else:
                start[nest.step] = Linear.counter("%step")
                # the first step of a recurrence is a function of its own, with the number known
                self.b.ranges["%step"] = (0, nest.step.size - 2) if nest.reverse else (1, nest.step.size - 1)
        self.start = Point(start)
        self.axes = axes
        self.tile: Tile = choose(nest, axes, lane if self.lanes_last else None, wide=wide, real=layout.real)
        self.o.maths.inline = prod(self.tile.sizes.values()) <= INLINE
        self.units = 0 if nest.kind == "shard" else 1
        self.piece = "%piece" if nest.kind == "shard" else "%unit"
        self.outer: Axis | None = None
        self.reductions = [
            (e, free_axes(e))
            for s in nest.statements
            for e in outermost(s.expression)
            if not any(r.tensor in nest.targets for r in reads(e))
        ]
        self.leaf: Callable[[list[Point]], None] | None = None

    def function(self) -> Function:
        """The nest's function.

        Raises:
            Unsupported: an expression of the nest cannot be written.
        """
        try:
            return self.written()
        except NotImplementedError as error:
            raise Unsupported(self.nest.statements[-1], str(error)) from None

    def written(self) -> Function:
        axes = list(self.axes)
        work = self.nest.operations
        if self.nest.kind == "global" and axes and self.nest.step is None and self.nest.scatter is None:
            outer = max(axes, key=lambda a: self.rounds(a) if work > 20000 else 0)
            self.units = max(1, min(self.rounds(outer), 16, work // 20000))
            axes.remove(outer)
            axes.insert(0, outer)
            self.outer = outer
        if self.nest.divided:
            # The first axis that will do, as the order of the loops is chosen for what they read.
            outer = next((a for a in axes if self.rounds(a) >= 8), max(axes, key=self.rounds))
            first, last = self.tile.middle.get(outer, (0, self.rounds(outer)))
            self.units = max(last - first, 1)
            axes.remove(outer)
            axes.insert(0, outer)
        partial = self.nest.partial
        if partial is not None:
            self.o.known[id(partial.sum)] = lambda point: sum_of_parts(self, partial, point)
            self.tile = Tile()
        blocked = self.nest.blocked
        if blocked is not None:
            write_partial(self, blocked)
            self.o.known[id(blocked.sum)] = lambda point: sum_of_pieces(self, blocked, point)
        if self.nest.scatter is not None:
            self.scatter()
        else:
            self.loops(axes, [self.start], top=True)
        return self.finished()

    def prepared(self, partial: Partial) -> Function:
        """The function that prepares a shard's part of a long sum of this nest."""
        write_partial(self, partial)
        return self.finished()

    def finished(self) -> Function:
        self.b.effect("ret void")
        arguments = "ptr %ctx, ptr %local, i64 %unit, i64 %step, i64 %piece, i64 %pieces"
        text = f"define hidden void @{self.name}({arguments}) {ATTRIBUTES} {{\n{self.b.text()}\n}}\n"
        return Function(self.name, text, self.units, frozenset(self.o.maths.used))

    def rounds(self, axis: Axis) -> int:
        step = self.tile.get(axis, 1) * (LANES if axis is self.lane else 1)
        return max(axis.size // step, 1)

    @property
    def pieces(self) -> str | int:
        """In how many the nest's outermost loop is cut."""
        return "%pieces" if self.nest.divided else self.units

    # Loops over the targets

    def loops(self, axes: list[Axis], points: list[Point], *, top: bool = False) -> None:
        if not axes:
            (self.leaf or self.body)(points)
            return
        done = self.hoisted(axes, points) if self.leaf is None else []
        self.loop(axes, points, top=top)
        for number in done:
            del self.o.known[number]

    def hoisted(self, axes: list[Axis], points: list[Point]) -> list[int]:
        """Reductions that depend on none of the axes still to come, done now: softmax's maximum is not one for
        every class."""
        found: list[int] = []
        if self.nest.partial is not None:
            return found
        rest = {a for a in axes if a.size > 1}
        for e, free in self.reductions:
            if rest and id(e) not in self.o.known and not free.intersection(axes):
                order = [a for a in free if a in points[0].axes]
                keys = [tuple(p.axes[a] for a in order) for p in points]
                table = dict(zip(keys, self.o.values(e, points), strict=True))
                self.o.known[id(e)] = bound(_looked_up, table, order)
                found.append(id(e))
        return found

    def loop(self, axes: list[Axis], points: list[Point], *, top: bool) -> None:
        axis, rest = axes[0], axes[1:]
        cut = top and self.units > 1
        if axis is self.lane:
            self.lane_loops(axis, rest, points, cut)
            return
        extent, step = axis.size, min(self.tile.get(axis, 1), axis.size)
        first, last = self.tile.middle.get(axis, (0, extent // step))
        for k in range(first):
            self.static(axis, k * step, step, rest, points, cut)
        if last > first:
            self.run(axis, first, last, step, rest, points, cut)
        for k in range(last, extent // step):
            self.static(axis, k * step, step, rest, points, cut)
        if extent % step:
            self.static(axis, extent - extent % step, extent % step, rest, points, cut)

    def static(self, axis: Axis, start: int, step: int, rest: list[Axis], points: list[Point], cut: bool) -> None:
        """One round whose place is known."""
        new = [p.at(axis, Linear((), start + k)) for p in points for k in range(step)]
        if not cut:
            self.loops(rest, new)
            return
        branch = self.b.branch(self.b.pure("icmp eq i64 {}, {}", self.piece, self.b.add(self.pieces, -1)))
        self.loops(rest, new)
        self.b.join(branch)

    def run(
        self,
        axis: Axis,
        first: int,
        last: int,
        step: int,
        rest: list[Axis],
        points: list[Point],
        cut: bool,
        lanes: int = 0,
    ) -> None:
        low: str | int = first
        high: str | int = last
        if cut:
            low, high = (self.b.add(self.portion(last - first, more), first) for more in (0, 1))
        elif last - first == 1 and not lanes:
            self.static(axis, first * step, step, rest, points, False)
            return
        loop = self.b.open(low, high, bottom=first, top=last - 1)
        if lanes:
            new = [
                p.at(axis, Linear.counter(loop.counter, step * LANES, k * LANES) + Linear((), 0, 1))
                for p in points
                for k in range(step)
            ]
        else:
            new = [p.at(axis, Linear.counter(loop.counter, step, k)) for p in points for k in range(step)]
        self.loops(rest, new)
        self.b.close(loop)

    def portion(self, count: int, more: int) -> str | int:
        unit = self.b.add(self.piece, more)
        return self.b.pure("udiv i64 {}, {}", self.b.multiply(unit, count), self.pieces)

    def lane_loops(self, axis: Axis, rest: list[Axis], points: list[Point], cut: bool) -> None:
        full, active = divmod(axis.size, LANES)
        step = min(self.tile.get(axis, 1), full) if full else 1
        if full:
            whole, left = divmod(full, step)
            self.run(axis, 0, whole, step, rest, points, cut, lanes=LANES)
            if left:
                self.lane_static(axis, whole * step, left, None, rest, points, cut)
        if active:
            self.lane_static(axis, full, 1, active, rest, points, cut)

    def lane_static(
        self, axis: Axis, start: int, count: int, active: int | None, rest: list[Axis], points: list[Point], cut: bool
    ) -> None:
        new = []
        for p in points:
            for k in range(count):
                point = p.at(axis, Linear((), (start + k) * LANES, 1))
                point.active = active
                new.append(point)
        if not cut:
            self.loops(rest, new)
            return
        branch = self.b.branch(self.b.pure("icmp eq i64 {}, {}", self.piece, self.b.add(self.pieces, -1)))
        self.loops(rest, new)
        self.b.join(branch)

    # The innermost part

    def body(self, points: list[Point]) -> None:
        """The sums of all points side by side, as they share their loads; then one point after the other, so that
        what is made of a sum needs registers for no longer than it takes to store it."""
        points = [Point(p.axes, p.active, {}) for p in points]
        sums = [e for s in self.nest.statements for e in outermost(s.expression)]
        if any(self.made_here(e) for e in sums):
            self.together(points)
            return
        shared: list[Expression] = [*sums, *self.looked_up(points)]
        length = len(points) * sum(operations(s.expression) for s in self.nest.statements)
        over = grid(points) if shared == sums != [] and length >= LONG and not self.o.known else None
        if self.outer is not None and self.lanes_last and any(id(e) not in self.o.known for e in sums):
            self.o.with_shard = bound(self.ask_for, points, self.outer)
        values: dict[int, list[Value]] = {}
        for e in shared:
            if id(e) not in self.o.known:
                values[id(e)] = self.o.looked_up(e, points) if isinstance(e, Read) else self.o.values(e, points)
        self.o.with_shard = None
        if over is not None:
            write_afterwards(self, points, values, over)
            return
        for number, found in values.items():
            self.o.known[number] = bound(_of_point, dict(zip(map(id, points), found, strict=True)))
        for point in points:
            self.together([point])
        for number in values:
            del self.o.known[number]

    def looked_up(self, points: list[Point]) -> list[Read]:
        """Reads of rows that are loaded for all points together: those of a whole tile of neighbours."""
        found = looked_up(self.nest)
        return found if found and len(points) == LANES == self.tile.get(self.nest.axes[-1], 1) else []

    def ask_for(self, points: list[Point], outer: Axis, shard: str) -> None:
        """While a shard is summed, fetch some of what the sums of the next round will meet: large weights and their
        moments, last used a step ago."""
        assert self.lane is not None
        step = self.tile.get(outer, 1) * (LANES if outer is self.lane else 1)
        first = min(p.axes[self.lane].constant for p in points)
        rows = [p.at(outer, p.axes[outer].plus(step)) for p in points if p.axes[self.lane].constant == first]
        count = len(points) // len(rows)
        for tensor in {r.tensor: r for s in self.nest.statements for r in outside_sums(s.expression) if self.far(r)}:
            for point in rows:
                offset, base = self.o.address(tensor, [point.axes[a] for a in self.nest.axes], None, False)
                some = self.b.multiply(self.b.pure("urem i64 {}, {}", shard, count), LANES)
                place = self.o.place(base, self.kind, offset)
                place = self.b.pure(f"getelementptr {self.kind}, ptr {{}}, i64 {{}}", place, some)
                self.b.effect(f"call void @llvm.prefetch.p0(ptr {place}, i32 1, i32 3, i32 1)")

    def far(self, read: Read) -> bool:
        places = [i.plain if isinstance(i, Affine) else None for i in read.indices]
        return (
            read.tensor not in self.nest.targets
            and places == list(self.nest.axes)
            and prod(a.size for a in read.tensor.axes) * self.layout.real > CACHED
        )

    def made_here(self, e: Reduction) -> bool:
        """Whether a sum needs what the nest makes at the same point."""
        return any(r.tensor in self.nest.targets and at_home(r, self.nest) for r in reads(e))

    def together(self, points: list[Point]) -> None:
        for statement in self.nest.statements:
            target = statement.target
            values = [self.kind_of(target, v) for v in self.o.values(statement.expression, points)]
            for point, value in zip(points, values, strict=True):
                point.made[target] = value
        for statement in self.nest.statements:
            if self.layout.plan.home(statement.target) in self.layout.homes:
                for point in points:
                    self.store(statement, point, point.made[statement.target])

    def kind_of(self, target: Tensor, value: Value) -> Value:
        return self.o.maths.as_whole(value) if target.kind == "int" else self.o.maths.as_real(value)

    def store(self, statement: Statement, point: Point, value: Value) -> None:
        target = statement.target
        places = [point.axes[a] for a in self.nest.axes]
        batch = self.o.batches[self.batch] if self.batch is not None else None
        if self.batch is not None:
            places[0] = Linear()
        offset, base = self.o.address(target, places, batch, False)
        word = self.o.element(target)
        if not offset.lane:
            self.b.effect(f"store {word} {value.text}, ptr {self.o.place(base, word, offset)}")
            return
        assert offset.lane == 1, "a vector is stored in one piece"
        self.put(self.o.place(base, word, offset), word, self.o.maths.splat(value), point.active)

    def put(self, pointer: str, word: str, value: Value, active: int | None) -> None:
        """Store a vector, or its first lanes."""
        v, size = f"<{LANES} x {word}>", self.o.size(word)
        if active is None:
            self.b.effect(f"store {v} {value.text}, ptr {pointer}, align {size}")
            return
        mask = ", ".join(f"i1 {int(k < active)}" for k in range(LANES))
        suffix = {"float": "f32", "double": "f64", "i32": "i32"}[word]
        call = f"call void @llvm.masked.store.v{LANES}{suffix}.p0"
        self.b.effect(f"{call}({v} {value.text}, ptr {pointer}, i32 {size}, <{LANES} x i1> <{mask}>)")

    # Additions at places that a tensor of whole numbers names

    def scatter(self) -> None:
        """`dE[v,…] = Σ …·[v = ids[…]]`: zeros first, then every term added at its place, in the order of the
        examples."""
        from pellucid.engines.llvm.emit.scatter import write_scatter

        self.units = write_scatter(self)


def _of_point(table: dict[int, Value], point: Point) -> Value:
    return table[id(point)]


def _looked_up(table: dict[tuple[Linear, ...], Value], order: list[Axis], point: Point) -> Value:
    return table[tuple(point.axes[a] for a in order)]


def outside_sums(e: Expression) -> list[Read]:
    """The reads of an expression that stand in no reduction."""
    if isinstance(e, Reduction):
        return []
    own = [e] if isinstance(e, Read) else []
    return own + [r for child in children(e) for r in outside_sums(child)]


def outermost(e: Expression) -> list[Reduction]:
    """The reductions of an expression that stand in no other."""
    if isinstance(e, Reduction):
        return [e]
    return [r for child in children(e) for r in outermost(child)]
