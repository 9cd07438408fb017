"""The IR of what all threads do: meet, move on to the next step, and take pieces of work until none is left.

The pieces of a phase are dealt out to the threads, the same ones in every step and call, as their memory is still in
the caches of the thread that had them last. Who is through with his own takes of the others'; where there are no more
pieces than threads, each has its own and nobody counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.engines.llvm.plan.layout import LEFT_OUT
from pellucid.engines.llvm.plan.work import LANES

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


WAIT = """define internal void @pl.wait(ptr %word, i64 %value) nounwind {
entry:
  br label %look
look:
  %turns = phi i64 [ 0, %entry ], [ %turns.next, %again ]
  %now = load atomic i64, ptr %word acquire, align 8
  %there = icmp eq i64 %now, %value
  br i1 %there, label %done, label %spin
spin:
  call void @pl.pause()
  %turns.next = add i64 %turns, 1
  %long = icmp sgt i64 %turns.next, 4000
  br i1 %long, label %yield, label %again
yield:
  call void @pl.yield()
  br label %again
again:
  br label %look
done:
  ret void
}
"""
"""Until a word has a value: looking at it, and after some 100 µs leaving the processor to others between the looks."""


COUNTERS = f"""  %p6 = getelementptr i64, ptr %ctx, i64 6
  %threads = load i64, ptr %p6
  %p7 = getelementptr i64, ptr %ctx, i64 7
  %sync = load ptr, ptr %p7
  %skip = add i64 %phase, 2
  %words = mul i64 %skip, {SYNC}
  %counters = getelementptr i64, ptr %sync, i64 %words
"""
"""How many threads there are, their counters, and those of a phase."""


BARRIER = f"""{WAIT}define internal void @pl.advance(ptr %ctx) #0 {{
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
{COUNTERS}  %generation.at = getelementptr i64, ptr %sync, i64 {SYNC}
  %generation = load atomic i64, ptr %generation.at acquire, align 8
  %following = add i64 %generation, 1
  %before = atomicrmw add ptr %sync, i64 1 acq_rel
  %mine = add i64 %before, 1
  %last = icmp eq i64 %mine, %threads
  br i1 %last, label %open, label %wait
open:
  store <{SYNC} x i64> zeroinitializer, ptr %counters, align 8
  store atomic i64 0, ptr %sync monotonic, align 8
  %step.over = icmp eq i64 %phase, %final
  br i1 %step.over, label %advance, label %go
advance:
  call void @pl.advance(ptr %ctx)
  br label %go
go:
  store atomic i64 %following, ptr %generation.at release, align 8
  ret void
wait:
  call void @pl.wait(ptr %generation.at, i64 %following)
  ret void
}}
define internal void @pl.work(ptr %ctx, ptr %local, i64 %ticket, i64 %phase, i64 %total, i64 %step, ptr %piece) #0 {{
entry:
{COUNTERS}  %many = icmp sgt i64 %threads, {SYNC}
  %shares = select i1 %many, i64 {SYNC}, i64 %threads
  %one.each = icmp sle i64 %total, %threads
  br i1 %one.each, label %single, label %first
single:
  %mine = icmp slt i64 %ticket, %total
  br i1 %mine, label %own, label %done
own:
  call void %piece(ptr %ctx, ptr %local, i64 %ticket, i64 %step)
  br label %done
first:
  br label %look
look:
  %k = phi i64 [ 0, %first ], [ %k.next, %over ]
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
  call void %piece(ptr %ctx, ptr %local, i64 %unit, i64 %step)
  br label %take
over:
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, %shares
  br i1 %more, label %look, label %done
done:
  ret void
}}
"""


def pieces(name: str, units: int, threads: str) -> list[str]:
    """In how many pieces threads share what can be had in so many units at most."""
    return [
        f"  {name}.less = icmp slt i64 {threads}, {units}",
        f"  {name} = select i1 {name}.less, i64 {threads}, i64 {units}",
    ]


@dataclass(frozen=True)
class Group:
    """Phases one after the other, each with its units (`shards`: at most so many of every shard, no more than there are
    threads): for the step `first` of a loop, and then for so many `more`."""

    units: list[int]
    shards: bool = True
    first: int = 0
    by: int = 1
    more: int = 0


def thread(groups: list[Group], local_bytes: int, ahead: int) -> str:
    """What every thread does, step after step: work at a phase until nothing is left, meet the others, go on.

    The first `ahead` phases may be left out. The last phase is in no loop where there are several steps.
    """
    lines = [
        "define void @run(ptr %ctx, i64 %ticket) #0 {",
        "entry:",
        "  %p1 = getelementptr i64, ptr %ctx, i64 1",
        "  %shards = load i64, ptr %p1",
        "  %p8 = getelementptr i64, ptr %ctx, i64 8",
        "  %steps = load i64, ptr %p8",
        "  %p6 = getelementptr i64, ptr %ctx, i64 6",
        "  %threads = load i64, ptr %p6",
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
    k, last = 0, sum(len(group.units) for group in groups) - 1
    for group in groups:
        where = f"br i1 %some.left.out, label %start{ahead}, label %start0" if k == 0 < ahead else f"br label %start{k}"
        lines += [f"  {where}", f"start{k}:"]
        first, step = k, str(group.first)
        if group.more:
            step = f"%t{first}"
            begin = f"  {step} = phi i64 [ {group.first}, %start{first} ], [ {step}.next, %turn{first} ]"
            lines += [f"  br label %turn{first}", f"turn{first}:", begin]
        for units in group.units:
            lines += [
                *pieces(f"%pieces{k}", units, "%threads"),
                f"  %units{k} = mul i64 %shards, %pieces{k}" if group.shards else f"  %units{k} = add i64 0, {units}",
                f"  call void @pl.work(ptr %ctx, ptr %local, i64 %ticket, i64 {k}, "
                f"i64 %units{k}, i64 {step}, ptr @phase{k})",
                f"  call void @pl.meet(ptr %ctx, i64 {k}, i64 {last})",
            ]
            k += 1
        if group.more:
            lines += [
                f"  {step}.next = add i64 {step}, {group.by}",
                f"  {step}.over = icmp eq i64 {step}.next, {group.first + group.by * (group.more + 1)}",
                f"  br i1 {step}.over, label %turned{first}, label %turn{first}",
                f"turned{first}:",
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
