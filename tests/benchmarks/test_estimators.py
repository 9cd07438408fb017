"""The comparison of estimators: ranks, and that it runs."""

from __future__ import annotations

import pytest
from benchmarks.estimators import CLASSES, CONTENDERS, NUMBERS, Result, compared, mean_ranks


def test_there_are_twelve_tables() -> None:
    assert len(CLASSES) + len(NUMBERS) == 12


def test_ranks() -> None:
    first, second, third = CONTENDERS
    results = {
        "a": Result({first: [1.0, 0.0], second: [0.2], third: [0.9]}),
        "b": Result({first: [0.5], second: [0.5], third: [0.1]}),
    }
    assert mean_ranks(results) == {first: (2 + 1.5) / 2, second: (3 + 1.5) / 2, third: (1 + 3) / 2}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_table_is_compared() -> None:
    result = compared(CLASSES["iris"](), classes=True, splits=1)
    assert all(len(scores) == 1 and scores[0] > 0.8 for scores in result.scores.values())
    assert all(seconds[0] > 0 for seconds in result.seconds.values())
