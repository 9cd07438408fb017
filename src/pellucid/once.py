"""Values that are made once, by whichever thread asks first, packages that are imported then, and locks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar("T")


def held_at_fork(lock: AbstractContextManager[Any]) -> None:
    """Let this process fork only while no other thread holds the lock: the child finds what it guards whole, and it
    open."""
    if hasattr(os, "register_at_fork"):
        leave = partial(lock.__exit__, None, None, None)
        os.register_at_fork(before=lock.__enter__, after_in_parent=leave, after_in_child=leave)


class Lock:
    """A reentrant lock that a forked process, and a copy of the object that has it, find open."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()

    def acquire(self, *, blocking: bool = True) -> bool:
        """Whether this thread has it now."""
        if self._process != os.getpid():  # whoever held it has stayed in the other process
            self._process, self._lock = os.getpid(), threading.RLock()
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return Lock, ()


class SequenceLock:
    """A lock for those who write (`with`); those who read take none, and read again where a writer came in between.

    Locks that are taken at every call make a queue that does not dissolve: once a thread is interrupted while it holds
    one, the others wait for it, and from then on hand it from one to the next.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun = self._ended = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._begun += 1

    def __exit__(self, *_: object) -> None:
        self._ended += 1
        self._lock.release()

    def read(self, take: Callable[[], T]) -> T:
        """What `take` finds while nobody writes."""
        ended = self._ended
        if self._begun == ended:
            value = take()
            if self._begun == ended:
                return value
        with self._lock:
            return take()


class Once:
    """Values by key. Any number of threads may ask for one: the first makes it, the others wait and get the same.

    A copy, by `copy`, `deepcopy` or `pickle`, is empty: what it holds (machine code, memory that is being written)
    belongs to one process, and can be made again.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of this key; what `make` gives, if there is none yet."""
        try:
            return self._values[key]
        except KeyError:
            pass
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
            return self._values[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __reduce__(self) -> tuple[type[Once], tuple[Any, ...]]:
        return Once, ()


class Recent(Once):
    """Values by key, as many as `limit`: what was made first goes first."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        value = super().get(key, make)
        if len(self._values) > self._limit:
            with self._lock:
                while len(self._values) > self._limit:
                    del self._values[next(iter(self._values))]
        return value

    def __reduce__(self) -> tuple[type[Once], tuple[Any, ...]]:
        return Recent, (self._limit,)


class Deferred:
    """A package that is not imported yet, whose functions a class can have as methods all the same.

        explain = Deferred("pellucid.explain")

        class Network:
            trace = explain.trace

    `Network.trace` is the function itself from the first time that it is asked for.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        return _Method(self._package, name)


class _Method:
    def __init__(self, package: str, function: str) -> None:
        self._package, self._function = package, function

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        function = getattr(import_module(self._package), self._function)
        setattr(self._owner, self._name, function)
        return function.__get__(instance, owner)
