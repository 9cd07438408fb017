"""Callbacks: what happens beside the steps of a training."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.errors import DataError, ModelFileError, PellucidError, nearest
from pellucid.functions.schedules import Schedule, rate_at
from pellucid.functions.updates import Optimizer
from pellucid.habits import HOOKS, Spelled, check_attribute, no_attribute
from pellucid.training.fields import Fields
from pellucid.training.state import Training

Logs = MutableMapping[str, float]


class Callback(metaclass=Spelled):
    """The base: override what is needed. `training` is there from `on_train_begin` on.

    What a callback remembers from one epoch to the next belongs into `state_dict`, as JSON and NumPy arrays: then a
    resumed run goes on with it.
    """

    training: Training

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        hooks = [name for name in vars(Callback) if name.startswith("on_")]
        for name, member in vars(cls).items():
            if name.startswith("on_") and inspect.isfunction(member) and name not in hooks:
                here = HOOKS.get(name)
                advice = f" Write {here}." if here else nearest(name, hooks)
                raise PellucidError(
                    f"{cls.__name__}.{name} would never be called: the hooks are {', '.join(hooks)}.{advice}"
                )

    def __setattr__(self, name: str, value: Any) -> None:
        # what a callback of the user's remembers is its own
        if type(self).__module__.startswith("pellucid.") and name != "training":
            check_attribute(self, name)
        super().__setattr__(name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(self, name)

    @property
    def listening(self) -> bool:
        """Whether `on_batch_end` is wanted; where no callback wants it, steps are quicker."""
        return type(self).on_batch_end is not Callback.on_batch_end

    def on_train_begin(self) -> None:
        """Before the first epoch; after `load_state_dict` where the run is resumed."""

    def on_train_end(self) -> None:
        """After the last epoch, or when the training was stopped."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the epoch (from 0); not when a run resumes in its middle."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After the epoch, with its values by name; what is added to `logs` goes into the History."""

    def on_batch_end(self, step: int, logs: Mapping[str, float]) -> None:
        """After each step (from 1, over all epochs), with its "loss"."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""


@dataclass
class _Best:
    """The best value so far of one quantity, and since how many epochs it has not become better."""

    monitor: str
    min_delta: float
    mode: Literal["auto", "min", "max"]
    best: float = math.nan
    waited: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("auto", "min", "max"):
            raise DataError(f'mode is {self.mode!r}, expected "auto", "min" or "max"')
        self.up: bool | None = None if self.mode == "auto" else self.mode == "max"

    def check(self, training: Training, who: str) -> None:
        """Complain before the first epoch, rather than after it, about validation that there will not be, and about a
        quantity of which nobody knows whether it is to rise.
        """
        if self.monitor.startswith("val_") and not training.validated:
            raise DataError(
                f'{who} watches "{self.monitor}", but there is no validation: give validation_data, or monitor="loss"'
            )
        name = self.monitor.removeprefix("val_")
        if self.mode == "auto" and name in training.rises:
            self.up = training.rises[name]
            self._check_direction(who)

    def _check_direction(self, who: str) -> None:
        if self.up is None:
            raise DataError(
                f'{who} watches "{self.monitor}", of which it is not known whether more is better: '
                'give mode="max" if it is to rise, mode="min" if it is to fall'
            )

    def better(self, logs: Mapping[str, float], who: str) -> bool:
        """Whether the epoch is the best so far; a NaN never is."""
        if self.monitor not in logs:
            raise DataError(
                f'{who} watches "{self.monitor}", but the epoch has {", ".join(logs)}: add it to metrics.'
                f"{nearest(self.monitor, logs)}"
            )
        self._check_direction(who)
        value = logs[self.monitor]
        ahead = value - self.best if self.up else self.best - value
        if math.isfinite(value) and (math.isnan(self.best) or ahead > self.min_delta):
            self.best, self.waited = value, 0
            return True
        self.waited += 1
        return False

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        found = Fields(state, "watch")
        self.best, self.waited = found.number("best", nan=True), found.integer("waited")


