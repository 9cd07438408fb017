"""Long sums, a piece at a time, so that what a tile reads again and again stays in the cache: the part of a sum over
examples that one shard prepares, and sums of a shard's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial as bound
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.points import Batch, Linear, Point
from pellucid.engines.llvm.emit.sums.accumulators import Examples, Reducing
from pellucid.engines.llvm.emit.values import Value
from pellucid.engines.llvm.plan.light_loops import by_rows
from pellucid.engines.llvm.plan.split_reductions import PIECE
from pellucid.engines.llvm.plan.work import CACHE_LINE, LANES, Partial, batched
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import Read, Tensor, coefficient

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer


def write_partial(w: Writer, partial: Partial, axes: list[Axis] | None = None, *, cut: bool = False) -> None:
    """Zeros, then every piece of the shard's part of the sum for all tiles; between pieces the tiles' sums rest in
    memory. The loops over the nest's axes are cut where threads share them."""
    axes = w.axes if axes is None else axes

    def clear(points: list[Point]) -> None:
        for p in points:
            _put(w, partial, p, w.evaluator.maths.constant(0.0))

    w.tiles.over(axes, [w.start], clear, cut=cut)
    e = partial.sum
    _, body = coefficient(e.body)
    reducing = Reducing(w.evaluator, e, body, True)
    start, there = w.start, None
    batch = next((a for a in e.axes if a.extent is BATCH), None)
    if batch is not None and partial.across:
        start = start.of_batch(batch, Linear((("%unit", LANES),), 0, 1), Batch("%unit"))
        there = reducing.in_use("%unit")
    elif batch is not None:
        first = w.b.pure("mul nsw i64 {}, {}", "%unit", LANES)
        reducing = replace(reducing, examples=Examples(batch, "%unit", first))

    def visit(rest: list[Axis], spans: list[Span]) -> None:
        add = bound(_add_piece, w, partial, reducing, there)
        w.tiles.over(axes, [start], lambda points: add(points, rest, spans), cut=cut)

    _pieces(w, partial, visit, [a for a in e.axes if a is not batch], [])


Span = tuple[Axis, str | int, int, int]
"""An axis, its first value in a piece, the end of the whole run, and how many values at most are in the piece."""


def _pieces(
    w: Writer, partial: Partial, visit: Callable[[list[Axis], list[Span]], None], rest: list[Axis], spans: list[Span]
) -> None:
    """Loops over the pieces along the first axes of the sum."""
    if len(spans) == 1 and not partial.divided:
        for read in partial.reads:
            _fetch(w, partial, read, spans[0])
    if len(spans) == len(partial.pieces):
        visit(rest, spans)
        return
    axis, size = rest[0], partial.pieces[len(spans)]
    low, high = partial.inside(axis)
    if low + axis.size - high > 3:
        low, high = 0, axis.size
    # The first steps of a recurrence read what lies before it: they are written out.
    for value in range(low):
        _pieces(w, partial, visit, rest[1:], [*spans, (axis, value, value + 1, 1)])
    if high > low:
        chunk = w.b.open(low, high, size)
        _pieces(w, partial, visit, rest[1:], [*spans, (axis, chunk.counter, high, size)])
        w.b.close(chunk)
    for value in range(high, axis.size):
        _pieces(w, partial, visit, rest[1:], [*spans, (axis, value, value + 1, 1)])


