"""The threads that run a program: the caller and, for as long as the process lives, workers that spin for a moment
waiting for the next call and then sleep.

Several callers may be in native code at once, each with workers that no other has: they share the processors, so that
there are no more threads than processors unless there are more callers. No lock is held while native code runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from ctypes import c_int64, c_void_p
from dataclasses import dataclass, field
from functools import partial
from math import inf

from pellucid.engines.llvm.plan.layout import THREADS
from pellucid.engines.llvm.run import handoff
from pellucid.engines.llvm.run.handoff import ASLEEP, BOX, OWED, WAKE
from pellucid.once import Lock

_run_type = ctypes.CFUNCTYPE(None, c_void_p, c_int64)
_short_type = ctypes.PYFUNCTYPE(None, c_void_p, c_int64)


def available() -> int:
    """How many threads may be used: PELLUCID_THREADS, or the CPUs that the process may run on."""
    named = os.environ.get("PELLUCID_THREADS", "")
    if named.isdigit() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


ALONE = 1e6
"""So many operations are done before threads that are awake have passed a few barriers."""

HELD = 3e6
"""So many operations are done before another thread of the interpreter would have had its lock and given it back."""

BRIEF = 8e6
"""So many operations are done before another thread is awake: some 100 µs, and the first call that waits pays twice."""

SOON = 100e-6
"""Seconds from one call to the next for which a worker stays awake."""

MAX_WORKERS = 256
"""Workers that there may be."""

SHORT = 5e-3
"""Seconds that a call may take at the best to be compared with others: longer ones even out what disturbs them."""

SLOW = 3
"""A short call that took so many times its best had threads with no processor to run on."""

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
    return min(available(), shards, MAX_WORKERS)


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
    """A thread that sleeps until its parking lock is released. `up`: it has begun to spin, and not yet gone to sleep.
    `allowed` are the processors that it may run on, but for the moment in which it is woken."""

    box: int
    parked: threading.Lock
    thread: int = -1
    up: bool = False
    allowed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.asleep, self.wake, self.owed = (c_int64.from_address(self.box + word * 8) for word in (ASLEEP, WAKE, OWED))

    @property
    def awake(self) -> bool:
        return self.up and not self.asleep.value


class _Team:
    """Workers that one caller has, until they are given back."""

    def __init__(self, workers: list[_Worker], library: _Library) -> None:
        self.workers = workers
        self._library = library
        self._boxes = (c_int64 * len(workers))(*(w.box for w in workers))

    @property
    def awake(self) -> bool:
        """Whether all are spinning."""
        return all(worker.awake for worker in self.workers)

    def wake(self) -> None:
        """Wake those who sleep, for a call that may come soon."""
        try:
            _unpark([w for w in self.workers if self._library.wake(w.box)])
        except BaseException:
            _unpark(self.workers)  # none may stay parked that is thought to be awake
            raise

    def run(self, entry: int, context: int) -> None:
        """The code at `entry` on the caller's thread and on all workers. It returns when all are done, also where
        Ctrl-C comes in between: they write into the caller's memory."""
        count = len(self.workers)
        interrupted: BaseException | None = None
        try:
            self._library.dispatch(self._boxes, count, entry, context)
        except BaseException as error:
            interrupted = error
        while self.workers[0].owed.value:  # some sleep: none has begun
            try:
                _unpark([w for w in self.workers if w.wake.value])
                self._library.join(self._boxes, count, entry, context)
            except BaseException as error:
                interrupted = error
        if interrupted is not None:
            raise interrupted


def _unpark(workers: list[_Worker]) -> None:
    """Release their parking locks, on other processors than the caller's: some kernels wake a thread where it is woken
    from, and leave the two there to wait for each other while another processor has nothing to do.

    A worker that is awake already finds nothing to do the next time, and sleeps again: to wake it twice does no harm.
    """
    here = None if _processor is None else _processor()
    for worker in workers:
        if here is not None:
            with contextlib.suppress(OSError):
                worker.allowed = worker.allowed or os.sched_getaffinity(worker.thread)
                os.sched_setaffinity(worker.thread, worker.allowed - {here} or worker.allowed)
        if worker.parked.locked():
            worker.parked.release()


@dataclass
class _Visit:
    """What a caller has while its call lasts: whether it counts among the callers, and its workers."""

    counted: bool = False
    workers: list[_Worker] = field(default_factory=list)


class _Library:
    """The functions of `handoff`."""

    def __init__(self) -> None:
        self._code = handoff.library()
        address = self._code.address
        self.dispatch = ctypes.CFUNCTYPE(c_int64, c_void_p, c_int64, c_void_p, c_void_p)(address("dispatch"))
        self.join = ctypes.CFUNCTYPE(None, c_void_p, c_int64, c_void_p, c_void_p)(address("join"))
        self.wake = ctypes.CFUNCTYPE(c_int64, c_void_p)(address("wake"))
        self.serve = ctypes.CFUNCTYPE(None, c_void_p)(address("serve"))


