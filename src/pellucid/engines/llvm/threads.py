"""The threads that run a program: the caller and, for as long as the process lives, workers that look out for the
next call for a moment and then sleep."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from collections import defaultdict
from ctypes import c_int64, c_void_p
from dataclasses import dataclass, field
from math import inf

from pellucid.engines.llvm.layout import THREADS

_run_type = ctypes.CFUNCTYPE(None, c_void_p, c_int64)


def available() -> int:
    """How many threads may be used: PELLUCID_THREADS, or the CPUs that the process may run on."""
    named = os.environ.get("PELLUCID_THREADS", "")
    if named.isdigit() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


ALONE = 1e6
"""So many operations are done before threads that are awake have met a few times."""

BRIEF = 4e7
"""So many operations are done before another thread is awake: some 100 µs, and the first call that waits pays twice."""

SOON = 100e-6
"""Seconds from one call to the next for which a worker stays awake."""

MOST = 256
"""Workers that there may be."""

SHORT = 5e-3
"""Seconds that a call may take at the best to be compared with others: longer ones even out what disturbs them."""

SLOW = 3
"""A short call that took so many times its best met threads that had no processor to run on."""

AGAIN, LONGEST = 8, 50
"""Calls like it are done alone for as long as it took; for twice as long as the last time, if that is not so many times
as long ago; but for no more than so many times as long as it took."""


def wanted(shards: int, work: float, steps: int = 1) -> int:
    """How many threads a call deserves.

    Args:
        shards: of a step: what one thread takes at a time.
        work: operations of a step.
        steps: of the call.
    """
    if shards <= 1 or work * steps < ALONE or work < ALONE / 20:
        return 1
    return min(available(), shards, MOST)


@dataclass
class Past:
    """How calls of one kind went that threads shared: what one takes at the best, in seconds, until when they are done
    alone, and for how long in all."""

    best: float = inf
    until: float = 0.0
    pause: float = 0.0

    def learn(self, began: float, ended: float) -> None:
        """A shared call came and went. One that others disturbed is rare on a quiet machine and costs little more than
        itself; where it is the rule, hardly any are tried."""
        took = ended - began
        self.best = min(self.best, took)
        if self.best < SHORT and took > SLOW * self.best:
            again = began - self.until < AGAIN * self.pause
            self.pause = min(2 * self.pause, LONGEST * took) if again else took
            self.until = ended + self.pause


@dataclass
class _Worker:
    """A thread that sleeps until its bed is free. `up`: it has begun to look out, and not yet gone to sleep again.
    `allowed` are the processors that it may run on, but for the moment in which it is woken."""

    box: int
    bed: threading.Lock
    asleep: c_int64
    wake: c_int64
    thread: int = -1
    up: bool = False
    allowed: set[int] = field(default_factory=set)


class _Crew:
    """The workers of this process."""

    def __init__(self) -> None:
        from pellucid.engines.llvm import handover

        self.process = os.getpid()
        self.lock = threading.Lock()
        self.last = 0.0
        self.past: defaultdict[tuple[int, float], Past] = defaultdict(Past)
        self._library = handover.library()
        self._box = handover.BOX
        raw = (ctypes.c_char * (self._box * (MOST + 1)))()
        self._raw = raw
        self._boxes = -(-ctypes.addressof(raw) // self._box) * self._box
        self._workers: list[_Worker] = []
        address = self._library.address
        self._hand = ctypes.CFUNCTYPE(c_int64, c_void_p, c_int64, c_void_p, c_void_p)(address("hand"))
        self._join = ctypes.CFUNCTYPE(None, c_void_p, c_int64, c_void_p, c_void_p)(address("join"))
        self._rouse = ctypes.CFUNCTYPE(c_int64, c_void_p)(address("rouse"))
        self._serve = ctypes.CFUNCTYPE(None, c_void_p)(address("serve"))

    def awake(self, count: int) -> bool:
        """Whether the first so many workers are on the lookout."""
        for worker in self._workers[:count]:
            if not worker.up or worker.asleep.value:
                return False
        return len(self._workers) >= count

    def rouse(self, count: int) -> None:
        """Wake those who sleep, for a call that may come soon."""
        self._hire(count)
        self._free([w for w in self._workers[:count] if self._rouse(w.box)])

    def run(self, entry: int, context: int, count: int) -> None:
        """The code at `entry` on the caller's thread and on so many workers."""
        self._hire(count)
        if self._hand(self._boxes, count, entry, context):
            self._free([w for w in self._workers[:count] if w.wake.value])
            self._join(self._boxes, count, entry, context)

    def _free(self, workers: list[_Worker]) -> None:
        """Let them get up, on other processors than the caller's: some kernels wake a thread where it is woken from,
        and leave the two there to wait for each other while another processor has nothing to do."""
        here = None if _processor is None else _processor()
        for worker in workers:
            if here is not None:
                with contextlib.suppress(OSError):
                    worker.allowed = os.sched_getaffinity(worker.thread)
                    os.sched_setaffinity(worker.thread, worker.allowed - {here} or worker.allowed)
            worker.bed.release()

    def _hire(self, count: int) -> None:
        while len(self._workers) < count:
            box = self._boxes + len(self._workers) * self._box
            asleep, wake = (c_int64.from_address(box + word * 8) for word in (16, 17))
            worker = _Worker(box, threading.Lock(), asleep, wake)
            worker.bed.acquire()
            worker.asleep.value = 1
            thread = threading.Thread(target=self._work, args=(worker,), daemon=True, name="pellucid")
            thread.start()
            worker.thread = thread.native_id or -1
            self._workers.append(worker)

    def _work(self, worker: _Worker) -> None:
        while True:
            worker.bed.acquire()
            if worker.allowed:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(0, worker.allowed)
            worker.up = True
            self._serve(worker.box)
            worker.up = False


_processor = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None
"""The number of the processor that this thread runs on, where the system tells it."""

_functions: dict[int, ctypes._FuncPointer] = {}
_crew: _Crew | None = None


def run(entry: int, context: int, count: int, work: float = BRIEF) -> None:
    """Run the code at `entry` on `count` threads at once, this one among them.

    The caller does brief work alone while the workers sleep; if calls come one upon the other, it wakes them for the
    next. Where other processes use the processors, so that a shared call took far longer than it can, short calls are
    done alone for a while.

    Args:
        context: the address of the words that the code reads; its seventh is `count`.
        work: operations of the call.
    """
    function = _functions.get(entry) or _functions.setdefault(entry, _run_type(entry))
    if count <= 1:
        function(context, 0)
        return
    global _crew
    if _crew is None or _crew.process != os.getpid():  # after a fork the workers are gone
        _crew = _Crew()
    crew = _crew
    with crew.lock:
        past, began = crew.past[entry, work], time.perf_counter()
        worth = began >= past.until
        if worth and (work >= BRIEF or crew.awake(count - 1)):
            crew.run(entry, context, count - 1)
            crew.last = time.perf_counter()
            past.learn(began, crew.last)
            return
        if worth and began - crew.last < SOON:
            crew.rouse(count - 1)
        threads = c_int64.from_address(context + 8 * THREADS)
        threads.value = 1
        function(context, 0)
        threads.value = count
        crew.last = time.perf_counter()
