"""What the last layer cannot produce is an error that names the fix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.errors import DataError, PellucidError
from pellucid.functions.learning.losses import LOSSES
from pellucid.layers import LSTM, Dense, Embedding
from pellucid.model import Network

X = np.random.default_rng(0).normal(size=(6, 4))
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("units", "activation", "loss", "y", "message"),
    [
        (1, "softmax", None, LABELS, 'always 1; use activation="sigmoid"'),
        (1, "softmax", "mse", LABELS, 'always gives 1: use activation="sigmoid"'),
        (
            2,
            "softmax",
            None,
            LABELS,
            "holds the label 2 at index 2, expected labels from 0 to 1: give the network at least 3 outputs",
        ),
        (3, "relu", "crossentropy", LABELS, "reads probabilities or logits.*relu"),
        (1, "relu", None, LABELS - 5.0, "holds -5, but dense_1 ends in relu, which gives values of 0 or more"),
        (1, "sigmoid", "mse", LABELS * 2.0, "holds 4, but dense_1 ends in sigmoid, which gives values from 0 to 1"),
        (1, "tanh", None, LABELS - 3.0, "from -1 to 1"),
        (1, "step", None, LABELS / 4, "step, which gives 0 or 1"),
        (1, "sigmoid", None, LABELS, 'for 3 classes end the network in Dense\\(3, activation="softmax"\\)'),
        (1, "sigmoid", None, np.array([-1, 1] * 3), "turn -1 and 1 into 0 and 1 with y > 0"),
        (1, "sigmoid", None, LABELS + 0.5, 'use loss="mse"'),
        (3, "sigmoid", None, LABELS, "has shape \\(6,\\), but dense_1 gives \\(n, 3\\)"),
        (3, "linear", None, LABELS, 'for class numbers use loss="crossentropy", or one-hot rows np.eye\\(3\\)\\[y\\]'),
        (2, "linear", None, np.zeros((6, 3)), "end the network in Dense\\(3\\)"),
        (2, "linear", None, LABELS / 7, "end the network in Dense\\(1\\)"),
        (3, "softmax", None, np.full((6, 3), 0.5), "does not add up to 1 in row 0"),
        (3, "softmax", None, np.eye(3)[LABELS] - 0.1, "holds -0.1, expected one-hot"),
        (
            3,
            "softmax",
            None,
            np.zeros((6, 2)),
            "expected class numbers of shape \\(n,\\) or one-hot rows of shape \\(n, 3\\)",
        ),
        (3, "softmax", None, LABELS / 2, "integers as class labels"),
        (3, "softmax", None, ["a", "b", "c"] * 2, 'holds text \\("a"\\)'),
        (3, "softmax", None, LABELS[:-1], "6 examples in x but 5 in y"),
        (3, "softmax", None, np.where(LABELS == 1, np.nan, LABELS), "2 NaN values"),
        (3, "softmax", "crossentrpy", LABELS, 'Did you mean "crossentropy"'),
    ],
)
def test_refused(units: int, activation: str, loss: Any, y: Any, message: str) -> None:
    net = Network(Dense(units, activation=activation), input_shape=4)
    before = {path: v.copy() for path, v in net.parameters.items()}
    with pytest.raises(PellucidError, match=message) as error:
        net.fit(X, y, loss=loss, verbose=0)
    assert "\n" not in str(error.value)
    assert all(np.array_equal(before[p], v) for p, v in net.parameters.items())


@pytest.mark.parametrize(
    ("units", "activation", "loss", "y"),
    [
        (3, "softmax", None, LABELS[:, None]),
        (3, "softmax", None, LABELS.astype(float)),
        (3, "softmax", None, list(LABELS)),
        (3, "softmax", None, np.full((6, 3), 1 / 3)),
        (3, "linear", "crossentropy", LABELS),
        (1, "sigmoid", None, LABELS > 0),
        (1, "sigmoid", None, (LABELS > 0)[:, None]),
        (1, "linear", "crossentropy", LABELS > 0),
        (3, "sigmoid", None, np.eye(3)[LABELS]),
        (1, "linear", None, LABELS),
        (3, "softmax", "mse", np.eye(3)[LABELS]),
    ],
)
def test_taken(units: int, activation: str, loss: Any, y: Any) -> None:
    net = Network(Dense(units, activation=activation), input_shape=4)
    numbers = activation == "linear" and loss is None  # of which accuracy says nothing
    history = net.fit(X, y, loss=loss, metrics=["mse"] if numbers else ["accuracy", "mse"], verbose=0)
    assert np.isfinite(list(history.history.values())).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weight": {3: 1.0}}, "class 3, expected classes from 0 to 2"),
        ({"class_weight": {0: -1.0}}, "class 0 is -1.0"),
        ({"class_weight": "even"}, "expected a dict"),
        ({"sample_weight": -np.ones(6)}, "expected 0 or more"),
        ({"sample_weight": np.ones(5)}, r"expected \(6,\)"),
        ({"validation_split": 1.0}, "validation_split is 1.0"),
        ({"validation_data": (X,)}, r"expected \(x, y\)"),
        ({"validation_data": (X, LABELS + 1)}, "validation_y holds the label 3"),
        ({"validation_data": (X, np.eye(3)[LABELS])}, "another form than y"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"epochs": -1}, "epochs is -1"),
        ({"clip_norm": -1.0}, "clip norm of gradient clipping: expected a finite number more than 0, got -1"),
        ({"on_nonfinite": "stpo"}, "on_nonfinite is 'stpo'"),
        ({"verbose": 3}, "verbose is 3"),
        ({"optimizer": "adm"}, 'Did you mean "adam"'),
        ({"metrics": ["acuracy"]}, 'Did you mean "accuracy"'),
    ],
)
def test_refused_options(options: dict[str, Any], message: str) -> None:
    net = Network(Dense(3, activation="softmax"), input_shape=4)
    with pytest.raises(PellucidError, match=message):
        net.fit(X, LABELS, **{"verbose": 0, **options})


@pytest.mark.parametrize("wrong", [0.5, -1])
def test_numbers_of_tokens_are_whole(wrong: float) -> None:
    net = Network(Embedding(5, 2), LSTM(3), input_shape=4)
    with pytest.raises(DataError, match=f"x holds {wrong}, but the embedding reads integers from 0 to 4"):
        net.predict([[0, 1, 2, wrong]])


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", LOSSES)
def test_numbers_that_the_network_cannot_hold(name: str) -> None:
    reads = LOSSES[name].reads
    units, activation = {"values": (1, "linear"), "binary": (1, "sigmoid")}.get(reads, (3, "softmax"))
    y = LABELS % 2
    given: list[dict[str, Any]] = [{"sample_weight": [1.0] * 5 + [1e300]}]
    given += [{"y": np.where(LABELS == 2, large, y)} for large in (1e300, -1e300)] if reads == "values" else []
    for options in given:
        net = Network(Dense(units, activation=activation), input_shape=4)
        for act in (net.fit, net.evaluate):
            with pytest.raises(
                DataError, match=rf"{next(iter(options))} holds -?1e\+300 at .*, which float32 cannot hold"
            ):
                act(X, **{"y": y, "loss": name, **options})
        net = Network(Dense(units, activation=activation), input_shape=4, dtype="float64")
        with np.errstate(over="ignore"):
            net.evaluate(X, **{"y": y, "loss": name, **options})


@pytest.mark.parametrize("option", [{"clip_norm": 1e300}, {"clip_value": 1e300}, {"class_weight": {1: 1e300}}])
def test_options_that_the_network_cannot_hold(option: dict[str, Any]) -> None:
    net = Network(Dense(3, activation="softmax"), input_shape=4)
    with pytest.raises(DataError, match=rf"{next(iter(option))} .*1e\+300.* which float32 cannot hold"):
        net.fit(X, LABELS, verbose=0, **option)
