"""Group normalization in a network."""

from __future__ import annotations

import numpy as np
import pytest
from tests.layers.support import check_gradients, network, output, run

import pellucid as pl


@pytest.mark.parametrize(("groups", "shape"), [(2, (6,)), (3, (4, 6)), (1, (3, 2, 6)), (6, (3, 2, 6)), (-1, (3, 2, 6))])
def test_each_group_of_an_example_has_mean_0_and_variance_1(groups: int, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(3, 2, (4, *shape))
    net = network(pl.GroupNormalization(groups, epsilon=1e-9, center=False, scale=False), shape=shape)
    count = groups if groups > 0 else shape[-1]
    split = x.reshape(4, -1, count, shape[-1] // count)
    mean, variance = split.mean(axis=(1, 3), keepdims=True), split.var(axis=(1, 3), keepdims=True)
    expected = ((split - mean) / np.sqrt(variance + 1e-9)).reshape(x.shape)
    np.testing.assert_allclose(output(net, x), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(run(net, x)["group_normalization_1.mean"], mean[:, 0, :, 0], rtol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, -1])
def test_gradients_agree_with_central_differences(groups: int) -> None:
    net = network(pl.Dense(4), pl.GroupNormalization(groups), shape=(3, 2))
    check_gradients(net, np.random.default_rng(1).normal(size=(3, 3, 2)))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(pl.ShapeError, match="group_normalization_1: 4 groups do not divide the 6 channels"):
        network(pl.GroupNormalization(4), shape=(6,))
    with pytest.raises(pl.PellucidError, match="groups of GroupNormalization is 0, expected an integer from 1, or −1"):
        pl.GroupNormalization(0)
