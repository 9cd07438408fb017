"""The loss of a network that does not look at its inputs: what any training has to fall below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import Goal

Array = NDArray[Any]


def loss_of_guessing(net: BaseNetwork, targets: Sequence[Goal], arrays: Mapping[str, Array]) -> float | None:
    """The smallest loss of one constant answer to all examples, summed over the outputs; None where it is not known.

    That is the entropy of the classes, the variance of numbers, their mean distance from the median. A penalty of the
    network as it is comes on top, as in its own loss.
    """
    known = loss_of_constant(net, targets, arrays)
    return None if known is None else known + _penalty(net)


def loss_of_constant(net: BaseNetwork, targets: Sequence[Goal], arrays: Mapping[str, Array]) -> float | None:
    """The same without a penalty: it does not change in a training."""
    if net.reading().masks:
        return None
    losses = [_guess(goal, net.output_shapes[goal.path], arrays[goal.name]) for goal in targets]
    known = [part for part in losses if part is not None]
    return sum(known) if len(known) == len(losses) else None


def _guess(goal: Goal, shape: tuple[int, ...], y: Array) -> float | None:
    if goal.loss.reads == "values":
        values = y.astype(np.float64)
        if goal.loss.name == "mean_squared_error":
            return float(values.var(axis=0).mean())
        if goal.loss.name == "mean_absolute_error":
            return float(np.abs(values - np.median(values, axis=0)).mean())
        return None
    if goal.labels:
        frequencies = np.bincount(y.ravel(), minlength=shape[-1]) / y.size
        return -float(np.sum(frequencies * _log(frequencies)))
    rows = y.astype(np.float64).reshape(-1, shape[-1])
    means = rows.mean(axis=0)
    if shape[-1] == 1 or goal.loss.reads == "binary" or not np.allclose(rows.sum(axis=-1), 1):
        return -float(np.mean(means * _log(means) + (1 - means) * _log(1 - means)))
    return -float(np.sum(means * _log(means)))


def _log(frequencies: Array) -> Array:
    return np.asarray(np.log(np.where(frequencies > 0, frequencies, 1)))


def _penalty(net: BaseNetwork) -> float:
    total = 0.0
    for path, spec in net.specs.items():
        if spec.penalty is not None:
            w = net.parameters[path].astype(np.float64)
            total += spec.penalty.l1 * float(np.abs(w).sum()) + spec.penalty.l2 * float(np.square(w).sum())
    return total
