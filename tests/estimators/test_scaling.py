"""Statistics of columns: weights count rows, constants stay, and the layer is the formula."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.estimators import scaling


def test_a_weight_is_a_number_of_rows() -> None:
    random = np.random.default_rng(0)
    x, weight = random.normal(5, 2, size=(40, 3)), random.integers(0, 4, 40)
    for one, other in zip(
        scaling.statistics(x, weight), scaling.statistics(x.repeat(weight, axis=0), None), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9, 1e-300])
def test_a_constant_column_loses_its_mean_alone(value: float) -> None:
    mean, deviation = scaling.statistics(np.full((7, 1), value, np.float64), np.arange(7.0))
    assert mean[0] == pytest.approx(value)
    assert deviation[0] == 1


def test_there_and_back() -> None:
    x = np.random.default_rng(0).normal(3, 5, size=(30, 2))
    statistics = scaling.statistics(x, None)
    there, back = scaling.layer(*statistics, name="there"), scaling.layer(*statistics, invert=True, name="back")
    net = pl.Network(there, back, input_shape=(2,), dtype="float64")
    np.testing.assert_allclose(net.predict(x), x)
    scaled = pl.Network(there, input_shape=(2,), dtype="float64").predict(x)
    np.testing.assert_allclose([scaled.mean(axis=0), scaled.std(axis=0)], [[0, 0], [1, 1]], atol=1e-12)
