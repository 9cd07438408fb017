"""Networks from parameters: layers of one's own, an activation for each, and how kernels begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from tests.estimators.support import DIABETES, IRIS, PROGRESSION, SPECIES, classifier, parameters, regressor

import pellucid as pl


def test_an_activation_and_a_dropout_for_each_layer() -> None:
    net = classifier(hidden_layer_sizes=(6, 5), activation=["tanh", {"name": "elu", "alpha": 0.5}], dropout=[0.1, 0])
    kinds = [type(layer).__name__ for layer in net.fit(IRIS, SPECIES).network_.layers]
    assert kinds == ["Normalization", "Dense", "Dropout", "Dense", "Dense"]
    assert "alpha" in repr(net.network_)
    assert net.n_layers_ == 4
    logistic = classifier(activation="logistic").fit(IRIS, SPECIES)
    assert "sigmoid" in repr(logistic.network_)


def test_hidden_layers_of_ones_own() -> None:
    x, y = load_digits(return_X_y=True)
    layers = [pl.Reshape((8, 8, 1)), pl.Conv2D(4, 3, activation="relu"), pl.Flatten()]
    net = classifier(network=layers, max_iter=8, standardize=False).fit(x / 16, y)
    assert net.score(x / 16, y) > 0.8
    assert net.transform(x[:3]).shape == (3, 144)
    assert layers[1].arrays == {}  # the estimator has copies
    assert net.get_params()["network"] is layers


def test_a_network_of_ones_own() -> None:
    def build(n_features: int, n_outputs: int, seed: int) -> pl.Network:
        table = pl.Input((n_features,))
        hidden = pl.Dense(8, activation="relu")(table)
        both = pl.Concatenate()(hidden, table)
        return pl.Network(inputs=table, outputs=pl.Dense(n_outputs)(both), seed=seed)

    net = regressor(network=build, max_iter=30).fit(DIABETES, PROGRESSION)
    assert net.score(DIABETES, PROGRESSION) > 0.4
    assert net.transform(DIABETES).shape == (442, 18)
    with pytest.raises(ValueError, match="the network ends in the activation 'linear', expected 'softmax'"):
        classifier(network=build).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=r"the network takes \[\(10,\)\] and gives \[\(1,\)\], expected \[\(4,\)\]"):
        classifier(network=lambda: build(10, 1, 0)).fit(IRIS, SPECIES)


@pytest.mark.parametrize("wrong", [lambda: 3, lambda n_features: [n_features], [1, 2]])
def test_what_is_no_network(wrong: Any) -> None:
    with pytest.raises(ValueError, match="network must be a list of layers, or a function"):
        classifier(network=wrong).fit(IRIS, SPECIES)


def test_a_network_as_it_was_trained_elsewhere() -> None:
    body = pl.Network(pl.Dense(6, activation="tanh"), input_shape=(4,), seed=3)
    body.layers[0].trainable = False
    before = body.parameters["dense_1.kernel"].copy()
    net = classifier(network=lambda: [body], max_iter=20).fit(IRIS, SPECIES)
    kept = [value for value in parameters(net).values() if value.shape == (4, 6)]
    np.testing.assert_array_equal(kept[0], before)
