"""Predictions do not depend on which examples stand beside."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
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


@pytest.mark.parametrize("engine", ["llvm", "reference"])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_predictions_are_the_callers_own(engine: str, count: int) -> None:
    """Also those of one batch, of layers that only give another shape."""
    v = pl.Input((4,))
    same, square, linear = pl.Flatten()(v), pl.Reshape((2, 2))(v), pl.Activation("linear")(v)
    net = pl.Network(inputs=[v], outputs=[same, square, linear], engine=engine, seed=0)
    x = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    arrays = [x, *net.predict(x).values(), *net.predict(x).values()]
    assert all(a.flags.writeable for a in arrays)
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