@dataclass(eq=False)
class EarlyStopping(Callback):
    """Stop when a quantity has not become better for so many epochs, and go back to the weights of its best epoch.

    Args:
        monitor: its name in the logs.
        patience: how many epochs in a row may be no better.
        min_delta: by how much an epoch has to be better to count.
        mode: "min", "max", or "auto" for the loss and the metrics of this library, whose direction is known.
        restore_best_weights: whether the network ends with the weights of the best epoch; otherwise with the last ones.
    """

    monitor: str = "val_loss"
    _: KW_ONLY
    patience: int = 5
    min_delta: float = 0.0
    mode: Literal["auto", "min", "max"] = "auto"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._watch = _Best(self.monitor, self.min_delta, self.mode)
        self._epoch = -1
        self._best: dict[str, Any] = {}

    def on_train_begin(self) -> None:
        if not self.training.history.epoch:  # a new training, and no resumed one
            self._reset()
        self._watch.check(self.training, "EarlyStopping")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._watch.better(logs, "EarlyStopping"):
            self._epoch = epoch
            if self.restore_best_weights:
                self._best = {path: np.array(value) for path, value in self.training.state.parameters.items()}
        elif self._watch.waited >= max(1, self.patience):
            found = f"was best in epoch {self._epoch + 1}, {self._watch.best:.4g}"
            if math.isnan(self._watch.best):
                found = "was never a finite number"
            self.training.stop(f"stopped after epoch {epoch + 1}: {self.monitor} {found}")

    def on_train_end(self) -> None:
        if self._best:
            self.training.restore(self._best)

    def state_dict(self) -> dict[str, Any]:
        return {"watch": self._watch.state_dict(), "epoch": self._epoch, "best": self._best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        found = Fields(state)
        self._watch.load_state_dict(found["watch"])
        self._epoch, self._best = found.integer("epoch", low=-1), dict(found.arrays("best"))
        if self._best and {p: a.shape for p, a in self._best.items()} != {
            p: a.shape for p, a in self.training.state.parameters.items()
        }:
            raise ModelFileError("best holds other parameters than the network")


@dataclass(eq=False)
class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` when a quantity has not become better for `patience` epochs.

    Args:
        cooldown: how many epochs to wait after that before counting again.
        min_lr: the learning rate goes no lower.
    """

    monitor: str = "val_loss"
    _: KW_ONLY
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    mode: Literal["auto", "min", "max"] = "auto"
    cooldown: int = 0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1:
            raise DataError(f"factor of ReduceLROnPlateau is {self.factor!r}, expected a number between 0 and 1")
        self._reset()

    def _reset(self) -> None:
        self._watch = _Best(self.monitor, self.min_delta, self.mode)
        self._cooling = 0

    def on_train_begin(self) -> None:
        if not self.training.history.epoch:
            self._reset()
        self._watch.check(self.training, "ReduceLROnPlateau")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs["learning_rate"] = self.training.learning_rate
        better = self._watch.better(logs, "ReduceLROnPlateau")
        if self._cooling:
            self._cooling -= 1
            self._watch.waited = 0
        elif not better and self._watch.waited >= self.patience:
            self.training.learning_rate = max(self.training.learning_rate * self.factor, self.min_lr)
            self._watch.waited, self._cooling = 0, self.cooldown

    def state_dict(self) -> dict[str, Any]:
        return {"watch": self._watch.state_dict(), "cooling": self._cooling}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        found = Fields(state)
        self._watch.load_state_dict(found["watch"])
        self._cooling = found.integer("cooling")


@dataclass(eq=False)
class LearningRateSchedule(Callback):
    """The learning rate as a function of the epoch, or of the step, both from 0.

    Args:
        schedule: StepDecay, ExponentialDecay, CosineDecay, WarmUp, or any function of a whole number.
        per: what is counted.
    """

    schedule: Schedule
    _: KW_ONLY
    per: Literal["epoch", "step"] = "epoch"

    def __post_init__(self) -> None:
        if self.per not in ("epoch", "step") or not callable(self.schedule):
            raise DataError('LearningRateSchedule takes a function of a whole number, and per="epoch" or per="step"')

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


def callbacks_of(given: Sequence[Callback] | Callback) -> list[Callback]:
    """The callbacks: one, or several.

    Raises:
        PellucidError: something that is no callback.
    """
    found: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    for callback in found:
        if isinstance(callback, type) and issubclass(callback, Callback):
            raise PellucidError(f"callbacks holds the class {callback.__name__}; write {callback.__name__}(…)")
        if not isinstance(callback, Callback):
            raise PellucidError(
                f"callbacks holds {type(callback).__name__}, expected callbacks such as EarlyStopping(), or objects of "
                "a class of your own, class Mine(pl.Callback), with on_epoch_end"
            )
    return found


def check_rates(rule: Optimizer, callbacks: Sequence[Callback], dtype: np.dtype[Any]) -> None:
    """Refuse a callback that sets the learning rate of an optimizer with a schedule, and a rate too large to hold."""
    others = [type(c).__name__ for c in callbacks if isinstance(c, LearningRateSchedule | ReduceLROnPlateau)]
    if rule.schedule is not None and others:
        raise DataError(f"the optimizer has a schedule, and {others[0]} sets the learning rate too: take one of them")
    largest = float(np.finfo(dtype).max)
    if rule.initial_rate > largest:
        raise DataError(f"learning_rate is {rule.initial_rate:g}, which {dtype} cannot hold: choose a smaller one")


@dataclass(eq=False)
class Checkpoint(Callback):
    """Write the whole state of the training to a file, from which `fit(..., resume=path)` goes on to the same bits.

    Args:
        path: the file; each writing replaces it at once, so a crash leaves a whole one.
        every_epochs: after each so many epochs.
        every_steps: also after each so many steps, in the middle of epochs.
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    every_epochs: int = 1
    every_steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("every_epochs", "every_steps"):
            value = getattr(self, name)
            if (isinstance(value, bool) or not isinstance(value, int) or value < 1) and not (
                name == "every_steps" and value is None
            ):
                raise DataError(f"{name} of Checkpoint is {value!r}, expected a whole number from 1")
        self.path = Path(self.path)

    def after_step(self) -> None:
        """Called when the state after a step is complete: after `on_batch_end` of all callbacks."""
        if self.every_steps is not None and self.training.state.step % self.every_steps == 0:
            self._write()

    def after_epoch(self) -> None:
        """Called when the state after an epoch is complete: after `on_epoch_end` of all callbacks."""
        state = self.training.state
        if state.epoch % self.every_epochs == 0 or state.epoch == self.training.epochs or state.stopped:
            self._write()

    def _write(self) -> None:
        from pellucid.training.checkpoint import write

        write(self.path, self.training)
