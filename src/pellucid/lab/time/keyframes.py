"""States of a training kept to come back to, as many as a budget of memory allows."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from pellucid.lab.time.branches import Branch
from pellucid.training.running.state import State

Array = NDArray[Any]
FIRST_INTERVAL = 16
FRAME, ARRAY = 2048, 256
"""What a state and an array take beside their numbers, in bytes, about: small networks have little else."""


class Keyframes:
    """States by branch and step. The first of all stays whatever the budget; the others stand at least `interval`
    steps apart, which doubles whenever the budget is exceeded.

    Attributes:
        memory: the budget in bytes.
        bytes: how much is kept. An array that several states share counts once.
    """

    def __init__(self, origin: Branch, state: State, memory: int) -> None:
        self.memory, self.bytes, self.interval = memory, 0, FIRST_INTERVAL
        self._lock = threading.RLock()
        self._sharers: Counter[int] = Counter()
        self._frames: dict[Branch, dict[int, State]] = {}
        self._steps: dict[Branch, list[int]] = {}
        self._origin = origin
        self._first = state.step
        self._add(origin, self._first, state)

    def __len__(self) -> int:
        return sum(map(len, self._steps.values()))

    def hold(self, arrays: Iterable[Array]) -> None:
        """Count what has to be kept in any case."""
        with self._lock:
            self.bytes += sum(array.nbytes + ARRAY for array in arrays)
            self._thin()

    def due(self, lineage: tuple[Branch, ...], step: int) -> bool:
        """Whether the state at a step is worth keeping: none is kept shortly before."""
        return step - self.nearest(lineage, step)[1] >= self.interval

    def keep(self, branch: Branch, step: int, state: State) -> None:
        with self._lock:
            if step not in self._frames.get(branch, {}):
                self._add(branch, step, state)
                self._thin()

    def nearest(self, lineage: tuple[Branch, ...], step: int) -> tuple[Branch, int, State]:
        """The last state kept on the way to a step of the last of these branches. Any thread may ask."""
        with self._lock:
            for branch in reversed(lineage):
                steps = self._steps.get(branch, [])
                place = bisect.bisect_right(steps, step)
                if place:
                    return branch, steps[place - 1], self._frames[branch][steps[place - 1]]
                step = min(step, branch.at)
        raise AssertionError("the origin is always kept")

    def along(self, lineage: tuple[Branch, ...], step: int) -> list[tuple[Branch, int, State]]:
        """All states kept on the way to a step of the last of these branches, by step. Any thread may ask."""
        ends = [*(branch.at for branch in lineage[1:]), step]
        with self._lock:
            return [
                (branch, kept, self._frames[branch][kept])
                for branch, end in zip(lineage, ends, strict=True)
                for kept in self._steps.get(branch, [])
                if kept < end or (branch is lineage[-1] and kept == end)
            ]

    def _add(self, branch: Branch, step: int, state: State) -> None:
        self._frames.setdefault(branch, {})[step] = state
        bisect.insort(self._steps.setdefault(branch, []), step)
        self.bytes += FRAME
        for array in _arrays(state):
            if not self._sharers[id(array)]:
                self.bytes += array.nbytes + ARRAY
            self._sharers[id(array)] += 1

    def _remove(self, branch: Branch, step: int) -> None:
        state = self._frames[branch].pop(step)
        self._steps[branch].remove(step)
        self.bytes -= FRAME
        for array in _arrays(state):
            self._sharers[id(array)] -= 1
            if not self._sharers[id(array)]:
                del self._sharers[id(array)]
                self.bytes -= array.nbytes + ARRAY

    def _thin(self) -> None:
        while self.bytes > self.memory and len(self) > 1:
            self.interval *= 2
            for branch, steps in self._steps.items():
                before = branch.at
                for step in list(steps):
                    if (branch is self._origin and step == self._first) or step - before >= self.interval:
                        before = step
                    else:
                        self._remove(branch, step)


def _arrays(state: State) -> Iterator[Array]:
    yield from state.parameters.values()
    yield from state.slots.values()
    yield from state.best_parameters.values()
    for parts in state.metrics:
        yield from parts
