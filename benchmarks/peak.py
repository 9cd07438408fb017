"""The ceiling: the multiply-adds of cores that do nothing else, and whether they are two
cores just now, near each other."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from statistics import median
from typing import Final, TypeVar

from pellucid.engines.llvm.emit.barriers import system
from pellucid.engines.llvm.emit.builder import ATTRIBUTES
from pellucid.engines.llvm.run.native import Library, Target, host, object_code

T = TypeVar("T")

LANES: Final = 16
SHARED: Final = 1.6
"""Two free cores do 1.9 to 2 times what one does; two threads of one core, or cores that others use, about as much."""

APART: Final = 2.5
"""Two cores with a common cache hand a line to each other in 40 to 70 ns; those of two chips take 180 and more, and a
step of a small network twice as long. A virtual machine is at times on the ones and at times on the others."""

BLOCKS, TURNS = 20, 100
"""How often a cache line goes back and forth: so many times so many, of which the median counts."""

HANDING = f"""define i64 @clock() {{
  %now = call i64 @pl.clock()
  ret i64 %now
}}
define void @hand(ptr %line, i64 %mine, ptr %cycles) {{
entry:
  br label %block
block:
  %b = phi i64 [ 0, %entry ], [ %b.next, %ended ]
  %first = phi i64 [ %mine, %entry ], [ %next, %ended ]
  %start = call i64 @pl.clock()
  br label %turn
turn:
  %i = phi i64 [ %first, %block ], [ %next, %given ]
  %k = phi i64 [ 0, %block ], [ %k.next, %given ]
  br label %look
look:
  %looks = phi i64 [ 0, %turn ], [ %looks.next, %again ]
  %value = load atomic i64, ptr %line acquire, align 8
  %here = icmp eq i64 %value, %i
  br i1 %here, label %given, label %again
again:
  %looks.next = add i64 %looks, 1
  %alone = icmp eq i64 %looks.next, 1000000
  br i1 %alone, label %done, label %look
given:
  %following = add i64 %i, 1
  store atomic i64 %following, ptr %line release, align 8
  %next = add i64 %i, 2
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, {TURNS}
  br i1 %more, label %turn, label %ended
ended:
  %end = call i64 @pl.clock()
  %took = sub i64 %end, %start
  %place = getelementptr i64, ptr %cycles, i64 %b
  store i64 %took, ptr %place
  %b.next = add i64 %b, 1
  %blocks.left = icmp slt i64 %b.next, {BLOCKS}
  br i1 %blocks.left, label %block, label %done
done:
  ret void
}}
"""
"""`i64 clock()`, and `void hand(i64* line, i64 mine, i64* cycles)`: two threads count a number up in turns.

