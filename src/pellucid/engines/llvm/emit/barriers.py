"""What all threads do: meet at barriers, move on to the next step, and take pieces of work until none is left.

The pieces of a phase are dealt out to the threads, the same ones in every step and call, as their memory is still in
the caches of the thread that had them last. A thread that has done its own takes of the others'; where there are no
more pieces than threads, each has its own and nobody counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.plan.layout import LEFT_OUT, THREADS
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.plan.work import FEW, LANES

SYNC = 8
"""Words (a cache line) from one counter of the threads to the next: arrived, generation, then for every phase how many
pieces are taken of each queue; there are at most so many queues as words."""

SPIN_ROUNDS = 4000
"""How often a thread looks at a word, for some 100 µs, before it leaves the processor to others between the looks."""


def system(target: Target) -> str:
    """What every program may call: `pl.pause` between two looks at a word that another thread writes, `pl.yield` to
    leave the processor to others, `pl.clock` for this processor's clock and `pl.spin_cycles` for 100 µs of it, about.
    """
    yields = "SwitchToThread" if target.windows else "sched_yield"
    pause, yield_ = Builder("pl.pause", ""), Builder("pl.yield", "")
    clock, spin = Builder("pl.clock", "", result="i64"), Builder("pl.spin_cycles", "", result="i64")
    yield_.here(f"call i32 @{yields}()")
    if target.architecture == "AArch64":
        # A barrier of instructions waits as long as x86's pause does, where `yield` does nothing on most CPUs. The
        # counter of cycles, which LLVM's intrinsic may read, is the kernel's; the timer, which tells its own frequency,
        # is everyone's.
        declared = "void @llvm.aarch64.isb(i32 immarg)", "i64 @llvm.read_volatile_register.i64(metadata)"
        register = 'call i64 @llvm.read_volatile_register.i64(metadata !{{!"{}"}})'
        pause.effect("call void @llvm.aarch64.isb(i32 15)")
        now = clock.here(register, "CNTVCT_EL0")
        ticks = spin.here("udiv i64 {}, 10000", spin.here(register, "CNTFRQ_EL0"))
    else:
        declared = "void @llvm.x86.sse2.pause()", "i64 @llvm.readcyclecounter()"
        pause.effect("call void @llvm.x86.sse2.pause()")
        now, ticks = clock.here("call i64 @llvm.readcyclecounter()"), "300000"
    functions = pause.text(), yield_.text(), clock.text(f"i64 {now}"), spin.text(f"i64 {ticks}")
    return "".join(f"declare {d}\n" for d in (*declared, f"i32 @{yields}()")) + "".join(functions) + _wait()


@cache
def _wait() -> str:
    """Until a word has a value."""
    b = Builder("pl.wait", "ptr %word, i64 %value")
    look = b.repeat(("i64", "0"))
    there = b.here("icmp eq i64 {}, %value", b.here("load atomic i64, ptr %word acquire, align 8"))
    with b.when(b.here("xor i1 {}, true", there)):
        b.effect("call void @pl.pause()")
        with b.when(b.pure(f"icmp sgt i64 {{}}, {SPIN_ROUNDS}", look.values[0])):
            b.effect("call void @pl.yield()")
    b.until(look, there, [b.pure("add i64 {}, 1", look.values[0])])
    return b.text()


@cache
def functions() -> str:
    """`pl.barrier`, at which every thread waits for all others, and `pl.work`, which takes pieces of a phase."""
    return _advance() + _barrier() + _work()


def _advance() -> str:
    """Move every word that moves on after a step."""
    b = Builder("pl.advance", "ptr %ctx")
    moves = b.word(10, "ptr")
    with b.loop(0, b.word(9)) as k:
        move = b.at("i64", moves, b.multiply(k, 2))
        place = b.at("i64", "%ctx", b.load("i64", move))
        by = b.load("i64", b.at("i64", move, 1))
        b.store("i64", b.here("add i64 {}, {}", b.load("i64", place), by), place)
    return b.text()


def _counters(b: Builder) -> tuple[str, str]:
    """The counters of the threads, and those of a phase."""
    sync = b.word(7, "ptr")
    return sync, b.at("i64", sync, b.multiply(b.add("%phase", 2), SYNC))


def _barrier() -> str:
    b = Builder("pl.barrier", "ptr %ctx, i64 %phase, i64 %final")
    sync, counters = _counters(b)
    generation = b.at("i64", sync, SYNC)
    following = b.here("add i64 {}, 1", b.here("load atomic i64, ptr {} acquire, align 8", generation))
    arrived = b.here("add i64 {}, 1", b.here("atomicrmw add ptr {}, i64 1 acq_rel", sync))
    last = b.here("icmp eq i64 {}, {}", arrived, b.word(THREADS))
    with b.when(last):
        b.effect(f"store <{SYNC} x i64> zeroinitializer, ptr {counters}, align 8")
        b.effect(f"store atomic i64 0, ptr {sync} monotonic, align 8")
        with b.when(b.here("icmp eq i64 %phase, %final")):
            b.effect("call void @pl.advance(ptr %ctx)")
        b.effect(f"store atomic i64 {following}, ptr {generation} release, align 8")
    with b.when(b.here("xor i1 {}, true", last)):
        b.effect(f"call void @pl.wait(ptr {generation}, i64 {following})")
    return b.text()


def _work() -> str:
    b = Builder("pl.work", "ptr %ctx, ptr %local, i64 %ticket, i64 %phase, i64 %total, i64 %step, ptr %piece")
    threads = b.word(THREADS)
    call = "call void %piece(ptr %ctx, ptr %local, i64 {}, i64 %step)"
    single = b.here("icmp sle i64 %total, {}", threads)
    with b.when(b.here("and i1 {}, {}", single, b.here("icmp slt i64 %ticket, %total"))):
        b.effect(call, "%ticket")
    with b.when(b.here("xor i1 {}, true", single)):
        _, counters = _counters(b)
        queues = b.smaller(threads, SYNC)
        with b.loop(0, queues) as k:
            queue = b.here("urem i64 {}, {}", b.add("%ticket", k), queues)
            take = b.repeat()
            taken = b.here("atomicrmw add ptr {}, i64 1 monotonic", b.at("i64", counters, queue))
            unit = b.here("add i64 {}, {}", b.here("mul i64 {}, {}", taken, queues), queue)
            some = b.here("icmp slt i64 {}, %total", unit)
            with b.when(some):
                b.effect(call, unit)
            b.until(take, b.here("xor i1 {}, true", some))
    return b.text()


def pieces(b: Builder, units: int, *, even: bool) -> str | int:
    """In how many pieces threads share what can be had in so many units of every shard at most. Where the work is
    `even` without that, as all threads have as many shards and none has few examples, shards stay whole: a thread reads
    what it has made itself."""
    count = b.smaller(b.word(THREADS), units)
    if not even or units == 1:
        return count
    left = b.pure(f"and i64 {{}}, {LANES - 1}", b.word(0))
    many = b.pure(f"icmp uge i64 {{}}, {FEW}", b.pure(f"and i64 {{}}, {LANES - 1}", b.add(left, -1)))
    whole = b.pure("icmp eq i64 {}, 0", b.pure("urem i64 {}, {}", b.word(1), b.word(THREADS)))
    return b.pure("select i1 {}, i64 1, i64 {}", b.pure("and i1 {}, {}", whole, many), count)


@dataclass(frozen=True)
class Group:
    """Phases one after the other, each with its units (`shards`: at most so many of every shard, no more than there are
    threads, see `pieces`): for the step `first` of a loop, and then for so many `more`."""

    units: list[int]
    shards: bool = True
    even: bool = False
    first: int = 0
    by: int = 1
    more: int = 0


def thread(groups: list[Group], local_bytes: int, parameter_only: int) -> str:
    """What every thread does, step after step: work at a phase until nothing is left, wait for the others, go on.

    The first `parameter_only` phases may be left out. The last phase is in no loop where there are several steps.
    """
    b = Builder("run", "ptr %ctx, i64 %ticket", linkage="")
    local = b.at("i8", b.word(11, "ptr"), b.multiply("%ticket", local_bytes))
    last = sum(len(group.units) for group in groups) - 1
    phase = 0

    def work(group: Group, first: int, step: str | int) -> None:
        for k, units in enumerate(group.units, first):
            total = b.pure("mul i64 {}, {}", b.word(1), pieces(b, units, even=group.even)) if group.shards else units
            arguments = f"i64 {k}, i64 {total}, i64 {step}, ptr @phase{k}"
            b.effect(f"call void @pl.work(ptr %ctx, ptr {local}, i64 %ticket, {arguments})")
            b.effect(f"call void @pl.barrier(ptr %ctx, i64 {k}, i64 {last})")

    with b.loop(0, b.word(8)):
        for group in groups:
            left_out = b.branch(b.here("icmp eq i64 {}, 0", b.word(LEFT_OUT))) if phase < parameter_only else None
            if group.more:
                with b.loop(0, group.more + 1) as k:
                    work(group, phase, b.add(b.multiply(k, group.by), group.first))
            else:
                work(group, phase, group.first)
            if left_out is not None:
                b.join(left_out)
            phase += len(group.units)
    return b.text()
