"""The range test for the learning rate (Smith 2017)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import check_integer
from pellucid.batches import shuffled
from pellucid.carried import Carried
from pellucid.errors import DataError
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.habits import spelled
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import prepared
from pellucid.training.inputs.targets import LossLike
from pellucid.training.optimizer_memory import OptimizerMemory
from pellucid.training.programs import Clip, training_step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTHING = 0.9
DIVERGED = 4.0


@dataclass(frozen=True)
class LearningRates:
    """The smoothed loss at each learning rate tried, and the rate suggested."""

    rates: list[float]
    losses: list[float]
    suggestion: float

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The curve as a matplotlib figure; saved to `path` if there is one."""
        from pellucid.plots.training_curves import learning_rate_figure

        return learning_rate_figure(self.rates, self.losses, self.suggestion, path)

    def __repr__(self) -> str:
        span = f"{len(self.rates)} from {self.rates[0]:.2g} to {self.rates[-1]:.2g}"
        return f"suggested learning rate {self.suggestion:.2g}, of {span}"


@spelled
def find_learning_rate(
    net: BaseNetwork,
    x: Any,
    y: Any,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: str | Mapping[str, object] | Optimizer = "adam",
    batch_size: int = 32,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
) -> LearningRates:
    """Train for some steps while the learning rate rises geometrically; suggest the one at which the loss falls most.

    The network stays as it is. The test ends early when the loss is four times its minimum.

    Raises:
        DataError: examples or targets that the network cannot take, or no range.
    """
    if not 0 < lowest < highest < math.inf:
        raise DataError(f"the range is {lowest!r} to {highest!r}, expected 0 < lowest < highest")
    steps, size = check_integer(steps, "steps", minimum=5), check_integer(batch_size, "batch_size", minimum=1)
    examples, goals = prepared(net, x, y, loss, None)
    rule = optimizer_of(optimizer)
    run = training_step(net, goals, rule, clip=Clip(), weighted=False)
    state = net.parameters.snapshot()
    state |= OptimizerMemory.begin(net, rule).slots
    per_epoch = math.ceil(len(examples) / size)
    rates: list[float] = []
    losses: list[float] = []
    average = 0.0
    for step in range(steps):
        epoch, batch = divmod(step, per_epoch)
        rows = shuffled(len(examples), net.seed, epoch)[batch * size : (batch + 1) * size]
        rate = lowest * (highest / lowest) ** (step / (steps - 1))
        counters = {"learning_rate": np.array(rate), "step": np.array(step + 1), "seed": np.array(net.seed)}
        states = Carried(net.carried.sizes, net.dtype).feed(len(rows))  # each step begins with states of 0
        with np.errstate(all="ignore"):  # divergence is what this looks for
            outputs = run({**examples.rows(rows), **state, **counters, **states})
        average = SMOOTHING * average + (1 - SMOOTHING) * float(outputs["loss"])
        smooth = average / (1 - SMOOTHING ** (step + 1))
        if not math.isfinite(smooth) or (losses and smooth > DIVERGED * min(losses)):
            break
        rates.append(rate)
        losses.append(smooth)
        state = {name: outputs.get(name, value) for name, value in state.items()}
    if len(rates) < 3:
        raise DataError(
            f"the loss diverges from the lowest rate {lowest:g} on: choose a lower one, or scale the inputs"
        )
    # What falls after the minimum loss is a network that recovers from a divergence, or has died.
    slope = np.gradient(np.array(losses), np.log(rates))[: int(np.argmin(losses)) + 1]
    return LearningRates(rates, losses, rates[int(np.argmin(slope))])
