"""LearningRateSchedule: the learning rate as a function of the epoch or the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from pellucid.errors import DataError
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.schedules import Schedule, rate_at
from pellucid.training.callbacks.base import Callback, Logs
from pellucid.training.callbacks.plateau import ReduceLROnPlateau


@dataclass(eq=False)
class LearningRateSchedule(Callback):
    """The learning rate as a function of the epoch, or of the step, both from 0.

    Args:
        schedule: StepDecay, ExponentialDecay, CosineDecay, WarmUp, or any function of an integer.
        per: what is counted.
    """

    schedule: Schedule
    _: KW_ONLY
    per: Literal["epoch", "step"] = "epoch"

    def __post_init__(self) -> None:
        if self.per not in ("epoch", "step") or not callable(self.schedule):
            raise DataError('LearningRateSchedule takes a function of an integer, and per="epoch" or per="step"')

    def on_train_begin(self) -> None:
        if self.per == "step":
            self.training.schedule = self.schedule
        # A resumed run has its learning rate already, which another callback may have set last.
        if self.training.state.step == 0:
            self._set(self.training.state.epoch if self.per == "epoch" else 0)

    def on_epoch_begin(self, epoch: int) -> None:
        if self.per == "epoch":
            self._set(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs["learning_rate"] = self.training.learning_rate

    def _set(self, at: int) -> None:
        self.training.learning_rate = rate_at(self.schedule, at, self.per)


def check_rates(rule: Optimizer, callbacks: Sequence[Callback]) -> None:
    """Refuse a callback that sets the learning rate of an optimizer with a schedule."""
    others = [type(c).__name__ for c in callbacks if isinstance(c, LearningRateSchedule | ReduceLROnPlateau)]
    if rule.schedule is not None and others:
        raise DataError(f"the optimizer has a schedule, and {others[0]} sets the learning rate too: take one of them")
