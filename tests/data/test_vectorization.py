from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.data.vectorization import KEY
from pellucid.errors import DataError, ModelFileError

TEXTS = ["A great film!", "Great fun.", "What a bore", "A bore, and long", "I loved it", "I hated it"] * 3
LIKED = np.array([1, 1, 0, 0, 1, 0] * 3)


def test_as_in_keras() -> None:
    words = pl.TextVectorization(max_tokens=6, output_sequence_length=4).adapt(TEXTS)
    assert words.get_vocabulary() == ["", "[UNK]", "a", "bore", "great", "i"]
    np.testing.assert_array_equal(words(["a GREAT, great film", "Bore"]), [[2, 4, 4, 1], [3, 0, 0, 0]])
    np.testing.assert_array_equal(words("i"), [5, 0, 0, 0])
    assert words.vocabulary_size() == 6 and words.input_shape == (4,)


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, ["dont", "panic"]),
        ({"standardize": "lower"}, ["don't", "panic!"]),
        ({"standardize": "strip_punctuation"}, ["Dont", "panic"]),
        ({"standardize": None, "split": "word"}, ["Don't", "panic", "!"]),
        ({"standardize": None, "split": "character"}, [*"Don't  panic!"]),
        ({"standardize": None, "split": None}, ["Don't  panic!"]),
    ],
)
def test_standardize_and_split(options: dict[str, Any], tokens: list[str]) -> None:
    assert pl.TextVectorization(**options).tokens("Don't  panic!") == tokens


def test_rows_of_columns() -> None:
    hot = pl.TextVectorization(output_mode="multi_hot", vocabulary=["a", "b"])
    np.testing.assert_array_equal(hot(["b b x", ""]), np.array([[1, 0, 1], [0, 0, 0]], np.float32))
    counted = pl.TextVectorization(output_mode="count", vocabulary=["[UNK]", "a", "b"])
    np.testing.assert_array_equal(counted(["b b x"]), np.array([[1, 0, 2]], np.float32))


def test_without_a_length_the_longest_text_gives_it() -> None:
    words = pl.TextVectorization(vocabulary=["a", "b"])
    assert words(["a b a", "b"]).shape == (2, 3) and words([""]).shape == (1, 1)
    net = pl.Network(words, pl.Embedding(4, 3, mask_zero=True), pl.GlobalAveragePool(), pl.Dense(1))
    np.testing.assert_array_equal(net.predict(["a b"]), net.predict(["a b", "a b a a"])[:1])


@pytest.mark.parametrize("mode", ["int", "multi_hot"])
def test_a_network_takes_texts_and_keeps_its_words(tmp_path: Path, mode: str) -> None:
    words = pl.TextVectorization(output_mode=mode, output_sequence_length=5 if mode == "int" else None).adapt(TEXTS)
    size = words.vocabulary_size()
    inner = [pl.Embedding(size, 8, mask_zero=True), pl.GlobalAveragePool()] if mode == "int" else [pl.Dense(8)]
    net = pl.Network(words, *inner, pl.Dense(1, activation="sigmoid"))
    net.fit(TEXTS, LIKED, epochs=40, optimizer=pl.Adam(0.03), verbose=0)
    net.save(tmp_path / "m.safetensors")
    loaded = pl.load(tmp_path / "m.safetensors")
    assert pl.TextVectorization.of(loaded) == words
    answers = loaded.predict(["a great film", "what a bore"])
    np.testing.assert_array_equal(answers, net.predict(words(["a great film", "what a bore"])))
    assert answers[0, 0] > 0.5 > answers[1, 0]
    for same in (np.array(TEXTS), pd.Series(TEXTS), tuple(TEXTS)):
        np.testing.assert_array_equal(loaded.predict(same), loaded.predict(TEXTS))
    assert loaded.clone().metadata == loaded.metadata
    assert loaded.evaluate(TEXTS, LIKED)["loss"] < 0.3
    batches = [(TEXTS[:9], LIKED[:9]), (TEXTS[9:], LIKED[9:])]
    assert np.isfinite(loaded.fit(batches, epochs=1, verbose=0).history["loss"]).all()


def test_explanations_name_words() -> None:
    words = pl.TextVectorization(output_sequence_length=4).adapt(TEXTS)
    net = pl.Network(words, pl.Embedding(words.vocabulary_size(), 3), pl.Flatten(), pl.Dense(1))
    assert "E[great,2]" in net.explain("embedding_1", x="A great film", at=1, unit=2).text()
    shares = net.attribute("A great film", "dense_1")
    assert {place for _, place in shares._rows(10)} == {f"embedding_1[{w}]" for w in ("a", "great", "film", "padding")}
    hot = pl.Network(pl.TextVectorization(output_mode="multi_hot").adapt(TEXTS), pl.Dense(1))
    assert "x[0,great]" in hot.explain("dense_1", x="A great film", unit=0).text()


def test_what_cannot_be() -> None:
    net = pl.Network(pl.Dense(1), input_shape=2)
    with pytest.raises(DataError, match=r"begin the network with pl\.TextVectorization"):
        net.predict(["a text"])
    with pytest.raises(DataError, match="call adapt"):
        pl.TextVectorization()(["a"])
    with pytest.raises(DataError, match="put it into a list"):
        pl.TextVectorization().adapt("a text")
    with pytest.raises(DataError, match="which a model file cannot hold"):
        pl.TextVectorization(standardize=str.lower)  # type: ignore[arg-type]
    with pytest.raises(DataError, match='Did you mean "whitespace"'):
        pl.TextVectorization(split="whitespaces")
    with pytest.raises(DataError, match="give an empty text"):
        pl.TextVectorization().adapt(["a", None])


@pytest.mark.parametrize(
    "change", [{"vocabulary": "abc"}, {"vocabulary": [1]}, {"split": "pickle"}, {"more": 1}, {"output_mode": 3}]
)
def test_damaged_metadata_is_an_error(change: dict[str, Any]) -> None:
    kept = json.loads(json.dumps(pl.TextVectorization(vocabulary=["a"]).metadata()))
    assert pl.TextVectorization.of(kept) == pl.TextVectorization(vocabulary=["a"])
    kept[KEY] |= change
    with pytest.raises(ModelFileError, match="damaged"):
        pl.TextVectorization.of(kept)
