from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.layers import Dense, Dropout
from pellucid.model import Network

Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]


@pytest.fixture
def blobs() -> Blobs:
    """Three clouds of 45 points each in four dimensions: 135 examples, which no power of two divides."""
    rng = np.random.default_rng(0)
    y = np.arange(135) % 3
    centres = np.array([[2, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]])
    return (centres[y] + rng.normal(size=(135, 4))).astype(np.float32), y.astype(np.int64)


@pytest.fixture
def classifier() -> Callable[..., Network]:
    """A network 4 → 8 → 3 with dropout, from a seed."""

    def make(seed: int = 0, **options: Any) -> Network:
        layers = Dense(8, activation="tanh"), Dropout(0.2), Dense(3, activation="softmax")
        return Network(*layers, input_shape=4, seed=seed, **options)

    return make
