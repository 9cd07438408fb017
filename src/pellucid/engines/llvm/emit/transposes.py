"""Between the user's rows (one example after the other) and the arena's vectors (one value of 16 examples): 16 ×
16 transposition in registers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from pellucid.engines.llvm.plan.work import LANES


def interleaved(rows: list[str], shuffle: Callable[[str, str, str], str]) -> list[str]:
    """16 rows as columns: four rounds of interleaving row i with row i + 8. `shuffle` takes two rows and a mask."""
    half = LANES // 2
    low = ", ".join(f"i32 {k // 2 + (LANES if k % 2 else 0)}" for k in range(LANES))
    high = ", ".join(f"i32 {half + k // 2 + (LANES if k % 2 else 0)}" for k in range(LANES))
    for _ in range(4):
        rows = [shuffle(rows[k], rows[k + half], mask) for k in range(half) for mask in (low, high)]
    return rows


def transposed(rows: list[str], word: str, lines: list[str], prefix: str) -> list[str]:
    v = f"<{LANES} x {word}>"
    names = (f"%{prefix}{k}" for k in count())

    def shuffle(one: str, other: str, mask: str) -> str:
        name = next(names)
        lines.append(f"  {name} = shufflevector {v} {one}, {v} {other}, <{LANES} x i32> <{mask}>")
        return name

    return interleaved(rows, shuffle)


def functions(size: int) -> str:
    """`collect`: rows into vectors; `spread`: vectors into rows. `%rows` holds 16 addresses; `%count` values of
    each are moved."""
    word = f"i{size * 8}"
    return _collect(word, size) + _spread(word, size)


def _collect(word: str, size: int) -> str:
    v = f"<{LANES} x {word}>"
    lines = [f"define internal void @pl.collect{size}(ptr %rows, i64 %count, ptr %to) #0 {{", "entry:"]
    for k in range(LANES):
        lines.append(f"  %p{k} = getelementptr ptr, ptr %rows, i64 {k}")
        lines.append(f"  %r{k} = load ptr, ptr %p{k}")
    lines += [
        f"  %full = and i64 %count, -{LANES}",
        "  %some = icmp sgt i64 %full, 0",
        "  br i1 %some, label %block, label %rest",
        "block:",
        "  %c = phi i64 [ 0, %entry ], [ %c.next, %block ]",
    ]
    names = []
    for k in range(LANES):
        lines.append(f"  %a{k} = getelementptr {word}, ptr %r{k}, i64 %c")
        lines.append(f"  %v{k} = load {v}, ptr %a{k}, align {size}")
        names.append(f"%v{k}")
    lines += [f"  %to.offset = mul i64 %c, {LANES}", f"  %to.block = getelementptr {word}, ptr %to, i64 %to.offset"]
    for k, name in enumerate(transposed(names, word, lines, "t")):
        lines.append(f"  %s{k} = getelementptr {word}, ptr %to.block, i64 {k * LANES}")
        lines.append(f"  store {v} {name}, ptr %s{k}, align 64")
    lines += [
        f"  %c.next = add i64 %c, {LANES}",
        "  %more = icmp slt i64 %c.next, %full",
        "  br i1 %more, label %block, label %rest",
        "rest:",
        "  %left = icmp slt i64 %full, %count",
        "  br i1 %left, label %one, label %done",
        "one:",
        "  %d = phi i64 [ %full, %rest ], [ %d.next, %one ]",
        f"  %d.offset = mul i64 %d, {LANES}",
    ]
    for k in range(LANES):
        lines.append(f"  %b{k} = getelementptr {word}, ptr %r{k}, i64 %d")
        lines.append(f"  %w{k} = load {word}, ptr %b{k}")
        lines.append(f"  %o{k} = add i64 %d.offset, {k}")
        lines.append(f"  %q{k} = getelementptr {word}, ptr %to, i64 %o{k}")
        lines.append(f"  store {word} %w{k}, ptr %q{k}")
    lines += [
        "  %d.next = add i64 %d, 1",
        "  %again = icmp slt i64 %d.next, %count",
        "  br i1 %again, label %one, label %done",
    ]
    lines += ["done:", "  ret void", "}", ""]
    return "\n".join(lines)


def _spread(word: str, size: int) -> str:
    """Rows are written from the last to the first: rows beyond the last example share its address, and it has the
    last word."""
    v = f"<{LANES} x {word}>"
    lines = [f"define internal void @pl.spread{size}(ptr %rows, i64 %count, ptr %from) #0 {{", "entry:"]
    for k in range(LANES):
        lines.append(f"  %p{k} = getelementptr ptr, ptr %rows, i64 {k}")
        lines.append(f"  %r{k} = load ptr, ptr %p{k}")
    lines += [
        f"  %full = and i64 %count, -{LANES}",
        "  %some = icmp sgt i64 %full, 0",
        "  br i1 %some, label %block, label %rest",
        "block:",
        "  %c = phi i64 [ 0, %entry ], [ %c.next, %block ]",
        f"  %from.offset = mul i64 %c, {LANES}",
        f"  %from.block = getelementptr {word}, ptr %from, i64 %from.offset",
    ]
    names = []
    for k in range(LANES):
        lines.append(f"  %a{k} = getelementptr {word}, ptr %from.block, i64 {k * LANES}")
        lines.append(f"  %v{k} = load {v}, ptr %a{k}, align 64")
        names.append(f"%v{k}")
    found = transposed(names, word, lines, "t")
    for k in reversed(range(LANES)):
        lines.append(f"  %s{k} = getelementptr {word}, ptr %r{k}, i64 %c")
        lines.append(f"  store {v} {found[k]}, ptr %s{k}, align {size}")
    lines += [
        f"  %c.next = add i64 %c, {LANES}",
        "  %more = icmp slt i64 %c.next, %full",
        "  br i1 %more, label %block, label %rest",
        "rest:",
        "  %left = icmp slt i64 %full, %count",
        "  br i1 %left, label %one, label %done",
        "one:",
        "  %d = phi i64 [ %full, %rest ], [ %d.next, %one ]",
        f"  %d.offset = mul i64 %d, {LANES}",
    ]
    for k in reversed(range(LANES)):
        lines.append(f"  %o{k} = add i64 %d.offset, {k}")
        lines.append(f"  %q{k} = getelementptr {word}, ptr %from, i64 %o{k}")
        lines.append(f"  %w{k} = load {word}, ptr %q{k}")
        lines.append(f"  %b{k} = getelementptr {word}, ptr %r{k}, i64 %d")
        lines.append(f"  store {word} %w{k}, ptr %b{k}")
    lines += [
        "  %d.next = add i64 %d, 1",
        "  %again = icmp slt i64 %d.next, %count",
        "  br i1 %again, label %one, label %done",
    ]
    lines += ["done:", "  ret void", "}", ""]
    return "\n".join(lines)


ROWS = f"""define internal void @pl.rows(ptr %ctx, i64 %unit, ptr %base, i64 %bytes, ptr %rows, ptr %index) #0 {{
entry:
  %n = load i64, ptr %ctx
  %last = sub i64 %n, 1
  %first = mul i64 %unit, {LANES}
  %named = icmp ne ptr %index, null
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %k.next, %next ]
  %wanted = add i64 %first, %k
  %over = icmp sgt i64 %wanted, %last
  %at = select i1 %over, i64 %last, i64 %wanted
  br i1 %named, label %look, label %next
look:
  %p = getelementptr i64, ptr %index, i64 %at
  %found = load i64, ptr %p
  br label %next
next:
  %row = phi i64 [ %at, %loop ], [ %found, %look ]
  %offset = mul i64 %row, %bytes
  %address = getelementptr i8, ptr %base, i64 %offset
  %slot = getelementptr ptr, ptr %rows, i64 %k
  store ptr %address, ptr %slot
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, {LANES}
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""
"""The addresses of a shard's 16 rows in the user's array, by number or by an index of rows; beyond the last
example, its own again, so that idle lanes compute with real data and never meet a NaN of their own."""
