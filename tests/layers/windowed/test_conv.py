"""Convolutional layers in a network."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.layers.support import check_gradients, network, output

from pellucid.errors import PellucidError, ShapeError
from pellucid.layers import (
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
)
from pellucid.layers.base import Shape
from pellucid.network import BaseNetwork


def lenet(**options: Any) -> BaseNetwork:
    """LeNet-5 with ReLU and maxima: LeCun et al. 1998, figure 2."""
    return network(
        Conv2D(6, kernel_size=5, padding="same", activation="relu"),
        MaxPool2D(2),
        Conv2D(16, kernel_size=5, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(120, activation="relu"),
        Dense(84, activation="relu"),
        Dense(10, activation="softmax"),
        shape=(28, 28, 1),
        **options,
    )


@pytest.mark.parametrize(
    ("layer", "shape", "out", "kernel"),
    [
        (Conv2D(6, 5), (28, 28, 1), (24, 24, 6), (5, 5, 1, 6)),
        (Conv2D(6, (3, 5), strides=(2, 1), padding="same"), (9, 7, 2), (5, 7, 6), (3, 5, 2, 6)),
        (Conv2D(4, 3, padding=((1, 0), (2, 1)), dilation_rate=2), (6, 6, 2), (3, 5, 4), (3, 3, 2, 4)),
        (Conv2D(8, 3, padding=1, groups=4), (5, 5, 4), (5, 5, 8), (3, 3, 1, 8)),
        (Conv1D(5, 3, strides=2), (10, 4), (4, 5), (3, 4, 5)),
        (Conv1D(5, 3, padding=(2, 0), use_bias=False), (10, 4), (10, 5), (3, 4, 5)),
        (ConvTranspose2D(3, 3, strides=2, padding="same"), (7, 5, 4), (14, 10, 3), (3, 3, 3, 4)),
        (ConvTranspose2D(3, 4, strides=2, padding=1), (7, 5, 4), (14, 10, 3), (4, 4, 3, 4)),
        (ConvTranspose1D(3, 2, strides=3), (4, 2), (12, 3), (2, 3, 2)),
        (Conv3D(6, 3), (4, 5, 6, 2), (2, 3, 4, 6), (3, 3, 3, 2, 6)),
        (Conv3D(6, (2, 3, 1), strides=(3, 1, 2), padding="same"), (7, 1, 4, 2), (3, 1, 2, 6), (2, 3, 1, 2, 6)),
        (Conv3D(4, 2, padding=((1, 0), (0, 0), (2, 1)), groups=2), (3, 3, 3, 2), (3, 2, 5, 4), (2, 2, 2, 1, 4)),
        (ConvTranspose3D(3, 2, strides=(1, 2, 3)), (2, 3, 4, 2), (3, 6, 12, 3), (2, 2, 2, 3, 2)),
    ],
)
def test_shapes(layer: Layer, shape: Shape, out: Shape, kernel: Shape) -> None:
    net = network(layer, shape=shape)
    assert next(iter(net.output_shapes.values())) == out
    assert net.parameters[f"{layer.kind}_1.kernel"].shape == kernel
    examples = np.random.default_rng(0).normal(size=(3, *shape))
    assert output(net, examples).shape == (3, *out)
    restored = BaseNetwork.restored(json.loads(json.dumps(net.config())))
    np.testing.assert_array_equal(output(restored, examples), output(net, examples))


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(3, 2, strides=2, padding="same", activation="tanh"),
        Conv2D(4, 2, groups=2, activation="sigmoid"),
        ConvTranspose2D(2, 3, strides=2, activation="tanh"),
    ],
)
def test_gradients_agree_with_central_differences(layer: Layer) -> None:
    net = network(layer, Flatten(), Dense(2), shape=(3, 5, 2))
    check_gradients(net, np.random.default_rng(1).normal(size=(2, 3, 5, 2)))


@pytest.mark.parametrize(
    "layer",
    [
        Conv3D(2, (1, 2, 2), strides=(1, 2, 1), padding="same", activation="tanh"),
        ConvTranspose3D(2, 2, strides=(2, 1, 1), activation="tanh"),
    ],
)
def test_gradients_of_a_volume_agree_with_central_differences(layer: Layer) -> None:
    net = network(layer, Flatten(), Dense(2), shape=(2, 3, 3, 2))
    check_gradients(net, np.random.default_rng(1).normal(size=(2, 2, 3, 3, 2)))


def test_fans_are_those_of_keras() -> None:
    spec = Conv2D(8, (3, 5), groups=2).declare((9, 9, 4))["kernel"]
    assert (spec.fan_in, spec.fan_out) == (3 * 5 * 2, 3 * 5 * 8)
    spec = ConvTranspose2D(8, 3).declare((9, 9, 4))["kernel"]
    assert (spec.fan_in, spec.fan_out) == (9 * 8, 9 * 4)
    # glorot_uniform: even in ±√(6/(25·1 + 25·6))
    kernel = lenet().parameters["conv2d_1.kernel"]
    limit = np.sqrt(6 / 175)
    assert 0.9 * limit < np.abs(kernel).max() <= limit


def test_lenet_builds_and_its_gradients_agree_with_central_differences() -> None:
    net = lenet()
    assert list(net.output_shapes.values()) == [(10,)]
    assert [u.shape for u in net.uses if u.path.startswith(("conv", "max"))] == [
        *[(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16)]
    ]
    check_gradients(net, np.random.default_rng(2).random((2, 28, 28, 1)), max_places=4)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (Conv2D(6, 7), (5, 5, 1), r"conv2d_1: the kernel \(7, 7\) is larger than the image \(5, 5\)"),
        (Conv2D(6, 7, padding=1), (3, 3, 1), r"conv2d_1: the kernel \(7, 7\) is larger than the padded image \(5, 5\)"),
        (Conv1D(6, 7), (5, 1), r"conv1d_1: the kernel \(7,\) is larger than the sequence \(5,\)"),
        (Conv2D(6, 3, groups=3), (5, 5, 4), "conv2d_1: 3 groups do not divide the 4 channels"),
        (Conv2D(6, 3), (28, 28), r"conv2d_1: Conv2D takes .* got \(28, 28\); .*Reshape\(\(28, 28, 1\)\)"),
        (
            Conv2D(6, 3),
            (28,),
            r"conv2d_1: Conv2D takes examples of shape \(height, width, channels\), got \(28,\)$",
        ),
        (Conv1D(6, 3), (28, 28, 1), r"conv1d_1: Conv1D takes examples of shape \(steps, channels\)"),
        (Conv3D(6, 3), (2, 5, 5, 1), r"conv3d_1: the kernel \(3, 3, 3\) is larger than the volume \(2, 5, 5\)"),
        (Conv3D(6, 3), (8, 9, 9), r"Conv3D takes .* \(depth, height, width, channels\).*Reshape\(\(8, 9, 9, 1\)\)"),
        (ConvTranspose2D(6, 3, padding=9), (4, 4, 1), "conv_transpose2d_1: the padding .* leaves nothing"),
    ],
)
def test_what_does_not_fit_is_said_with_its_path(layer: Layer, shape: Shape, words: str) -> None:
    with pytest.raises(ShapeError, match=words) as caught:
        network(layer, shape=shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"filters": 0}, "filters of Conv2D is 0, expected an integer from 1"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size of Conv2D is \(3, 3, 3\), expected an integer from 1"),
        ({"strides": 0}, "strides of Conv2D is 0, expected an integer from 1 or 2 of them"),
        ({"padding": "sane"}, 'padding of Conv2D .* Did you mean "same"'),
        ({"dilation_rate": -1}, "dilation_rate of Conv2D is -1, expected"),
        ({"groups": 0}, "groups of Conv2D is 0, expected"),
        ({"activation": "rellu"}, 'Did you mean "relu"'),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PellucidError, match=words):
        Conv2D(**{"filters": 3, "kernel_size": 3, **options})


def test_repr_says_what_was_given() -> None:
    assert repr(Conv2D(6, (5, 5), activation="relu")) == "Conv2D(filters=6, kernel_size=5, activation='relu')"
