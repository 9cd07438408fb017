from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import Trigram
from pellucid.errors import DataError


@given(st.lists(st.integers(0, 3), min_size=30, max_size=120), st.integers(0, 3), st.integers(0, 3))
def test_the_probabilities_after_any_context_sum_to_one(ids: list[int], u: int, v: int) -> None:
    model = Trigram(ids, 4)
    total = sum(math.exp(model.log_probabilities([u, v, w])[0]) for w in range(4))
    assert total == pytest.approx(1)


def test_the_estimates_by_hand() -> None:
    # a cycle 0 1 2: every context has one successor, so three, two say 1; one says 1/3, uniform 1/4
    model = Trigram([0, 1, 2] * 20, 4)
    weights = model.weights[5]  # (1, 2) was seen 20 times: the class 16–31
    expected = weights @ [1, 1, 1 / 3, 1 / 4]
    assert model.log_probabilities([1, 2, 0])[0] == pytest.approx(math.log(expected))
    # (3, 3) was never seen, nor 3 alone: both pass on to the share of 0, a third
    expected = model.weights[0] @ [1 / 3, 1 / 3, 1 / 3, 1 / 4]
    assert model.log_probabilities([3, 3, 0])[0] == pytest.approx(math.log(expected))
    np.testing.assert_allclose(model.weights.sum(axis=1), 1)


def test_order_is_found_and_noise_is_not() -> None:
    random = np.random.default_rng(0)
    cycle = np.tile(np.arange(10), 300)
    noise = random.integers(10, size=3000)
    assert Trigram(cycle, 10).nats(cycle[:100]) < 0.01
    assert Trigram(noise, 10).nats(random.integers(10, size=3000)) == pytest.approx(math.log(10), abs=0.02)


def test_what_it_refuses() -> None:
    with pytest.raises(DataError, match="at least 30 tokens"):
        Trigram(np.zeros(5, dtype=int), 4)
    with pytest.raises(DataError, match="holds the label 4"):
        Trigram([4] * 30, 4)
    with pytest.raises(DataError, match="at least 3 tokens"):
        Trigram([1] * 30, 4).nats([1, 1])
