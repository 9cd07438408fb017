"""The function that packs a panel."""

from __future__ import annotations

from pellucid.engines.llvm.emit import Builder
from pellucid.engines.llvm.layout import Layout
from pellucid.engines.llvm.linear import Linear
from pellucid.engines.llvm.math import LANES
from pellucid.engines.llvm.panels import Panel
from pellucid.engines.llvm.work import strides


def packing(name: str, panel: Panel, layout: Layout, kind: str) -> str:
    """Copies the tensor's elements in the order of the panel, vectors where they lie together."""
    b = Builder()
    tensor, width = panel.tensor, panel.width
    source = b.pure("load ptr, ptr {}", b.pure("getelementptr i64, ptr %ctx, i64 {}", layout.homes[tensor].offset))
    arena = b.pure("load ptr, ptr {}", b.pure("getelementptr i64, ptr %ctx, i64 {}", 4))
    to = b.pure("getelementptr i8, ptr {}, i64 {}", arena, panel.offset)
    steps = strides(tensor.axes)
    extent = tensor.axes[panel.place].size
    for first, count in ((0, extent // width), (extent // width * width, 1 if extent % width else 0)):
        if not count:
            continue
        wide = width if first == 0 and extent >= width else extent % width
        loops = [b.open(0, count), *(b.open(0, tensor.axes[k].size) for k in panel.order)]
        block = Linear.counter(loops[0].counter).plus(first // width)
        offset, where, step = Linear(), Linear(), width
        for k, loop in zip(panel.order[::-1], loops[:0:-1], strict=True):
            offset = offset + Linear.counter(loop.counter) * steps[k]
            where = where + Linear.counter(loop.counter) * step
            step *= tensor.axes[k].size
        where = where + block * step
        lanes = LANES if steps[panel.place] == 1 and wide % LANES == 0 else 1
        word = f"<{LANES} x {kind}>" if lanes > 1 else kind
        for r in range(0, wide, lanes):
            near = offset + (block * width).plus(r) * steps[panel.place]
            at = b.pure(f"getelementptr {kind}, ptr {{}}, i64 {{}}", source, near.emit(b))
            put = b.pure(f"getelementptr {kind}, ptr {{}}, i64 {{}}", to, where.plus(r).emit(b))
            b.effect(f"store {word} {b.here(f'load {word}, ptr {{}}, align 4', at)}, ptr {put}, align 4")
        for loop in reversed(loops):
            b.close(loop)
    b.effect("ret void")
    return f"define internal void @{name}(ptr %ctx) #0 {{\n{b.text()}\n}}\n"
