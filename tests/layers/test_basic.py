"""Dense, Activation, Flatten, Reshape, Dropout, Add, Multiply, Concatenate in a network."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.layers.support import check_gradients, joined, network, output, run

import pellucid as pl
from pellucid.errors import PellucidError, ShapeError
from pellucid.functions.learning.penalties import L2
from pellucid.layers import Activation, Add, Concatenate, Dense, Dropout, Flatten, Layer, Multiply, Reshape
from pellucid.layers.base import Shape


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def test_dense_by_hand() -> None:
    net = network(Dense(2, activation="relu"), shape=(2,))
    net.parameters["dense_1.kernel"] = [[1.0, -1.0], [2.0, 0.5]]
    net.parameters["dense_1.bias"] = [0.5, 0.0]
    found = run(net, np.array([[3.0, 4.0]]))
    # 0.5 + 3·1 + 4·2 = 11.5 and 0 + 3·(−1) + 4·0.5 = −1
    np.testing.assert_array_equal(found["dense_1.sum"], [[11.5, -1.0]])
    np.testing.assert_array_equal(found["dense_1"], [[11.5, 0.0]])


def test_dense_at_every_step_of_a_sequence() -> None:
    net = network(Dense(3, use_bias=False), shape=(4, 2))
    x = normal(5, 4, 2)
    assert list(net.parameters) == ["dense_1.kernel"]
    np.testing.assert_allclose(output(net, x), x @ net.parameters["dense_1.kernel"], rtol=1e-12)


def test_flatten_and_reshape_keep_the_order() -> None:
    x = normal(3, 2, 4, 5)
    np.testing.assert_array_equal(output(network(Flatten(), shape=(2, 4, 5)), x), x.reshape(3, 40))
    np.testing.assert_array_equal(output(network(Flatten(), shape=(4,)), x[:, 0, :, 0]), x[:, 0, :, 0])
    for shape in [(8, 5), (5, -1), (-1,), (2, 2, 2, 5), (40, 1), (1, 5, 8)]:
        net = network(Reshape(shape), shape=(2, 4, 5))
        np.testing.assert_array_equal(output(net, x), x.reshape(3, *shape))


def test_activation_of_its_own() -> None:
    x = normal(3, 4)
    np.testing.assert_allclose(output(network(Activation("tanh"), shape=(4,)), x), np.tanh(x), rtol=1e-12)


def test_joins() -> None:
    a, b = normal(3, 4, 2), normal(3, 4, 2, seed=1)
    np.testing.assert_array_equal(output(joined(Add(), (4, 2), (4, 2)), a, b), a + b)
    np.testing.assert_array_equal(output(joined(Multiply(), (4, 2), (4, 2)), a, b), a * b)
    wide = normal(3, 4, 5)
    expected = np.concatenate([a, wide, b], axis=-1)
    np.testing.assert_array_equal(output(joined(Concatenate(), (4, 2), (4, 5), (4, 2)), a, wide, b), expected)


def test_dropout_scales_in_training_and_passes_in_prediction() -> None:
    net = network(Dropout(0.25), shape=(1000,), seed=3)
    x = np.ones((4, 1000))
    np.testing.assert_array_equal(output(net, x), x)
    found = output(net, x, training=True)
    assert set(np.unique(found)) == {0.0, 1 / 0.75}
    assert abs((found == 0).mean() - 0.25) < 0.03
    np.testing.assert_array_equal(output(net, x, training=True), found)
    assert (output(net, x, training=True, step=1) != found).any()
    assert set(net.forward(training=True).random) == {"seed", "step"}
    assert not net.forward(training=False).random


def test_two_dropouts_draw_different_numbers() -> None:
    net = network(Dropout(0.5), Dropout(0.5), shape=(200,))
    found = run(net, np.ones((1, 200)), training=True)
    assert ((found["dropout_1"] != 0) & (found["dropout_2"] == 0)).any()


@pytest.mark.parametrize(
    "layers",
    [
        (Dense(3, activation="tanh"), Dense(2, activation="softmax")),
        (Reshape((3, 2)), Dense(2, activation="sigmoid"), Flatten(), Dense(2)),
        (Dense(5), Dropout(0.4), Activation("gelu"), Dense(2)),
    ],
)
def test_gradients_agree_with_central_differences(layers: tuple[Layer, ...]) -> None:
    check_gradients(network(*layers, shape=(6,)), normal(3, 6))


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (
            Dense(3),
            (28, 28, 1),
            r"dense_1: a Dense layer takes .* got \(28, 28, 1\); insert Flatten\(\) before it",
        ),
        (
            Reshape((3, 3)),
            (8,),
            r"reshape_1: examples of shape \(8,\) have 8 values and cannot take the shape \(3, 3\)",
        ),
        (Reshape((3, -1)), (8,), "reshape_1: .* cannot take the shape"),
        (Add(), (8,), "add_1: Add takes two inputs or more, got 1"),
    ],
)
def test_what_does_not_fit_is_said_with_its_path(layer: Layer, shape: Shape, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        network(layer, shape=shape)


def test_joins_of_shapes_that_differ() -> None:
    with pytest.raises(ShapeError, match=r"add_1: Add takes inputs of one shape, got \(4,\), \(5,\)"):
        joined(Add(), (4,), (5,))
    with pytest.raises(ShapeError, match=r"concatenate_1: .* differ in their last axis only"):
        joined(Concatenate(), (4, 2), (5, 2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dense(0), "units of Dense is 0, expected an integer from 1"),
        (lambda: Dense(2.5), "units of Dense"),  # type: ignore[arg-type]
        (lambda: Dense(2, activation="rellu"), 'Did you mean "relu"'),
        (lambda: Dropout(1.0), "the rate of Dropout has to be at least 0 and below 1"),
        (lambda: Dropout("half"), "the rate of Dropout"),  # type: ignore[arg-type]
        (lambda: Reshape((2, -1, -1)), "one of which may be −1"),
        (lambda: Reshape(()), "Reshape takes integers"),
        (lambda: Dense(2, name="a b"), 'a layer cannot be called "a b"'),
    ],
)
def test_options_that_make_no_sense(make: Any, words: str) -> None:
    with pytest.raises(PellucidError, match=words):
        make()


def test_every_layer_comes_back_from_its_options() -> None:
    layers: list[Layer] = [
        Dense(3, "tanh", use_bias=False, kernel_regularizer=L2(0.1), name="first"),
        Activation("leaky_relu"),
        Flatten(),
        Reshape((2, 2)),
        Dropout(0.3),
        Add(),
        Multiply(),
        Concatenate(),
    ]
    for layer in layers:
        again = Layer.of(type(layer).__name__, json.loads(json.dumps(layer.options())))
        assert repr(again) == repr(layer)
    with pytest.raises(PellucidError, match=r'there is no layer called "Dens". Did you mean "Dense"'):
        Layer.of("Dens", {})
    with pytest.raises(PellucidError, match='Dense has no option "unit"'):
        Layer.of("Dense", {"unit": 3})
    with pytest.raises(PellucidError, match="cannot be made from these options"):
        Layer.of("Dense", {})


def test_a_layer_is_no_function_of_numbers() -> None:
    with pytest.raises(PellucidError, match="is called on what Input"):
        Dense(3)(np.ones((2, 3)))  # type: ignore[arg-type]


def test_merging_by_difference_mean_and_extremes() -> None:
    a, b, c = normal(3, 4, 2), normal(3, 4, 2, seed=1), normal(3, 4, 2, seed=2)
    np.testing.assert_array_equal(output(joined(pl.Subtract(), (4, 2), (4, 2)), a, b), a - b)
    shapes = [(4, 2)] * 3
    np.testing.assert_allclose(output(joined(pl.Average(), *shapes), a, b, c), (a + b + c) / 3, rtol=1e-12)
    np.testing.assert_array_equal(output(joined(pl.Maximum(), *shapes), a, b, c), np.maximum(np.maximum(a, b), c))
    np.testing.assert_array_equal(output(joined(pl.Minimum(), *shapes), a, b, c), np.minimum(np.minimum(a, b), c))
    with pytest.raises(PellucidError, match="a Subtract layer takes 2 inputs, got 3"):
        joined(pl.Subtract(), *shapes)


def test_axes_in_another_order_and_rows_repeated() -> None:
    x = normal(3, 2, 4, 5)
    np.testing.assert_array_equal(output(network(pl.Permute((3, 1, 2)), shape=(2, 4, 5)), x), x.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(output(network(pl.RepeatVector(3), shape=(4,)), x[:, 0, :, 0])[:, 2], x[:, 0, :, 0])
    for dims in ((1, 1), (0, 1), (2,), "21", ()):
        with pytest.raises(PellucidError, match="Permute takes the axes in their new order"):
            pl.Permute(dims)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"Permute\(\(2, 1\)\) takes examples with 2 axes"):
        network(pl.Permute((2, 1)), shape=(2, 4, 5))
    with pytest.raises(ShapeError, match=r"RepeatVector takes examples of shape \(features,\), got \(4, 2\)"):
        network(pl.RepeatVector(3), shape=(4, 2))


def test_a_slope_is_learnt() -> None:
    x = normal(3, 4, 2)
    net = network(pl.PReLU(shared_axes=1), shape=(4, 2))
    assert net.parameters["prelu_1.alpha"].shape == (1, 2)
    net.parameters["prelu_1.alpha"] = [[0.5, -2.0]]
    np.testing.assert_array_equal(output(net, x), np.where(x > 0, x, x * [0.5, -2.0]))
    check_gradients(network(pl.Dense(3), pl.PReLU(alpha_initializer="uniform"), shape=(4, 2)), x)
    with pytest.raises(ShapeError, match="expected axes from 1 to 2"):
        network(pl.PReLU(shared_axes=3), shape=(4, 2))
    with pytest.raises(PellucidError, match="counted from 1 without the batch"):
        pl.PReLU(shared_axes=0)


def test_noise_and_dropped_channels_come_in_training_only() -> None:
    x = np.ones((50, 30, 8))
    noisy = network(pl.GaussianNoise(0.5), shape=(30, 8), seed=3)
    np.testing.assert_array_equal(output(noisy, x), x)
    noise = output(noisy, x, training=True) - x
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 0.5) < 0.02
    assert abs((np.abs(noise) < 0.5).mean() - 0.6827) < 0.02  # as many as a normal distribution has within σ
    net = network(pl.SpatialDropout1D(0.25), shape=(30, 8), seed=3)
    np.testing.assert_array_equal(output(net, x), x)
    dropped = output(net, x, training=True)
    assert set(np.unique(dropped)) == {0.0, 1 / 0.75}
    assert (dropped == dropped[:, :1]).all()
    assert abs((dropped[:, 0] == 0).mean() - 0.25) < 0.07
    assert (output(net, x, training=True, step=1) != dropped).any()
