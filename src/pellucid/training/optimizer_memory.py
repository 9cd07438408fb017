"""What an optimizer remembers from one call to the next, where it is asked to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.functions.learning.optimizers import Optimizer
from pellucid.network import BaseNetwork

Array = NDArray[Any]


@dataclass(frozen=True)
class OptimizerMemory:
    """The slots of all weights by name, "dense_1.kernel:first_moment", and how many steps were taken.

    `settings` are those of the optimizer without its learning rate, which may be another in every call.
    """

    settings: str
    slots: Mapping[str, Array]
    step: int

    @staticmethod
    def begin(net: BaseNetwork, rule: Optimizer) -> OptimizerMemory:
        """Slots of zeros, before the first step."""
        arrays = net.parameters.snapshot()
        slots = {f"{path}:{s}": np.zeros_like(arrays[path]) for path in net.parameters.trainable for s in rule.slots}
        return OptimizerMemory(_settings(rule), slots, 0)

    @staticmethod
    def of(net: BaseNetwork, rule: Optimizer) -> OptimizerMemory:
        """What the network keeps of this optimizer; where it keeps nothing, or that of other settings or of other
        weights that are trained, slots of zeros.
        """
        fresh = OptimizerMemory.begin(net, rule)
        kept = net.optimizer_memory
        if (
            isinstance(kept, OptimizerMemory)
            and kept.settings == fresh.settings
            and kept.slots.keys() == fresh.slots.keys()
        ):
            return kept
        return fresh

    def after(self, slots: Mapping[str, Array], step: int) -> OptimizerMemory:
        """The same after more steps."""
        return OptimizerMemory(self.settings, {name: np.array(slots[name]) for name in self.slots}, step)


def _settings(rule: Optimizer) -> str:
    return json.dumps({k: v for k, v in rule.config().items() if k != "learning_rate"}, sort_keys=True)
