from __future__ import annotations

import math
from typing import Any

import pytest

from pellucid.experiments import Trial, claim_named
from pellucid.experiments.claims.sigmoid_range import BOUND, SigmoidRange

RIGHT: dict[str, Any] = {
    "smallest": 0.19661,
    "largest": 0.25,
    "smallest_at": 1.0,
    "largest_at": 0.0,
    "at_minus_40": 1e-18,
    "at_40": 1.0,
    "rises": True,
    "quotient_error": BOUND / 2,
}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "supported"),
        ({"smallest": 0.1965}, "not supported here"),
        ({"largest": 0.2601}, "not supported here"),
        ({"at_minus_40": 1e-3}, "not supported here"),
        ({"at_40": 1.1}, "not supported here"),
        ({"rises": False}, "not supported here"),
        ({"quotient_error": 2 * BOUND}, "not supported here"),
    ],
)
def test_the_verdict_follows_from_the_range(changed: dict[str, Any], word: str) -> None:
    assert SigmoidRange().judge(RIGHT | changed).word == word


def test_the_range_holds_exactly() -> None:
    numbers = claim_named("sigmoid-range").measure(Trial())
    at_one = 1 / (1 + math.exp(-1))
    assert numbers["largest"] == 0.25
    assert numbers["smallest"] == pytest.approx(at_one * (1 - at_one), abs=1e-16)
    assert (numbers["smallest_at"], numbers["largest_at"]) == (1, 0)
    assert 0 < numbers["at_minus_40"] < 5e-18 and numbers["at_40"] == 1


def test_the_bound_is_that_of_the_second_derivative() -> None:
    steepest = max(s * (1 - s) * (1 - 2 * s) for s in (k / 10_000 for k in range(10_000)))
    assert steepest * 2.0**-10 / 2 < BOUND < 1.001 * steepest * 2.0**-10 / 2
