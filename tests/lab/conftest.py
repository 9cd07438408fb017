"""What the lab's tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.network import BaseNetwork


@dataclass(frozen=True)
class At:
    """A moment of a training."""

    branch: int
    step: int
    parameters: dict[str, NDArray[Any]]


def now(net: BaseNetwork, *, branch: int = 0, step: int = 0) -> At:
    """The moment in which a network is."""
    return At(branch, step, {path: np.array(array) for path, array in net.parameters.items()})


def array_of(numbers: dict[str, Any]) -> NDArray[Any]:
    """The array of a protocol `Numbers`."""
    return np.asarray(numbers["data"]).reshape(numbers["shape"])
