from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.vanishing_gradient import VanishingGradient


def numbers(factor: float, sigmoid: float, relu: float, spread: float = 0.01) -> dict[str, Any]:
    """A factor a layer with sigmoids, and by how much the accuracies fall with depth."""
    ends = {"sigmoid": sigmoid, "relu": relu}
    return {
        "depths": [1, 20],
        "factor": {"sigmoid": [factor, factor + 0.001, factor - 0.001], "relu": [0.98, 0.99, 1.0]},
        "accuracy": {
            arm: {"1": [1.0, 1.0, 1.0], "20": [1 - fall, 1 - fall - spread, 1 - fall + spread]}
            for arm, fall in ends.items()
        },
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.23, 0.8, 0.1), "supported"),
        (numbers(0.95, 0.8, 0.1), "not supported here"),
        (numbers(0.23, 0.1, 0.8), "not supported here"),
        (numbers(0.23, -0.1, 0.1), "not supported here"),
        (numbers(0.23, 0.1, 0.1), "undecided"),
        (numbers(0.23, 0.02, 0.0, spread=0.1), "undecided"),
        (numbers(0.886, 0.8, 0.1), "undecided"),
    ],
)
def test_the_verdict_follows_from_gradients_and_accuracies(given: dict[str, Any], word: str) -> None:
    assert VanishingGradient().judge(given).word == word
