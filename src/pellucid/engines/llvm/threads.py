"""The threads that run a program: the caller and, for as long as the process lives, workers that sleep between
calls."""

from __future__ import annotations

import ctypes
import os
import threading

_run_type = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def available() -> int:
    """How many threads may be used: PELLUCID_THREADS, or the CPUs that the process may run on."""
    named = os.environ.get("PELLUCID_THREADS", "")
    if named.isdigit() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


ALONE = 1e6
"""So many operations are done before another thread is awake: some 50 µs."""


def wanted(shards: int, work: float, steps: int = 1) -> int:
    """How many threads a call deserves.

    Args:
        shards: of a step: what one thread takes at a time.
        work: operations of a step.
        steps: of the call; threads that are awake meet in less than a microsecond.
    """
    if shards <= 1 or work * steps < ALONE or work < ALONE / 20:
        return 1
    return min(available(), shards)


class _Worker:
    """One sleeping thread. It takes a function and its argument, runs it without Python's lock, and says when it
    is done."""

    def __init__(self) -> None:
        self.start, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.task: tuple[ctypes._FuncPointer, int] | None = None
        threading.Thread(target=self._work, daemon=True, name="pellucid").start()

    def _work(self) -> None:
        while True:
            self.start.acquire()
            assert self.task is not None
            function, argument = self.task
            function(argument)
            self.done.release()


_functions: dict[int, ctypes._FuncPointer] = {}
_workers: list[_Worker] = []
_lock = threading.Lock()
_process = os.getpid()


def run(entry: int, context: int, count: int) -> None:
    """Run the code at `entry` on `count` threads at once, this one among them."""
    function = _functions.get(entry) or _functions.setdefault(entry, _run_type(entry))
    if count <= 1:
        function(context)
        return
    global _process
    with _lock:
        if os.getpid() != _process:  # after a fork the workers are gone
            _workers.clear()
            _process = os.getpid()
        while len(_workers) < count - 1:
            _workers.append(_Worker())
        mine = _workers[: count - 1]
        for worker in mine:
            worker.task = (function, context)
            worker.start.release()
        function(context)
        for worker in mine:
            worker.done.acquire()
