"""The stochastic solvers: epochs of `Network.fit`, with the optimizer's state carried from fit to fit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from pellucid.estimators import settings
from pellucid.estimators.hooks import FitHooks
from pellucid.functions.learning.schedules import Schedule
from pellucid.training import Callback, EarlyStopping, History, LearningRateSchedule, ReduceLROnPlateau

Array = NDArray[Any]
Examples = tuple[Any, ...]
"""x, targets and, where there are any, weights."""
LEARNING_RATE_FACTOR = 0.2
"""What "adaptive" multiplies the learning rate by on a plateau (MLPClassifier's number)."""


@dataclass
class Progress:
    """What a later fit continues from: epochs and steps so far, and what the optimizer remembers."""

    epochs: int = 0
    steps: int = 0
    slots: dict[str, Array] = field(default_factory=dict)
    learning_rate: float | None = None


class Resume(Callback):
    """Begin where `progress` left off, with a schedule that counts from there, and note the end there."""

    def __init__(self, progress: Progress, schedule: Schedule | None) -> None:
        self.progress, self.schedule = progress, schedule

    def on_train_begin(self) -> None:
        state, before = self.training.state, self.progress
        if before.slots.keys() == state.slots.keys():
            state.slots = {name: np.array(array) for name, array in before.slots.items()}
            state.step = before.steps
        if self.schedule is not None:
            follow, start = self.schedule, state.step
            self.training.schedule = lambda step: follow(step - start)
            self.training.learning_rate = follow(0)
        elif before.learning_rate is not None:
            self.training.learning_rate = before.learning_rate

    def on_train_end(self) -> None:
        state = self.training.state
        self.progress.epochs, self.progress.steps = state.epoch, state.step
        self.progress.slots = {name: np.array(array) for name, array in state.slots.items()}
        self.progress.learning_rate = None if self.schedule is not None else state.learning_rate


class Scoring(Callback):
    """A scorer's value on the validation set after every epoch, as "validation_score"."""

    def __init__(self, score: Callable[[], float]) -> None:
        self.score = score

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        logs["validation_score"] = float(self.score())


class EpochHooks(Callback):
    """scikit-learn's callbacks, told of every epoch."""

    def __init__(self, hooks: FitHooks) -> None:
        self.hooks = hooks

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        if self.hooks.iteration():
            self.training.stop(f"stopped after epoch {epoch + 1} by a callback")


def descend(
    estimator: Any,
    examples: Examples,
    validation: Examples | None,
    *,
    progress: Progress,
    epochs: int,
    hooks: FitHooks | None = None,
    score: Callable[[], float] | None = None,
    stopping: bool = False,
) -> History:
    """Train the estimator's network for so many more epochs.

    Args:
        hooks: scikit-learn's callbacks; None of a part of a fit, which has no schedule and no end of its own either.
        score: of the network as it is, on the validation set.
        stopping: whether to stop where the validation becomes no better.
    """
    net = estimator._networks.trained
    x, y, weight = (*examples, None)[:3]
    batch_size = settings.batch_size_of(estimator.batch_size, len(x))
    rule = settings.optimizer_of(estimator)
    schedule = settings.schedule_of(estimator, rule, epochs * math.ceil(len(x) / batch_size)) if hooks else None
    mine: list[Callback] = [Resume(progress, schedule)]
    if score is not None:
        mine.append(Scoring(score))
    theirs = _callbacks(estimator, scheduled=schedule is not None, validated=validation is not None)
    ends = _ends(estimator, schedule, stopping=stopping, scored=score is not None) if hooks else []
    last = [EpochHooks(hooks)] if hooks else []
    try:
        history: History = net.fit(
            x,
            y,
            sample_weight=weight,
            epochs=progress.epochs + epochs,
            initial_epoch=progress.epochs,
            batch_size=batch_size,
            optimizer=rule,
            loss=estimator._network_loss(),
            validation_data=validation,
            callbacks=[*mine, *theirs, *ends, *last],
            shuffle=estimator.shuffle,
            clip_norm=None if estimator.clip_norm is None else float(estimator.clip_norm),
            verbose=min(int(estimator.verbose), 2) if hooks else 0,
        )
    finally:
        for callback in theirs:  # which the estimator keeps, and pickles
            if isinstance(callback, Callback):
                vars(callback).pop("training", None)
    if history.interrupted:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    elif hooks and schedule is None and not history.stopped:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return history


def _callbacks(estimator: Any, *, scheduled: bool, validated: bool) -> list[Callback]:
    """The user's callbacks.

    Raises:
        ValueError: one that needs what the parameters do not give.
    """
    given = estimator.callbacks or []
    found: list[Callback] = list(given) if isinstance(given, (list, tuple)) else [given]
    for callback in found:
        kind, monitor = type(callback).__name__, vars(callback).get("monitor") if isinstance(callback, Callback) else ""
        if scheduled and isinstance(callback, (LearningRateSchedule, ReduceLROnPlateau)):
            raise ValueError(f"{kind} sets the learning rate, and learning_rate too: choose learning_rate='constant'.")
        if not validated and str(monitor).startswith("val"):
            raise ValueError(
                f"{kind} watches {monitor!r}, but there is no validation set: give X_val and y_val to fit, or "
                "early_stopping=True."
            )
    return found


def _ends(estimator: Any, schedule: Schedule | None, *, stopping: bool, scored: bool) -> list[Callback]:
    """What ends the training early: no progress on the validation set or, without a plan of the rate, of the loss."""
    patience, tolerance = int(estimator.n_iter_no_change), float(estimator.tol)
    monitor = ("validation_score" if scored else "val_loss") if stopping else "loss"
    watch: dict[str, Any] = {
        "monitor": monitor,
        "min_delta": tolerance,
        "mode": "max" if monitor[0:4] == "vali" else "min",
    }
    found: list[Callback] = []
    if estimator.learning_rate == "adaptive" and schedule is None:
        found.append(ReduceLROnPlateau(factor=LEARNING_RATE_FACTOR, patience=patience, **watch))
        patience *= 4
    if stopping or schedule is None:
        found.append(EarlyStopping(patience=patience, restore_best_weights=stopping, **watch))
    return found
