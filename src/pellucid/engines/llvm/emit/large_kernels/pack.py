"""Columns of a large kernel, packed for the tiles that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.copies import transposed
from pellucid.engines.llvm.emit.points import Linear
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.work import LANES

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer

FEW = 8
"""Columns that are copied one number after the other: turning 16 at a time would take longer."""


def pack_columns(w: Writer, panel: Panel, first: Linear, columns: int, low: Linear, terms: str | int) -> None:
    """Copy columns, so many terms of each from `low` on, so that those of a tile lie side by side for every term."""
    w.evaluator.first[panel] = [first if k == panel.place else low for k in range(2)]
    steps = w.layout.steps(panel.tensor)
    full, rest = divmod(columns, panel.width)
    if steps[panel.place] == 1:
        _pack_rows(w, panel, terms, [panel.width] * full + [rest] * (rest > 0))
        return
    if full:
        with w.b.loop(0, full) as tile:
            _pack_turned(w, panel, terms, tile, panel.width)
    if rest:
        _pack_turned(w, panel, terms, full, rest)


def _pack_rows(w: Writer, panel: Panel, terms: str | int, counts: list[int]) -> None:
    """Columns that lie side by side: so many for each tile, term after term."""
    b = w.b
    start, far = _start(w, panel)
    with b.loop(0, terms) as term:
        source = b.at(w.kind, start, b.multiply(term, far))
        target = b.at(w.kind, w.evaluator.buffer(panel), b.multiply(term, panel.width))
        for tile, count in enumerate(counts):
            _move(w, source, tile * panel.width, target, tile * panel.width * panel.terms, count)


def _pack_turned(w: Writer, panel: Panel, terms: str | int, tile: str | int, count: int) -> None:
    """Columns of which each lies in one piece: those of a tile, 16 terms at a time."""
    b = w.b
    start, far = _start(w, panel)
    start = b.at(w.kind, start, b.multiply(tile, panel.width * far))
    to = b.at(w.kind, w.evaluator.buffer(panel), b.multiply(tile, panel.width * panel.terms))
    v, size = f"<{LANES} x {w.kind}>", w.evaluator.size(w.kind)

    def singly(term: str | int, columns: range) -> None:
        source, target = b.at(w.kind, start, term), b.at(w.kind, to, b.multiply(term, panel.width))
        for column in columns:
            _move(w, source, column * far, target, column, 1)

    turned = count if count % LANES >= FEW else count - count % LANES
    full: str | int = 0
    if turned:
        full = terms - terms % LANES if isinstance(terms, int) else b.pure(f"and i64 {{}}, -{LANES}", terms)
    if full != 0:
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
    if full != terms:
        with b.loop(full, terms) as term:
            singly(term, range(count))


def _start(w: Writer, panel: Panel) -> tuple[str, int]:
    """The first element that is packed, and how far it is to the next one that does not lie beside it."""
    offset, base = w.evaluator.address(panel.tensor, w.evaluator.first[panel], None, False)
    return w.evaluator.place(base, w.kind, offset), max(w.layout.steps(panel.tensor))


def _move(w: Writer, source: str, at: int, target: str, to: int, count: int) -> None:
    """Copy so many neighbours."""
    kind = f"<{count} x {w.kind}>" if count > 1 else w.kind
    value = w.b.here(f"load {kind}, ptr {{}}, align {w.evaluator.size(w.kind)}", w.b.at(w.kind, source, at))
    w.b.effect(f"store {kind} {value}, ptr {w.b.at(w.kind, target, to)}, align {w.evaluator.size(w.kind)}")
