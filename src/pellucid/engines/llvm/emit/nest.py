"""A nest of loops as a function of IR: the loops over its targets' axes in tiles, the expressions, the stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial as bound
from math import prod
from typing import Literal

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.epilogues import LONG, grid, operations, write_epilogue
from pellucid.engines.llvm.emit.evaluate import Evaluator, in_panel
from pellucid.engines.llvm.emit.large_kernels.shared_product import write_shared_kernel
from pellucid.engines.llvm.emit.loops import TileLoops
from pellucid.engines.llvm.emit.points import Batch, Linear, Point
from pellucid.engines.llvm.emit.sums.cache_blocking import sum_of_parts, sum_of_pieces, write_partial
from pellucid.engines.llvm.emit.sums.scatter import write_scatter
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.layout import Layout, at_home
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.shared_kernels import SharedKernel, shared_kernel
from pellucid.engines.llvm.plan.split_reductions import CACHED, large_kernel, strip
from pellucid.engines.llvm.plan.tiles import Tile, lane_last, looked_up
from pellucid.engines.llvm.plan.work import CACHE_LINE, LANES, Nest, Partial, Unsupported, plain_axes
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

ARGUMENTS = "ptr %ctx, ptr %local, i64 %unit, i64 %step, i64 %piece, i64 %pieces"

INLINE = 4
"""Up to how many points of a tile inline exp and similar functions: more would be much code."""


@dataclass(frozen=True)
class Function:
    """A nest's function: `units` pieces of it may run on any thread, in any order (0: one for every shard; where
    threads share a shard's work, at most so many of every shard)."""

    name: str
    text: str
    units: int
    used: frozenset[str]


