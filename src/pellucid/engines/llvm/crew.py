"""The IR of what all threads do: meet, move on to the next step, and take pieces of work until none is left.

The pieces of a phase are dealt out to the threads, the same ones in every step, as their memory is still in the caches
of the thread that had them last. Who is through with his own takes of the others'.
"""

from __future__ import annotations

from pellucid.engines.llvm.layout import LEFT_OUT
from pellucid.engines.llvm.math import LANES

SYNC = 8
"""Words (a cache line) from one counter of the threads to the next: arrived, generation, then for every phase how many
pieces are taken of each share; there are at most so many shares as words."""


def turn(size: int) -> str:
    word = f"i{size * 8}"
    return f"""define internal void @pl.turn{size}(ptr %to, ptr %from, i64 %outer, i64 %last) #0 {{
entry:
  %rows = alloca [{LANES} x ptr]
  %all = mul i64 %last, {LANES}
  br label %loop
loop:
  %o = phi i64 [ 0, %entry ], [ %o.next, %filled ]
  %offset = mul i64 %o, %all
  %t = getelementptr {word}, ptr %to, i64 %offset
  %f = getelementptr {word}, ptr %from, i64 %offset
  br label %fill
fill:
  %k = phi i64 [ 0, %loop ], [ %k.next, %fill ]
  %skip = mul i64 %k, %last
  %row = getelementptr {word}, ptr %t, i64 %skip
  %slot = getelementptr ptr, ptr %rows, i64 %k
  store ptr %row, ptr %slot
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, {LANES}
  br i1 %more, label %fill, label %filled
filled:
  call void @pl.spread{size}(ptr %rows, i64 %last, ptr %f)
  %o.next = add i64 %o, 1
  %again = icmp slt i64 %o.next, %outer
  br i1 %again, label %loop, label %done
done:
  ret void
}}
"""


BARRIER = f"""declare i32 @sched_yield()
declare void @llvm.x86.sse2.pause()
define internal void @pl.advance(ptr %ctx) #0 {{
entry:
  %p9 = getelementptr i64, ptr %ctx, i64 9
  %count = load i64, ptr %p9
  %p10 = getelementptr i64, ptr %ctx, i64 10
  %list = load ptr, ptr %p10
  br label %test
test:
  %k = phi i64 [ 0, %entry ], [ %k.next, %move ]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %move, label %done
move:
  %twice = mul i64 %k, 2
  %at = getelementptr i64, ptr %list, i64 %twice
  %word = load i64, ptr %at
  %by.at = getelementptr i64, ptr %at, i64 1
  %by = load i64, ptr %by.at
  %place = getelementptr i64, ptr %ctx, i64 %word
  %old = load i64, ptr %place
  %new = add i64 %old, %by
  store i64 %new, ptr %place
  %k.next = add i64 %k, 1
  br label %test
done:
  ret void
}}
define internal void @pl.meet(ptr %ctx, i64 %phase, i64 %final) #0 {{
entry:
  %p6 = getelementptr i64, ptr %ctx, i64 6
  %threads = load i64, ptr %p6
  %p7 = getelementptr i64, ptr %ctx, i64 7
  %sync = load ptr, ptr %p7
  %skip = add i64 %phase, 2
  %words = mul i64 %skip, {SYNC}
  %counter = getelementptr i64, ptr %sync, i64 %words
  %generation.at = getelementptr i64, ptr %sync, i64 {SYNC}
  %generation = load atomic i64, ptr %generation.at acquire, align 8
  %before = atomicrmw add ptr %sync, i64 1 acq_rel
  %mine = add i64 %before, 1
  %last = icmp eq i64 %mine, %threads
  br i1 %last, label %open, label %wait
open:
  store <{SYNC} x i64> zeroinitializer, ptr %counter, align 8
  store atomic i64 0, ptr %sync monotonic, align 8
  %step.over = icmp eq i64 %phase, %final
  br i1 %step.over, label %advance, label %go
advance:
  call void @pl.advance(ptr %ctx)
  br label %go
go:
  %following = add i64 %generation, 1
  store atomic i64 %following, ptr %generation.at release, align 8
  ret void
wait:
  %turns = phi i64 [ 0, %entry ], [ %turns.next, %again ]
  %now = load atomic i64, ptr %generation.at acquire, align 8
  %moved = icmp ne i64 %now, %generation
  br i1 %moved, label %done, label %spin
spin:
  call void @llvm.x86.sse2.pause()
  %turns.next = add i64 %turns, 1
  %long = icmp sgt i64 %turns.next, 4000
  br i1 %long, label %yield, label %again
yield:
  %ignored = call i32 @sched_yield()
  br label %again
again:
  br label %wait
done:
  ret void
}}
define internal void @pl.work(ptr %ctx, ptr %local, i64 %ticket, i64 %phase, i64 %total, ptr %piece) #0 {{
entry:
  %p6 = getelementptr i64, ptr %ctx, i64 6
  %threads = load i64, ptr %p6
  %p7 = getelementptr i64, ptr %ctx, i64 7
  %sync = load ptr, ptr %p7
  %skip = add i64 %phase, 2
  %words = mul i64 %skip, {SYNC}
  %counters = getelementptr i64, ptr %sync, i64 %words
  %many = icmp sgt i64 %threads, {SYNC}
  %shares = select i1 %many, i64 {SYNC}, i64 %threads
  br label %look
look:
  %k = phi i64 [ 0, %entry ], [ %k.next, %over ]
  %from = add i64 %ticket, %k
  %share = urem i64 %from, %shares
  %counter = getelementptr i64, ptr %counters, i64 %share
  br label %take
take:
  %taken = atomicrmw add ptr %counter, i64 1 monotonic
  %before = mul i64 %taken, %shares
  %unit = add i64 %before, %share
  %some = icmp slt i64 %unit, %total
  br i1 %some, label %do, label %over
do:
  call void %piece(ptr %ctx, ptr %local, i64 %unit)
  br label %take
over:
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, %shares
  br i1 %more, label %look, label %done
done:
  ret void
}}
"""


