"""ReduceLROnPlateau: a lower learning rate where nothing becomes better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from pellucid.errors import DataError
from pellucid.training.callbacks.base import Callback, Logs
from pellucid.training.callbacks.best import Best
from pellucid.training.saved.fields import Fields


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
        self._watch = Best(self.monitor, self.min_delta, self.mode)
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
        fields = Fields(state)
        self._watch.load_state_dict(fields["watch"])
        self._cooling = fields.integer("cooling")
