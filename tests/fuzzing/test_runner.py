"""A case that crashes or hangs is told, and the others are examined."""

from __future__ import annotations

import os
import time
from argparse import Namespace

import pytest
from tests.fuzzing.runner import Outcome, command, outcomes


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


def test_the_command_prints_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    options = Namespace(count=3, seed=1, seconds=0.0, jobs=1)
    assert command(examine, options, source=lambda seed: f"case {seed}") == 1
    printed = capsys.readouterr().out
    assert "seed 2: the process ended with 3\n\ncase 2" in printed
    assert "3 cases from seed 1, 1 with faults" in printed
