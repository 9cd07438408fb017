"""When a run that is played comes to rest by itself: its loss hardly falls any more."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.explain.arithmetic import number
from pellucid.messages import Message, gettext, words

PARTS = 5
"""Two windows of a fifth of the steps that a task takes to learn are compared, or two epochs where those are longer."""
FALL = 0.01
"""By less than this fraction of what it was at first, from one window to the next, a loss hardly falls."""

LOOKS = 4
"""So often in a window the losses are looked at."""
SETTLED = gettext(
    "The loss hardly falls any more: over the last {count} steps it was {last} on average, over the {count} "
    "before {before}. The training rests here; Play continues it."
)


class Settling:
    """Watches for the step at which playing on would show nothing new.

    Args:
        steps: how many steps it takes to learn what there is to learn; None never rests.
        steps_per_epoch: two windows have at least so many steps.
    """

    def __init__(self, steps: int | None, steps_per_epoch: int) -> None:
        self._steps = steps
        self.window = max(steps_per_epoch, (steps or 0) // PARTS, 1)
        self._every = max(1, self.window // LOOKS)
        self._next: int | None = steps

    def rule(self) -> dict[str, Any]:
        """What a saved file rests by; its `local/training/settling.ts` does as this class does."""
        return {
            "steps": self._steps,
            "window": self.window,
            "every": self._every,
            "fall": FALL,
            "words": words(SETTLED),
        }

    def begin(self, step: int = 0) -> None:
        """From a step at which something was changed, or from the beginning."""
        self._next = None if self._steps is None else max(self._steps, step + 2 * self.window if step else 0)

    def insist(self) -> None:
        """Somebody wants to go on all the same."""
        self._next = None

    def due(self, step: int) -> bool:
        """Whether the losses are worth a look at this step."""
        return self._next is not None and step >= self._next

    def judge(self, losses: NDArray[Any]) -> Message | None:
        """Of the losses of all steps so far: what to say where the last ones hardly fall, or None."""
        count, step = self.window, len(losses)
        self._next = step + self._every
        if step < 2 * count:
            return None
        first, before, last = (
            float(np.mean(part)) for part in (losses[:count], losses[-2 * count : -count], losses[-count:])
        )
        if before - last > FALL * abs(first):
            return None
        return SETTLED.filled(
            count=count,
            last=number(last),
            before=number(before),
        )
