from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.pooling import IMAGES, Pooling


def numbers(bright: float, dark: float, *, mean: float = 0.0, spread: float = 0.001) -> dict[str, Any]:
    """By how much the maximum is better with bright strokes, and the minimum with dark ones."""
    better = {"max": (bright, 0.0), "min": (0.0, dark), "average": (0.0, 0.0)}
    accuracy: dict[str, dict[str, list[float]]] = {arm: {} for arm in better}
    for arm, gains in better.items():
        for kind, gain in zip(IMAGES, gains, strict=True):
            by = spread if gain else 0.0
            accuracy[arm][kind] = [0.8 + gain - by, 0.8 + gain, 0.8 + gain + by]
    return {"accuracy": accuracy, "moved": {"average": {"mean": mean}}}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.2, 0.2), "supported"),
        (numbers(-0.2, 0.2), "not supported here"),
        (numbers(0.2, -0.2), "not supported here"),
        (numbers(0.2, 0.2, mean=0.1), "not supported here"),
        (numbers(0.01, 0.2, spread=0.05), "undecided"),
        (numbers(0.2, 0.01, spread=0.05), "undecided"),
    ],
)
def test_the_verdict_follows_from_bright_and_dark_strokes(given: dict[str, Any], word: str) -> None:
    assert Pooling().judge(given).word == word
