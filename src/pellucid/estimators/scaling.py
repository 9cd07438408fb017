"""Columns brought to mean 0 and deviation 1, with weights: layers of the network, so that it takes the raw table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.layers import Normalization

Array = NDArray[Any]


def statistics(columns: Array, weight: Array | None) -> tuple[Array, Array]:
    """Mean and standard deviation of each column (n, c), in float64; the deviation of a constant column is 1.

    A weight of 2 counts as the row twice.
    """
    values = columns.astype(np.float64, copy=False)
    mean = np.average(values, axis=0, weights=weight)
    deviation = np.sqrt(np.average(np.square(values - mean), axis=0, weights=weight))
    constant = deviation <= np.maximum(1e-12 * np.abs(mean), np.finfo(np.float32).tiny)
    return mean, np.where(constant, 1.0, deviation)


def layer(mean: Array, deviation: Array, *, invert: bool = False, name: str) -> Normalization:
    """(x − mean)/deviation as a layer, or with `invert` the way back."""
    found = Normalization(invert=invert, adapted=True, name=name)
    found.arrays.update(mean=np.array(mean), deviation=np.array(deviation))
    return found
