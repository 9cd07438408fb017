from __future__ import annotations

import numpy as np

import pellucid as pl
from pellucid.experiments import Trial


def test_seeds_are_recorded_once() -> None:
    trial = Trial(quick=True)
    assert trial.seeds(5, quick=2) == [0, 1] and trial.seeds(9) == [0, 1, 2]
    assert trial.seeds_used == [0, 1, 2]
    assert Trial().seeds(3) == [0, 1, 2]


def test_progress_is_told_part_by_part() -> None:
    told: list[tuple[int, int, str]] = []
    trial = Trial(report=lambda *part: told.append(part))
    assert list(trial.each("ab", str.upper)) == ["a", "b"]
    assert list(trial.each([1])) == [1]
    assert told == [(0, 2, "A"), (1, 2, "B"), (2, 2, ""), (2, 3, "1"), (3, 3, "")]


def digest(*kept: tuple[str, object]) -> str | None:
    trial = Trial()
    for name, what in kept:
        trial.keep(name, what)  # type: ignore[arg-type]
    return trial.digest


def test_the_digest_knows_names_weights_and_their_order() -> None:
    one, other = (pl.Network(pl.Dense(2), input_shape=3, seed=seed) for seed in (1, 2))
    again = pl.Network(pl.Dense(2), input_shape=3, seed=1)
    assert digest() is None
    assert digest(("a", one)) == digest(("a", again))
    kept = [digest(("a", one)), digest(("b", one)), digest(("a", other)), digest(("a", one), ("a", other))]
    assert len({*kept, digest(("a", other), ("a", one))}) == 5


def test_the_digest_does_not_depend_on_how_an_array_lies() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest(("x", array)) == digest(("x", np.asfortranarray(array))) == digest(("x", array.astype(">f4")))
    assert digest(("x", array)) != digest(("x", array.astype(np.float64)))