def _fetch(w: Writer, partial: Partial, read: Read, span: Span) -> None:
    """Bring what a piece reads of a tensor near, from front to back: the tiles read a little of every place, and the
    first of them would wait for each. Loads it is, as the processor follows them ahead and may drop prefetches."""
    axis, low, high, length = span
    tensor, layout, b = read.tensor, w.layout, w.b
    index = read.indices[1] if batched(tensor) and tensor.rank > 2 else None
    c = index.coefficient(axis) if isinstance(index, Affine) and index.divisor.value == 1 else 0
    if not isinstance(index, Affine) or c < 1 or layout.steps(tensor)[0] == 0 or not _far(w, partial, tensor):
        return
    others = [times.value * (a.size - 1) for a, times in index.terms if a is not axis]
    least, most = (index.constant + sum(f(0, reach) for reach in others) for f in (min, max))
    start = b.larger(b.add(b.multiply(low, c), least), 0)
    last = b.add(b.smaller(b.add(low, length), high), -1)
    end = b.smaller(b.add(b.multiply(last, c), most + 1), tensor.axes[1].size)
    rows = not partial.across and tensor in layout.rows and by_rows(read, partial.nest)
    if isinstance(start, int) and isinstance(end, int) and start >= end:
        return
    size = layout.size(tensor)
    blocks, row = 1, layout.steps(tensor)[0] * LANES * size
    if rows:
        blocks, row = -(-tensor.axes[-1].size // LANES), layout.block(tensor) // tensor.axes[1].size * size
    with b.loop(0, blocks) as block:
        base = w.evaluator.base(tensor, Batch("%unit"), rows)
        base = b.at("i8", base, b.multiply(block, layout.block(tensor) * size))
        with b.loop(b.multiply(start, row), b.multiply(end, row), CACHE_LINE) as place:
            b.here("load volatile i32, ptr {}", b.at("i8", base, place))


def _far(w: Writer, partial: Partial, tensor: Tensor) -> bool:
    """Whether what a shard has of a tensor is in no cache near: made a phase ago, or an image's and too large. A
    sequence is read as it was written, and comes by itself."""
    layout, places = w.layout, sum(a.extent is not BATCH for a in partial.sum.axes)
    large = layout.elements(tensor) * LANES * layout.size(tensor) >= PIECE
    return layout.home(tensor).place == "shard" or (large and places > 1)


def sum_of_parts(w: Writer, partial: Partial, point: Point) -> Value:
    """The whole sum: the shards' parts in their order."""
    b = w.b
    loop = b.open(
        0,
        w.evaluator.shards,
        carried=[(w.evaluator.maths.type_of("f", True), w.evaluator.maths.splat(w.evaluator.maths.constant(0.0)).text)],
    )
    part = _get(w, partial, point, loop.counter)
    total = w.evaluator.maths.binary("fadd", Value(loop.values[0], "f", True), part)
    return _times(w, partial, Value(b.close(loop, [total.text])[0], "f", True))


def sum_of_pieces(w: Writer, partial: Partial, point: Point) -> Value:
    """The whole sum of a shard's own."""
    return _times(w, partial, _get(w, partial, point))


def _times(w: Writer, partial: Partial, total: Value) -> Value:
    number, _ = coefficient(partial.sum.body)
    if partial.across:
        total = w.evaluator.maths.across("sum", total)
    return w.evaluator.maths.multiply(w.evaluator.maths.constant(float(number)), total)


def _add_piece(
    w: Writer,
    partial: Partial,
    reducing: Reducing,
    there: Value | None,
    points: list[Point],
    rest: list[Axis],
    spans: list[Span],
) -> None:
    """One piece of the sum, for a tile; `there` says which lanes are examples."""
    b, maths = w.b, w.evaluator.maths
    kinds = [maths.type_of("f", True)] * len(points)

    def inner(points: list[Point], accs: list[str], left: list[Span]) -> list[str]:
        if not left:
            return reducing.over(rest, points, accs, kinds)
        axis, low, high, size = left[0]
        guards = reducing.guards(axis, points)
        bounds = reducing.bounds(axis, guards, points) if guards else None
        if bounds is None and (isinstance(low, int) or size == 1):
            value = Linear((), low) if isinstance(low, int) else Linear.counter(low)
            return inner([p.at(axis, value) for p in points], accs, left[1:])
        end = b.smaller(b.add(low, size), high)
        start, bottom = low, low if isinstance(low, int) else b.ranges[low][0]
        inside: list[tuple[Linear, int, int]] = []
        if bounds is not None:  # what lies outside adds nothing
            first, last, inside = bounds
            start, end = b.larger(low, first), b.smaller(end, last)
            if isinstance(start, int) and isinstance(end, int) and start >= end:
                return accs
        loop = b.open(start, end, carried=list(zip(kinds, accs, strict=True)), bottom=bottom, top=high - 1)
        counter = Linear.counter(loop.counter)
        new = [p.counted(axis, counter, inside) for p in points]
        return b.close(loop, inner(new, list(loop.values), left[1:]))

    for p, text in zip(points, inner(points, [_get(w, partial, p).text for p in points], spans), strict=True):
        total = Value(text, "f", True)
        if there is not None:
            total = maths.select(there, total, maths.constant(0.0))
        _put(w, partial, p, total)


def _pointer(w: Writer, partial: Partial, point: Point, shard: str) -> str:
    own = w.nest.kind == "shard" and not w.nest.small_batch  # its lanes are examples
    offset, step = Linear((), 0, int(own)), LANES if own or partial.across else 1
    for axis in reversed(w.nest.axes[int(w.nest.kind == "shard") :]):
        offset = offset + point.axes[axis] * step
        step *= axis.size
    home = w.layout.partials[partial]
    base = w.b.at("i8", "%local", home.offset) if home.place == "local" else w.evaluator.in_shard(shard, home.offset)
    return w.evaluator.place(base, w.kind, offset)


def _get(w: Writer, partial: Partial, point: Point, shard: str = "%unit") -> Value:
    pointer = _pointer(w, partial, point, shard)
    if point.active is not None:
        return Value(w.b.here(w.evaluator.masked_load(w.kind, point.active), pointer), "f", True)
    return Value(w.b.here(f"load <{LANES} x {w.kind}>, ptr {{}}, align {w.evaluator.size(w.kind)}", pointer), "f", True)


def _put(w: Writer, partial: Partial, point: Point, value: Value) -> None:
    w.put(_pointer(w, partial, point, "%unit"), w.kind, w.evaluator.maths.splat(value), point.active)