class Writer:
    """Writes one nest. `fixed` is the step of the recurrence, if it is known; else it is the argument %step."""

    def __init__(
        self,
        name: str,
        nest: Nest,
        layout: Layout,
        kind: Literal["float", "double"],
        *,
        fixed: int | None = None,
    ) -> None:
        self.name, self.nest, self.layout, self.kind = name, nest, layout, kind
        self.b = Builder(name, ARGUMENTS, linkage="hidden")
        self.lanes_last = lane_last(nest)
        axes = list(nest.axes)
        self.batch = axes.pop(0) if nest.kind == "shard" else None
        self.lane = axes[-1] if self.lanes_last else self.batch if not nest.small_batch else None
        if nest.step is not None:
            axes.remove(nest.step)
        self.axes = axes
        tile: Tile = layout.plan.tiles[nest]
        self.evaluator = Evaluator(
            self.b,
            layout,
            kind,
            nest,
            self.lane if nest.scatter is None or nest.scatter is not nest.axes[-1] else None,
            rows=self.lanes_last,
            inline=prod(tile.sizes.values()) <= INLINE,
            stored={
                id(partial.sum): bound(read, self, partial)
                for partial, read in ((nest.partial, sum_of_parts), (nest.cache_blocking, sum_of_pieces))
                if partial is not None
            },
        )
        self.tiles = TileLoops(self.b, tile, self.lane, "%piece" if nest.kind == "shard" else "%unit", "%pieces")
        self.start = self.first_point(fixed)
        self.reductions = [
            (e, free_axes(e))
            for s in nest.statements
            for e in outermost(s.expression)
            if not any(r.tensor in nest.targets for r in reads(e))
        ]

    def first_point(self, fixed: int | None) -> Point:
        """What is known of the axes before any loop is opened: the batch's and the recurrence's."""
        nest, point = self.nest, Point({})
        if self.batch is not None:
            index = Linear.counter("%unit") if nest.small_batch else Linear((("%unit", LANES),), 0, 1)
            point = point.of_batch(self.batch, index, Batch("%unit"))
        if nest.step is not None and fixed is None:
            # a first step that reads what lies before the loop is a function of its own, with the number known
            others = int(nest.reads_other_steps)
            low, high = (0, others) if nest.reverse else (others, 0)
            self.b.ranges["%step"] = (low, nest.step.size - 1 - high)
        if nest.step is not None:
            point = point.at(nest.step, Linear.counter("%step") if fixed is None else Linear((), fixed))
        return point

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
        nest = self.nest
        if nest.scatter is not None:
            return self.finished(write_scatter(self))
        if nest.all_shards:
            shared = shared_kernel(nest, self.layout.real)
            assert shared is not None
            return self.finished(write_shared_kernel(self, shared))
        outer, units = self.division()
        axes = self.axes if outer is None else [outer, *(a for a in self.axes if a is not outer)]
        if nest.cache_blocking is not None:
            write_partial(self, nest.cache_blocking, axes, cut=units > 1)
        tiles = replace(self.tiles, pieces="%pieces" if nest.divided else units)
        if nest.partial is not None:
            tiles = replace(tiles, tile=Tile())
        prefetch_axis = outer if self.lanes_last and not nest.divided else None
        enter = self.hoisted if nest.partial is None else None

        def body(points: list[Point]) -> None:
            self.body(points, tiles, prefetch_axis)

        size = strip(nest, axes[0], axes[1], self.layout.real) if len(axes) == 2 and nest.step is None else None
        if size is not None:
            tiles.in_blocks(axes, axes[1], max(size // tiles.step(axes[1]), 1), [self.start], body, cut=units > 1)
        else:
            tiles.over(axes, [self.start], body, enter, cut=units > 1)
        return self.finished(units)

    def prepared(self, partial: Partial) -> Function:
        """The function that prepares a shard's part of a long sum of this nest."""
        if not partial.divided:
            write_partial(self, partial)
            return self.finished(0)
        outer = max(self.axes, key=self.tiles.rounds)
        self.tiles = replace(self.tiles, piece="%piece")
        write_partial(self, partial, [outer, *(a for a in self.axes if a is not outer)], cut=True)
        return self.finished(self.tiles.rounds(outer))

    def finished(self, units: int) -> Function:
        return Function(self.name, self.b.text(), units, frozenset(self.evaluator.maths.used))

    def division(self) -> tuple[Axis | None, int]:
        """The axis along which threads share the nest, and in how many pieces it can be cut; 0 if it is a shard's."""
        nest, axes, rounds = self.nest, self.axes, self.tiles.rounds
        if nest.divided:
            # The first axis that will do, as the order of the loops is chosen for what they read.
            few = 8 if nest.small_batch else 4
            outer = next((a for a in axes if rounds(a) >= few), max(axes, key=rounds))
            first, last = self.tiles.tile.middle.get(outer, (0, rounds(outer)))
            return outer, max(last - first, 1)
        if nest.kind == "shard":
            lane = axes[-1] if axes else None
            return (lane if nest.small_batch and large_kernel(nest, self.layout.real) else None), 0
        if not axes or nest.step is not None:
            return None, 1
        work = nest.operations
        outer = max(axes, key=lambda a: rounds(a) if work > 20000 else 0)
        return outer, max(1, min(rounds(outer), 16, work // 20000))

    def hoisted(self, axes: list[Axis], points: list[Point]) -> list[Point]:
        """Reductions that depend on none of the axes still to come, done now: softmax's maximum is not one for
        every class."""
        if all(a.size == 1 for a in axes):
            return points
        for e, free in self.reductions:
            if id(e) not in points[0].known and id(e) not in self.evaluator.stored and not free.intersection(axes):
                values = self.evaluator.values(e, points)
                points = [p.knowing(id(e), v) for p, v in zip(points, values, strict=True)]
        return points

    # The innermost part

    def body(self, points: list[Point], tiles: TileLoops, prefetch_axis: Axis | None) -> None:
        """The sums of all points side by side, as they share their loads; then one point after the other, so that
        what is made of a sum needs registers for no longer than it takes to store it. What comes next along
        `prefetch_axis` is fetched meanwhile."""
        sums = [e for s in self.nest.statements for e in outermost(s.expression)]
        if any(self.made_here(e) for e in sums):
            self.together(points)
            return
        shared: list[Expression] = [*sums, *self.looked_up(points, tiles)]
        length = len(points) * sum(operations(s.expression) for s in self.nest.statements)
        there = points[0].known.keys() | self.evaluator.stored
        over = grid(points) if shared == sums != [] and length >= LONG and not there else None
        each_shard = None
        if prefetch_axis is not None:
            each_shard = bound(self.prefetch, points, prefetch_axis, tiles.step(prefetch_axis))
        values: dict[int, list[Value]] = {}
        for e in shared:
            if id(e) not in there:
                if isinstance(e, Reduction):
                    values[id(e)] = self.evaluator.reduction(e, points, each_shard, self.next_columns(e))
                elif isinstance(e, Read):
                    values[id(e)] = self.evaluator.looked_up(e, points)
        if over is not None:
            write_epilogue(self, points, values, over)
            return
        for k, point in enumerate(points):
            self.together([point._replace(known={**point.known, **{n: each[k] for n, each in values.items()}})])

    def looked_up(self, points: list[Point], tiles: TileLoops) -> list[Read]:
        """Reads of rows that are loaded for all points together: those of a whole tile of neighbours."""
        rows = looked_up(self.nest)
        return rows if rows and len(points) == LANES == tiles.tile.get(self.nest.axes[-1], 1) else []

    def prefetch(self, points: list[Point], outer: Axis, step: int, shard: str) -> None:
        """While a shard is summed, fetch some of what the sums of the next round will need: large weights and their
        moments, last used a step ago."""
        assert self.lane is not None
        first = min(p.axes[self.lane].constant for p in points)
        rows = [p.at(outer, p.axes[outer].plus(step)) for p in points if p.axes[self.lane].constant == first]
        count = len(points) // len(rows)
        for tensor in {r.tensor: r for s in self.nest.statements for r in outside_sums(s.expression) if self.far(r)}:
            for point in rows:
                offset, base = self.evaluator.address(tensor, [point.axes[a] for a in self.nest.axes], None, False)
                some = self.b.multiply(self.b.pure("urem i64 {}, {}", shard, count), LANES)
                place = self.evaluator.place(base, self.kind, offset)
                place = self.b.at(self.kind, place, some)
                self.b.prefetch(place, write=True)

    def next_columns(self, e: Reduction) -> Callable[[list[Point]], None] | None:
        """While a tile is summed, fetch the columns of a large kernel that come next: of each row a few numbers, so far
        apart that they do not come by themselves; or of packed columns those that the next tiles read, which would
        come no sooner than they are needed."""
        nest, size = self.nest, self.evaluator.size(self.kind)
        if not any(e is first for first in nest.sums[:1]):
            return None
        kernel = large_kernel(nest, self.layout.real) if self.lanes_last else None
        if kernel is not None and kernel.tensor in self.evaluator.panels:
            return None
        if kernel is not None:
            axis, ahead, width = nest.axes[-1], self.tiles.step(nest.axes[-1]), LANES
        elif nest.all_shards and (shared := shared_kernel(nest, self.layout.real)) is not None:
            panel = self.evaluator.panels.get(shared.kernel.tensor)
            if panel is not None and not panel.near:
                return bound(self.fetch_packed, shared, panel)
            if panel is None or self.layout.steps(panel.tensor)[panel.place] != 1:
                return None
            if panel.width * size < CACHE_LINE:
                return None
            kernel, axis, ahead, width = shared.kernel, shared.output, panel.columns, 1
        if kernel is None:
            return None

        def fetch(points: list[Point]) -> None:
            first, *_, last = sorted((p.axes[axis] for p in (points[0], *points)), key=lambda i: i.constant)
            point = points[0].at(axis, first.plus(ahead))
            places = [self.evaluator.linear(i, point) for i in kernel.indices if isinstance(i, Affine)]
            offset, base = self.evaluator.address(kernel.tensor, places, None, False)
            place = self.evaluator.place(base, self.kind, offset)
            for line in range(0, (last.constant - first.constant + width) * size, CACHE_LINE):
                self.b.prefetch(self.b.at("i8", place, line))

        return fetch

    def fetch_packed(self, shared: SharedKernel, panel: Panel, points: list[Point]) -> None:
        """Of the columns that follow those which all shards read now, what lies as these do."""
        first = min(points, key=lambda p: p.axes[shared.output].constant)
        places = [self.evaluator.linear(i, first) for i in shared.kernel.indices if isinstance(i, Affine)]
        offset = in_panel(panel, self.evaluator.packed(panel, places))
        if offset is None:
            return
        size = self.evaluator.size(self.kind)
        place = self.evaluator.place(self.evaluator.buffer(panel), self.kind, offset)
        ahead = panel.columns * shared.summed.size * size
        for line in range(0, panel.width * size, CACHE_LINE):
            self.b.prefetch(self.b.at("i8", place, ahead + line), cache=2)

    def far(self, read: Read) -> bool:
        return (
            read.tensor not in self.nest.targets
            and plain_axes(read) == list(self.nest.axes)
            and prod(a.size for a in read.tensor.axes) * self.layout.real > CACHED
        )

    def made_here(self, e: Reduction) -> bool:
        """Whether a sum needs what the nest makes at the same point."""
        return any(r.tensor in self.nest.targets and at_home(r, self.nest) for r in reads(e))

    def together(self, points: list[Point]) -> None:
        for statement in self.nest.statements:
            target = statement.target
            values = [self.kind_of(target, v) for v in self.evaluator.values(statement.expression, points)]
            points = [p.knowing(target, v) for p, v in zip(points, values, strict=True)]
        for statement in self.nest.statements:
            if self.layout.plan.home(statement.target) in self.layout.homes:
                for point in points:
                    self.store(statement, point, point.known[statement.target])

    def kind_of(self, target: Tensor, value: Value) -> Value:
        return self.evaluator.maths.as_integer(value) if target.kind == "int" else self.evaluator.maths.as_real(value)

    def store(self, statement: Statement, point: Point, value: Value) -> None:
        target = statement.target
        places = [point.axes[a] for a in self.nest.axes]
        batch = point.batches[self.batch] if self.batch is not None else None
        if self.batch is not None:
            places[0] = Linear()
        offset, base = self.evaluator.address(target, places, batch, False)
        word = self.evaluator.element(target)
        if not offset.lane:
            self.b.effect(f"store {word} {value.text}, ptr {self.evaluator.place(base, word, offset)}")
            return
        assert offset.lane == 1, "a vector is stored in one piece"
        self.put(self.evaluator.place(base, word, offset), word, self.evaluator.maths.splat(value), point.active)

    def put(self, pointer: str, word: str, value: Value, active: int | None) -> None:
        """Store a vector, or its first lanes."""
        v, size = f"<{LANES} x {word}>", self.evaluator.size(word)
        if active is None:
            self.b.effect(f"store {v} {value.text}, ptr {pointer}, align {size}")
            return
        mask = ", ".join(f"i1 {int(k < active)}" for k in range(LANES))
        suffix = {"float": "f32", "double": "f64", "i32": "i32"}[word]
        call = f"call void @llvm.masked.store.v{LANES}{suffix}.p0"
        self.b.effect(f"{call}({v} {value.text}, ptr {pointer}, i32 {size}, <{LANES} x i1> <{mask}>)")


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
