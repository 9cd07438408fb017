"""Predictions do not depend on which examples stand beside."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.layers import Conv2D, Dense, Flatten
from pellucid.model import Network


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 16, 33])
def test_rows_in_batches_of_any_size(count: int) -> None:
    x = np.random.default_rng(0).normal(size=(66, 9, 9, 2)).astype(np.float32)
    net = Network(Conv2D(6, 3, activation="relu"), Flatten(), Dense(5, activation="softmax"), input_shape=(9, 9, 2))
    together = net.predict(x)
    alone = np.concatenate([net.predict(x[start : start + count]) for start in range(0, 60, count)])[:60]
    np.testing.assert_allclose(alone, together[:60], rtol=0, atol=3e-7)
    if count > 4:
        np.testing.assert_array_equal(alone, together[:60])
