"""States of a training kept to begin from again, as many as a budget of memory allows."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FIRST_INTERVAL = 16


class KeptStates:
    """Arrays by name at some steps. The first of all stays; the others stand at least `interval` steps apart, which
    doubles whenever they are more than `memory` bytes.
    """

    def __init__(self, memory: int, step: int, arrays: Mapping[str, Array]) -> None:
        self.memory, self.interval = memory, FIRST_INTERVAL
        self._states = {step: _copied(arrays)}
        self._steps = [step]

    def __len__(self) -> int:
        return len(self._steps)

    def keep(self, step: int, arrays: Mapping[str, Array]) -> None:
        """Keep the arrays as they are now, unless there are some of shortly before, or no room."""
        if step - self._steps[bisect.bisect_right(self._steps, step) - 1] < self.interval or not self._room():
            return
        bisect.insort(self._steps, step)
        self._states[step] = _copied(arrays)
        while not self._room() and len(self._steps) > 1:
            self.interval *= 2
            kept = self._steps[:1]
            for at in self._steps[1:]:
                if at - kept[-1] >= self.interval:
                    kept.append(at)
            self._steps = kept
            self._states = {at: self._states[at] for at in kept}

    def nearest(self, step: int) -> tuple[int, Mapping[str, Array]]:
        """The last step up to this one of which the state was kept, and that state."""
        at = self._steps[bisect.bisect_right(self._steps, step) - 1]
        return at, self._states[at]

    def _room(self) -> bool:
        first = self._states[self._steps[0]]
        return sum(a.nbytes for a in first.values()) * len(self._steps) <= self.memory


def _copied(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.array(array) for name, array in arrays.items()}
