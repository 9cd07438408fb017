from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import convolve2d

from pellucid.data.kernels import kernel
from pellucid.experiments.claims.convolution_or_correlation import (
    KERNELS,
    SYMMETRIC,
    ConvolutionOrCorrelation,
    convolved,
    sheet,
)


def numbers(convolution: float, correlation: float) -> dict[str, Any]:
    errors = {"convolution": convolution, "correlation": correlation}
    return {"compared": dict.fromkeys(KERNELS, errors), "distance": {"kernel": [4, 4], "flipped": [0.1, 0.1]}}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.0, 2.0), "supported"),
        (numbers(2.0, 0.0), "not supported here"),
        (numbers(1.0, 1.0), "undecided"),
        (numbers(1e-7, 1e-7), "undecided"),
    ],
)
def test_the_verdict_follows_from_the_distances(given: dict[str, Any], word: str) -> None:
    assert ConvolutionOrCorrelation().judge(given).word == word


def test_the_definition_is_that_of_mathematics() -> None:
    random = np.random.default_rng(0)
    x, k = random.normal(size=(9, 7)), random.normal(size=(3, 2))
    assert convolved(x, k) == pytest.approx(convolve2d(x, k, mode="valid"))
    assert convolved(x[0], k[0]) == pytest.approx(np.convolve(x[0], k[0], mode="valid"))


def test_symmetric_kernels_are_those_that_a_rotation_leaves() -> None:
    assert tuple(name for name in KERNELS if np.array_equal(kernel(name), np.flip(kernel(name)))) == SYMMETRIC


def test_the_sheet_has_integers() -> None:
    image = sheet()
    assert image.shape == (96, 96) and np.array_equal(image, np.rint(image)) and (image.min(), image.max()) == (0, 16)
