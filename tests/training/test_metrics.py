"""Metrics against scikit-learn, in batches of unequal size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from pellucid.errors import DataError
from pellucid.functions.learning.losses import loss
from pellucid.layers import Dense, Input
from pellucid.model import Network
from pellucid.training.metrics import METRICS, Reading, Running, metric, metrics

Array = NDArray[Any]
RNG = np.random.default_rng(1)
N = 101


def _run(name: Any, y: Array, p: Array, reading: Reading | None = None) -> float:
    running = Running(metric(name), reading or Reading())
    for start, stop in ((0, 40), (40, 47), (47, N)):
        running.add(y[start:stop], p[start:stop])
    return running.result()


def _probabilities(k: int) -> Array:
    p = RNG.random((N, k)) ** 3
    return np.asarray(p / p.sum(axis=1, keepdims=True))


LABELS = RNG.integers(0, 4, N)
SCORES = 0.6 * np.eye(4)[LABELS] + _probabilities(4)
BINARY = RNG.integers(0, 2, N)
SIGMOID = np.clip(0.3 * BINARY + 0.7 * RNG.random(N), 0, 1).round(2)[:, None]  # rounded: with ties
TRUE = RNG.normal(size=(N, 2)) + 1000
REAL = TRUE + RNG.normal(size=(N, 2))

MULTI = {
    "accuracy": lambda: sk.accuracy_score(LABELS, SCORES.argmax(1)),
    "precision": lambda: sk.precision_score(LABELS, SCORES.argmax(1), average="macro"),
    "recall": lambda: sk.recall_score(LABELS, SCORES.argmax(1), average="macro"),
    "f1": lambda: sk.f1_score(LABELS, SCORES.argmax(1), average="macro"),
    "auc": lambda: np.mean([sk.roc_auc_score(k == LABELS, SCORES[:, k]) for k in range(4)]),
    "top_2_accuracy": lambda: sk.top_k_accuracy_score(LABELS, SCORES, k=2),
}
YES_NO = {
    "accuracy": lambda: sk.accuracy_score(BINARY, SIGMOID[:, 0] > 0.5),
    "precision": lambda: sk.precision_score(BINARY, SIGMOID[:, 0] > 0.5),
    "recall": lambda: sk.recall_score(BINARY, SIGMOID[:, 0] > 0.5),
    "f1": lambda: sk.f1_score(BINARY, SIGMOID[:, 0] > 0.5),
    "auc": lambda: sk.roc_auc_score(BINARY, SIGMOID[:, 0]),
}
REGRESSION = {
    "mse": lambda: sk.mean_squared_error(TRUE, REAL),
    "rmse": lambda: np.sqrt(sk.mean_squared_error(TRUE, REAL)),
    "mae": lambda: sk.mean_absolute_error(TRUE, REAL),
    "r2": lambda: sk.r2_score(TRUE, REAL),
}


@pytest.mark.parametrize("name", MULTI)
@pytest.mark.parametrize("form", ["labels", "one-hot"])
def test_classes(name: str, form: str) -> None:
    y = LABELS if form == "labels" else np.eye(4)[LABELS]
    assert _run(name, y, SCORES) == pytest.approx(MULTI[name](), abs=1e-12)


@pytest.mark.parametrize("name", YES_NO)
def test_one_unit(name: str) -> None:
    assert _run(name, BINARY[:, None].astype(float), SIGMOID) == pytest.approx(YES_NO[name](), abs=1e-12)


@pytest.mark.parametrize("name", REGRESSION)
def test_values(name: str) -> None:
    assert _run(name, TRUE, REAL) == pytest.approx(REGRESSION[name](), rel=1e-9)


def test_every_metric_is_compared() -> None:
    assert set(METRICS) <= {*MULTI, *YES_NO, *REGRESSION, "top_5_accuracy"}


def test_logits_say_yes_above_zero() -> None:
    logits = np.log(SIGMOID.clip(1e-6, 1 - 1e-6) / (1 - SIGMOID.clip(1e-6, 1 - 1e-6)))
    assert _run("accuracy", BINARY[:, None], logits, Reading(0.0)) == pytest.approx(YES_NO["accuracy"]())


def test_several_labels_at_once() -> None:
    y, p = RNG.integers(0, 2, (N, 3)), RNG.random((N, 3))
    reading = Reading(multilabel=True)
    assert _run("accuracy", y, p, reading) == pytest.approx(np.mean((p > 0.5) == y))
    assert _run("f1", y, p, reading) == pytest.approx(sk.f1_score(y, p > 0.5, average="macro"))


def test_sequences() -> None:
    y, p = RNG.integers(0, 4, (N, 5)), RNG.random((N, 5, 4))
    assert _run("accuracy", y, p) == pytest.approx(np.mean(p.argmax(-1) == y))
    assert _run("f1", y, p) == pytest.approx(sk.f1_score(y.ravel(), p.argmax(-1).ravel(), average="macro"))


def test_a_function_sees_the_whole_epoch() -> None:
    def median_error(y: Array, p: Array) -> float:
        assert len(y) == N
        return float(np.median(np.abs(y - p)))

    assert metric(median_error).name == "median_error"
    assert _run(median_error, TRUE, REAL) == pytest.approx(np.median(np.abs(TRUE - REAL)))


def test_one_class_has_no_area() -> None:
    assert np.isnan(_run("auc", np.ones((N, 1)), SIGMOID))


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (["acuracy"], 'no metric "acuracy".*Did you mean "accuracy"'),
        (["accuracy", "acc"], 'two quantities are called "accuracy"'),
        ([3], "a metric is a int"),
    ],
)
def test_refused(like: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        metrics(like)


def test_more_than_there_are() -> None:
    with pytest.raises(DataError, match="5 best of 4 outputs"):
        _run("top_k_accuracy", LABELS, SCORES)


def test_equal_scores_are_no_hits() -> None:
    y = np.arange(100) % 10
    for k in range(1, 11):
        assert _run(f"top_{k}_accuracy", y, np.zeros((100, 10))) == pytest.approx(k / 10)
    scores = RNG.integers(0, 3, size=(N, 4)).astype(float)  # many ties
    assert _run("top_1_accuracy", LABELS, scores) == _run("accuracy", LABELS, scores)


def test_a_class_that_does_not_occur_leaves_auc_to_the_others() -> None:
    y = np.array([0, 1, 0, 1, 1, 0])
    p = RNG.random((6, 3))
    expected = np.mean([sk.roc_auc_score(y == k, p[:, k]) for k in (0, 1)])
    running = Running(metric("auc"), Reading())
    running.add(y, p)
    assert running.result() == pytest.approx(expected)
    alone = Running(metric("auc"), Reading())
    alone.add(np.zeros(6, int), p)
    assert np.isnan(alone.result())


def test_r2_of_targets_that_are_all_equal() -> None:
    y = np.stack([np.full(N, 3.0), TRUE[:, 0]], axis=1)
    for p in (y + 1, np.stack([y[:, 0], y[:, 1] + 1], axis=1)):
        assert _run("r2", y, p) == pytest.approx(sk.r2_score(y, p))


@pytest.mark.parametrize("name", METRICS)
def test_a_prediction_that_is_nan_is_never_right(name: str) -> None:
    y = np.zeros(N, int)
    if name not in {"accuracy", "top_5_accuracy", "precision", "recall", "f1"}:
        assert np.isnan(_run(name, np.eye(6)[y], np.full((N, 6), np.nan)))
        return
    assert _run(name, y, np.full((N, 6), np.nan)) == 0
    if not name.startswith("top"):
        assert _run(name, np.ones((N, 1)), np.full((N, 1), np.nan)) == 0
        assert _run(name, np.ones((N, 2)), np.full((N, 2), np.nan), Reading(multilabel=True)) == 0


def test_classes_are_not_read_into_numbers() -> None:
    x = RNG.normal(size=(20, 3))
    numbers = Network(Dense(1), input_shape=3)
    for name in ("accuracy", "precision", "recall", "f1", "auc"):
        with pytest.raises(
            DataError, match=f'the metric "{name}" compares classes, but the targets of dense_1 are num'
        ):
            numbers.fit(x, x[:, 0], metrics=[name], verbose=0)
        with pytest.raises(DataError, match='take "mae", "rmse" or "r2"'):
            numbers.evaluate(x, x[:, 0], metrics=name)
        numbers.evaluate(x, x[:, 0] > 0, metrics=name)  # 0 and 1, by the mean squared error
    rows = Network(Dense(3), input_shape=3)
    with pytest.raises(DataError, match="are numbers"):
        rows.evaluate(x, (x > 0).astype(int), loss="mse", metrics="accuracy")
    rows.evaluate(x, np.eye(3)[x.argmax(axis=1)], loss="mse", metrics="accuracy")


def test_metrics_by_output() -> None:
    a = Input(3)
    net = Network(inputs=a, outputs=[Dense(2, activation="softmax", name="kind")(a), Dense(1, name="size")(a)])
    x = RNG.normal(size=(20, 3))
    y = {"kind": (x[:, 0] > 0).astype(int), "size": x[:, 1]}
    chosen = {"kind": ["accuracy", "auc"], "size": "mae"}
    losses = {"loss", "kind_loss", "size_loss"}
    assert set(net.evaluate(x, y, metrics=chosen)) == {*losses, "kind_accuracy", "kind_auc", "size_mae"}
    assert set(net.fit(x, y, metrics={"size": ["r2"]}, verbose=0).history) == {*losses, "size_r2"}
    with pytest.raises(DataError, match=r'metrics has the key "sise", expected kind, size. Did you mean "size"'):
        net.evaluate(x, y, metrics={"sise": "mae"})
    with pytest.raises(DataError, match=r"are numbers: .* or metrics by output in a dict"):
        net.evaluate(x, y, metrics=["accuracy"])


@pytest.mark.parametrize("name", ["mse", "mae", "r2"])
def test_the_order_in_memory_does_not_matter(name: str) -> None:
    true, said = RNG.normal(size=(2, N, 2))
    assert _run(name, np.asfortranarray(true), said) == _run(name, true, said)
    assert _run(name, true, np.asfortranarray(said)) == _run(name, true, said)


def test_a_loss_is_a_metric_by_its_formula() -> None:
    """Of values, of labels in the shape of the outputs, and of the real steps alone where they are one row each."""
    huber = loss("huber", delta=0.5)
    distance = np.abs(REAL - TRUE)
    each = np.where(distance <= 0.5, distance**2 / 2, 0.5 * (distance - 0.25)).mean(axis=1)
    assert _run(huber, TRUE, REAL) == pytest.approx(each.mean())
    square = ((SCORES - np.eye(4)[LABELS]) ** 2).mean()
    assert _run(loss("mse"), LABELS, SCORES) == pytest.approx(square) == pytest.approx(_run("mse", LABELS, SCORES))
    assert [m.name for m in metrics([huber, "mae"])] == ["huber", "mae"]
    assert metric(huber).rises is False
    net = Network(Dense(2), input_shape=2, seed=1)
    rows = TRUE.astype(np.float32)
    history = net.fit(rows, rows, epochs=1, loss="mse", metrics=huber, verbose=0)
    assert set(history.history) == {"loss", "huber"}
    with pytest.raises(DataError, match="reads probabilities"):
        metric(loss("crossentropy"))
