"""Who is measured: one module a library, each a reading of the same Pellucid network.

A module has `training(net, x, y, batch, threads, compiled)` and `inference(net, x, threads, compiled)`. Either gives a
function of a number of steps: it takes them, waits until they are done, and gives their losses, or the output of the
last call.
Libraries are imported inside, and only there; ONNX Runtime does not train.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.network import Use

Array = NDArray[Any]
Steps = Callable[[int], Array]

ADAM = pl.Adam()


def batches(x: Array, y: Array, size: int) -> list[tuple[Array, Array]]:
    """The examples, cut into whole batches."""
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(x) - size + 1, size)]


def layers(net: pl.Network) -> list[Use]:
    """The layers of a sequential network, without its input."""
    return list(net.uses[1:])


def activation(use: Use) -> str:
    """The name of a layer's activation; the softmax of the last layer is part of the loss."""
    function = getattr(use.layer, "activation", "linear")
    return str(getattr(function, "name", function))


def kernel(net: pl.Network, use: Use, before: Use | None) -> Array:
    """A dense layer's kernel (i, o) for a peer that flattens images channels first."""
    array = np.asarray(net.parameters[f"{use.path}.kernel"])
    if before is None or not isinstance(before.layer, pl.Flatten) or len(before.shapes[0]) != 3:
        return array
    return array.reshape(*before.shapes[0], -1).transpose(2, 0, 1, 3).reshape(array.shape)
