"""The layers that learn where nobody asks for others."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset, Vocabulary
from pellucid.default_layers import example_layers, original_units, reading_layers
from pellucid.errors import DataError


def kinds(layers: list[pl.Layer]) -> list[str]:
    return [type(layer).__name__ for layer in layers]


def test_tables_are_scaled_and_images_convolved() -> None:
    table = Dataset("t", np.arange(8, dtype=np.float32).reshape(4, 2), np.arange(4, dtype=np.float32))
    assert kinds(example_layers(table, convolves=False)) == ["Normalization", "Dense", "Dense", "Dense"]
    assert kinds(example_layers(table, convolves=False, hidden=(), activations=["relu"])) == ["Normalization", "Dense"]
    images = Dataset("i", np.zeros((4, 16, 16, 1), np.float32), np.array([0, 1, 0, 1]), class_names=("a", "b"))
    found = example_layers(images, convolves=True)
    assert kinds(found) == ["Conv2D", "MaxPool2D", "Conv2D", "MaxPool2D", "Flatten", "Dense", "Dense"]
    assert kinds(example_layers(images, convolves=False))[0] == "Flatten"
    net = pl.Network(original_units(table.y), input_shape=(1,))
    np.testing.assert_allclose(net.predict(np.zeros((1, 1))), 1.5)


def test_a_single_class_is_refused() -> None:
    one = Dataset("one", np.zeros((4, 2), np.float32), np.zeros(4, np.int64), class_names=("x",))
    with pytest.raises(DataError, match='one has one class, "x", expected at least two'):
        example_layers(one, convolves=False)


def test_words_are_dropped_while_they_are_learned() -> None:
    characters, words = Vocabulary.fit("abcabc"), Vocabulary.fit("a b a b", by="word")
    assert kinds(reading_layers(characters)) == ["Embedding", "LSTM", "Dense"]
    assert kinds(reading_layers(words, layers=2)) == ["Embedding", "Dropout", *["LSTM", "Dropout"] * 2, "Dense"]
