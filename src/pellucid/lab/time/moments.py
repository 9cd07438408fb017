"""A moment of a training, and a network that is put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.network import BaseNetwork


@dataclass(frozen=True)
class Moment:
    """The parameters after a step of a branch; the arrays stay as they are.

    And the learning rate of the next step; None is the optimizer's own.
    """

    branch: int
    step: int
    parameters: Mapping[str, NDArray[Any]]
    learning_rate: float | None = None


def copied(net: BaseNetwork) -> BaseNetwork:
    """Another network of the same layers, with the same parameters, and what it says of its data."""
    copy = BaseNetwork.restored(net.config(), engine=net.engine)
    copy.metadata.update(net.metadata)
    put(copy, net.parameters.snapshot())
    return copy


def put(net: BaseNetwork, parameters: Mapping[str, NDArray[Any]]) -> bool:
    """Give a network these parameters; whether any of them is new."""
    new = {path: array for path, array in parameters.items() if not np.array_equal(net.parameters[path], array)}
    for path, array in new.items():
        net.parameters[path] = array
    return bool(new)
