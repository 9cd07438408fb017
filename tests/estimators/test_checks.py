"""scikit-learn's own checks of estimators, all of them, with no failure expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from pellucid.estimators import AutoencoderTransformer, NetworkClassifier, NetworkRegressor


@pytest.mark.sample(65)
@parametrize_with_checks(
    [
        NetworkClassifier(hidden_layer_sizes=(16,), max_iter=20),
        NetworkRegressor(hidden_layer_sizes=(16,), max_iter=60),
        AutoencoderTransformer(hidden_layer_sizes=(8,), max_iter=3),
    ]
)
@pytest.mark.filterwarnings("ignore")  # the checks give what is to be warned of
def test_the_conventions_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