def thread(totals: list[str], local_bytes: int, ahead: int) -> str:
    """What every thread does, step after step: work at a phase until nothing is left, meet the others, go on.

    The first `ahead` phases may be left out.
    """
    lines = [
        "define void @run(ptr %ctx) #0 {",
        "entry:",
        "  %p1 = getelementptr i64, ptr %ctx, i64 1",
        "  %shards = load i64, ptr %p1",
        "  %p7 = getelementptr i64, ptr %ctx, i64 7",
        "  %sync = load ptr, ptr %p7",
        "  %p8 = getelementptr i64, ptr %ctx, i64 8",
        "  %steps = load i64, ptr %p8",
        # Who comes first takes the first place for what lives within one shard's work.
        f"  %tickets = getelementptr i64, ptr %sync, i64 {SYNC + 1}",
        # Any `threads` numbers in a row have different remainders, so the counter needs no reset between calls.
        "  %drawn = atomicrmw add ptr %tickets, i64 1 monotonic",
        "  %p6 = getelementptr i64, ptr %ctx, i64 6",
        "  %threads = load i64, ptr %p6",
        "  %ticket = urem i64 %drawn, %threads",
        "  %p11 = getelementptr i64, ptr %ctx, i64 11",
        "  %locals = load ptr, ptr %p11",
        f"  %p12 = getelementptr i64, ptr %ctx, i64 {LEFT_OUT}",
        "  %left.out = load i64, ptr %p12",
        "  %some.left.out = icmp ne i64 %left.out, 0",
        f"  %before = mul i64 %ticket, {local_bytes}",
        "  %local = getelementptr i8, ptr %locals, i64 %before",
        "  br label %step",
        "step:",
        "  %done = phi i64 [ 0, %entry ], [ %done.next, %stepped ]",
    ]
    for k, total in enumerate(totals):
        where = f"br i1 %some.left.out, label %start{ahead}, label %start0" if k == 0 < ahead else f"br label %start{k}"
        lines += [
            f"  {where}",
            f"start{k}:",
            f"  call void @pl.work(ptr %ctx, ptr %local, i64 %ticket, i64 {k}, i64 {total}, ptr @phase{k})",
            f"  call void @pl.meet(ptr %ctx, i64 {k}, i64 {len(totals) - 1})",
        ]
    lines += [
        "  br label %stepped",
        "stepped:",
        "  %done.next = add i64 %done, 1",
        "  %more = icmp slt i64 %done.next, %steps",
        "  br i1 %more, label %step, label %end",
        "end:",
        "  ret void",
        "}",
        "",
    ]
    return "\n".join(lines)
