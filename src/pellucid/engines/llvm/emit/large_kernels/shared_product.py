"""Products with a kernel that all shards share: some of its columns are packed, then one shard after the other reads
them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.large_kernels.compact import Compact, collect_places, spread_places
from pellucid.engines.llvm.emit.large_kernels.pack import pack_columns
from pellucid.engines.llvm.emit.points import COMPACT, Batch, Linear, Point
from pellucid.engines.llvm.emit.sums.accumulators import Reducing
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.shared_kernels import SharedKernel
from pellucid.engines.llvm.plan.tiles import Tile
from pellucid.engines.llvm.plan.work import LANES
from pellucid.formula.axes import Axis

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer

PIECES = 16
"""In how many pieces threads may share such a nest."""

Body = Callable[[list[Point]], None]


def write_shared_kernel(w: Writer, shared: SharedKernel) -> int:
    """The body of the nest's function; gives its number of units, which are pieces of the outputs."""
    panel = next(iter(w.evaluator.panels.values()), None)
    step = w.tiles.step(shared.output)
    columns = replace(w.tiles, tile=Tile({shared.output: panel.columns if panel is not None else step}))
    units = min(columns.rounds(shared.output), PIECES)
    product = _Product(w, shared, panel, collect_places(w, shared))
    columns.cut_in(units).over([shared.output], [w.start], product.columns, cut=units > 1)
    return units


@dataclass(frozen=True)
class _Product:
    """The product of all shards with some columns at a time."""

    w: Writer
    shared: SharedKernel
    panel: Panel | None
    compact: Compact | None

    def columns(self, points: list[Point]) -> None:
        """All shards for these columns, one chunk of the sum's terms after the other."""
        w, shared, compact = self.w, self.shared, self.compact
        if shared.terms == shared.summed.size:
            self.chunk(points, None)
        else:
            self.shards(points, self.clear)
            with w.b.loop(0, shared.summed.size, shared.terms) as low:
                self.chunk(points, low)
        if compact is not None:
            with w.b.when(compact.there):
                spread_places(w, shared, compact, points)

    def chunk(self, points: list[Point], low: str | None) -> None:
        w, shared = self.w, self.shared
        if low is None:
            if self.panel is not None and self.panel.near:
                pack_columns(w, self.panel, points[0].axes[shared.output], len(points), Linear(), shared.terms)
            self.shards(points, lambda some: w.body(some, w.tiles, None))
            return
        high = w.b.smaller(w.b.add(low, shared.terms), shared.summed.size)
        if self.panel is not None:
            terms = w.b.pure("sub nsw i64 {}, {}", high, low)
            pack_columns(w, self.panel, points[0].axes[shared.output], len(points), Linear.counter(low), terms)
        self.shards(points, lambda some: self.add(some, low, high))

    def shards(self, points: list[Point], body: Body) -> None:
        """The body for every tile of these columns, of every shard."""
        w, compact = self.w, self.compact
        assert w.batch is not None
        loop = w.b.open(0, w.evaluator.shards if compact is None else compact.shards)
        index = Linear(((loop.counter, LANES),), 0, 1)
        self.places(w.batch, points, index, Batch(loop.counter), body)
        w.b.close(loop)
        if compact is not None:
            with w.b.when(compact.there):
                index = Linear((), 0, 1)
                self.places(w.batch, points, index, Batch(COMPACT), body)

    def places(self, batch: Axis, points: list[Point], index: Linear, shard: Batch, body: Body) -> None:
        w, output = self.w, self.shared.output
        new = [p.of_batch(batch, index, shard) for p in points]
        step = w.tiles.step(output)
        full = len(new) // step
        for some, tiles in ((new[: full and step], full), (new[full * step :], 1)):
            if not some:
                continue
            if shard.shard == COMPACT:
                assert self.compact is not None and self.shared.places is not None
                top = self.shared.places.size // 2
                with w.b.loop(0, self.compact.groups, top=top) as group:
                    at = Linear.counter(group)
                    self.every_tile(tiles, [p.at(self.shared.places, at) for p in some], body)
                continue
            rest = [a for a in w.axes if a is not output]

            def visit(found: list[Point], tiles: int = tiles) -> None:
                self.every_tile(tiles, found, body)

            w.tiles.over(rest, some, visit, w.hoisted)

    def every_tile(self, tiles: int, points: list[Point], body: Body) -> None:
        """The body for a tile of points, and for as many more along the outputs."""
        w, output = self.w, self.shared.output
        if tiles == 1:
            body(points)
            return
        with w.b.loop(0, tiles) as tile:
            by = Linear.counter(tile, w.tiles.step(output))
            body([p.at(output, p.axes[output] + by) for p in points])

    # Where the terms are added up some at a time, the sums rest in the target meanwhile

    def clear(self, points: list[Point]) -> None:
        (statement,) = self.w.nest.statements
        for p in points:
            self.w.store(statement, p, self.w.evaluator.maths.constant(0.0))

    def add(self, points: list[Point], low: str, high: str | int) -> None:
        """A tile's sums go on with the terms from low to high."""
        w, summed = self.w, self.shared.summed
        (statement,) = w.nest.statements
        (e,) = w.nest.sums
        maths = w.evaluator.maths
        loaded = []
        for p in points:
            places = [Linear(), *(p.axes[a] for a in w.nest.axes[1:])]
            offset, base = w.evaluator.address(statement.target, places, p.batches[w.nest.axes[0]], False)
            at = w.evaluator.place(base, w.kind, offset)
            loaded.append(w.b.here(f"load {maths.type_of('f', True)}, ptr {{}}, align {w.evaluator.size(w.kind)}", at))
        kinds = [maths.type_of("f", True)] * len(points)
        loop = w.b.open(low, high, carried=list(zip(kinds, loaded, strict=True)), top=summed.size - 1)
        new = [p.at(summed, Linear.counter(loop.counter)) for p in points]
        totals = Reducing(w.evaluator, e, e.body, True).over([], new, list(loop.values), kinds)
        for p, total in zip(points, w.b.close(loop, totals), strict=True):
            w.store(statement, p, Value(total, "f", True))
