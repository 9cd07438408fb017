"""What is made of a tile's sums (an optimizer's update) as a loop over the tile's points, where it is long.

Written out for each of 24 points and once more for every tail, an update is most of a program's code. The sums go
through the stack, which costs little beside the update.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.points import Linear, Point
from pellucid.engines.llvm.emit.values import Value
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Expression, Operation, Reduction, children

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer

LONG = 100
"""So many operations of all points together are written as a loop."""


@dataclass(frozen=True)
class Grid:
    """Points that are all combinations of evenly spaced values: by axis the first value, the step and the count."""

    first: Point
    steps: dict[Axis, tuple[int, int]]

    def place(self, point: Point) -> int:
        place = 0
        for axis, (step, count) in self.steps.items():
            away = point.axes[axis].constant - self.first.axes[axis].constant
            place = place * count + away // step
        return place


def grid(points: list[Point]) -> Grid | None:
    """The points as a grid, if they are one."""
    first, steps, total = points[0], {}, 1
    for axis, start in first.axes.items():
        values = {p.axes[axis] for p in points}
        places = sorted(v.constant for v in values)
        if any((v.terms, v.lane) != (start.terms, start.lane) for v in values) or places[0] != start.constant:
            return None
        if len(places) > 1:
            step = places[1] - places[0]
            if places != list(range(places[0], places[-1] + 1, step)):
                return None
            steps[axis] = step, len(places)
            total *= len(places)
    return Grid(first, steps) if total == len(points) else None


def operations(e: Expression) -> int:
    """How many operations an expression has outside its reductions."""
    if isinstance(e, Reduction):
        return 0
    return isinstance(e, Operation) + sum(map(operations, children(e)))


def write_epilogue(w: Writer, points: list[Point], sums: dict[int, list[Value]], over: Grid) -> None:
    """The nest's statements for all points, whose sums are known."""
    b = w.b
    buffers: dict[int, tuple[str, str, bool]] = {}
    for number, values in sums.items():
        vector = any(v.vector for v in values)
        kind = w.evaluator.maths.type_of("f", vector)
        buffer = b.stack_memory(f"[{len(points)} x {kind}]")
        buffers[number] = buffer, kind, vector
        for point, value in zip(points, values, strict=True):
            at = b.at(kind, buffer, over.place(point))
            text = (w.evaluator.maths.splat(value) if vector else value).text
            b.effect(f"store {kind} {text}, ptr {at}")
    loops, axes, place = [], dict(over.first.axes), Linear()
    for axis, (step, count) in over.steps.items():
        loops.append(b.open(0, count))
        axes[axis] = axes[axis] + Linear.counter(loops[-1].counter, step)
        place = place * count + Linear.counter(loops[-1].counter)
    where = place.emit(b)
    point = over.first._replace(axes=axes)
    for number, (buffer, kind, vector) in buffers.items():
        at = b.at(kind, buffer, where)
        point = point.knowing(number, Value(b.load(kind, at), "f", vector))
    w.together([point])
    for loop in reversed(loops):
        b.close(loop)
