"""Losses beside Keras's, where that is installed."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import numpy as np
import pytest

import pellucid as pl

if importlib.util.find_spec("keras") is None:
    pytest.skip("could not import 'keras'", allow_module_level=True)
os.environ.setdefault("KERAS_BACKEND", "jax")
keras: Any = pytest.importorskip("keras")

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("hinge", "Hinge", {}),
    ("squared_hinge", "SquaredHinge", {}),
    ("kl_divergence", "KLDivergence", {}),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {"alpha": 0.6, "apply_class_balancing": True}),
    ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {"gamma": 3.0}),
    ("categorical_crossentropy", "CategoricalCrossentropy", {"label_smoothing": 0.1}),
    ("binary_crossentropy", "BinaryCrossentropy", {"label_smoothing": 0.1}),
]


@pytest.mark.parametrize(("name", "theirs", "options"), CASES)
def test_a_loss_is_that_of_keras(name: str, theirs: str, options: dict[str, Any]) -> None:
    binary = name.startswith("binary") or "hinge" in name
    last = "linear" if "hinge" in name else "sigmoid" if binary else "softmax"
    net = pl.Network(pl.Dense(4, activation=last), input_shape=3)
    random = np.random.default_rng(0)
    x = random.normal(size=(9, 3)).astype(np.float32)
    y = random.integers(0, 2, (9, 4)).astype(np.float32) if binary else np.eye(4, dtype=np.float32)[np.arange(9) % 4]
    expected = float(getattr(keras.losses, theirs)(**options)(y, net.predict(x)))
    assert net.evaluate(x, y, loss=pl.loss(name, **options))["loss"] == pytest.approx(expected, rel=1e-5)
