"""The best value of a quantity so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pellucid.errors import DataError, nearest
from pellucid.training.running.state import Training
from pellucid.training.saved.fields import Fields


@dataclass
class Best:
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
        fields = Fields(state, "watch")
        self.best, self.waited = fields.number("best", nan=True), fields.integer("waited")
