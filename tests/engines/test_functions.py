from __future__ import annotations

import math

import numpy as np

from pellucid.engines.reference import numpy_functions
from pellucid.engines.reference.numpy_functions import erf, sigmoid, softplus
from pellucid.formula.scalar import SCALARS


def test_erf_is_accurate_to_the_last_places() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20_001), np.geomspace(1e-300, 1, 500), [0.0, -0.0, np.inf, -np.inf, 30.0]])
    expected = np.array([math.erf(v) for v in x])
    np.testing.assert_allclose(erf(x), expected, rtol=5e-16, atol=0)
    assert np.isnan(erf(np.nan)) and erf(np.array([0.5], np.float32)).dtype == np.float32


def test_sigmoid_and_softplus_stay_exact_far_out() -> None:
    x = np.linspace(-740, 740, 999)
    with np.errstate(all="raise", under="ignore", over="ignore"):
        found = sigmoid(x), softplus(x)
    # Below −709, exp(−x) is infinite and σ the 0 that stands for less than the smallest normal number.
    expected = [1 / (1 + math.exp(-v)) if v > -700 else math.exp(v) for v in x]
    np.testing.assert_allclose(found[0], expected, rtol=4e-16, atol=np.finfo(float).tiny)
    np.testing.assert_allclose(
        found[1], [v + math.log1p(math.exp(-v)) if v > 0 else math.log1p(math.exp(v)) for v in x], rtol=4e-16
    )
    one = np.ones(1, np.float32)
    assert sigmoid(one).dtype == softplus(one).dtype == np.float32


def test_every_scalar_function_has_a_way_to_run() -> None:
    tables = {
        *numpy_functions.UFUNCS,
        *numpy_functions.UNARY,
        *numpy_functions.ARITHMETIC,
        *numpy_functions.COMPARISONS,
    }
    assert set(SCALARS) <= tables | {"relu", "stop", "where", "div", "pow", "and", "uniform"}
