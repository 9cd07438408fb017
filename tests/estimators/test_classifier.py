"""NetworkClassifier: kinds of targets, weights of classes, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from tests.estimators.support import IRIS, SPECIES, classifier

import pellucid as pl
from pellucid.errors import PellucidError


def test_names_of_classes() -> None:
    names = np.array(["setosa", "versicolor", "virginica"])
    net = classifier(max_iter=30).fit(IRIS, names[SPECIES])
    assert net.classes_.tolist() == names.tolist()
    assert net.score(IRIS, names[SPECIES]) > 0.9
    np.testing.assert_allclose(net.predict_proba(IRIS).sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(net.predict_log_proba(IRIS)), net.predict_proba(IRIS))
    assert np.isneginf(net.predict_log_proba(1e6 * IRIS)).any()
    assert net.out_activation_ == "softmax"


def test_two_classes_have_one_unit() -> None:
    y = SPECIES > 0
    net = classifier(max_iter=30).fit(IRIS, y)
    assert (net.n_outputs_, net.out_activation_) == (1, "sigmoid")
    assert net.predict_proba(IRIS).shape == (150, 2)
    assert net.predict(IRIS).dtype == bool
    assert net.score(IRIS, y) > 0.95


def test_several_labels_at_once() -> None:
    x, y = make_multilabel_classification(n_samples=200, n_classes=3, random_state=0)
    net = classifier(max_iter=40).fit(x, y)
    assert net.predict_proba(x).shape == net.predict(x).shape == (200, 3)
    assert net.score(x, y) > 0.5
    assert net.out_activation_ == "sigmoid"


def test_weights_of_classes() -> None:
    x = np.random.default_rng(0).normal(size=(200, 2))
    y = (np.arange(200) < 20).astype(int)  # noise: only how often each class comes can be learned
    plain = classifier(max_iter=10).fit(x, y).predict_proba(x)[:, 1].mean()
    even = classifier(max_iter=10, class_weight="balanced").fit(x, y).predict_proba(x)[:, 1].mean()
    assert plain < 0.3 < even
    one = classifier(class_weight={0: 1, 1: 9}).fit(x, y)
    other = classifier().fit(x, y, sample_weight=np.where(y == 1, 9, 1))
    np.testing.assert_array_equal(one.predict_proba(x), other.predict_proba(x))


@pytest.mark.parametrize("loss", ["crossentropy", "squared_error", {"name": "huber", "delta": 0.5}])
def test_other_losses(loss: Any) -> None:
    assert classifier(max_iter=40, loss=loss).fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.85
    assert classifier(max_iter=40, loss=loss).fit(IRIS, SPECIES == 0).score(IRIS, SPECIES == 0) > 0.9


def test_a_search_over_a_pipeline() -> None:
    pipe = make_pipeline(MinMaxScaler(), classifier(max_iter=10))
    search = GridSearchCV(pipe, {"networkclassifier__hidden_layer_sizes": [(4,), (8, 8)]}, cv=2, n_jobs=2)
    search.fit(IRIS, SPECIES)
    assert search.best_score_ > 0.7
    again = cross_val_score(search.best_estimator_, IRIS, SPECIES, cv=2)
    np.testing.assert_array_equal(again, cross_val_score(search.best_estimator_, IRIS, SPECIES, cv=2))


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="greater than one; got 1 class"):
        classifier().fit(IRIS, np.zeros(150))
    with pytest.raises(ValueError, match="Multiclass-multioutput targets are not supported"):
        classifier().fit(IRIS, np.stack([SPECIES, SPECIES], axis=1))
    with pytest.raises(ValueError, match="The 'max_iter' parameter of NetworkClassifier must be an int"):
        classifier(max_iter=0).fit(IRIS, SPECIES)
    with pytest.raises(PellucidError, match="no loss"):
        classifier(loss="hing").fit(IRIS, SPECIES)
    with pytest.raises(PellucidError, match="no activation"):
        classifier(activation="rely").fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="activation has 2 values, expected one for each of the 1 hidden layers"):
        classifier(activation=["relu", "tanh"]).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="Sample weights must contain at least one non-zero number"):
        classifier().fit(IRIS, SPECIES, sample_weight=np.zeros(150))
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
        classifier(hidden_layer_sizes=(8, 0)).fit(IRIS, SPECIES)


def test_the_network_can_be_explained() -> None:
    net = classifier().fit(IRIS, SPECIES)
    assert isinstance(net.network_, pl.Network)
    shown = str(net.network_.explain("dense_2.sum", x=IRIS[:1], unit=1))
    assert "dense_2.sum" in shown
