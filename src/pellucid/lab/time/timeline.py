"""Exact travel through the steps of a training: taken once, repeated to the bit, left for branches.

No thread and no clock here; `run.py` has them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pellucid.errors import NonFiniteError, PellucidError
from pellucid.lab.time.branches import Branch, Known, Tree
from pellucid.lab.time.changes import Adopted, Change, Rate
from pellucid.lab.time.keyframes import Keyframes
from pellucid.messages import gettext
from pellucid.training.running.loop import Loop
from pellucid.training.running.state import State


class ReplayError(PellucidError):
    """A step that was repeated gave another loss than the first time."""

    def __init__(self, step: int) -> None:
        super().__init__(
            gettext(
                "step {step} gave another loss than when it was taken first: the data or the network were changed "
                "from outside; reset to begin anew with them",
                step=step,
            )
        )


@dataclass(frozen=True)
class Place:
    """A state that was kept on the way to a step of a branch, and the branch on that way in which it was."""

    tree: Tree
    branch: Branch
    owner: Branch
    state: State


class Timeline:
    """A training that can go back to any of its steps, and leave from there for another branch.

    Attributes:
        tree: all branches, with what was recorded of them.
        branch: the one in which the training is. At a step before it left its parent, the way leads along the parent
            and then into it.
    """

    def __init__(self, loop: Loop, memory: int) -> None:
        self._loop = loop
        self._memory = memory
        self._origin = loop.snapshot()
        self.reset()

    def reset(self) -> None:
        """Forget everything, and begin anew."""
        self._loop.restore(self._origin)
        self.tree = Tree(self._origin.learning_rate, self._loop.training.steps_per_epoch)
        self.branch = self._owner = self.tree.root
        self._frames = Keyframes(self.branch, self._origin, self._memory)

    @property
    def step(self) -> int:
        return self._loop.training.state.step

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return self._loop.training.state.epoch

    @property
    def learning_rate(self) -> float:
        return self._loop.training.learning_rate

    @property
    def owner(self) -> Branch:
        """The branch on the way to `branch` to which the present step belongs."""
        return self._owner

    def state(self) -> State:
        """The present state, which later steps leave as it is."""
        return self._loop.snapshot()

    def publish(self) -> None:
        """The present parameters into the network."""
        self._loop.publish()

    def advance(self, max_steps: int | None = None) -> int:
        """Steps in one call of the engine, at most `max_steps`: what is recorded is repeated, and compared.

        Returns:
            How many were taken.

        Raises:
            NonFiniteError: the next step gives a value that is not finite; the state is the one before it.
            ReplayError: a step gave another loss than is recorded. After it, and any other error, the state is one
                of those kept, at this step or before.
        """
        step, owner = self.step, self._owner
        bounds = [b - step for b in (owner.next_rate(step), self._exit()) if b is not None]
        if max_steps is not None:
            bounds.append(max_steps)
        try:
            stretch = self._loop.advance(min(bounds, default=None))
            differs = self.tree.take(owner, step, stretch.losses)
            if differs is not None:
                raise ReplayError(differs)
        except NonFiniteError:
            raise
        except BaseException:
            self._restore(self.branch, step)
            raise
        if stretch.epoch is not None:
            self.tree.end_epoch(owner, self.step, stretch.epoch)
        self._arrive()
        if self._frames.due(self._owner.lineage, self.step):
            self._keep()
        return len(stretch.losses)

    def seek(self, branch: Branch, step: int) -> None:
        """To the nearest place at or before a step of a branch; `advance` leads on to it."""
        _, near, _ = self._frames.nearest(branch.lineage, step)
        if branch is self.branch and near <= self.step <= step:
            return
        if self.step == self._owner.last:
            self._keep()  # the way back to the end of a branch is the one most taken
        self._restore(branch, step)

    def near(self, branch: Branch, step: int) -> Place:
        """The last state kept on the way to a step of a branch. Any thread may ask."""
        owner, _, state = self._frames.nearest(branch.lineage, step)
        return Place(self.tree, branch, owner, state)

    def kept(self, branch: Branch, step: int) -> list[tuple[Branch, int, State]]:
        """The states kept on the way to a step of a branch, by step. Any thread may ask."""
        return self._frames.along(branch.lineage, step)

    def follow(self, place: Place) -> None:
        """Take again the steps of another timeline of the same training, from a place on; nothing is added to it."""
        self.tree, self.branch, self._owner = Known(place.tree), place.branch, place.owner
        self._frames = Keyframes(place.owner, place.state, 0)
        self._loop.restore(place.state)
        self._arrive()

    def fork(self, change: Change) -> Branch:
        """Leave the present step by a change, for a branch of its own.

        Raises:
            PellucidError: there are too many branches.
        """
        rate = change.learning_rate if isinstance(change, Rate) else self.learning_rate
        self.branch = self.tree.fork(self._owner, self.step, change, rate)
        if isinstance(change, Adopted):
            self._frames.hold(change.parameters.values())
        self._enter(self.branch)
        return self.branch

    def set_rate(self, learning_rate: float) -> None:
        """Another learning rate from here on; where later steps are recorded already, that is a branch."""
        if learning_rate == self.learning_rate:
            return
        if self._owner is self.branch and self.step == self.branch.last:
            self.branch.rates[self.step] = learning_rate
            self._loop.training.learning_rate = learning_rate
        else:
            self.fork(Rate(learning_rate))

    def _exit(self) -> int | None:
        """The step at which the way leaves the branch that it follows now."""
        lineage = self.branch.lineage
        place = lineage.index(self._owner)
        return lineage[place + 1].at if place + 1 < len(lineage) else None

    def _arrive(self) -> None:
        """What happened at this step: branches that left here on the way, a change of the learning rate."""
        while self._exit() == self.step:
            self._enter(self.branch.lineage[self.branch.lineage.index(self._owner) + 1])
        rate = self._owner.rates.get(self.step)
        if rate is not None:
            self._loop.training.learning_rate = rate

    def _enter(self, branch: Branch) -> None:
        state = replace(self._loop.snapshot(), learning_rate=branch.rate)
        self._loop.restore(branch.change.applied(state) if branch.change else state)
        self._owner = branch

    def _keep(self) -> None:
        self._frames.keep(self._owner, self.step, self._loop.snapshot())

    def _restore(self, branch: Branch, step: int) -> None:
        owner, _, state = self._frames.nearest(branch.lineage, step)
        self.branch, self._owner = branch, owner
        self._loop.restore(state)
        self._arrive()
