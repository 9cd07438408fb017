from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.leaky_relu import LeakyRelu


def numbers(relu: list[float], leaky: list[float]) -> dict[str, Any]:
    """Fractions of units without a gradient, by seed; at another rate none."""
    none = [0.0] * len(relu)
    return {"arms": {arm: {"stuck": [none, values]} for arm, values in (("relu", relu), ("leaky_relu", leaky))}}


@pytest.mark.parametrize(
    ("relu", "leaky", "word"),
    [
        ([0.4, 0.5, 0.45], [0, 0, 0], "supported"),
        ([0, 0, 0], [0, 0, 0], "not supported here"),
        ([0.1, 0.1, 0.12], [0.4, 0.5, 0.45], "not supported here"),
        ([0.0, 0.9, 0.0], [0, 0, 0], "undecided"),
        ([0.4, 0.5, 0.45], [0, 0.01, 0], "undecided"),
    ],
)
def test_the_verdict_follows_from_units_without_a_gradient(relu: list[float], leaky: list[float], word: str) -> None:
    assert LeakyRelu().judge(numbers(relu, leaky)).word == word
