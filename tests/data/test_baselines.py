from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import Autoregression, Persistence, compare, verdict
from pellucid.errors import DataError


def test_an_autoregression_finds_the_coefficients_of_its_process() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 3, 2))
    w = random.standard_normal((3, 2, 2))
    y = 0.5 + np.einsum("nti,tio->no", x, w)
    model = Autoregression().fit(x, y)
    np.testing.assert_allclose(model.coefficients[0], 0.5)
    np.testing.assert_allclose(model.coefficients[1:].reshape(3, 2, 2), w)
    np.testing.assert_allclose(model.predict(x), y)


def test_more_coefficients_than_examples_still_fit() -> None:
    x = np.random.default_rng(0).standard_normal((4, 10, 1))
    y = np.arange(4.0)[:, None]
    np.testing.assert_allclose(Autoregression().fit(x, y).predict(x), y, atol=1e-9)
    with pytest.raises(DataError, match="got 4 and 3"):
        Autoregression().fit(x, y[:3])


def test_tomorrow_is_as_today() -> None:
    assert Persistence().fit(np.ones((5, 3, 2)), np.ones((5, 2))).predict(np.ones((4, 3, 2))).tolist() == [[0, 0]] * 4


def test_the_standard_error_by_hand() -> None:
    # |first| − |second| = 1, 3: mean 2, variance 1, standard error √(1 / (2 − 1)) = 1
    found = compare([1.0, -3.0], [0.0, 0.0])
    assert (found.difference, found.error, found.verdict) == (2, 1, 0)


def test_overlapping_forecasts_have_a_larger_error() -> None:
    random = np.random.default_rng(0)
    steps = random.standard_normal(4000)
    overlapping = np.abs(np.convolve(steps, np.ones(5), "valid"))
    nothing = np.zeros_like(overlapping)
    plain, right = (compare(overlapping, nothing, horizon=h).error for h in (1, 5))
    assert right > 1.4 * plain


def test_chance_is_rarely_called_a_victory() -> None:
    random = np.random.default_rng(0)
    found = [compare(*random.standard_normal((2, 200))).verdict for _ in range(400)]
    assert np.mean(np.abs(found)) == pytest.approx(0.05, abs=0.03)


@given(st.permutations([0.5, 1.0, 2.0]))
def test_the_sentence_follows_from_the_errors(scales: list[float]) -> None:
    noise = np.random.default_rng(0).standard_normal(500)
    errors = {name: scale * noise for name, scale in zip("abc", scales, strict=True)}
    said = verdict(errors, "a")
    better = [name for name in "bc" if np.abs(errors[name]).mean() < np.abs(errors["a"]).mean()]
    worse = [name for name in "bc" if name not in better]
    assert (f"beats {' and '.join(worse)}" in said) == bool(worse)
    assert (f"is beaten by {' and '.join(better)}" in said) == bool(better)


def test_equal_errors_cannot_be_told_apart() -> None:
    errors = {"network": np.ones(10), "today": np.ones(10)}
    assert verdict(errors, "network") == (
        "Verdict: network cannot be told apart from today; the smallest mean error is that of network."
    )


def test_errors_of_other_days() -> None:
    with pytest.raises(DataError, match="expected errors of two"):
        compare([1.0, 2.0], [1.0])
