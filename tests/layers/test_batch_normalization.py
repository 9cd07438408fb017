"""Normalisation layers in a network: training, prediction, running statistics."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.layers.support import Array, check_gradients, network, output, run

from pellucid.errors import PellucidError
from pellucid.layers import BatchNormalization, Conv2D, Dense, Flatten, Input, LayerNormalization
from pellucid.network import BaseNetwork


def batches(*shape: int, count: int = 5) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.normal(3.0, 2.0, (7, *shape)) for _ in range(count)]


@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 5, 3)])
def test_running_statistics_are_those_of_a_numpy_loop(shape: tuple[int, ...]) -> None:
    net = network(BatchNormalization(momentum=0.8), shape=shape)
    mean, variance = np.zeros(3), np.ones(3)
    for x in batches(*shape):
        found = run(net, x, training=True)
        axes = tuple(range(x.ndim - 1))
        mean = 0.8 * mean + 0.2 * x.mean(axis=axes)
        variance = 0.8 * variance + 0.2 * x.var(axis=axes)
        for key in ("mean", "variance"):
            path = f"batch_normalization_1.{key}"
            net.parameters[path] = found[f"new {path}"]
        np.testing.assert_allclose(net.parameters["batch_normalization_1.mean"], mean, rtol=1e-12)
        np.testing.assert_allclose(net.parameters["batch_normalization_1.variance"], variance, rtol=1e-12)
        np.testing.assert_allclose(found["batch_normalization_1.batch_mean"], x.mean(axis=axes), rtol=1e-12)
    # prediction uses them, whatever the batch
    x = batches(*shape, count=1)[0]
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(output(net, x), expected, rtol=1e-12)
    np.testing.assert_allclose(output(net, x[:1]), expected[:1], rtol=1e-12)


def test_training_uses_the_batch() -> None:
    net = network(BatchNormalization(), shape=(3,))
    net.parameters["batch_normalization_1.gamma"] = [1.0, 2.0, 3.0]
    net.parameters["batch_normalization_1.beta"] = [0.0, 1.0, -1.0]
    (x,) = batches(3, count=1)
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3) * [1.0, 2.0, 3.0] + [0.0, 1.0, -1.0]
    np.testing.assert_allclose(output(net, x, training=True), expected, rtol=1e-12)


def test_only_gamma_and_beta_are_trained() -> None:
    net = network(BatchNormalization(), shape=(3,))
    prefix = "batch_normalization_1."
    assert list(net.parameters) == [f"{prefix}{key}" for key in ("gamma", "beta", "mean", "variance")]
    assert net.parameters.trainable == (f"{prefix}gamma", f"{prefix}beta")
    assert list(net.forward(training=True).updates) == [f"{prefix}mean", f"{prefix}variance"]
    assert not net.forward(training=False).updates
    bare = network(BatchNormalization(center=False, scale=False), shape=(3,))
    assert bare.parameters.trainable == ()


def test_a_layer_that_is_used_twice_follows_both_batches() -> None:
    one, two = Input(2), Input(2)
    layer = BatchNormalization(momentum=0.5)
    net = BaseNetwork(inputs=[one, two], outputs=[layer(one), layer(two)], dtype=np.float64)
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0, 20.0], [30.0, 40.0]])
    found = run(net, a, b, training=True)["new batch_normalization_1.mean"]
    # 0 → (0 + 2)/2 = 1 → (1 + 20)/2 = 10.5; 0 → (0 + 3)/2 = 1.5 → (1.5 + 30)/2 = 15.75
    np.testing.assert_allclose(found, [10.5, 15.75])


@pytest.mark.parametrize("center", [True, False])
def test_gradients_agree_with_central_differences(center: bool) -> None:
    x = np.random.default_rng(3).normal(size=(4, 4, 3, 2))
    layers = [BatchNormalization(center=center, scale=False), Flatten(), LayerNormalization(scale=center), Dense(2)]
    check_gradients(network(Conv2D(3, 2), *layers, shape=(4, 3, 2)), x)


def test_layer_normalisation_looks_at_each_vector_alone() -> None:
    net = network(LayerNormalization(), shape=(4, 3))
    x = np.random.default_rng(4).normal(size=(2, 4, 3))
    expected = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3)
    for training in (False, True):
        np.testing.assert_allclose(output(net, x, training=training), expected, rtol=1e-12)
    assert list(net.parameters) == ["layer_normalization_1.gamma", "layer_normalization_1.beta"]
    assert {"layer_normalization_1.mean", "layer_normalization_1.standardised"} <= set(
        net.forward(training=False).values
    )


def test_config_makes_the_same_network_again() -> None:
    net = network(BatchNormalization(momentum=0.5), LayerNormalization(epsilon=0.1, center=False), shape=(3,))
    again = BaseNetwork.restored(json.loads(json.dumps(net.config())))
    assert repr(again.layers) == repr(net.layers)


@pytest.mark.parametrize("options", [{"momentum": 1.0}, {"momentum": -0.1}, {"epsilon": 0.0}, {"epsilon": "small"}])
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(PellucidError, match=f"{next(iter(options))} of BatchNormalization: .* got"):
        BatchNormalization(**options)
