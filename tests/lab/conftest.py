"""What the lab's tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.lab.protocol import answers
from pellucid.lab.time.moments import Moment
from pellucid.network import BaseNetwork


def now(net: BaseNetwork, *, branch: int = 0, step: int = 0) -> Moment:
    """The moment in which a network is."""
    return Moment(branch, step, {path: np.array(array) for path, array in net.parameters.items()})


def array_of(numbers: answers.Numbers) -> NDArray[Any]:
    """The array of a protocol `Numbers`."""
    return np.asarray(numbers["data"]).reshape(numbers["shape"])
