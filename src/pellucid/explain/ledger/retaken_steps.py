"""The steps of a training, taken again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.batches import shuffled
from pellucid.engines import Executable
from pellucid.errors import PellucidError
from pellucid.explain.ledger.kept_states import KeptStates
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.functions.learning.schedules import rate_at
from pellucid.training.programs import Clip, training_step
from pellucid.training.running.progress import Waiting
from pellucid.training.running.state import Training

Array = NDArray[Any]


@dataclass(frozen=True)
class Retaken:
    """A step that is about to be taken.

    Attributes:
        number: from 1.
        rows: the examples of its batch.
        rate: its learning rate.
        feeds: what it reads, by name: the batch, the parameters and slots before it, learning rate, step and seed.
    """

    number: int
    rows: Array
    rate: float
    feeds: Mapping[str, Array]


class RetakenSteps:
    """A training that can be taken again, from the last state that was kept before a step.

    Attributes:
        begin: the epoch and the number of steps before the first step that can be taken.
        rates: the learning rate at the beginning of each epoch.
        ends: the parameters after epochs, to compare with.
        kept: the states to begin from; some are added on the way.
    """

    def __init__(self, training: Training, kept: KeptStates) -> None:
        state = training.state
        self.training, self.kept, self.begin = training, kept, (state.epoch, state.step)
        self.rates: dict[int, float] = {}
        self.ends: dict[int, dict[str, Array]] = {}
        self.last = state.epoch - 1
        """The last epoch that was finished."""

    @property
    def rule(self) -> Optimizer:
        return optimizer_of(self.training.plan["optimizer"])

    @property
    def clip(self) -> Clip:
        return Clip(*self.training.plan["clipping"])

    @property
    def run(self) -> Executable:
        training = self.training
        return training_step(
            training.net, training.goals, self.rule, clip=self.clip, weighted=training.plan["weighted"]
        )

    @property
    def count(self) -> int:
        """How many steps can be taken again."""
        return self.training.steps_per_epoch * (self.last + 1 - self.begin[0])

    def rows(self, step: int) -> Array:
        """The examples of a step's batch, in its order."""
        size, each_epoch = int(self.training.plan["batch_size"]), self.training.steps_per_epoch
        epoch, place = divmod(step - 1 - self.begin[1], each_epoch)
        return self._order(self.begin[0] + epoch)[place * size : (place + 1) * size]

    def first_with(self, examples: Array) -> int:
        """The first step that has one of these examples, from 1."""
        size, number = int(self.training.plan["batch_size"]), self.begin[1]
        for epoch in range(self.begin[0], self.last + 1):
            places = np.flatnonzero(np.isin(self._order(epoch), examples))
            return number + 1 + int(places[0]) // size
        raise AssertionError("there is an epoch")

    def take(
        self, about: str, *, start: int | None = None, stop: int | None = None, left: Array | None = None
    ) -> Iterator[tuple[Retaken | None, Mapping[str, Array]]]:
        """Every step before it is taken, with the parameters and slots then, to be read at once; and after the last one
        None with those at the end.

        Args:
            about: what it is done for, shown beside the progress.
            start: how many steps were taken before the first of these; the beginning by default. It begins at the last
                state that was kept up to there, whose steps up to `start` come too.
            stop: how many were taken after the last.
            left: the examples that are trained on, where that is not all of them. Its start is one before which there
                are no others.

        Raises:
            PellucidError: an epoch ended otherwise than when it was taken first.
        """
        training = self.training
        assert training.examples is not None
        net, count, each_epoch = training.net, len(training.examples), training.steps_per_epoch
        size, first = int(training.plan["batch_size"]), self.begin[1]
        stop = first + self.count if stop is None else stop
        place, arrays = self.kept.nearest(first if start is None else start)
        session, step = self.run.session(arrays), place
        with Waiting(about, stop - place) as waiting:
            for epoch in range(self.begin[0] + (place - first) // each_epoch, self.last + 1):
                order, rate = self._order(epoch), self.rates[epoch]
                for callback in training.callbacks:
                    callback.restore_examples(epoch)
                for begin in range((place - first) % each_epoch * size, count, size):
                    if place == stop:
                        break
                    if training.schedule is not None:
                        rate = rate_at(training.schedule, step, "step")
                    chosen = order[begin : begin + size]
                    chosen = chosen if left is None else chosen[np.isin(chosen, left)]
                    place += 1
                    waiting.step()
                    if not len(chosen):
                        continue
                    if left is None:
                        self.kept.keep(step, session.state)
                    step += 1
                    batch = training.examples.rows(chosen)
                    each = {"learning_rate": np.array(rate), "step": np.array(step), "seed": np.array(net.seed)}
                    yield Retaken(step, chosen, rate, {**batch, **each, **session.state}), session.state
                    session.run(batch, rows=np.arange(len(chosen))[None], each={n: a[None] for n, a in each.items()})
                else:
                    self._compare(epoch, session.state, left)
                    continue
                break
        yield None, session.state

    def _order(self, epoch: int) -> Array:
        training = self.training
        assert training.examples is not None
        count = len(training.examples)
        return shuffled(count, training.net.seed, epoch) if training.plan["shuffle"] else np.arange(count)

    def _compare(self, epoch: int, state: Mapping[str, Array], left: Array | None) -> None:
        for path, array in self.ends.get(epoch, {}).items() if left is None else ():
            if not np.array_equal(array, state[path], equal_nan=True):
                raise PellucidError(
                    f"the steps of epoch {epoch + 1} gave another {path} than when they were taken first: the "
                    "data, the network's seed or its frozen layers were changed since, or a callback changed them"
                )
