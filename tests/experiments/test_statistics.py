from __future__ import annotations

import math

import pytest
from scipy import stats

from pellucid.experiments.statistics import T_QUANTILES, interval, mean, paired, spread


@pytest.mark.parametrize("n", [2, 3, 5, 16, 17, 30, 100])
def test_the_interval_is_student_s(n: int) -> None:
    values = [math.sin(k) for k in range(n)]
    known = interval(values)
    low, high = stats.t.interval(0.95, n - 1, loc=sum(values) / n, scale=stats.sem(values))
    assert (known.low, known.high) == pytest.approx((low, high), rel=0.01)
    assert known.mean == pytest.approx(sum(values) / n)


def test_quantiles_are_student_s() -> None:
    assert list(T_QUANTILES) == pytest.approx([stats.t.ppf(0.975, k + 1) for k in range(len(T_QUANTILES))], abs=6e-4)


def test_a_single_value_says_nothing() -> None:
    assert interval([3.0]).sign == 0


def test_the_sign_is_that_of_a_whole_interval() -> None:
    assert interval([1, 1.1, 0.9]).sign == 1
    assert interval([-1, -1.1, -0.9]).sign == -1
    assert interval([1, -1, 0.5]).sign == 0
    assert paired([5, 7, 9], [4, 6, 8]).sign == 1


def test_texts_of_a_spread() -> None:
    assert spread([0.5, 0.7]) == "0.600 (0.500 … 0.700)"
    assert mean([1, 2]) == 1.5
