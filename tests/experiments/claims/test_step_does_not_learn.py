from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.step_does_not_learn import StepDoesNotLearn


def numbers(step: float, smooth: float) -> dict[str, Any]:
    moved = {"step": step, "sigmoid": smooth, "tanh": smooth + 1}
    return {
        "epochs": 1,
        "arms": {n: {"hidden": [m, m], "output": [1, 2], "accuracy": [0.8, 0.9]} for n, m in moved.items()},
    }


@pytest.mark.parametrize(
    ("step", "smooth", "word"),
    [(0.0, 0.5, "supported"), (1e-9, 0.5, "not supported here"), (0.0, 0.0, "undecided")],
)
def test_the_verdict_follows_from_the_movements(step: float, smooth: float, word: str) -> None:
    assert StepDoesNotLearn().judge(numbers(step, smooth)).word == word


def test_what_supports_is_named() -> None:
    because = str(StepDoesNotLearn().judge(numbers(0, 0.5)).because)
    assert "moved by 0.5 or more" in because and "0.850" in because
