"""An output as a function of one value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import DataError, PellucidError


def test_a_sweep_is_as_many_patches() -> None:
    net = pl.Network(pl.LSTM(3), pl.Dense(2), input_shape=(6, 2), seed=1)
    x = np.random.default_rng(0).normal(size=(1, 6, 2)).astype(np.float32)
    path = "lstm_1.gate.forget[t=3,j=2]"
    curve = net.sweep(path, [0.0, 0.25, 1.0], x=x, unit=1)
    for value, result in zip(curve.values, curve.results, strict=True):
        assert result == pytest.approx(float(net.patch(x, {path: value})["dense_1"][0, 1]), rel=1e-6)
    assert curve.at is not None
    assert curve.at[0] == net.trace(x)["lstm_1.gate.forget"][0, 3, 2]
    assert curve.plot().axes
    whole = net.sweep("dense_1.bias[o=0]", np.linspace(-1, 1, 3), x=x[0])
    np.testing.assert_allclose(np.diff(whole.results[:, 0]), 1, rtol=1e-5)
    assert whole.results.shape == (3, 2)


def test_what_cannot_be_swept_is_said() -> None:
    net = pl.Network(pl.Dense(2), input_shape=2)
    with pytest.raises(DataError, match="expected one"):
        net.sweep("dense_1", [0, 1], x=np.ones((2, 2)))
    with pytest.raises(DataError, match=r"expected \(k,\)"):
        net.sweep("dense_1", 1.0, x=np.ones(2))
    with pytest.raises(PellucidError, match="to look at"):
        net.sweep("dense_1", [1.0], x=np.ones(2), output="dens_1")


@pytest.mark.parametrize("values", ["a", ["a"], [None], [np.nan], [], [[1, 2]], [1, [2]]], ids=repr)
def test_what_is_no_row_of_numbers_is_refused(values: Any) -> None:
    net = pl.Network(pl.Dense(1), input_shape=2, engine="reference")
    with pytest.raises(DataError, match=r"^values "):
        net.sweep("dense_1", values, x=np.ones(2))


def test_a_sweep_is_over_sequences_of_any_length() -> None:
    net = pl.Network(pl.LSTM(3), pl.Dense(2), input_shape=(None, 2), engine="reference")
    for length in (3, 7):
        x = np.random.default_rng(length).normal(size=(1, length, 2))
        swept = net.sweep("lstm_1.gate.forget[t=1,j=2]", [0.0, 1.0], x=x)
        alone = net.patch(x, {"lstm_1.gate.forget[t=1,j=2]": 1.0})
        np.testing.assert_allclose(swept.results[1], alone["dense_1"][0], rtol=1e-6)


def test_a_sweep_of_carried_states_is_refused() -> None:
    net = pl.Network(pl.LSTM(3, stateful=True), input_shape=(4, 2), engine="reference")
    with pytest.raises(PellucidError, match="stateful"):
        net.sweep("lstm_1[j=0]", [0.0], x=np.ones((1, 4, 2)))
