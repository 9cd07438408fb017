"""A case that crashes or hangs is told, and the others are examined."""

from __future__ import annotations

import os
import time

from tests.fuzzing.runner import Outcome, outcomes


def examine(seed: int) -> Outcome:
    if seed == 2:
        os._exit(3)
    if seed == 4:
        time.sleep(600)
    return Outcome(seed, "wrong" if seed == 5 else "")


def test_every_seed_has_an_outcome() -> None:
    found = {o.seed: o.fault for o in outcomes(examine, iter(range(7)), jobs=2, limit=5.0)}
    assert sorted(found) == list(range(7))
    assert "ended with 3" in found[2]
    assert "nothing came" in found[4]
    assert sorted(seed for seed, fault in found.items() if not fault) == [0, 1, 3, 6]
