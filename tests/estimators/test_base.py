"""What all estimators share: bits, copies, processes, parts, validation, callbacks."""

from __future__ import annotations

import pickle
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from tests.estimators.support import DIABETES, IRIS, PROGRESSION, SPECIES, classifier, regressor, same

import pellucid as pl

FIT, HELD = slice(0, None, 2), slice(1, None, 2)


@pytest.mark.parametrize("engine", ["reference", "llvm"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits(engine: str, dtype: str) -> None:
    one, other = (classifier(engine=engine, dtype=dtype, dropout=0.1).fit(IRIS, SPECIES) for _ in range(2))
    assert same(one, other)
    assert one.network_.dtype == np.dtype(dtype)
    assert not same(one, classifier(engine=engine, dtype=dtype, dropout=0.1, random_state=1).fit(IRIS, SPECIES))


def test_copies_give_the_same() -> None:
    net = classifier(warm_start=True).fit(IRIS, SPECIES)
    twin = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(twin.predict_proba(IRIS), net.predict_proba(IRIS))
    assert same(twin.fit(IRIS, SPECIES), net.fit(IRIS, SPECIES))
    assert same(clone(net).fit(IRIS, SPECIES), classifier().fit(IRIS, SPECIES))


def test_processes_give_the_same_bits() -> None:
    nets = [classifier(), regressor(), classifier()]
    tables = [(IRIS, SPECIES), (DIABETES, PROGRESSION), (IRIS, SPECIES)]
    here = [clone(net).fit(*table) for net, table in zip(nets, tables, strict=True)]
    there = joblib.Parallel(n_jobs=2)(joblib.delayed(net.fit)(*table) for net, table in zip(nets, tables, strict=True))
    assert all(same(one, other) for one, other in zip(here, there, strict=True))


def test_two_warm_fits_are_one_long_one() -> None:
    options: dict[str, Any] = {"learning_rate": lambda part: 1.0, "early_stopping": False}
    long = regressor(max_iter=10, **options).fit(DIABETES, PROGRESSION)
    parts = regressor(max_iter=5, warm_start=True, **options).fit(DIABETES, PROGRESSION)
    half = parts.loss_curve_[-1]
    parts.fit(DIABETES, PROGRESSION)
    assert same(parts, long)  # the optimizer's moments and the orders of the epochs went on
    assert parts.loss_curve_ == long.loss_curve_
    assert parts.loss_curve_[4] == half
    assert parts.t_ == long.t_ == 10 * len(DIABETES)


def test_parts_are_epochs() -> None:
    options: dict[str, Any] = {"learning_rate": lambda part: 1.0, "early_stopping": False}
    whole = classifier(max_iter=3, **options).fit(IRIS, SPECIES)
    parts = classifier(**options)
    for _ in range(3):
        parts.partial_fit(IRIS, SPECIES, classes=[0, 1, 2])
    assert same(parts, whole)


def test_classes_of_parts() -> None:
    net = classifier().partial_fit(IRIS[:50], SPECIES[:50], classes=[0, 1, 2])
    assert net.partial_fit(IRIS[50:], SPECIES[50:]).predict_proba(IRIS).shape == (150, 3)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier().partial_fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        net.partial_fit(IRIS, SPECIES + 1)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        classifier(early_stopping=True).partial_fit(IRIS, SPECIES, classes=[0, 1, 2])
    with pytest.raises(AttributeError, match="partial_fit is only available for stochastic optimizers"):
        classifier(solver="lbfgs").partial_fit(IRIS, SPECIES, classes=[0, 1, 2])


def test_a_validation_set_of_ones_own() -> None:
    net = classifier(max_iter=40, n_iter_no_change=3, tol=0.01)
    net.fit(IRIS[FIT], SPECIES[FIT], X_val=IRIS[HELD], y_val=SPECIES[HELD])
    assert len(net.validation_loss_curve_) == len(net.loss_curve_) == net.n_iter_ <= 40
    kept = net.network_.evaluate(IRIS[HELD], SPECIES[HELD])["loss"]
    assert kept == pytest.approx(min(net.validation_loss_curve_), abs=0.01)
    watched = classifier(early_stopping=False, max_iter=7)
    watched.fit(IRIS[FIT], SPECIES[FIT], X_val=IRIS[HELD], y_val=SPECIES[HELD], sample_weight_val=np.ones(75))
    assert watched.n_iter_ == 7
    with pytest.raises(ValueError, match="X_val came without y_val"):
        classifier().fit(IRIS, SPECIES, X_val=IRIS)
    with pytest.raises(ValueError, match="y_val came without X_val"):
        classifier().fit(IRIS, SPECIES, y_val=SPECIES)


def test_early_stopping_on_a_score() -> None:
    names = np.array(["a", "b", "c"])[SPECIES]
    net = classifier(max_iter=60, early_stopping=True, scoring="balanced_accuracy", n_iter_no_change=5)
    net.fit(IRIS, names)
    assert net.best_validation_score_ == max(net.validation_scores_)
    assert len(net.validation_scores_) == net.n_iter_ < 60
    assert "validation_score" in net.history_
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    assert same(clone(net).fit(frame, names), net)
    with pytest.raises(ValueError, match="validation set is too small"):
        regressor(early_stopping=True).fit(DIABETES[:5], PROGRESSION[:5])


def test_frames_give_names() -> None:
    frame, y = load_iris(return_X_y=True, as_frame=True)
    net = classifier().set_output(transform="pandas").fit(frame, y)
    hidden = net.transform(frame)
    assert isinstance(hidden, pd.DataFrame)
    assert hidden.shape == (150, 8)
    assert hidden.columns[0] == net.get_feature_names_out()[0] == "networkclassifier0"
    np.testing.assert_array_equal(net.feature_names_in_, frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame.rename(columns=str.upper))


def test_the_hidden_layer_is_what_the_last_layer_reads() -> None:
    net = regressor(max_iter=2).fit(DIABETES, PROGRESSION)
    weights = net.network_.parameters
    output = net.transform(DIABETES) @ weights["dense_2.kernel"] + weights["dense_2.bias"]
    expected = output * weights["unscaled.deviation"] + weights["unscaled.mean"]
    np.testing.assert_allclose(net.predict(DIABETES), expected[:, 0], rtol=1e-5)


def test_rows_count_as_often_as_they_weigh() -> None:
    weight = np.random.default_rng(0).integers(0, 3, len(DIABETES))
    options: dict[str, Any] = {"batch_size": 2000, "dtype": "float64", "max_iter": 20}
    one = regressor(**options).fit(DIABETES, PROGRESSION, sample_weight=weight)
    other = regressor(**options).fit(DIABETES.repeat(weight, axis=0), PROGRESSION.repeat(weight))
    np.testing.assert_allclose(one.predict(DIABETES), other.predict(DIABETES), rtol=1e-8)


def test_callbacks_of_pellucid() -> None:
    class Count(pl.Callback):
        epochs = 0

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            self.epochs += 1
            logs["twice"] = 2 * logs["loss"]

    count = Count()
    slower = pl.ReduceLROnPlateau("loss", patience=1)
    with pytest.raises(ValueError, match="ReduceLROnPlateau sets the learning rate"):
        classifier(callbacks=slower).fit(IRIS, SPECIES)
    with pytest.raises(
        ValueError, match="EarlyStopping watches 'val_loss', but there is no validation set: give X_val"
    ):
        classifier(callbacks=pl.EarlyStopping()).fit(IRIS, SPECIES)
    net = classifier(callbacks=[count, slower], learning_rate="constant")
    with pytest.raises(ValueError, match="expected"):
        classifier(callbacks=[print]).fit(IRIS, SPECIES)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        net.fit(IRIS, SPECIES)
    assert count.epochs == net.n_iter_
    assert "learning_rate" in net.history_
    assert net.history_["twice"] == [2 * loss for loss in net.loss_curve_]
    assert "training" not in vars(count)
    through = classifier().set_callbacks(Count()).fit(IRIS, SPECIES)
    assert through.callbacks[0].epochs == 5


def test_nothing_without_a_fit() -> None:
    with pytest.raises(NotFittedError, match="This NetworkClassifier instance is not fitted yet"):
        classifier().predict(IRIS)
    with pytest.raises(NotFittedError):
        regressor().transform(DIABETES)
