"""EarlyStopping: an end where nothing becomes better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from pellucid.errors import ModelFileError
from pellucid.training.callbacks.base import Callback, Logs
from pellucid.training.callbacks.best import Best
from pellucid.training.saved.fields import Fields


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
        self._watch = Best(self.monitor, self.min_delta, self.mode)
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
            why = f"was best in epoch {self._epoch + 1}, {self._watch.best:.4g}"
            if math.isnan(self._watch.best):
                why = "was never a finite number"
            self.training.stop(f"stopped after epoch {epoch + 1}: {self.monitor} {why}")

    def on_train_end(self) -> None:
        if self._best:
            self.training.restore(self._best)

    def state_dict(self) -> dict[str, Any]:
        return {"watch": self._watch.state_dict(), "epoch": self._epoch, "best": self._best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        fields = Fields(state)
        self._watch.load_state_dict(fields["watch"])
        self._epoch, self._best = fields.integer("epoch", low=-1), dict(fields.arrays("best"))
        if self._best and {p: a.shape for p, a in self._best.items()} != {
            p: a.shape for p, a in self.training.state.parameters.items()
        }:
            raise ModelFileError("best holds other parameters than the network")
