"""Units taken out."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError


def test_a_unit_is_taken_out_by_zero_the_mean_or_another_example() -> None:
    net = pl.Network(pl.Conv2D(3, 3, activation="relu"), pl.Flatten(), pl.Dense(2), input_shape=(6, 6, 1), seed=1)
    x = np.random.default_rng(0).normal(size=(9, 6, 6, 1)).astype(np.float32)
    known = net.trace(x)["conv2d_1"]
    run = net.ablate(x[:2], "conv2d_1", unit=2)
    assert not run["conv2d_1"][..., 2].any()
    np.testing.assert_array_equal(run["conv2d_1"][..., :2], known[:2, ..., :2])
    run = net.ablate(x[:2], "conv2d_1", unit=[0, 2], to="mean", examples=x)
    np.testing.assert_allclose(run["conv2d_1"][1, ..., 0], known[..., 0].mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(run["conv2d_1"][..., 1], known[:2, ..., 1])
    run = net.ablate(x[:2], "conv2d_1", to="resample", examples=x[5:6])
    np.testing.assert_array_equal(run["conv2d_1"][0], known[5])
    with pytest.raises(PellucidError, match="needs examples"):
        net.ablate(x, "conv2d_1", to="mean")
    with pytest.raises(PellucidError, match="expected one of zero, mean, resample"):
        net.ablate(x, "conv2d_1", to="nothing")


def test_a_step_is_taken_out() -> None:
    net = pl.Network(pl.LSTM(3), pl.Dense(2), input_shape=(4, 2), seed=1)
    run = net.ablate(np.ones((1, 4, 2)), "lstm_1.gate.input", unit=1, time=2)
    assert run["lstm_1.gate.input"][0, 2, 1] == 0
    assert "lstm_1.gate.input" in [c.path for c in run.changed()]
