"""The function that packs a panel."""

from __future__ import annotations

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.points import Linear
from pellucid.engines.llvm.plan.layout import Layout
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.work import strides

ROWS = 8
"""Of a kernel's first axis that are packed at a time."""


def packing(name: str, panel: Panel, layout: Layout, word: str) -> str:
    """Copies the tensor's elements in the order of the panel."""
    b = Builder()
    tensor, width = panel.tensor, panel.width
    source = b.pure("load ptr, ptr {}", b.pure("getelementptr i64, ptr %ctx, i64 {}", layout.homes[tensor].offset))
    arena = b.pure("load ptr, ptr {}", b.pure("getelementptr i64, ptr %ctx, i64 {}", 4))
    to = b.pure("getelementptr i8, ptr {}, i64 {}", arena, layout.places[panel])
    steps = strides(tensor.axes)
    extent = tensor.axes[panel.place].size
    for first, blocks in ((0, extent // width), (extent // width * width, 1 if extent % width else 0)):
        if not blocks:
            continue
        wide = width if first == 0 and extent >= width else extent % width
        # A few rows at a time for all blocks: every row lies in many of them, and all of these few in the first cache.
        rows = tensor.axes[0].size if panel.place else 1
        chunk = b.open(0, rows, ROWS)
        loops = [chunk, b.open(0, blocks)]
        for k in panel.order:
            if k:
                loops.append(b.open(0, tensor.axes[k].size))
            else:
                loops.append(b.open(chunk.counter, b.smaller(b.add(chunk.counter, ROWS), rows), top=rows - 1))
        block = Linear.counter(loops[1].counter).plus(first // width)
        offset, where, step = Linear(), Linear(), width
        for k, loop in zip(panel.order[::-1], loops[:1:-1], strict=True):
            offset = offset + Linear.counter(loop.counter) * steps[k]
            where = where + Linear.counter(loop.counter) * step
            step *= tensor.axes[k].size
        where = where + block * step
        # neighbours of the tensor are moved together
        kind, count = (f"<{wide} x {word}>", 1) if steps[panel.place] == 1 and wide > 1 else (word, wide)
        for r in range(count):
            near = offset + (block * width).plus(r) * steps[panel.place]
            at = b.pure(f"getelementptr {word}, ptr {{}}, i64 {{}}", source, near.emit(b))
            put = b.pure(f"getelementptr {word}, ptr {{}}, i64 {{}}", to, where.plus(r).emit(b))
            moved = b.here(f"load {kind}, ptr {{}}, align {layout.real}", at)
            b.effect(f"store {kind} {moved}, ptr {put}, align {layout.real}")
        for loop in reversed(loops):
            b.close(loop)
    b.effect("ret void")
    return f"define internal void @{name}(ptr %ctx) #0 {{\n{b.text()}\n}}\n"
