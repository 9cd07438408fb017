"""The ceiling: the multiply-adds of cores that do nothing else, and whether they are two cores just now."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections import deque
from statistics import median
from typing import Final

from pellucid.engines.llvm.native import Library, Target, host, object_code

LANES: Final = 16
SHARED: Final = 1.6
"""Two free cores do 1.9 to 2 times what one does; two threads of one core, or cores that others use, about as much."""


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
    """

    def __init__(self, milliseconds: float = 2.0, *, target: Target | None = None) -> None:
        target = target or host()
        # A multiply-add takes 4 cycles and two can begin in each: 8 at least have to be on their way. A vector of 16
        # is two registers where they are narrow, and there are 16 of those.
        self._accumulators = 12 if target.wide else 6
        self._library = Library([object_code(fma_ir(self._accumulators), target)], target)
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
        """Whether two threads have a core each, all to themselves, at this moment."""
        one = self._rate(1)
        two = self._rate(2) if self.cpus > 1 else one
        best = max(one, *self.single) if self.single else one
        free = two > SHARED * best if self.cpus > 1 else one > 0.8 * best
        if free or not self.single:
            self.single.append(one)
            self.double.append(two)
        return free

    def peak(self, threads: int) -> float:
        """GFLOP/s that so many threads can do: the median of the last undisturbed rates."""
        return median(self.double if threads > 1 else self.single)

    def _rate(self, threads: int) -> float:
        seconds = [0.0] * threads
        gate = threading.Barrier(threads)

        def work(place: int) -> None:
            gate.wait()
            seconds[place] = self._seconds()

        others = [threading.Thread(target=work, args=(k,)) for k in range(1, threads)]
        for thread in others:
            thread.start()
        work(0)
        for thread in others:
            thread.join()
        return sum(self._times * self._accumulators * LANES * 2 / s / 1e9 for s in seconds)

    def _seconds(self) -> float:
        out = ctypes.create_string_buffer(LANES * 4)
        start = time.perf_counter()
        self._run(self._times, ctypes.addressof(out))
        return time.perf_counter() - start
