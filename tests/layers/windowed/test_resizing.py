"""UpSampling, ZeroPadding, Cropping, and depthwise and separable convolution in a network."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.layers.support import Array, check_gradients, network, output

import pellucid as pl

UpSampling2D: Any = pl.UpSampling2D
DepthwiseConv2D: Any = pl.DepthwiseConv2D
SEQUENCE, IMAGE, VOLUME = (5, 3), (4, 5, 3), (3, 4, 5, 2)
BY_RANK = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def normal(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(
    ("layer", "ends"),
    [
        (pl.ZeroPadding1D(), ((1, 1),)),
        (pl.ZeroPadding1D((0, 2)), ((0, 2),)),
        (pl.ZeroPadding2D((1, 2)), ((1, 1), (2, 2))),
        (pl.ZeroPadding2D(((0, 3), (1, 0))), ((0, 3), (1, 0))),
        (pl.ZeroPadding3D((1, 0, 2)), ((1, 1), (0, 0), (2, 2))),
        (pl.ZeroPadding3D(((0, 3), (1, 0), (0, 0))), ((0, 3), (1, 0), (0, 0))),
    ],
)
def test_zeros_stand_round_the_places(layer: pl.Layer, ends: tuple[tuple[int, int], ...]) -> None:
    x = normal(2, *BY_RANK[len(ends)])
    expected = np.pad(x, ((0, 0), *ends, (0, 0)))
    np.testing.assert_array_equal(output(network(layer, shape=x.shape[1:]), x), expected)


def test_what_is_cropped_is_gone() -> None:
    x, image = normal(2, *SEQUENCE), normal(2, *IMAGE)
    np.testing.assert_array_equal(output(network(pl.Cropping1D((2, 1)), shape=SEQUENCE), x), x[:, 2:-1])
    np.testing.assert_array_equal(
        output(network(pl.Cropping2D(((0, 1), (2, 0))), shape=IMAGE), image), image[:, :-1, 2:]
    )
    np.testing.assert_array_equal(output(network(pl.Cropping2D(), shape=IMAGE), image), image)
    volume, cropping = normal(2, *VOLUME), pl.Cropping3D(((0, 1), (2, 0), (1, 1)))
    np.testing.assert_array_equal(output(network(cropping, shape=VOLUME), volume), volume[:, :-1, 2:, 1:-1])


def test_places_are_repeated() -> None:
    x, image = normal(2, *SEQUENCE), normal(2, *IMAGE)
    np.testing.assert_array_equal(output(network(pl.UpSampling1D(3), shape=SEQUENCE), x), x.repeat(3, axis=1))
    expected = image.repeat(2, axis=1).repeat(3, axis=2)
    np.testing.assert_array_equal(output(network(pl.UpSampling2D((2, 3)), shape=IMAGE), image), expected)
    volume = normal(2, *VOLUME)
    expected = volume.repeat(3, axis=1).repeat(2, axis=3)
    np.testing.assert_array_equal(output(network(pl.UpSampling3D((3, 1, 2)), shape=VOLUME), volume), expected)


def depthwise(x: Array, kernel: Array, *, stride: int, dilation: int) -> Array:
    """The definition, loop by loop, of an image without padding."""
    (size, _, channels, several), (n, h, w, _) = kernel.shape, x.shape
    span = (size - 1) * dilation + 1
    made = np.zeros((n, (h - span) // stride + 1, (w - span) // stride + 1, channels * several))
    for i, j in np.ndindex(made.shape[1:3]):
        for u, v, c, m in np.ndindex(kernel.shape):
            made[:, i, j, c * several + m] += (
                x[:, i * stride + u * dilation, j * stride + v * dilation, c] * kernel[u, v, c, m]
            )
    return made


@pytest.mark.parametrize(("several", "stride", "dilation"), [(1, 1, 1), (1, 2, 1), (3, 1, 2), (2, 2, 1)])
def test_each_channel_by_itself(several: int, stride: int, dilation: int) -> None:
    options: dict[str, Any] = {"depth_multiplier": several, "strides": stride, "dilation_rate": dilation}
    x = normal(2, 6, 7, 3)
    net = network(pl.DepthwiseConv2D(2, bias_initializer="ones", **options), shape=(6, 7, 3))
    kernel = net.parameters["depthwise_conv2d_1.kernel"]
    expected = 1 + depthwise(x, kernel, stride=stride, dilation=dilation)
    np.testing.assert_allclose(output(net, x), expected, rtol=1e-12)

    net = network(pl.SeparableConv2D(4, 2, **options), shape=(6, 7, 3))
    first, second = (net.parameters[f"separable_conv2d_1.{key}_kernel"] for key in ("depthwise", "pointwise"))
    expected = depthwise(x, first, stride=stride, dilation=dilation) @ second[0, 0]
    np.testing.assert_allclose(output(net, x), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        pl.DepthwiseConv1D(2, padding="same"),
        pl.DepthwiseConv1D(2, depth_multiplier=2),
        pl.SeparableConv1D(2, 3, activation="mish"),
        pl.UpSampling1D(2),
        pl.ZeroPadding1D(2),
        pl.Cropping1D(1),
    ],
)
def test_gradients_agree_with_central_differences(layer: pl.Layer) -> None:
    check_gradients(network(pl.Dense(3), layer, shape=SEQUENCE), normal(2, *SEQUENCE))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (lambda: pl.Cropping1D(3), SEQUENCE, "nothing is left"),
        (lambda: pl.Cropping1D("same"), SEQUENCE, "cropping of Cropping1D is 'same', expected an integer"),
        (lambda: pl.ZeroPadding2D(-1), IMAGE, "padding of ZeroPadding2D is -1"),
        (lambda: pl.UpSampling2D(0), IMAGE, "size of UpSampling2D"),
        (partial(UpSampling2D, 2, interpolation="bilinear"), IMAGE, "expected \"nearest\", got 'bilinear'"),
        (lambda: pl.UpSampling2D(2), SEQUENCE, "UpSampling2D takes examples of shape"),
        (lambda: pl.DepthwiseConv2D(3, depth_multiplier=0), IMAGE, "depth_multiplier of DepthwiseConv2D is 0"),
        (lambda: pl.DepthwiseConv2D(9), IMAGE, "larger than the image"),
        (partial(DepthwiseConv2D, filters=2, kernel_size=3), IMAGE, "has no argument filters"),
        (lambda: pl.SpatialDropout2D(0.5), SEQUENCE, "SpatialDropout2D takes examples of shape"),
    ],
)
def test_what_does_not_fit_is_named(layer: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(pl.PellucidError, match=message):
        network(layer(), shape=shape)
