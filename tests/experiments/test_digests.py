"""Quick experiments give the stored digests, to the bit; `make repeat` holds all of them to theirs."""

from __future__ import annotations

import pytest
from tests.sampling import some

from pellucid.engines.llvm.run.native import TARGETS, available
from pellucid.experiments import NAMES, claim_named, run

from .digests import elsewhere, stored

CHEAP = ("step-does-not-learn", "sigmoid-range")


@pytest.mark.parametrize("name", CHEAP)
def test_a_quick_experiment_repeats_to_the_bit(name: str) -> None:
    assert run(name, claim_named(name), quick=True).digest == stored()[name]


@pytest.mark.parametrize("target", TARGETS)
def test_another_instruction_set_gives_the_same_bits(target: str, capfd: pytest.CaptureFixture[str]) -> None:
    if target not in available():
        pytest.skip(f"this CPU has no x86-64-{target}")
    assert elsewhere(target, some(CHEAP, 1)) == 0, capfd.readouterr().out


def test_every_experiment_has_a_digest() -> None:
    assert list(stored()) == list(NAMES)
    assert all(stored().values())
