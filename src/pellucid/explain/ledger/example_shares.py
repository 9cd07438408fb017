"""What each example added to one weight: its part of every step's gradient, times what became of that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.explain.ledger.gradient_shares import GradientShares, gradient_shares
from pellucid.explain.ledger.retaken_steps import Retaken
from pellucid.explain.ledger.update_shares import Linear, Moment, linear, memory_of, to_the_end
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.training.programs import Clip
from pellucid.training.running.state import Training

Array = NDArray[Any]
Shared = tuple[float, float, dict[int, float], dict[str, float]]
"""The value before, the value after, what each example added, and what others did by name."""


@dataclass(frozen=True)
class SharedStep:
    """A step: its examples, what each adds to the clipped gradient, what none of them does, and what it reads of the
    weight and its slots.
    """

    retaken: Retaken
    parts: Array
    rest: float
    weight: float
    slots: Mapping[str, float]


class Steps(Protocol):
    """A training whose steps can be taken again, as `RetakenSteps`."""

    @property
    def training(self) -> Training: ...
    @property
    def rule(self) -> Optimizer: ...
    @property
    def clip(self) -> Clip: ...

    def take(
        self, about: str, *, start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[Retaken | None, Mapping[str, Array]]]:
        """Every step before it is taken, with the state then; and after the last one None with the last state."""


class ExampleShares:
    """The steps of one weight, shared out among the examples."""

    def __init__(self, taken: Steps, path: str, place: tuple[int, ...]) -> None:
        self._taken, self._path, self._place = taken, path, place

    def of_all(self) -> Shared:
        """All steps."""
        steps, after = self._steps(None, None)
        known = self._linear(steps, after)
        factors, memory = to_the_end(known)
        return self._shared(steps, known, factors, memory, after)

    def of_step(self, step: int) -> Shared:
        """One step by itself; what the optimizer remembered is that of earlier steps."""
        steps, after = self._steps(step - 1, step)
        steps = [s for s in steps if s.retaken.number == step]
        known = self._linear(steps, after)
        return self._shared(steps, known, [known[0].gradient], known[0].memory, after)

    @cached_property
    def _gradient(self) -> GradientShares:
        training = self._taken.training
        assert training.examples is not None
        net = training.net.sized(training.examples.arrays)
        return gradient_shares(
            net,
            training.goals,
            self._path,
            self._place,
            clip=self._taken.clip,
            weighted=training.plan["weighted"],
        )

    def _steps(self, start: int | None, stop: int | None) -> tuple[list[SharedStep], SharedStep]:
        """Steps, and the weight after them."""
        steps: list[SharedStep] = []
        nothing = np.zeros(0)
        for retaken, state in self._taken.take(f"the examples of {self._path}", start=start, stop=stop):
            weight, slots = float(state[self._path][self._place]), self._slots(state)
            if retaken is None:
                return steps, SharedStep(Retaken(0, nothing, 0.0, {}), nothing, 0.0, weight, slots)
            if start is not None and retaken.number <= start:
                continue
            parts, rest, factor = self._gradient(retaken.feeds)
            kept = Retaken(retaken.number, retaken.rows, retaken.rate, {})
            steps.append(SharedStep(kept, parts * factor, rest * factor, weight, slots))
        raise AssertionError("the last state has no step")

    def _slots(self, state: Mapping[str, Array]) -> dict[str, float]:
        return {slot: float(state[f"{self._path}:{slot}"][self._place]) for slot in self._taken.rule.slots}

    def _linear(self, steps: list[SharedStep], after: SharedStep) -> list[Linear]:
        rule = self._taken.rule
        return [
            linear(
                rule,
                Moment(s.weight, s.slots, then.slots, s.parts.sum() + s.rest, s.retaken.rate, s.retaken.number),
            )
            for s, then in zip(steps, [*steps[1:], after], strict=True)
        ]

    def _shared(
        self,
        steps: list[SharedStep],
        known: list[Linear],
        factors: list[float],
        memory: float,
        after: SharedStep,
    ) -> Shared:
        amounts: dict[int, list[float]] = {}
        for step, factor in zip(steps, factors, strict=True):
            for row, part in zip(step.retaken.rows.tolist(), step.parts.tolist(), strict=True):
                amounts.setdefault(row, []).append(factor * part)
        parts = {row: math.fsum(those) for row, those in amounts.items()}
        slot, initial = memory_of(self._taken.rule), steps[0].weight
        others = {
            "penalty": math.fsum(factor * step.rest for step, factor in zip(steps, factors, strict=True)),
            "weight decay": math.fsum(step.decay for step in known),
            "earlier steps": memory * steps[0].slots[slot] if slot is not None else 0.0,
        }
        rounding = after.weight - math.fsum([initial, *parts.values(), *others.values()])
        return initial, after.weight, parts, {**others, "rounding": rounding}


def labels(training: Training) -> Array | None:
    """The class of every example; None where the targets are none."""
    if len(training.goals) != 1 or training.examples is None:
        return None
    goal = training.goals[0]
    targets = training.examples.arrays[goal.name]
    if goal.loss.reads == "values":
        return None
    if goal.labels:
        return np.asarray(targets).astype(np.int64) if targets.ndim == 1 else None
    if targets.ndim == 2 and targets.shape[1] > 1:
        winners: Array = np.asarray(targets).argmax(axis=1)
        return winners
    return (np.asarray(targets).reshape(len(targets)) > 0.5).astype(np.int64) if targets[0].size == 1 else None


def by_class(parts: Mapping[int, float], classes: Array) -> dict[int, float]:
    """What the examples of each class added, in the order of the classes."""
    amounts: dict[int, list[float]] = {}
    for k, amount in parts.items():
        amounts.setdefault(int(classes[k]), []).append(amount)
    return {k: math.fsum(amounts[k]) for k in sorted(amounts)}
