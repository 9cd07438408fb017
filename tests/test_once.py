"""Locks that readers do not take."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

import pellucid as pl
from pellucid import parameters
from pellucid.engines.llvm.run import worker_pool
from pellucid.once import Lock, SequenceLock


def test_readers_see_a_whole_change_or_none() -> None:
    lock, values, ended = SequenceLock(), [0] * 50, threading.Event()

    def write() -> None:
        for number in range(300):
            with lock:
                for place in range(len(values)):
                    values[place] = number
        ended.set()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    try:
        while not ended.is_set() or not reads:
            assert len(set(lock.read(lambda: [values[k] for k in range(50)]))) == 1
            reads += 1
    finally:
        sys.setswitchinterval(before)
        writer.join()


class _Untaken(Lock):
    """A lock that must not be taken."""

    def acquire(self, *, blocking: bool = True) -> bool:
        raise AssertionError("a lock that every call takes makes a queue of threads that does not dissolve")


def test_a_call_takes_no_lock_that_another_thread_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    net = pl.Network(pl.Dense(5, activation="relu"), pl.Dense(2), input_shape=3)
    x, y = np.ones((7, 3), np.float32), np.ones((7, 2), np.float32)
    calls: list[Callable[[], object]] = [
        lambda: net.predict(x),
        lambda: net.evaluate(x, y),
        lambda: net.gradients(x, y),
    ]
    expected = [call() for call in calls]
    monkeypatch.setattr(parameters._swap, "_lock", _Untaken())
    monkeypatch.setattr(Lock, "acquire", _Untaken.acquire)
    for call, before in zip(calls, expected, strict=True):
        np.testing.assert_equal(call(), before)


def test_threads_change_nowhere_while_the_workers_lock_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python calls something, another thread may go on, and would wait for the lock."""
    pool = worker_pool._WorkerPool()
    held, called = False, []

    class Watched:
        def __enter__(self) -> None:
            nonlocal held
            held = True

        def __exit__(self, *_: object) -> None:
            nonlocal held
            held = False

    def look(frame: object, event: str, argument: object) -> None:
        code = getattr(frame, "f_code", None)
        inside = code is not None and code.co_filename != __file__
        if held and event in ("call", "c_call") and inside:
            called.append((event, argument))

    monkeypatch.setattr(pool, "_lock", Watched())
    visits = [worker_pool._Visit() for _ in range(3)]
    sys.setprofile(look)
    try:
        for visit in visits:
            pool.enter(visit, 1)
        for visit in visits:
            pool.leave(visit)
    finally:
        sys.setprofile(None)
    assert not called
    assert not pool._callers
