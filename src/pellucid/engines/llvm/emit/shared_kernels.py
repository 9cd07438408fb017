"""Products with a kernel that all shards share: some of its columns are packed, then one shard after the other reads
them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.copies import transposed
from pellucid.engines.llvm.emit.points import Batch, Linear, Point
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.tiles import Tile
from pellucid.engines.llvm.plan.work import LANES
from pellucid.formula.axes import Axis

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer

PIECES = 16
"""In how many pieces threads may share such a nest."""

FEW = 8
"""Columns that are copied one number after the other: turning 16 at a time would take longer."""


def write_shared_kernel(w: Writer, output: Axis) -> int:
    """The body of the nest's function; gives its number of units, which are pieces of the outputs."""
    assert w.batch is not None
    batch, step = w.batch, w.tiles.step(output)
    panel = next(iter(w.evaluator.panels.values()), None)
    columns = replace(w.tiles, tile=Tile({output: step * panel.near if panel is not None else step}))
    units = min(columns.rounds(output), PIECES)

    def visit(points: list[Point]) -> None:
        if panel is not None:
            _pack(w, panel, output, points)
        loop = w.b.open(0, w.evaluator.shards)
        index = Linear(((loop.counter, LANES),), 0, 1)
        new = [p.of_batch(batch, index, Batch(loop.counter)) for p in points]
        full = len(new) // step
        for some, tiles in ((new[: full and step], full), (new[full * step :], 1)):
            if some:
                rest = [a for a in w.axes if a is not output]
                w.tiles.over(rest, some, partial(_every_tile, w, output, tiles), w.hoisted)
        w.b.close(loop)

    columns.cut_in(units).over([output], [w.start], visit, cut=units > 1)
    return units


def _every_tile(w: Writer, output: Axis, tiles: int, points: list[Point]) -> None:
    """The nest for a tile of points, and for as many more along the outputs."""
    if tiles == 1:
        w.body(points, w.tiles, None)
        return
    with w.b.loop(0, tiles) as tile:
        by = Linear.counter(tile, w.tiles.step(output))
        w.body([p.at(output, p.axes[output] + by) for p in points], w.tiles, None)


def _pack(w: Writer, panel: Panel, output: Axis, points: list[Point]) -> None:
    """Copy columns so that those of a tile lie side by side for every term of the sum."""
    first = w.evaluator.first[panel] = points[0].axes[output]
    steps = w.layout.steps(panel.tensor)
    full, rest = divmod(len(points), panel.width)
    if steps[panel.place] == 1:
        _pack_rows(w, panel, first, [panel.width] * full + [rest] * (rest > 0))
        return
    if full:
        with w.b.loop(0, full) as tile:
            _pack_turned(w, panel, first + Linear.counter(tile, panel.width), tile, panel.width)
    if rest:
        _pack_turned(w, panel, first.plus(full * panel.width), full, rest)


def _pack_rows(w: Writer, panel: Panel, first: Linear, counts: list[int]) -> None:
    """Columns that lie side by side: so many for each tile, term after term."""
    b, terms = w.b, _terms(panel)
    start, far = _start(w, panel, first)
    with b.loop(0, terms) as term:
        source = b.at(w.kind, start, b.multiply(term, far))
        target = b.at(w.kind, w.evaluator.buffer(panel), b.multiply(term, panel.width))
        for tile, count in enumerate(counts):
            _move(w, source, tile * panel.width, target, tile * panel.width * terms, count)


def _pack_turned(w: Writer, panel: Panel, first: Linear, tile: str | int, count: int) -> None:
    """Columns of which each lies in one piece: those of a tile, 16 terms at a time."""
    b, terms = w.b, _terms(panel)
    start, far = _start(w, panel, first)
    to = b.at(w.kind, w.evaluator.buffer(panel), b.multiply(tile, panel.width * terms))
    v, size = f"<{LANES} x {w.kind}>", w.evaluator.size(w.kind)

    def singly(term: str | int, columns: range) -> None:
        source, target = b.at(w.kind, start, term), b.at(w.kind, to, b.multiply(term, panel.width))
        for column in columns:
            _move(w, source, column * far, target, column, 1)

    turned = count if count % LANES >= FEW else count - count % LANES
    full = terms - terms % LANES if turned else 0
    if full:
        with b.loop(0, full, LANES) as term:
            source, target = b.at(w.kind, start, term), b.at(w.kind, to, b.multiply(term, panel.width))
            vectors: list[list[str]] = []
            for k in range(0, turned, LANES):
                columns = [b.at(w.kind, source, min(k + lane, count - 1) * far) for lane in range(LANES)]
                loaded = [b.here(f"load {v}, ptr {{}}, align {size}", column) for column in columns]
                vectors.append(transposed(b, loaded, w.kind))
            # The last vector of a term reaches into the next term, which is written after it.
            for k in range(LANES):
                for number, vector in enumerate(vectors):
                    place = b.at(w.kind, target, k * panel.width + number * LANES)
                    b.effect(f"store {v} {vector[k]}, ptr {place}, align {size}")
            if turned < count:
                with b.loop(term, b.add(term, LANES)) as each:
                    singly(each, range(turned, count))
    if full < terms:
        with b.loop(full, terms) as term:
            singly(term, range(count))


def _terms(panel: Panel) -> int:
    (across,) = panel.order
    return panel.tensor.axes[across].size


def _start(w: Writer, panel: Panel, first: Linear) -> tuple[str, int]:
    """The first element of columns, and how far it is to the next one that does not lie beside it."""
    place = [Linear(), Linear()]
    place[panel.place] = first
    offset, base = w.evaluator.address(panel.tensor, place, None, False)
    return w.evaluator.place(base, w.kind, offset), max(w.layout.steps(panel.tensor))


def _move(w: Writer, source: str, at: int, target: str, to: int, count: int) -> None:
    """Copy so many neighbours."""
    kind = f"<{count} x {w.kind}>" if count > 1 else w.kind
    value = w.b.here(f"load {kind}, ptr {{}}, align {w.evaluator.size(w.kind)}", w.b.at(w.kind, source, at))
    w.b.effect(f"store {kind} {value}, ptr {w.b.at(w.kind, target, to)}, align {w.evaluator.size(w.kind)}")
