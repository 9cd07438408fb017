from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.experiments.claims.memory import BEGINNINGS, SYMBOLS, UNITS, Memory, network, recall
from pellucid.experiments.training import parameters


def numbers(good: float, naive: float, spread: float = 0.01) -> dict[str, Any]:
    """By how much the LSTM recalls better than the RNN."""
    gains = {"good": good, "naive": naive}
    return {
        "accuracy": {
            b: {
                "RNN": [[0.5, 0.5, 0.5]] * 2,
                "LSTM": [[0.5 + gains[b] - spread, 0.5 + gains[b], 0.5 + gains[b] + spread]] * 2,
            }
            for b in BEGINNINGS
        }
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.2, 0.2), "supported"),
        (numbers(-0.2, 0.2), "not supported here"),
        (numbers(0.0, 0.2, spread=0.001), "not supported here"),
        (numbers(0.2, 0.0), "undecided"),
        (numbers(0.2, -0.2), "undecided"),
        (numbers(0.02, 0.2, spread=0.1), "undecided"),
    ],
)
def test_the_verdict_follows_from_what_is_recalled(given: dict[str, Any], word: str) -> None:
    assert Memory().judge(given).word == word


def test_the_class_is_the_first_symbol_and_every_part_is_new() -> None:
    task = recall(3, 0, 50)
    for x, y in (task.train, task.validation, task.test):
        assert x.shape[1:] == (4, SYMBOLS) and (x.sum(axis=2) == 1).all()
        assert (x[:, 0].argmax(axis=1) == y).all()
    assert not np.array_equal(task.train[0][:50], task.test[0][:50])
    assert not np.array_equal(recall(3, 0, 50).train[0], recall(3, 1, 50).train[0])


def test_the_networks_are_of_about_one_size() -> None:
    sizes = [parameters(network(kind, "good", 5, 0)) for kind in UNITS]
    assert max(sizes) < 1.01 * min(sizes)


def test_gates_begin_by_keeping_their_state() -> None:
    lstm, gru = (network(kind, "good", 100, 0).parameters[f"{kind.lower()}_1.bias"] for kind in ("LSTM", "GRU"))
    kept = 1 / (1 + np.exp(-lstm[1].astype(np.float64)))
    assert 1 / (1 - kept.max()) == pytest.approx(101, rel=0.01), "steps after which a cell has lost a part of 1/e"
    assert np.array_equal(lstm[0], -lstm[1])
    assert gru[0].max() == pytest.approx(np.log(100))
    assert not network("LSTM", "naive", 100, 0).parameters["lstm_1.bias"].any()
