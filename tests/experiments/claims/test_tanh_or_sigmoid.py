from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.experiments.claims.tanh_or_sigmoid import TASKS, TanhOrSigmoid
from pellucid.experiments.curves import curve


def numbers(
    *, tanh: int = 10, sigmoid: int = 30, factor: float = 0.5, error: float = 3e-16, smallest: float = 0.41997
) -> dict[str, Any]:
    epochs = {"tanh": tanh, "sigmoid": sigmoid}
    factors = {arm: [factor, factor + 0.001, factor - 0.001] for arm in epochs}
    return {
        "identity_error": error,
        "smallest": smallest,
        "largest": 1.0,
        "epochs": {arm: {name: [n, n + 1, n - 1] for name in TASKS} for arm, n in epochs.items()},
        "factor": {"Glorot's": factors, "within ±0.05": factors},
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(), "supported"),
        (numbers(tanh=30, sigmoid=10), "not supported here"),
        (numbers(factor=0.95), "not supported here"),
        (numbers(error=1e-9), "not supported here"),
        (numbers(smallest=0.41), "not supported here"),
        (numbers(tanh=10, sigmoid=10), "undecided"),
        (numbers(factor=0.886), "undecided"),
    ],
)
def test_the_verdict_follows_from_every_part_of_the_claim(given: dict[str, Any], word: str) -> None:
    assert TanhOrSigmoid().judge(given).word == word


def test_one_kind_of_initial_values_is_enough_to_refute() -> None:
    given = numbers()
    given["factor"]["Glorot's"] = {arm: [0.95, 0.951, 0.949] for arm in ("tanh", "sigmoid")}
    assert TanhOrSigmoid().judge(given).word == "not supported here"


def test_identity_and_range_hold_exactly() -> None:
    z = np.linspace(-20, 20, 4097)
    assert np.abs(curve("tanh", z)[0] - (2 * curve("sigmoid", 2 * z)[0] - 1)).max() <= 4 * 2.0**-52
    slopes = curve("tanh", np.linspace(-1, 1, 4097))[1]
    assert slopes.max() == 1
    assert slopes.min() == pytest.approx(1 - np.tanh(1) ** 2, abs=1e-15)
    assert round(float(slopes.min()), 2) == 0.42
