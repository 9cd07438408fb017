"""Networks of any length: an axis that is left open, None, and the programs of each length that came.

A network with an open axis is written at lengths of its own choice, to see that its layers fit and that none of its
parameters depends on them. Examples then find it written for their lengths, of the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, Final, Protocol, Self

import numpy as np

from pellucid.engines import Executable, Session
from pellucid.engines.base import Array
from pellucid.engines.processes import PART
from pellucid.errors import PellucidError
from pellucid.formula import Program
from pellucid.layers.base import OpenShape
from pellucid.once import Lock

TRIED: Final = (16, 64, 256, 1024)
"""The lengths at which a network with open axes is written: the first that is long enough for its windows."""
MAX_LENGTHS: Final = 128
"""For how many lengths a network keeps its programs; what was made first goes first."""


def fits(shape: OpenShape, given: Sequence[int]) -> bool:
    """Whether an example of this shape may come where `shape` is expected."""
    return len(shape) == len(given) and all(e is None or e == g for e, g in zip(shape, given, strict=True))


def closed(shape: OpenShape, length: int) -> tuple[int, ...]:
    """The shape with a length in place of every None."""
    return tuple(length if extent is None else extent for extent in shape)


def opened(short: Sequence[int], long: Sequence[int]) -> OpenShape:
    """What two shapes have in common, None where they differ."""
    return tuple(s if s == t else None for s, t in zip(short, long, strict=True))


class Sized(Protocol):
    """A network that can be written for the lengths of some arrays."""

    def sized(self, arrays: Mapping[str, Any]) -> Self: ...

    def executable(
        self, key: Hashable, build: Callable[[Any], Program], *, engine: str | None = None
    ) -> Executable: ...


class AnyLength:
    """A program of a network that takes any length: that of the length which comes, compiled at its first call."""

    def __init__(self, net: Sized, key: Hashable, build: Callable[[Any], Program], engine: str) -> None:
        self._net, self._key, self._build, self._engine = net, key, build, engine

    @property
    def program(self) -> Program:
        """The program at the lengths at which the network was written first."""
        return self._build(self._net)

    def of_length(self, inputs: Mapping[str, Any]) -> Executable:
        """The program for the lengths of these inputs."""
        return self._net.sized(inputs).executable(self._key, self._build, engine=self._engine)

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self.of_length(inputs)(inputs)

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Every tensor of the program by name, in the program's order."""
        return self.of_length(inputs).trace(inputs)

    def session(self, state: Mapping[str, Array]) -> Session:
        """Many steps of any length; `state` goes from the program of one length to that of the next."""
        return AnyLengthSession(self, state)


class AnyLengthSession:
    """Steps of one program after the other, each of the length that its examples have. See `Session`."""

    def __init__(self, executable: AnyLength, state: Mapping[str, Array]) -> None:
        self._executable = executable
        self._lock = Lock()
        self._begin: dict[str, Array] = {name: np.array(array) for name, array in state.items()}
        self._sessions: dict[int, tuple[Executable, Session]] = {}
        self._current: Session | None = None

    @property
    def state(self) -> Mapping[str, Array]:
        """The arrays as they are now, by name."""
        return self._begin if self._current is None else self._current.state

    def assign(self, arrays: Mapping[str, Array]) -> None:
        """Give arrays of the state other values."""
        if self._current is not None:
            return self._current.assign(arrays)
        for name, array in arrays.items():
            self._begin[name][...] = array

    def share(self, batch: int, back: Collection[str] = ()) -> slice:
        """All of them.

        Raises:
            PellucidError: there are other processes, and they would have to agree on the length of every batch.
        """
        if PART.processes > 1:
            raise PellucidError(
                "several processes train networks of one shape together, but this one takes any length: give it one, "
                "net.fixed((20, 3))"
            )
        return slice(0, batch)

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Steps, one after the other, of examples of one length."""
        with self._lock:
            run = self._executable.of_length(data)
            state = self.state
            _, session = self._sessions.get(id(run), (run, None))
            if session is None:
                if len(self._sessions) >= MAX_LENGTHS:
                    self._sessions.pop(next(iter(self._sessions)))
                session = run.session(state)
                self._sessions[id(run)] = run, session
            elif session is not self._current:
                session.assign(state)
            self._current = session
            return session.run(data, rows=rows, each=each)
