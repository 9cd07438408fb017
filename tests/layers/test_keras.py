"""Layers beside Keras's, where that is installed: the same parameters give the same numbers."""

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
ROWS, STEPS, IMAGE, VOLUME = (4,), (7, 4), (6, 5, 4), (5, 4, 6, 2)
NAMES = {"Conv3DTranspose": "ConvTranspose3D", "MaxPooling3D": "MaxPool3D", "AveragePooling3D": "AveragePool3D"}
NAMES |= {"GlobalMaxPooling3D": "GlobalMaxPool", "GlobalAveragePooling3D": "GlobalAveragePool"}


CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Permute", ((2, 1),), {}, STEPS),
    ("Permute", ((3, 1, 2),), {}, IMAGE),
    ("RepeatVector", (3,), {}, ROWS),
    ("PReLU", (), {}, ROWS),
    ("PReLU", (), {"shared_axes": (1, 2)}, IMAGE),
    ("GroupNormalization", (2,), {}, ROWS),
    ("GroupNormalization", (2,), {"epsilon": 0.1}, STEPS),
    ("GroupNormalization", (4,), {"center": False}, IMAGE),
    ("GroupNormalization", (-1,), {"scale": False}, IMAGE),
    ("GaussianNoise", (0.3,), {}, IMAGE),
    ("SpatialDropout1D", (0.3,), {}, STEPS),
    ("SpatialDropout2D", (0.3,), {}, IMAGE),
    ("UpSampling1D", (3,), {}, STEPS),
    ("UpSampling1D", (), {}, STEPS),
    ("UpSampling2D", (), {}, IMAGE),
    ("UpSampling2D", ((1, 3),), {}, IMAGE),
    ("ZeroPadding1D", (), {}, STEPS),
    ("ZeroPadding1D", ((0, 2),), {}, STEPS),
    ("ZeroPadding2D", (), {}, IMAGE),
    ("ZeroPadding2D", ((1, 2),), {}, IMAGE),
    ("ZeroPadding2D", (((1, 0), (2, 3)),), {}, IMAGE),
    ("Cropping1D", (), {}, STEPS),
    ("Cropping1D", ((0, 2),), {}, STEPS),
    ("Cropping2D", (), {}, IMAGE),
    ("Cropping2D", ((1, 2),), {}, IMAGE),
    ("Cropping2D", (((1, 0), (2, 1)),), {}, IMAGE),
    ("DepthwiseConv1D", (3,), {}, STEPS),
    ("DepthwiseConv1D", (2,), {"depth_multiplier": 3, "padding": "same", "dilation_rate": 2}, STEPS),
    ("DepthwiseConv2D", (3,), {"strides": 2, "padding": "same", "activation": "selu"}, IMAGE),
    ("DepthwiseConv2D", ((3, 2),), {"depth_multiplier": 2, "use_bias": False}, IMAGE),
    ("SeparableConv1D", (5, 3), {"padding": "same", "activation": "mish"}, STEPS),
    ("SeparableConv2D", (3, 2), {"depth_multiplier": 2, "strides": 2}, IMAGE),
    ("Conv3D", (3, 3), {"strides": 2, "padding": "same", "activation": "relu"}, VOLUME),
    ("Conv3D", (4, (1, 2, 3)), {"groups": 2, "dilation_rate": (2, 1, 1)}, VOLUME),
    ("Conv3D", (4, 2), {"padding": "same", "use_bias": False}, (1, 3, 1, 2)),
    ("Conv3DTranspose", (3, 3), {"strides": (2, 1, 3), "padding": "same"}, VOLUME),
    ("Conv3DTranspose", (2, (1, 2, 3)), {"strides": (2, 2, 1)}, VOLUME),
    ("MaxPooling3D", (), {}, VOLUME),
    ("MaxPooling3D", ((2, 1, 3),), {"strides": (3, 2, 1), "padding": "same"}, VOLUME),
    ("AveragePooling3D", (3,), {"strides": 2, "padding": "same"}, VOLUME),
    ("GlobalMaxPooling3D", (), {}, VOLUME),
    ("GlobalAveragePooling3D", (), {}, VOLUME),
    ("SpatialDropout3D", (0.3,), {}, VOLUME),
    ("UpSampling3D", (), {}, VOLUME),
    ("UpSampling3D", ((1, 3, 2),), {}, VOLUME),
    ("ZeroPadding3D", (), {}, VOLUME),
    ("ZeroPadding3D", (((1, 0), (2, 3), (0, 0)),), {}, VOLUME),
    ("Cropping3D", (), {}, VOLUME),
    ("Cropping3D", ((1, 0, 2),), {}, VOLUME),
    ("Dense", (3,), {"activation": "selu"}, ROWS),
    ("Dense", (3,), {"activation": "hard_sigmoid"}, ROWS),
    ("Dense", (3,), {"activation": "swish"}, ROWS),
]


@pytest.mark.parametrize(("kind", "given", "options", "shape"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)])
def test_a_layer_gives_the_numbers_of_keras(
    kind: str, given: tuple[Any, ...], options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    net = pl.Network(getattr(pl, NAMES.get(kind, kind))(*given, **options), input_shape=shape)
    other = getattr(keras.layers, kind)(*given, **options)
    other.build((None, *shape))
    random = np.random.default_rng(0)
    for path, array in net.parameters.items():
        net.parameters[path] = random.normal(size=array.shape)
    theirs = [w.path.rsplit("/", 1)[-1] for w in other.weights]
    assert [path.rsplit(".", 1)[-1] for path in net.parameters] == theirs
    other.set_weights(list(net.parameters.values()))
    x = random.normal(size=(3, *shape)).astype(np.float32)
    expected = np.asarray(other(x))
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["Average", "Subtract", "Maximum", "Minimum"])
def test_layers_that_merge(kind: str) -> None:
    a, b = pl.Input(STEPS), pl.Input(STEPS)
    net = pl.Network(inputs=[a, b], outputs=getattr(pl, kind)()([a, b]))
    x, y = np.random.default_rng(0).normal(size=(2, 3, *STEPS)).astype(np.float32)
    np.testing.assert_allclose(net.predict([x, y]), getattr(keras.layers, kind)()([x, y]), rtol=1e-6)
