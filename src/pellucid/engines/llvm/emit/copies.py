"""Copies in another order: between the user's rows (one example after the other) and the arena's vectors (one value of
16 examples), by 16 × 16 transposition in registers; and of parameters as panels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cache
from functools import partial as bound

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.points import Linear
from pellucid.engines.llvm.plan.layout import Layout
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.work import CACHE_LINE, LANES, strides

FAR = 1024 * 1024
"""Bytes of a copy that no cache near holds."""

ROWS = 8
"""Of a kernel's first axis that are packed at a time."""


Place = Callable[[int, int], str]
"""The address of an element of a square, by row and column."""


def turn(b: Builder, size: int, bits: int, source: Place, target: Place) -> None:
    """Copy 16 × 16 elements of so many bytes, rows as columns: squares as wide as a register of so many bits. Rows of
    the target are written from the last to the first."""
    word, width = f"i{size * 8}", min(bits // (8 * size), LANES)
    v = f"<{width} x {word}>"
    for row in range(LANES - width, -1, -width):
        for column in range(0, LANES, width):
            rows = [b.here(f"load {v}, ptr {{}}, align {size}", source(column + k, row)) for k in range(width)]
            for k, value in list(enumerate(transposed(b, rows, word)))[::-1]:
                b.effect(f"store {v} {value}, ptr {target(row + k, column)}, align {size}")


def transposed(b: Builder, rows: list[str], word: str) -> list[str]:
    """As many rows as they have elements, as columns: within quarters of 128 bits first, as most instructions stay in
    them, then the quarters."""
    width, near = len(rows), 2 if word in ("double", "i64") else 4
    v = f"<{width} x {word}>"

    def shuffle(one: str, other: str, places: Iterable[int]) -> str:
        mask = ", ".join(f"i32 {k}" for k in places)
        return b.pure(f"shufflevector {v} {{}}, {v} {{}}, <{width} x i32> <{mask}>", one, other)

    def interleaved(one: str, other: str, start: int) -> str:
        """Of every quarter half of the elements, from `start` on, one of each in turn."""
        at = [quarter + start + k for quarter in range(0, width, near) for k in range(near // 2)]
        return shuffle(one, other, (k + more for k in at for more in (0, width)))

    done: list[str] = []
    for first in range(0, width, near):
        some = rows[first : first + near]
        half = near // 2
        for _ in range(half.bit_length()):
            some = [interleaved(some[k], some[k + half], start) for k in range(half) for start in (0, half)]
        done += some
    # done[first + k] has, in quarter q, column q·near + k of the rows from `first` on
    apart = near
    while apart < width:
        other = list(done)
        for k in range(width):
            if not k & apart:
                one, two = done[k], done[k + apart]
                for place, start in ((k, 0), (k + apart, apart)):
                    at = [e for e in range(width) if not e & apart]
                    pairs = {e: e + start for e in at} | {e + apart: width + e + start for e in at}
                    other[place] = shuffle(one, two, (pairs[e] for e in range(width)))
        done, apart = other, 2 * apart
    return done


_VECTORS = "ptr %rows, i64 %count, ptr %vectors"
PARAMETERS = {
    "collect": _VECTORS,
    "spread": _VECTORS,
    "transpose": "ptr %to, ptr %from, i64 %outer, i64 %last, i64 %stride",
}
"""The functions' parameters: `%rows` holds 16 addresses, `%count` values of each are copied."""


@cache
def functions(names: tuple[str, ...], size: int, bits: int) -> str:
    """For elements of so many bytes, in registers of so many bits: `collect`, rows into vectors; `spread`, vectors into
    rows; `transpose`, vectors into a copy that has the last axis in the lanes."""
    writing: dict[str, Callable[[Builder, int, int], str]] = {
        "collect": bound(_rows_and_vectors, spread=False),
        "spread": bound(_rows_and_vectors, spread=True),
        "transpose": _transpose,
    }
    return "".join(
        writing[name](Builder(f"pl.{name}{size}", PARAMETERS[name], linkage="hidden"), size, bits) for name in names
    )


def declared(names: tuple[str, ...], size: int) -> str:
    """The same functions, where they are called from."""
    return "".join(f"declare hidden void @pl.{name}{size}({PARAMETERS[name]})\n" for name in names)


def _rows_and_vectors(b: Builder, size: int, bits: int, *, spread: bool) -> str:
    """Rows are written from the last to the first: rows beyond the last example share its address, and its own values
    are what stays there."""
    word = f"i{size * 8}"
    rows = [b.load("ptr", b.at("ptr", "%rows", k)) for k in range(LANES)]
    full = b.here(f"and i64 %count, -{LANES}")
    with b.loop("0", full, LANES) as place:
        near = [b.at(word, row, place) for row in rows]
        block = b.at(word, "%vectors", b.multiply(place, LANES))

        def of_rows(row: int, column: int) -> str:
            return b.at(word, near[row], column)

        def of_vectors(row: int, column: int) -> str:
            return b.at(word, block, row * LANES + column)

        turn(b, size, bits, *((of_vectors, of_rows) if spread else (of_rows, of_vectors)))
    with b.loop(full, "%count") as place:
        near = [b.at(word, row, place) for row in rows]
        block = b.at(word, "%vectors", b.multiply(place, LANES))
        ours = [b.at(word, block, k) for k in range(LANES)]
        sources, targets = (ours, near) if spread else (near, ours)
        values = [b.load(word, source) for source in sources]
        for value, target in list(zip(values, targets, strict=True))[::-1]:
            b.store(word, value, target)
    return b.text()


def _transpose(b: Builder, size: int, bits: int) -> str:
    """Blocks of 16 places of the last axis, `%stride` elements from one to the next. Where no cache near holds all of
    them, the next block is fetched meanwhile: it lies in another page."""
    word = f"i{size * 8}"
    blocks = b.here(f"sdiv i64 %last, {LANES}")

    def product(one: str, other: str) -> str:
        return b.pure("mul nsw i64 {}, {}", one, other)

    large = b.here("icmp sgt i64 {}, {}", product("%stride", blocks), FAR // size)
    with b.loop(0, blocks) as block, b.loop(0, "%outer") as k:
        source = b.at(word, "%from", b.multiply(b.add(product("%last", k), b.multiply(block, LANES)), LANES))
        target = b.at(word, "%to", b.add(product("%stride", block), b.multiply(k, LANES * LANES)))
        with b.when(large):
            following = b.at(word, target, "%stride")
            for line in range(0, LANES * LANES * size, CACHE_LINE):
                b.prefetch(b.at("i8", following, line), write=True)

        def read(row: int, column: int) -> str:
            return b.at(word, source, row * LANES + column)

        def written(row: int, column: int) -> str:
            return b.at(word, target, row * LANES + column)

        turn(b, size, bits, read, written)
    full = b.here(f"and i64 %last, -{LANES}")
    with b.loop(full, "%last") as place, b.loop(0, "%outer") as k, b.loop(0, LANES) as lane:
        source = b.at(word, "%from", b.multiply(b.add(product("%last", k), place), LANES))
        target = b.at(word, "%to", product("%stride", blocks))
        target = b.at(word, target, b.add(b.multiply(k, LANES * LANES), b.here("sub i64 {}, {}", place, full)))
        b.store(word, b.load(word, b.at(word, source, lane)), b.at(word, target, b.multiply(lane, LANES)))
    return b.text()


@cache
def rows_of_shard() -> str:
    """The addresses of a shard's 16 rows in the user's array, by number or by an index of rows; beyond the last
    example, its own again, so that idle lanes compute with real data and never meet a NaN of their own."""
    b = Builder("pl.rows", "ptr %ctx, i64 %unit, ptr %base, i64 %bytes, ptr %rows, ptr %index")
    last = b.add(b.word(0), -1)
    named = b.here("icmp ne ptr %index, null")
    with b.loop(0, LANES) as k:
        row = b.smaller(b.add(b.multiply("%unit", LANES), k), last)
        branch = b.branch(named)
        named_row = b.load("i64", b.at("i64", "%index", row))
        (row,) = b.join(branch, ("i64", named_row, str(row)))
        address = b.at("i8", "%base", b.here("mul i64 {}, %bytes", row))
        b.store("ptr", address, b.at("ptr", "%rows", k))
    return b.text()


def packing(name: str, panel: Panel, layout: Layout, word: str) -> str:
    """Copies the tensor's elements in the order of the panel."""
    b = Builder(name, "ptr %ctx")
    tensor, width = panel.tensor, panel.width
    source = b.word(layout.homes[tensor].offset, "ptr")
    to = b.at("i8", b.word(4, "ptr"), layout.places[panel])
    steps = strides(tensor.axes)
    extent = tensor.axes[panel.place].size
    for first, blocks in ((0, extent // width), (extent // width * width, 1 if extent % width else 0)):
        if not blocks:
            continue
        wide = width if first == 0 and extent >= width else extent % width
        # A few rows at a time for all blocks: every row lies in many of them, and all of these few in the L1 cache.
        rows = tensor.axes[0].size if panel.place else 1
        with ExitStack() as loops:
            chunk = loops.enter_context(b.loop(0, rows, ROWS))
            block = Linear.counter(loops.enter_context(b.loop(0, blocks))).plus(first // width)
            counters = []
            for k in panel.order:
                low, high = (0, tensor.axes[k].size) if k else (chunk, b.smaller(b.add(chunk, ROWS), rows))
                counters.append(loops.enter_context(b.loop(low, high, top=tensor.axes[k].size - 1)))
            offset, where, step = Linear(), Linear(), width
            for k, counter in zip(panel.order[::-1], counters[::-1], strict=True):
                offset = offset + Linear.counter(counter) * steps[k]
                where = where + Linear.counter(counter) * step
                step *= tensor.axes[k].size
            where = where + block * step
            # neighbours of the tensor are moved together
            kind, count = (f"<{wide} x {word}>", 1) if steps[panel.place] == 1 and wide > 1 else (word, wide)
            for r in range(count):
                near = offset + (block * width).plus(r) * steps[panel.place]
                moved = b.here(f"load {kind}, ptr {{}}, align {layout.real}", b.at(word, source, near.emit(b)))
                b.effect(f"store {kind} {moved}, ptr {b.at(word, to, where.plus(r).emit(b))}, align {layout.real}")
    return b.text()
