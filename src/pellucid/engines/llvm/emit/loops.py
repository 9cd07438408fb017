"""The loops of a nest over its targets' axes, a tile of points at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.points import Linear, Point
from pellucid.engines.llvm.plan.tiles import Tile
from pellucid.engines.llvm.plan.work import LANES
from pellucid.formula.axes import Axis

Points = list[Point]
Body = Callable[[Points], None]
Span = tuple[str | int, str | int]
"""From which to which round of an axis."""


@dataclass(frozen=True)
class TileLoops:
    """Loops in tiles, `lane` in steps of a vector. The outermost may be cut: in so many `pieces`, of which this call
    does `piece`. Of an axis in `spans` only these whole tiles are gone through; where it is None, what they leave."""

    b: Builder
    tile: Tile
    lane: Axis | None
    piece: str
    pieces: str | int
    spans: Mapping[Axis, Span | None] = field(default_factory=dict)

    def cut_in(self, units: int) -> TileLoops:
        """The same where the pieces are the units of a phase."""
        return replace(self, piece="%unit", pieces=units)

    def rounds(self, axis: Axis) -> int:
        return max(axis.size // self.step(axis), 1)

    def step(self, axis: Axis) -> int:
        return self.tile.get(axis, 1) * (LANES if axis is self.lane else 1)

    def over(
        self,
        axes: list[Axis],
        points: Points,
        body: Body,
        enter: Callable[[list[Axis], Points], Points] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        """The body for every tile of points along the axes; `enter` may make more known before a loop is opened."""
        if not axes:
            body(points)
            return
        if enter is not None:
            points = enter(axes, points)
        self._loop(axes[0], points, lambda new: self.over(axes[1:], new, body, enter), cut)

    def in_blocks(self, axes: list[Axis], axis: Axis, size: int, points: Points, body: Body, *, cut: bool) -> None:
        """The body for every tile along the axes, for so many rounds of one of them at a time."""
        rounds = self.whole(axis)
        with self.b.loop(0, rounds, size) as low:
            span = low, self.b.smaller(self.b.add(low, size), rounds)
            replace(self, spans={axis: span}).over(axes, points, body, cut=cut)
        if axis.size % self.step(axis):
            replace(self, spans={axis: None}).over(axes, points, body, cut=cut)

    def whole(self, axis: Axis) -> int:
        """How many whole tiles there are along an axis."""
        return axis.size // self.step(axis)

    def _loop(self, axis: Axis, points: Points, inner: Body, cut: bool) -> None:
        width = LANES if axis is self.lane else 1
        count, active = divmod(axis.size, width)
        step = min(self.tile.get(axis, 1), max(count, 1))
        rounds = count // step
        first, last = (0, rounds) if axis is self.lane else self.tile.middle.get(axis, (0, rounds))
        span = self.spans.get(axis)
        if span is not None:
            self._looped(axis, *span, step, points, inner, cut)
            return
        if axis in self.spans:
            first, last, rounds = 0, 0, 0
        for k in range(first):
            self._unrolled(axis, k * step, step, points, inner, cut)
        if last > first:
            self._looped(axis, first, last, step, points, inner, cut)
        for k in range(last, rounds):
            self._unrolled(axis, k * step, step, points, inner, cut)
        if count % step:
            self._unrolled(axis, count - count % step, count % step, points, inner, cut)
        if active:
            self._unrolled(axis, count, 1, [p._replace(active=active) for p in points], inner, cut)

    def _unrolled(self, axis: Axis, start: int, count: int, points: Points, inner: Body, cut: bool) -> None:
        """One round whose place is known; where the loop is cut, the last piece does it."""
        width, lane = (LANES, 1) if axis is self.lane else (1, 0)
        new = [p.at(axis, Linear((), (start + k) * width, lane)) for p in points for k in range(count)]
        if not cut:
            inner(new)
            return
        branch = self.b.branch(self.b.pure("icmp eq i64 {}, {}", self.piece, self.b.add(self.pieces, -1)))
        inner(new)
        self.b.join(branch)

    def _looped(
        self, axis: Axis, first: str | int, last: str | int, step: int, points: Points, inner: Body, cut: bool
    ) -> None:
        low, high, bottom, top = first, last, 0, self.whole(axis) - 1
        if isinstance(first, int) and isinstance(last, int):
            bottom, top = first, last - 1
            if cut:
                low, high = (self.b.add(self._portion(last - first, more), first) for more in (0, 1))
            elif last - first == 1 and axis is not self.lane:
                self._unrolled(axis, first * step, step, points, inner, cut)
                return
        width, lane = (LANES, 1) if axis is self.lane else (1, 0)
        loop = self.b.open(low, high, bottom=bottom, top=top)
        starts = [Linear(((loop.counter, step * width),), k * width, lane) for k in range(step)]
        inner([p.at(axis, start) for p in points for start in starts])
        self.b.close(loop)

    def _portion(self, count: int, more: int) -> str | int:
        """Where this call's piece of so many rounds begins, or the next one."""
        unit = self.b.add(self.piece, more)
        return self.b.pure("udiv i64 {}, {}", self.b.multiply(unit, count), self.pieces)
