"""The tree of a run's branches: the loss of every step, the values of every epoch, changes of the learning rate."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.answers import History
from pellucid.lab.time.changes import Change
from pellucid.messages import gettext

Array = NDArray[Any]
MAX_BRANCHES = 1000


class Growing:
    """Rows of float64 at the end of which others are put."""

    def __init__(self, *columns: int) -> None:
        self._array = np.empty((64, *columns))
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def extend(self, rows: Array) -> None:
        length = self._length + len(rows)
        if length > len(self._array):
            larger = np.empty((2 * length, *self._array.shape[1:]))
            larger[: self._length] = self._array[: self._length]
            self._array = larger
        self._array[self._length : length] = rows
        self._length = length

    @property
    def rows(self) -> Array:
        """A view, until the next `extend`."""
        return self._array[: self._length]


class Branch:
    """A branch: what was done from the step `at` on, at which it left its parent by a change.

    Attributes:
        rate: the learning rate with which it begins.
        losses: of the steps after `at`.
        rates: the learning rate from a step on, by that step: each was changed when it was the branch's last.
    """

    def __init__(self, id: int, parent: Branch | None, at: int, change: Change | None, rate: float) -> None:
        self.id, self.parent, self.at, self.change, self.rate = id, parent, at, change, rate
        self.lineage: tuple[Branch, ...] = (*(parent.lineage if parent else ()), self)
        self.losses = Growing()
        self.rates: dict[int, float] = {}
        self.epochs: list[int] = []
        """The steps at which epochs ended."""
        self.values: Growing | None = None

    @property
    def last(self) -> int:
        """The last step that was taken in it."""
        return self.at + len(self.losses)

    def next_rate(self, step: int) -> int | None:
        """The first step after this one at which the learning rate changes."""
        steps = list(self.rates)
        place = bisect.bisect_right(steps, step)
        return steps[place] if place < len(steps) else None


class Tree:
    """All branches of a run. One thread adds to it, any may read."""

    def __init__(self, rate: float, steps_per_epoch: int) -> None:
        self.root = Branch(0, None, 0, None, rate)
        self._steps_per_epoch = steps_per_epoch
        self._branches = [self.root]
        self._names: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def branch(self, id: int) -> Branch:
        """The branch of this number.

        Raises:
            PellucidError: there is none.
        """
        return self._branches[check_integer(id, "branch", below=len(self._branches))]

    def fork(self, parent: Branch, at: int, change: Change, rate: float) -> Branch:
        """A new branch.

        Raises:
            PellucidError: there are too many.
        """
        if len(self._branches) >= MAX_BRANCHES:
            raise PellucidError(
                gettext("there are {count} branches already: continue in one of them, or reset", count=MAX_BRANCHES)
            )
        with self._lock:
            branch = Branch(len(self._branches), parent, at, change, rate)
            self._branches.append(branch)
        return branch

    def take(self, branch: Branch, step: int, losses: Array) -> int | None:
        """Losses of the steps after `step`: new ones are kept, known ones compared.

        Returns:
            The first step of which another loss is known, to the bit; then nothing is kept.
        """
        known = branch.losses.rows[step - branch.at :][: len(losses)]
        # An integer for each float: −0 is not 0, and nothing is lost in between.
        differs = np.flatnonzero(known.view(np.int64) != losses[: len(known)].view(np.int64))
        if len(differs):
            return step + 1 + int(differs[0])
        with self._lock:
            branch.losses.extend(losses[len(known) :])
        return None

    def end_epoch(self, branch: Branch, step: int, values: Mapping[str, float]) -> None:
        """The values by name of the epoch that ended with a step; known ones are left."""
        with self._lock:
            if branch.epochs and branch.epochs[-1] >= step:
                return
            self._names = self._names or tuple(values)
            branch.values = branch.values or Growing(len(self._names))
            branch.values.extend(np.array([[values[name] for name in self._names]]))
            branch.epochs.append(step)

    def loss(self, branch: Branch, step: int) -> float | None:
        """Of the step on the way to `branch`; None before the first."""
        with self._lock:
            owner = _owner(branch, step)
            return float(owner.losses.rows[step - owner.at - 1]) if step else None

    def metrics(self, branch: Branch, step: int) -> tuple[dict[str, float], int | None]:
        """Of the last epoch that had ended with the step, by name, and the step at which it ended."""
        with self._lock:
            for owner in reversed(_owner(branch, step).lineage):
                place = bisect.bisect_right(owner.epochs, step)
                if place and owner.values is not None:
                    return self._row(owner.values, place - 1), owner.epochs[place - 1]
                step = min(step, owner.at)
        return {}, None

    def state(self) -> list[answers.Branch]:
        """The branches in short."""
        with self._lock:
            return [
                {
                    "id": b.id,
                    "parent": b.parent.id if b.parent else None,
                    "at": b.at,
                    "last": b.last,
                    "change": b.change.words if b.change else None,
                }
                for b in self._branches
            ]

    def history(self, branch: Branch, start: int) -> History:
        """What the branch itself recorded from the step `start` on."""
        with self._lock:
            start = min(max(start, branch.at + 1), branch.last + 1)
            first = bisect.bisect_left(branch.epochs, start)
            return {
                "branch": branch.id,
                "from": start,
                "loss": branch.losses.rows[start - branch.at - 1 :].copy(),
                "epochs": [
                    {
                        "epoch": step // self._steps_per_epoch,
                        "step": step,
                        "metrics": self._row(branch.values, place) if branch.values else {},
                    }
                    for place, step in enumerate(branch.epochs[first:], first)
                ],
            }

    def past(self, branch: Branch, step: int) -> History:
        """What was recorded on the way to a step of a branch, from step 1 on."""
        ends = [*(b.at for b in branch.lineage[1:]), step]
        parts = [(b, min(end, step)) for b, end in zip(branch.lineage, ends, strict=True) if b.at < step]
        pieces = [(self.history(b, 1), b.at, end) for b, end in parts]
        return {
            "branch": branch.id,
            "from": 1,
            "loss": np.concatenate([piece["loss"][: end - at] for piece, at, end in pieces] or [np.empty(0)]),
            "epochs": [e for piece, _, end in pieces for e in piece["epochs"] if e["step"] <= end],
        }

    def fresh(self, sent: dict[int, int]) -> list[History]:
        """The pieces of history after the last step sent of each branch, which is noted in `sent`."""
        pieces = []
        for branch in list(self._branches):
            last = sent.get(branch.id, branch.at)
            if branch.last > last:
                piece = self.history(branch, last + 1)
                sent[branch.id] = last + len(piece["loss"])
                pieces.append(piece)
        return pieces

    def _row(self, values: Growing, place: int) -> dict[str, float]:
        return dict(zip(self._names, values.rows[place].tolist(), strict=True))


class Known(Tree):
    """A tree whose steps are taken again: they are compared, and nothing is added."""

    def __init__(self, tree: Tree) -> None:
        self.__dict__ = tree.__dict__

    def take(self, branch: Branch, step: int, losses: Array) -> int | None:
        if step + len(losses) > branch.last:
            raise PellucidError(f"step {step + len(losses)} was never taken in this branch")
        return super().take(branch, step, losses)

    def end_epoch(self, branch: Branch, step: int, values: Mapping[str, float]) -> None:
        pass


def _owner(branch: Branch, step: int) -> Branch:
    """The branch on the way to this one in which the step was taken."""
    while branch.parent is not None and step <= branch.at:
        branch = branch.parent
    return branch
