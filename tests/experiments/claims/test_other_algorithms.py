from __future__ import annotations

from typing import Any

import pytest

import pellucid as pl
from pellucid.experiments import Trial
from pellucid.experiments.claims import other_algorithms
from pellucid.experiments.claims.other_algorithms import NETWORK, ROWS, SETS, OtherAlgorithms, rows_of


def numbers(gain: float, slowness: float, spread: float = 0.01) -> dict[str, Any]:
    """By how much the network is more accurate than the one other algorithm, and how many times as long it takes."""
    return {
        "sets": {
            name: {
                NETWORK: {"score": [0.8 + gain + off, 0.8 + gain + off], "seconds": [slowness, slowness]},
                "linear": {"score": [0.8, 0.8], "seconds": [1.0, 1.0]},
            }
            for name, off in (("one", -spread), ("two", 0.0), ("three", spread))
        }
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (numbers(0.1, 0.5), "supported"),
        (numbers(-0.1, 0.5), "not supported here"),
        (numbers(0.1, 5.0), "not supported here"),
        (numbers(0.1, 1.1), "undecided"),
        (numbers(0.01, 0.5, spread=0.1), "undecided"),
    ],
)
def test_the_verdict_follows_from_scores_and_times(given: dict[str, Any], word: str) -> None:
    assert OtherAlgorithms().judge(given).word == word


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_at_most_so_many_rows_and_the_seed_draws_them(name: str) -> None:
    x, y, regression = rows_of(name, 0)
    assert len(x) == len(y) <= ROWS and regression == (name == "diabetes")
    assert (rows_of(name, 1)[0] != x).any() and (rows_of(name, 0)[0] == x).all()


def test_every_algorithm_is_tuned_on_inner_folds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import model_selection

    seen: list[tuple[int, int, int]] = []

    class Search(model_selection.GridSearchCV):  # type: ignore[misc]
        def fit(self, x: Any, y: Any) -> Any:
            super().fit(x, y)
            seen.append((len(x), len(self.param_grid), self.n_splits_))
            return self

    monkeypatch.setattr(model_selection, "GridSearchCV", Search)
    monkeypatch.setattr(other_algorithms, "SETS", ("iris",))
    scores, seconds, networks = other_algorithms._nested("iris", 0, "linear", 2)
    assert seen == [(100, 3, 3)] * 3
    assert len(scores) == len(seconds) == 3 and min(scores) > 0.8 and networks == []


def test_a_network_leaves_its_weights_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    def nested(name: str, seed: int, algorithm: str, draws: int) -> tuple[list[float], list[float], list[Any]]:
        return [0.5], [1.0], [pl.Network(pl.Dense(1), input_shape=1)] if algorithm == NETWORK else []

    monkeypatch.setattr(other_algorithms, "_nested", nested)
    trial = Trial(quick=True)
    numbers = OtherAlgorithms().measure(trial)
    assert set(numbers["sets"]["iris"]) == {NETWORK, "linear", "SVM", "forest", "boosting"}
    assert trial.digest is not None
