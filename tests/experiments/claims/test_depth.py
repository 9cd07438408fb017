from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.depth import TASKS, Depth, count, width_of


def numbers(spirals: float, digits: float, spread: float = 0.01) -> dict[str, Any]:
    """What two hidden layers gain over one."""
    gains = dict(zip(TASKS, (0.0, spirals, digits), strict=True))
    accuracy = {}
    for name, gain in gains.items():
        deep = [0.7 + gain - spread, 0.7 + gain, 0.7 + gain + spread]
        accuracy[name] = {"test": [[0.7] * 3, deep, [0.1] * 3], "validation": [[0.7] * 3, deep, [0.0] * 3]}
    return {"accuracy": accuracy}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.2, 0.0), "supported"),
        (numbers(-0.2, 0.0), "not supported here"),
        (numbers(0.0, 0.0, spread=0.001), "not supported here"),
        (numbers(0.1, 0.2), "not supported here"),
        (numbers(0.2, 0.2), "undecided"),
        (numbers(0.01, 0.0, spread=0.1), "undecided"),
    ],
)
def test_the_verdict_follows_from_the_gains(given: dict[str, Any], word: str) -> None:
    assert Depth().judge(given).word == word


def test_the_depth_is_chosen_on_validation_data() -> None:
    given = numbers(0.2, 0.0)
    assert given["accuracy"][TASKS[1]]["test"][2] == [0.1, 0.1, 0.1]
    for accuracy in given["accuracy"].values():
        accuracy["validation"][2] = [1.0, 1.0, 1.0]
    assert Depth().judge(given).word == "not supported here"


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_the_budget_is_used_and_kept(depth: int) -> None:
    width = width_of(depth, 64, 10, 2000)
    assert count(depth, width, 64, 10) <= 2000 < count(depth, width + 1, 64, 10)
