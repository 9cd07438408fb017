"""Pooling layers in a network."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.layers.support import check_gradients, network, output

from pellucid.errors import PellucidError, ShapeError
from pellucid.layers import (
    AveragePool1D,
    AveragePool2D,
    AveragePool3D,
    Dense,
    GlobalAveragePool,
    GlobalMaxPool,
    Layer,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MinPool1D,
    MinPool2D,
    MinPool3D,
)
from pellucid.layers.base import Shape
from pellucid.network import BaseNetwork


@pytest.mark.parametrize(
    ("layer", "shape", "out"),
    [
        (MaxPool2D(), (5, 4, 3), (2, 2, 3)),
        (MaxPool2D(2, padding="same"), (5, 4, 3), (3, 2, 3)),
        (MinPool2D(3, 2), (7, 5, 3), (3, 2, 3)),
        (AveragePool2D((2, 3), strides=1, padding=((1, 0), (0, 2))), (5, 4, 3), (5, 4, 3)),
        (MaxPool1D(3), (7, 2), (2, 2)),
        (MinPool1D(2), (7, 2), (3, 2)),
        (AveragePool1D(2, padding="same"), (7, 2), (4, 2)),
        (MaxPool3D(), (5, 4, 6, 3), (2, 2, 3, 3)),
        (MinPool3D((1, 2, 3), padding="same"), (5, 4, 4, 3), (5, 2, 2, 3)),
        (AveragePool3D(2, strides=(3, 1, 1), padding=((1, 0), (0, 1), (0, 0))), (4, 1, 4, 2), (2, 1, 3, 2)),
        (GlobalMaxPool(), (5, 4, 3), (3,)),
        (GlobalAveragePool(), (2, 5, 4, 3), (3,)),
        (GlobalAveragePool(), (5, 3), (3,)),
    ],
)
def test_shapes(layer: Layer, shape: Shape, out: Shape) -> None:
    net = network(layer, shape=shape)
    assert next(iter(net.output_shapes.values())) == out
    assert len(net.parameters) == 0
    examples = np.random.default_rng(0).normal(size=(2, *shape))
    assert output(net, examples).shape == (2, *out)
    restored = BaseNetwork.restored(json.loads(json.dumps(net.config())))
    np.testing.assert_array_equal(output(restored, examples), output(net, examples))


@pytest.mark.parametrize("layer", [MaxPool1D(2), MinPool1D(3, 2, "same"), AveragePool1D(3, 1, "same"), GlobalMaxPool()])
def test_gradients_pass(layer: Layer) -> None:
    check_gradients(network(Dense(3), layer, shape=(6, 2)), np.random.default_rng(1).normal(size=(3, 6, 2)))


def test_paths() -> None:
    net = network(MaxPool2D(2), AveragePool2D(2), GlobalMaxPool(), shape=(8, 8, 1))
    assert [u.path for u in net.uses][1:] == ["max_pool2d_1", "average_pool2d_1", "global_max_pool_1"]


def test_what_does_not_fit_is_said_with_its_path() -> None:
    with pytest.raises(ShapeError, match=r"max_pool2d_1: the window \(5, 5\) is larger than the image \(4, 4\)"):
        network(MaxPool2D(5), shape=(4, 4, 1))
    with pytest.raises(ShapeError, match="average_pool1d_1: AveragePool1D takes"):
        network(AveragePool1D(2), shape=(4, 4, 1))
    with pytest.raises(ShapeError, match="global_max_pool_1: global pooling takes"):
        network(GlobalMaxPool(), shape=(4,))


@pytest.mark.parametrize("options", [{"pool_size": 0}, {"strides": 0}, {"padding": "equal"}, {"padding": -1}])
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(PellucidError, match=f"{next(iter(options))} of MaxPool2D is .*, expected"):
        MaxPool2D(**options)


@pytest.mark.parametrize("layer", [MaxPool1D(3), MinPool1D(3), AveragePool1D(3), GlobalMaxPool(), GlobalAveragePool()])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_a_number_is_not_hidden(layer: Layer, place: int) -> None:
    x = np.ones((1, 3, 2))
    x[0, place, 1] = np.nan
    np.testing.assert_array_equal(np.isnan(output(network(layer, shape=(3, 2)), x)).ravel(), [False, True])