class _WorkerPool:
    """The workers of this process, and those of them that are idle."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.last, self.last_thread = 0.0, 0
        # Python changes threads, and looks for Ctrl-C, where something is called. So nobody is sent away while he holds
        # this lock, and nobody waits for it: once some do, they hand it on at every call (see `SequenceLock`).
        self._lock = threading.Lock()
        self._callers = 0
        self._library = _Library()
        self._raw = (ctypes.c_char * (BOX * (MAX_WORKERS + 1)))()
        start = -(-ctypes.addressof(self._raw) // BOX) * BOX
        self._boxes = [start + k * BOX for k in range(MAX_WORKERS)]
        self._idle: list[_Worker] = []
        self._teams: dict[tuple[int, ...], _Team] = {}

    def enter(self, visit: _Visit, count: int) -> _Team | None:
        """One more caller, and so many workers for it, or fewer where other callers are at work too."""
        processors = available() if self._callers else MAX_WORKERS
        with self._lock:  # nothing is called here: see `_lock`
            self._callers += 1
            visit.counted = True
            if self._callers > 1 and count > processors // self._callers - 1:
                count = processors // self._callers - 1
            if count < 1:
                return None
            visit.workers = self._idle[-count:]
            del self._idle[-count:]
        while len(visit.workers) < count and self._boxes:
            with contextlib.suppress(IndexError):  # another caller took the last one
                visit.workers.insert(0, self._spawn(self._boxes.pop(0)))
        key = tuple(w.box for w in visit.workers)
        team = self._teams.get(key)
        if team is None and visit.workers:
            team = self._teams[key] = _Team(visit.workers.copy(), self._library)
        return team

    def leave(self, visit: _Visit) -> None:
        """The caller is done, and its workers are there for others; this may be said several times."""
        with self._lock:
            self._callers -= visit.counted
            visit.counted = False
            self._idle += visit.workers
            visit.workers = []
        self.last, self.last_thread = time.perf_counter(), threading.get_ident()

    def _spawn(self, box: int) -> _Worker:
        worker = _Worker(box, threading.Lock())
        worker.parked.acquire()
        worker.asleep.value = 1
        thread = threading.Thread(target=self._work, args=(worker,), daemon=True, name="pellucid")
        thread.start()
        worker.thread = thread.native_id or -1
        return worker

    def _work(self, worker: _Worker) -> None:
        while True:
            worker.parked.acquire()
            if worker.allowed:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(0, worker.allowed)
                worker.allowed = set()
            worker.up = True
            self._library.serve(worker.box)
            worker.up = False


_processor = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None
"""The number of the processor that this thread runs on, where the system tells it."""

_pool_lock = Lock()
_pool: _WorkerPool | None = None


def _ours() -> _WorkerPool:
    global _pool
    pool = _pool
    if pool is None or pool.process != os.getpid():  # after a fork the workers are gone
        with _pool_lock:
            if _pool is None or _pool.process != os.getpid():
                _pool = _WorkerPool()
            pool = _pool
    return pool


class Entry:
    """Code that threads may share, by its address, and how its calls went so far."""

    def __init__(self, address: int) -> None:
        self._address = address
        self._function = _run_type(address)
        # Over before another thread of the interpreter could make use of its lock, which it therefore keeps.
        self._shortest = _short_type(address)
        self._past: defaultdict[float, Past] = defaultdict(Past)

    def caller(self, context: int, count: int, work: float = BRIEF) -> Callable[[], None]:
        """A call on `count` threads, the caller's among them, to be done again and again, by one caller at a time.

        Args:
            context: the address of the words that the code reads.
            work: operations of the call.
        """
        if count <= 1 and work < BRIEF:
            return partial(self._function if work >= HELD else self._shortest, context, 0)
        return partial(self._run, context, c_int64.from_address(context + 8 * THREADS), count, work)

    def _run(self, context: int, threads: c_int64, count: int, work: float) -> None:
        """The caller does brief work alone while the workers sleep; if calls come one upon the other, it wakes them for
        the next. Where other processes use the processors, so that a shared call took far longer than it can, short
        calls are done alone for a while. So are calls while others use the processors, and brief ones in turn with
        those of another thread."""
        pool, past = _ours(), self._past[work]
        began, last = time.perf_counter(), pool.last
        alone = began < past.until or (work < BRIEF and pool.last_thread != threading.get_ident())
        visit = _Visit()
        try:
            team = pool.enter(visit, 0 if alone else count - 1)
            if team is not None and (work >= BRIEF or team.awake):
                threads.value = len(team.workers) + 1
                team.run(self._address, context)
                if threads.value == count:
                    past.learn(began, time.perf_counter())
                return
            if team is not None and began - last < SOON:
                team.wake()
            threads.value = 1
            (self._function if work >= HELD else self._shortest)(context, 0)
        finally:
            try:
                pool.leave(visit)
            except BaseException:  # Ctrl-C came first
                pool.leave(visit)
                raise
