"""NetworkRegressor: several outputs, losses by name, the units of the targets."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_regression
from sklearn.metrics import mean_pinball_loss
from tests.estimators.support import DIABETES, PROGRESSION, regressor


def test_the_network_gives_the_units_of_the_targets() -> None:
    net = regressor(max_iter=40).fit(DIABETES, 1e4 * PROGRESSION)
    assert net.score(DIABETES, 1e4 * PROGRESSION) > 0.4
    np.testing.assert_allclose(net.network_.predict(DIABETES)[:, 0], net.predict(DIABETES), rtol=1e-5)
    plain = regressor(max_iter=40).fit(DIABETES, PROGRESSION)
    np.testing.assert_allclose(net.predict(DIABETES), 1e4 * plain.predict(DIABETES), rtol=1e-3)


def test_several_outputs() -> None:
    x, y = make_regression(200, 5, n_targets=3, random_state=0)
    net = regressor(max_iter=60, hidden_layer_sizes=(32,)).fit(x, y)
    assert net.predict(x).shape == (200, 3)
    assert net.score(x, y) > 0.9
    assert net.n_outputs_ == 3
    column = regressor().fit(x, y[:, :1]).predict(x)
    assert column.shape == (200, 1)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "log_cosh", "quantile", "poisson"])
def test_losses_by_name(loss: str) -> None:
    net = regressor(max_iter=60, loss=loss).fit(DIABETES, PROGRESSION)
    assert net.score(DIABETES, PROGRESSION) > 0.4
    assert len(net.loss_curve_) == net.n_iter_ == 60


def test_quantiles() -> None:
    x = np.linspace(-1, 1, 400)[:, None]
    y = x[:, 0] + np.random.default_rng(0).normal(size=400)
    low, high = (regressor(loss="quantile", quantile=q, max_iter=60).fit(x, y) for q in (0.1, 0.9))
    assert abs(np.mean(y < low.predict(x)) - 0.1) < 0.05
    assert abs(np.mean(y < high.predict(x)) - 0.9) < 0.05
    assert mean_pinball_loss(y, high.predict(x), alpha=0.9) < mean_pinball_loss(y, low.predict(x), alpha=0.9)


def test_counts() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 2))
    rate = np.exp(x[:, 0])
    net = regressor(loss="poisson", max_iter=60, hidden_layer_sizes=(32,)).fit(x, random.poisson(rate))
    found = net.predict(x)
    assert found.min() > 0
    assert np.corrcoef(found, rate)[0, 1] > 0.9
    for wrong in (-np.ones(500), np.zeros(500)):
        with pytest.raises(ValueError, match="out of the valid range of the loss 'poisson'"):
            net.fit(x, wrong)


def test_without_scaling_the_loss_is_in_the_users_units() -> None:
    net = regressor(standardize=False, max_iter=1).fit(DIABETES, PROGRESSION)
    assert net.loss_curve_[0] > 0.9 * PROGRESSION.var()
    assert [use.path for use in net.network_.uses] == ["table", "dense_1", "dense_2"]


def test_inside_other_estimators() -> None:
    outer = TransformedTargetRegressor(regressor(max_iter=30), func=np.log, inverse_func=np.exp)
    assert outer.fit(DIABETES, PROGRESSION).score(DIABETES, PROGRESSION) > 0.3


def test_a_fit_before_had_other_outputs() -> None:
    net = regressor(warm_start=True).fit(DIABETES, PROGRESSION)
    with pytest.raises(ValueError, match="y has 2 columns, expected 1"):
        net.fit(DIABETES, np.stack([PROGRESSION, PROGRESSION], axis=1))