The cycles are those of every block."""


def fma_ir(accumulators: int) -> str:
    """`void peak(i64 times, float* out)`: `times` rounds of independent 16-lane multiply-adds in registers."""
    vector = f"<{LANES} x float>"
    places = range(accumulators)
    splat = "<" + ", ".join(["float 0.5"] * LANES) + ">"
    lines = [
        f"declare {vector} @llvm.fma.v{LANES}f32({vector}, {vector}, {vector})",
        "define void @peak(i64 %times, ptr %out) {",
        "entry:",
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [0, %entry], [%next, %loop]",
        *(f"  %a{k} = phi {vector} [zeroinitializer, %entry], [%b{k}, %loop]" for k in places),
        *(
            f"  %b{k} = call {vector} @llvm.fma.v{LANES}f32({vector} %a{k}, {vector} {splat}, {vector} {splat})"
            for k in places
        ),
        "  %next = add i64 %i, 1",
        "  %more = icmp slt i64 %next, %times",
        "  br i1 %more, label %loop, label %end",
        "end:",
        *(f"  store volatile {vector} %b{k}, ptr %out, align 4" for k in places),
        "  ret void",
        "}",
    ]
    return "\n".join(lines)


class Probe:
    """The rate of multiply-adds on one and on two threads, in GFLOP/s.

    Attributes:
        single, double: the last rates measured that nothing disturbed, newest last.
        nanoseconds_per_tick: of this processor's clock.
        handing: the minimum time in which a line went from one core to another, in nanoseconds; infinite if none did.
    """

    def __init__(self, milliseconds: float = 2.0, *, target: Target | None = None) -> None:
        target = target or host()
        # A multiply-add takes 4 cycles and two can begin in each: 8 at least have to be on their way. A vector of 16
        # is two registers where they are narrow, and there are 16 of those.
        self._accumulators = 12 if target.registers.bits == 512 else 6
        texts = fma_ir(self._accumulators), system(target) + HANDING + ATTRIBUTES
        self._library = Library([object_code(text, target) for text in texts], target)
        self._hand = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)(
            self._library.address("hand")
        )
        self._clock = ctypes.CFUNCTYPE(ctypes.c_int64)(self._library.address("clock"))
        begin, ticks = time.perf_counter(), self._clock()
        time.sleep(0.01)
        self.nanoseconds_per_tick = (time.perf_counter() - begin) * 1e9 / max(1, self._clock() - ticks)
        self.handing = inf
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(self._library.address("peak"))
        self._times = 1000
        self.cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.single: deque[float] = deque(maxlen=64)
        self.double: deque[float] = deque(maxlen=64)
        for _ in range(3):
            seconds = self._seconds()
            self._times = max(1, int(self._times * milliseconds / 1e3 / seconds))
        for _ in range(5):
            self.quiet()

    def quiet(self) -> bool:
        """Whether two threads have a core each, all to themselves, and near each other, at this moment."""
        handing = self._handing() if self.cpus > 1 else 0.0
        self.handing = min(handing, self.handing)
        one = self._rate(1)
        two = self._rate(2) if self.cpus > 1 else one
        best = max(one, *self.single) if self.single else one
        free = two > SHARED * best and handing < APART * self.handing if self.cpus > 1 else one > 0.8 * best
        if free or not self.single:
            self.single.append(one)
            self.double.append(two)
        return free

    def peak(self, threads: int) -> float:
        """GFLOP/s that so many threads can do: the median of the last undisturbed rates."""
        return median(self.double if threads > 1 else self.single)

    def _rate(self, threads: int) -> float:
        seconds = _together(threads, lambda place: self._seconds())
        return sum(self._times * self._accumulators * LANES * 2 / s / 1e9 for s in seconds)

    def _handing(self) -> float:
        """Nanoseconds that it takes to hand a line over; infinite if the two do not meet."""
        line = (ctypes.c_int64 * 8)()

        def work(place: int) -> list[int]:
            cycles = (ctypes.c_int64 * BLOCKS)()
            self._hand(ctypes.addressof(line), place, ctypes.addressof(cycles))
            return [c for c in cycles if c]

        cycles = _together(2, work)[0]
        return median(cycles) * self.nanoseconds_per_tick / (2 * TURNS) if cycles else inf

    def _seconds(self) -> float:
        out = ctypes.create_string_buffer(LANES * 4)
        start = time.perf_counter()
        self._run(self._times, ctypes.addressof(out))
        return time.perf_counter() - start


def _together(threads: int, work: Callable[[int], T]) -> list[T]:
    """What so many threads found that began at the same time, this one among them, each on a processor of its own."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    gate = threading.Barrier(threads)

    def one(place: int) -> T:
        if len(allowed) >= threads > 1:
            os.sched_setaffinity(0, {allowed[place]})  # of this thread alone
        gate.wait()
        return work(place)

    try:
        with ThreadPoolExecutor(max(1, threads - 1)) as pool:
            others = [pool.submit(one, place) for place in range(1, threads)]
            return [one(0), *(other.result() for other in others)]
    finally:
        if allowed:
            os.sched_setaffinity(0, allowed)
