from __future__ import annotations

from typing import Any

import pytest

from pellucid.experiments.claims.cnn_or_mlp import ARMS, CnnOrMlp, network
from pellucid.experiments.training import parameters


def numbers(cnn: float, mlp: float, spread: float = 0.001) -> dict[str, Any]:
    few = [0.5, 0.5, 0.5]
    levels = {"cnn": [cnn] * 3, "mlp": [mlp - spread, mlp, mlp + spread]}
    return {"examples": [100, 1010], "accuracy": {a: {k: [few, levels[a]] for k in ("test", "moved")} for a in ARMS}}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.98, 0.95), "supported"),
        (numbers(0.95, 0.98), "not supported here"),
        (numbers(0.95, 0.95), "not supported here"),
        (numbers(0.96, 0.95, spread=0.03), "undecided"),
    ],
)
def test_the_verdict_follows_from_all_examples(given: dict[str, Any], word: str) -> None:
    assert CnnOrMlp().judge(given).word == word


def test_both_networks_are_of_the_size_that_is_stated() -> None:
    assert [parameters(network(arm, 0)()) for arm in ARMS] == [1898, 1885]
    assert "1,898" in str(CnnOrMlp.setup) and "1,885" in str(CnnOrMlp.setup)
