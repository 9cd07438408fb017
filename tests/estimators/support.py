"""Small tables, and estimators that are quick on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_iris

from pellucid.estimators import NetworkClassifier, NetworkRegressor

Array = NDArray[Any]
IRIS, SPECIES = load_iris(return_X_y=True)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)


def classifier(**options: Any) -> NetworkClassifier:
    return NetworkClassifier(
        **{"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 5, "random_state": 0, **options}
    )


def regressor(**options: Any) -> NetworkRegressor:
    return NetworkRegressor(
        **{"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 5, "random_state": 0, **options}
    )


def parameters(estimator: Any) -> dict[str, Array]:
    return {path: np.array(value) for path, value in estimator.network_.parameters.items()}


def same(one: Any, other: Any) -> bool:
    """Whether two estimators have the same weights, to the bit."""
    a, b = parameters(one), parameters(other)
    return a.keys() == b.keys() and all(np.array_equal(a[path], b[path]) for path in a)
