"""Embedding in a network: its input holds integers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.layers.support import check_gradients, network, output

from pellucid.errors import PellucidError, ShapeError
from pellucid.layers import Add, Dense, Embedding, Flatten, GlobalAveragePool, Input
from pellucid.model import Network
from pellucid.network import BaseNetwork


def test_it_reads_rows_of_its_table() -> None:
    net = network(Embedding(11, 4), shape=(5,))
    ids = np.random.default_rng(0).integers(0, 11, (3, 5))
    table = net.parameters["embedding_1.embeddings"]
    assert table.shape == (11, 4)
    assert np.abs(table).max() <= 0.05  # Keras's "uniform"
    np.testing.assert_array_equal(output(net, ids), table[ids])


def test_its_input_holds_integers() -> None:
    net = network(Embedding(11, 4), Flatten(), Dense(2), shape=(5,))
    (tensor,) = net.forward(training=False).inputs.values()
    assert tensor.kind == "int"
    assert [a.name for a in tensor.axes] == ["n", "t"]
    with pytest.raises(ShapeError, match="integers"):
        output(net, np.zeros((2, 5)))


def test_only_the_input_of_the_embedding_holds_integers() -> None:
    words, numbers = Input(5, name="words"), Input(4, name="numbers")
    y = Add()(GlobalAveragePool()(Embedding(11, 4)(words)), numbers)
    forward = BaseNetwork(inputs=[words, numbers], outputs=y).forward(training=False)
    assert {path: t.kind for path, t in forward.inputs.items()} == {"words": "int", "numbers": "float"}


def test_a_network_of_it_passes_integers_on() -> None:
    inner = BaseNetwork(Embedding(11, 4), Flatten(), input_shape=(5,))
    net = network(inner, Dense(2), shape=(5,))
    (tensor,) = net.forward(training=False).inputs.values()
    assert tensor.kind == "int"
    check_gradients(net, np.random.default_rng(1).integers(0, 11, (3, 5)))


def test_config_makes_the_same_network_again() -> None:
    net = network(Embedding(11, 4, embeddings_initializer="normal"), shape=(5,))
    again = BaseNetwork.restored(json.loads(json.dumps(net.config())))
    ids = np.arange(5)[None]
    np.testing.assert_array_equal(output(again, ids), output(net, ids))


def test_real_numbers_are_refused_with_the_path() -> None:
    with pytest.raises(ShapeError, match="embedding_1: an embedding takes integers straight from an Input"):
        network(Dense(5), Embedding(11, 4), shape=(5,))
    with pytest.raises(PellucidError, match="input_dim of Embedding is 0, expected an integer"):
        Embedding(0, 4)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "float32"])
def test_the_advice_for_an_id_that_is_too_large_is_in_integers(dtype: str) -> None:
    largest = 255 if dtype == "uint8" else 127
    net = Network(Embedding(5, 2), GlobalAveragePool(), input_shape=3)
    with pytest.raises(PellucidError, match=f"holds {largest}, .* from 0 to 4: give it input_dim={largest + 1}$"):
        net.predict(np.array([[0, 1, largest]], dtype=dtype))
