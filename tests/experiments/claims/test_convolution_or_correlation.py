from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import convolve2d

from pellucid.experiments.claims.convolution_or_correlation import KERNELS, ConvolutionOrCorrelation, convolved


def numbers(convolution: float, correlation: float) -> dict[str, Any]:
    errors = {"convolution": convolution, "correlation": correlation}
    return {"compared": dict.fromkeys(KERNELS, errors), "distance": {"kernel": [4, 4], "flipped": [0.1, 0.1]}}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(1e-7, 2.0), "supported"),
        (numbers(2.0, 1e-7), "not supported here"),
        (numbers(1.0, 1.0), "undecided"),
    ],
)
def test_the_verdict_follows_from_the_distances(given: dict[str, Any], word: str) -> None:
    assert ConvolutionOrCorrelation().judge(given).word == word


def test_the_definition_is_that_of_mathematics() -> None:
    random = np.random.default_rng(0)
    x, k = random.normal(size=(9, 7)), random.normal(size=(3, 2))
    assert convolved(x, k) == pytest.approx(convolve2d(x, k, mode="valid"))
