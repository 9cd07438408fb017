"""L-BFGS: a minimum, the same for every order of rows, and what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from tests.estimators.support import DIABETES, IRIS, PROGRESSION, SPECIES, classifier, regressor, same
from threadpoolctl import threadpool_limits


def test_without_hidden_layers_it_finds_ridge_regression() -> None:
    alpha = 10.0
    net = regressor(hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, max_iter=500, tol=1e-9)
    net.fit(DIABETES, PROGRESSION)
    scaled = (DIABETES - DIABETES.mean(axis=0)) / DIABETES.std(axis=0)
    spread = PROGRESSION.std()
    ridge = Ridge(alpha=alpha / 2).fit(scaled, PROGRESSION / spread)
    np.testing.assert_allclose(net.predict(DIABETES), ridge.predict(scaled) * spread, rtol=1e-4)


def test_without_hidden_layers_it_finds_logistic_regression() -> None:
    alpha = 10.0
    net = classifier(hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, max_iter=500, tol=1e-9).fit(IRIS, SPECIES)
    scaled = (IRIS - IRIS.mean(axis=0)) / IRIS.std(axis=0)
    peer = LogisticRegression(C=1 / alpha, tol=1e-9, max_iter=1000).fit(scaled, SPECIES)
    np.testing.assert_allclose(net.predict_proba(IRIS), peer.predict_proba(scaled), atol=1e-4)


def test_the_loss_falls_to_a_flat_place() -> None:
    net = classifier(solver="lbfgs", max_iter=400).fit(IRIS, SPECIES)
    assert all(np.diff(net.loss_curve_) <= 0)
    _, gradients = net.network_.gradients(IRIS, SPECIES)  # with the penalty
    assert max(abs(g).max() for g in gradients.values()) < 1e-3
    assert net.network_.dtype == np.float64


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_the_bits_do_not_depend_on_the_threads_of_blas() -> None:
    x, y = load_digits(return_X_y=True)
    nets = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            nets.append(regressor(solver="lbfgs", max_iter=10, hidden_layer_sizes=(64, 64)).fit(x, y))
    assert same(*nets)


def test_what_it_cannot_do() -> None:
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 3 iteration"):
        classifier(solver="lbfgs", max_iter=3).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="dropout needs a stochastic solver"):
        classifier(solver="lbfgs", dropout=0.1).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="X_val needs a stochastic solver"):
        classifier(solver="lbfgs").fit(IRIS, SPECIES, X_val=IRIS, y_val=SPECIES)
