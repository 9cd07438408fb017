from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.relu_or_smooth import ReluOrSmooth


def numbers(sigmoid: float, tanh: float, spread: float = 0.001) -> dict[str, Any]:
    """Accuracies on two tasks; ReLU's is 0.9."""
    levels = {"relu": (0.9, 0.0), "sigmoid": (sigmoid, spread), "tanh": (tanh, spread)}
    return {
        "accuracy": {arm: {t: [a - s, a, a + s] for t in ("one", "two")} for arm, (a, s) in levels.items()},
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.8, 0.8), "supported"),
        (numbers(0.8, 0.95), "not supported here"),
        (numbers(0.95, 0.8), "not supported here"),
        (numbers(0.8, 0.9, spread=0.0005), "not supported here"),
        (numbers(0.8, 0.89, spread=0.02), "undecided"),
    ],
)
def test_the_verdict_follows_from_the_mean_over_tasks(given: dict[str, Any], word: str) -> None:
    assert ReluOrSmooth().judge(given).word == word
