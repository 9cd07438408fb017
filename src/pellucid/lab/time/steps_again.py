"""The steps that led to a moment, taken again one by one: what each example added to a weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from pellucid.explain.ledger.retaken_steps import Retaken
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.lab.time.timeline import Place, Timeline
from pellucid.training.programs import Clip
from pellucid.training.running.loop import Loop
from pellucid.training.running.state import Training

Array = NDArray[Any]


class StepsAgain:
    """The way from a state that was kept to a step, along all branches, for `ExampleShares`.

    Attributes:
        first: the step at which it begins.
        by_hand: by how much each parameter was changed between the steps passed so far, by a person or a link.
        at_first: of that, what was changed before the first step.
    """

    def __init__(self, loop: Loop, line: Timeline, place: Place, stop: int) -> None:
        self._loop, self._line, self._place, self._stop = loop, line, place, stop
        self.first = place.state.step
        self.by_hand: dict[str, Array] = {}
        self.at_first: dict[str, Array] = {}

    @property
    def training(self) -> Training:
        return self._loop.training

    @property
    def rule(self) -> Optimizer:
        return optimizer_of(self.training.plan["optimizer"])

    @property
    def clip(self) -> Clip:
        return Clip(*self.training.plan["clipping"])

    def take(
        self, about: str, *, start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Retaken | None, Mapping[str, Array]]]:
        """Every step before it is taken, with the parameters and slots then; after the last one None with the last."""
        line, loop, kept = self._line, self._loop, self._place.state
        self.by_hand = {}
        line.follow(self._place)
        self._differ(kept.parameters, line)
        self.at_first = dict(self.by_hand)
        leaves = {branch.at for branch in self._place.branch.lineage[1:]}
        while line.step < self._stop:
            feeds = loop.upcoming()
            state = line.state()
            yield (
                Retaken(line.step + 1, loop.upcoming_rows(), float(feeds["learning_rate"]), feeds),
                {**state.parameters, **state.slots},
            )
            made = loop.run_step(feeds) if line.step + 1 in leaves else None
            line.advance(1)
            if made is not None:
                self._differ(made, line)
        state = line.state()
        yield None, {**state.parameters, **state.slots}

    def _differ(self, made: Mapping[str, Array], line: Timeline) -> None:
        """What a change between two steps made of the parameters."""
        for path, array in line.state().parameters.items():
            if path in made:
                self.by_hand[path] = self.by_hand.get(path, 0.0) + (array.astype(float) - made[path])
