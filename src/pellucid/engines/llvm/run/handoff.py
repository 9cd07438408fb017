"""The IR with which a call is dispatched to other threads, and with which they wait for the next one.

A thread that has just worked spins for about as long as waking it would take, and only then goes to sleep. Each has a
box: a call is put into it by counting up; the thread counts up to it when it is done.
"""

from __future__ import annotations

from pellucid.engines.llvm.emit.barriers import system
from pellucid.engines.llvm.emit.builder import ATTRIBUTES, Builder
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.run import cache
from pellucid.engines.llvm.run.native import Library, host

BOX = 256
"""Bytes of a box; a caller names the boxes of the threads that it has by a list of addresses. Words of a box, by cache
lines: 0 calls asked for, 1 the function, 2 its argument, 3 the thread's number; 8 calls done; 16 whether the thread
sleeps, 17 whether it has to be woken for this call, 18 in a caller's first box whether it has yet to join in."""

FUNCTION, ARGUMENT, NUMBER, DONE, ASLEEP, WAKE, OWED = 1, 2, 3, 8, 16, 17, 18

_CALL = "ptr %boxes, i64 %count, ptr %function, ptr %argument"


def _wake() -> str:
    """Say that a thread is awake; gives whether it was asleep."""
    b = Builder("wake", "ptr %box", result="i64", linkage="")
    return b.text(f"i64 {b.here('atomicrmw xchg ptr {}, i64 0 seq_cst', b.at('i64', '%box', ASLEEP))}")


def _dispatch() -> str:
    """Put a call into every box, and join in if all threads are awake; gives how many are not."""
    b = Builder("dispatch", _CALL, result="i64", linkage="")
    b.store("i64", 1, b.at("i64", b.load("ptr", "%boxes"), OWED))
    loop = b.open(0, "%count", carried=[("i64", "0")])
    box = b.load("ptr", b.at("ptr", "%boxes", loop.counter))
    b.store("ptr", "%function", b.at("i64", box, FUNCTION))
    b.store("ptr", "%argument", b.at("i64", box, ARGUMENT))
    b.store("i64", b.add(loop.counter, 1), b.at("i64", box, NUMBER))
    b.here("atomicrmw add ptr {}, i64 1 seq_cst", box)
    asleep = b.here("call i64 @wake(ptr {})", box)
    b.store("i64", asleep, b.at("i64", box, WAKE))
    (sleepers,) = b.close(loop, [b.here("add i64 {}, {}", loop.values[0], asleep)])
    with b.when(b.here("icmp eq i64 {}, 0", sleepers)):
        b.effect(f"call void @join({_CALL})")
    return b.text(f"i64 {sleepers}")


def _join() -> str:
    """Do the caller's part, and wait until every thread has done its own."""
    b = Builder("join", _CALL, linkage="")
    b.store("i64", 0, b.at("i64", b.load("ptr", "%boxes"), OWED))
    b.effect("call void %function(ptr %argument, i64 0)")
    with b.loop(0, "%count") as k:
        box = b.load("ptr", b.at("ptr", "%boxes", k))
        done = b.at("i64", box, DONE)
        b.effect(f"call void @pl.wait(ptr {done}, i64 {b.load('i64', box)})")
    return b.text()


def _serve() -> str:
    """From one sleep of a worker to the next: it does calls, and spins for so many cycles after each."""
    b = Builder("serve", "ptr %box", linkage="")
    function, argument, number, done_at, asleep = (
        b.at("i64", "%box", word) for word in (FUNCTION, ARGUMENT, NUMBER, DONE, ASLEEP)
    )
    limit = b.here("call i64 @pl.spin_cycles()")
    awake = b.repeat()
    start = b.here("call i64 @pl.clock()")
    look = b.repeat()
    asked, done = b.here("load atomic i64, ptr %box acquire, align 8"), b.load("i64", done_at)
    nothing = b.here("icmp eq i64 {}, {}", asked, done)
    idle = b.branch(nothing)
    b.effect("call void @pl.pause()")
    passed = b.here("sub i64 {}, {}", b.here("call i64 @pl.clock()"), start)
    (over,) = b.join(idle, ("i1", b.here("icmp ugt i64 {}, {}", passed, limit), "true"))
    b.until(look, over, kept=[asked, done, nothing])
    with b.when(b.here("xor i1 {}, true", nothing)):
        f, x, k = b.load("ptr", function), b.load("ptr", argument), b.load("i64", number)
        b.effect(f"call void {f}(ptr {x}, i64 {k})")
        b.effect(f"store atomic i64 {asked}, ptr {done_at} release, align 8")
    expired = b.branch(nothing)
    # Say so first, then look once more: a caller counts up first, then looks whether this thread sleeps.
    b.here("atomicrmw xchg ptr {}, i64 1 seq_cst", asleep)
    late = b.branch(b.here("icmp ne i64 {}, {}", b.here("load atomic i64, ptr %box seq_cst, align 8"), done))
    woken = b.here("icmp ne i64 {}, 1", b.here("call i64 @wake(ptr %box)"))
    (sleeps,) = b.join(late, ("i1", woken, "true"))
    (ends,) = b.join(expired, ("i1", sleeps, "false"))
    b.until(awake, ends)
    return b.text()


def text(to: Target) -> str:
    """The functions as IR."""
    return system(to) + _wake() + _dispatch() + _join() + _serve() + ATTRIBUTES


def library() -> Library:
    """The functions, in memory for as long as the process lives: a thread may be in one of them at any time."""
    return cache.library(text(host()))
