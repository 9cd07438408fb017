"""Metrics against scikit-learn, in batches of unequal size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from pellucid.errors import DataError
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
