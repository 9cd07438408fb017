"""Quick experiments give the stored digests, to the bit; `make repeat` holds all of them to theirs."""

from __future__ import annotations

import pytest

from pellucid.experiments import NAMES, claim_named, run

from .digests import stored

CHEAP = ("step-does-not-learn", "sigmoid-range")


@pytest.mark.parametrize("name", CHEAP)
def test_a_quick_experiment_repeats_to_the_bit(name: str) -> None:
    assert run(name, claim_named(name), quick=True).digest == stored()[name]


def test_every_experiment_has_a_digest() -> None:
    assert list(stored()) == list(NAMES)
    assert all(stored().values())
