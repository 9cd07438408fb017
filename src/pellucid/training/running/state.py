"""Where a training is between two steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Session
from pellucid.functions.learning.schedules import Schedule, rate_at
from pellucid.network import BaseNetwork
from pellucid.training.running.history import History

if TYPE_CHECKING:
    from pellucid.training.callbacks.base import Callback
    from pellucid.training.inputs.feeds import Examples
    from pellucid.training.inputs.targets import Goal

Array = NDArray[Any]


class Held(Mapping[str, Array]):
    """Arrays by name as they are now: those that a session steps, looked up there, and those that no step changes."""

    def __init__(self, session: Session, fixed: dict[str, Array], names: tuple[str, ...]) -> None:
        self._session, self._fixed, self._names = session, fixed, names

    @classmethod
    def of(cls, session: Session, arrays: Mapping[str, Array]) -> Held:
        """The view of a session that holds these arrays' names, as far as its program changes them."""
        if isinstance(arrays, Held):
            return arrays
        fixed = {name: array for name, array in arrays.items() if name not in session.state}
        return cls(session, fixed, tuple(arrays))

    def __getitem__(self, name: str) -> Array:
        return self._fixed[name] if name in self._fixed else self._session.state[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names  # a mapping's own would fetch the array to see whether it is there

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass
class State:
    """Everything that the next step depends on, and the sums of the epoch so far. A checkpoint keeps it whole.

    Random numbers have no state: orders and dropout are drawn from the network's seed, the epoch and the step.

    Attributes:
        parameters: every parameter by path.
        slots: what the optimizer remembers of each, "dense_1.kernel:first_moment".
        learning_rate: of the next step.
        step: how many steps were taken, over all epochs.
        epoch, batch: the current epoch, from 0, and how many of its steps are done.
        loss, examples: the sum of the losses of this epoch's examples, and their number; of their real steps where the
            output has a mask.
        metrics: for each metric, what it remembers of this epoch.
        best, best_parameters: the smallest loss of an epoch, on the validation data where there are any, and the
            parameters at its end.
        stopped: why the training ended before its last epoch, or "".
        carried: what stateful layers carry to the next step, by path.
    """

    parameters: Mapping[str, Array]
    slots: Mapping[str, Array]
    learning_rate: float
    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    examples: int = 0
    metrics: list[list[Array]] = field(default_factory=list)
    best: float = math.inf
    best_parameters: dict[str, Array] = field(default_factory=dict)
    stopped: str = ""
    carried: dict[str, Array] = field(default_factory=dict)

    @property
    def mean_loss(self) -> float:
        """The loss of the epoch so far."""
        return self.loss / max(self.examples, 1)

    def next_epoch(self) -> None:
        """Go to the beginning of the next epoch."""
        self.epoch += 1
        self.batch = self.examples = 0
        self.loss = 0.0
        self.metrics = [[] for _ in self.metrics]

    def keep_if_best(self, loss: float) -> None:
        """Remember the parameters if no epoch ended with a smaller loss."""
        if loss < self.best:
            self.best = loss
            self.best_parameters = {path: np.array(value) for path, value in self.parameters.items()}


@dataclass
class Training:
    """A training on its way: what callbacks see and may change."""

    net: BaseNetwork
    state: State
    history: History
    epochs: int
    steps_per_epoch: int
    """0 while it is not known: where batches come one after the other, and their number is seen at their end."""
    plan: dict[str, Any]
    """What a resumed run has to have in common with the one that it continues."""
    validated: bool = False
    """Whether every epoch ends with a validation."""
    callbacks: Sequence[Callback] = ()
    examples: Examples | None = None
    """What is trained on; of batches that come one after the other, the first."""
    goals: Sequence[Goal] = ()
    before: dict[str, Array] = field(default_factory=dict)
    """The parameters before the last step."""
    schedule: Schedule | None = None
    """The learning rate as a function of the steps taken, if it changes from step to step."""
    first_step: int = 0
    """How many steps the optimizer had taken before this training."""
    rises: Mapping[str, bool | None] = field(default_factory=dict)
    """Of every measured value, without "val_", whether more is better; None where that is not known."""

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; may be assigned."""
        return self.state.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.state.learning_rate = float(rate)

    def rates(self, count: int) -> Array:
        """The learning rates of the next steps, shape (count,)."""
        rates = np.full(count, self.state.learning_rate)
        if self.schedule is not None:
            rates[1:] = [rate_at(self.schedule, self.state.step + after, "step") for after in range(1, count)]
        return rates

    def follow_schedule(self) -> None:
        """After steps: the learning rate of the next one."""
        if self.schedule is not None:
            self.learning_rate = rate_at(self.schedule, self.state.step, "step")

    def stop(self, reason: str) -> None:
        """End the training after this epoch."""
        self.state.stopped = reason

    def restore(self, parameters: dict[str, Array]) -> None:
        """Give the network these parameters."""
        self.state.parameters = dict(parameters)
        self.net.parameters.replace(parameters)
