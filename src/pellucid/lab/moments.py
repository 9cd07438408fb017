"""A moment of a training, and a network that is put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.network import BaseNetwork


class Moment(Protocol):
    """A network in the middle of its training: the branch, the step, and the parameters, which do not change."""

    @property
    def branch(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def parameters(self) -> Mapping[str, NDArray[Any]]: ...


def copied(net: BaseNetwork) -> BaseNetwork:
    """Another network of the same layers, with the same parameters."""
    copy = BaseNetwork.restored(net.config(), engine=net.engine)
    put(copy, dict(net.parameters))
    return copy


def put(net: BaseNetwork, parameters: Mapping[str, NDArray[Any]]) -> bool:
    """Give a network these parameters; whether any of them is new."""
    new = {path: array for path, array in parameters.items() if not np.array_equal(net.parameters[path], array)}
    for path, array in new.items():
        net.parameters[path] = array
    return bool(new)
