"""A user's own network and data become a task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.data import Preparation, Vocabulary
from pellucid.errors import DataError, PellucidError
from pellucid.lab.gallery import build
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.task import bottleneck, task_of
from pellucid.lab.view.samples import Samples
from pellucid.layers import LSTM, Add, Conv2D, Dense, Embedding, Flatten, Input, MaxPool2D, Normalization, Reshape
from pellucid.network import BaseNetwork

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return RNG.random(shape).astype(np.float32)


def mlp() -> BaseNetwork:
    return BaseNetwork(Dense(8, activation="relu"), Dense(3, activation="softmax"), input_shape=(5,))


def lenet() -> BaseNetwork:
    return BaseNetwork(
        Conv2D(4, 3, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(10, activation="softmax"),
        input_shape=(10, 10, 1),
    )


def stacked() -> BaseNetwork:
    return BaseNetwork(LSTM(6, return_sequences=True), LSTM(5), Dense(1), input_shape=(7, 2))


def autoencoder() -> BaseNetwork:
    return BaseNetwork(
        Dense(12, activation="relu"), Dense(2), Dense(12, activation="relu"), Dense(16), input_shape=(16,)
    )


def residual() -> BaseNetwork:
    x = Input((6,))
    a = Dense(6, activation="relu")(x)
    return BaseNetwork(inputs=x, outputs=Dense(2, activation="softmax")(Add()(a, x)))


@pytest.mark.parametrize(
    ("net", "x", "y", "sample", "classes", "views"),
    [
        (mlp(), floats(9, 5), np.arange(9) % 3, "vector", 3, ("confusion",)),
        (lenet(), floats(9, 10, 10, 1), np.arange(9), "image", 10, ("confusion",)),
        (stacked(), floats(9, 7, 2), floats(9), "series", None, ("forecast",)),
        (residual(), floats(9, 6), np.arange(9) % 2, "vector", 2, ("confusion",)),
        (
            BaseNetwork(Dense(4, activation="tanh"), Dense(1, activation="sigmoid"), input_shape=(2,)),
            floats(9, 2),
            np.arange(9) % 2,
            "points",
            2,
            ("boundary", "confusion"),
        ),
        (
            BaseNetwork(Flatten(), Dense(3, activation="softmax"), input_shape=(4, 4)),
            floats(9, 4, 4),
            np.eye(3)[np.arange(9) % 3],
            "image",
            3,
            ("confusion",),
        ),
    ],
    ids=["mlp", "lenet", "lstm", "residual", "points", "picture"],
)
def test_what_is_not_said_is_read_off_network_and_data(
    net: BaseNetwork, x: np.ndarray, y: np.ndarray, sample: str, classes: int | None, views: tuple[str, ...]
) -> None:
    task = task_of(net, x, y)
    assert task.sample == sample
    assert task.views == views
    assert (None if task.classes is None else len(task.classes)) == classes
    assert task.metrics == (() if classes is None else ("accuracy",))
    assert task.x.shape == x.shape and len(task.y) == len(y)
    assert task.net is net


def test_an_autoencoder_is_known_by_its_waist() -> None:
    net, x = autoencoder(), floats(20, 16)
    task = task_of(net, x)
    assert "latent" in task.views
    np.testing.assert_array_equal(task.y, x)
    found = bottleneck(net)
    assert found is not None and found.path == "dense_2"


def test_a_way_round_the_waist_means_that_there_is_none() -> None:
    x = Input((16,))
    code = Dense(2)(Dense(8)(x))
    net = BaseNetwork(inputs=x, outputs=Add()(Dense(16)(code), x))
    assert bottleneck(net) is None


def test_a_picture_in_a_row_still_narrows_at_its_code() -> None:
    net = BaseNetwork(Flatten(), Dense(3), Dense(64), Reshape((8, 8, 1)), input_shape=(8, 8, 1))
    found = bottleneck(net)
    assert found is not None and found.path == "dense_1"


def test_tokens_get_the_vocabulary_that_is_given_or_that_the_network_carries() -> None:
    vocabulary = Vocabulary.fit("abcab")
    net = BaseNetwork(
        Embedding(len(vocabulary), 3),
        LSTM(4, return_sequences=True),
        Dense(len(vocabulary), activation="softmax"),
        input_shape=(5,),
    )
    x = RNG.integers(0, len(vocabulary), (6, 5))
    task = task_of(net, x, x)
    assert (task.sample, task.vocabulary, task.views, task.classes) == ("text", None, (), None)
    assert task_of(net, x, x, vocabulary=vocabulary.tokens).vocabulary == vocabulary.tokens
    net.metadata["vocabulary"] = vocabulary.config()
    carried = task_of(net, x, x)
    assert carried.vocabulary == vocabulary.tokens
    assert carried.views == ("text",)
    with pytest.raises(PellucidError, match="has 3 tokens, but the embedding 4"):
        task_of(net, x, x, vocabulary=vocabulary.tokens[:3])


def test_several_inputs_or_outputs_are_refused_with_the_way_out() -> None:
    x, z = Input((3,)), Input((3,))
    two = BaseNetwork(inputs=[x, z], outputs=Add()(x, z))
    with pytest.raises(PellucidError, match=r"one input and one output, but this one has the inputs input_1, input_2"):
        task_of(two, [floats(4, 3), floats(4, 3)], floats(4, 3))
    x = Input((3,))
    with pytest.raises(PellucidError, match="has the outputs"):
        task_of(BaseNetwork(inputs=x, outputs=[Dense(1)(x), Dense(2)(x)]), floats(4, 3), [floats(4), floats(4, 2)])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"y": None}, "there is nothing to learn"),
        ({"y": np.array([0, 1, 7, 0])}, "label"),
        ({"classes": ("a", "b")}, "expected 3 classes, .* got 2"),
        ({"validation_data": floats(4, 5)}, r"expected validation_data as \(x, y\)"),
        ({"validation_data": (floats(4, 4), np.zeros(4, int))}, "validation_x"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_a_sentence(options: dict[str, Any], says: str) -> None:
    y = options.pop("y", np.array([0, 1, 2, 0]))
    with pytest.raises((PellucidError, DataError), match=says):
        task_of(mlp(), floats(4, 5), y, **options)


def test_quantities_have_no_classes_to_name() -> None:
    with pytest.raises(PellucidError, match="not one class for each example"):
        task_of(stacked(), floats(4, 7, 2), floats(4), classes=("a", "b"))


def test_a_table_is_described_in_its_own_words() -> None:
    ages, sexes = np.linspace(1, 80, 40), ["female", "male"] * 20
    table = {"age": ages, "sex": np.array(sexes), "survived": np.array(["yes", "no", "yes", "yes"] * 10)}
    preparation = Preparation.fit(table, "survived")
    x, y = preparation.transform(table), preparation.targets(table)
    net = BaseNetwork(Normalization().adapt(x), Dense(2, activation="softmax"), input_shape=x.shape[1:], seed=1)
    net.metadata.update(preparation.metadata())
    session = Session(task_of(net, x, y, classes=preparation.classes))
    try:
        described = session.describe()["table"]
        assert described is not None
        assert [(c["name"], c["category"]) for c in described["columns"]] == [
            ("age", None),
            ("sex", "female"),
            ("sex", "male"),
        ]
        assert (described["columns"][0]["low"], described["columns"][0]["high"]) == (1, 80)
        assert (described["paths"], described["target"]) == (["input_1", "normalization_1"], "survived")
    finally:
        session.close()


def test_an_example_of_a_series_has_the_prices_whose_changes_it_has() -> None:
    task = build("prices")
    samples = Samples(task, task.net)
    for name in ("train:7", "test:0"):
        shown = samples.shown(samples[name])
        assert shown["prices"] is not None and shown["label"] is not None
        changes = (np.diff(np.log(shown["prices"])) - task.rows.mean) / task.rows.deviation
        np.testing.assert_allclose(changes, shown["x"]["data"].reshape(-1), atol=1e-5)
