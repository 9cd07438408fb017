"""Penalties by name and by strength."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.functions.support import evaluate

from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.functions.learning.penalties import L1, L1L2, L2, PENALTIES, Penalty, penalty, total


def test_by_name_by_value_and_from_a_configuration() -> None:
    assert penalty(None) is None
    assert penalty("l2") == L2(0.01) == Penalty(l2=0.01)
    assert penalty({"l1": 0.1}) == L1(0.1)
    assert penalty({"name": "l1_l2"}) == L1L2()
    for entry in PENALTIES.values():
        assert penalty(entry.config) == entry


def test_value_by_hand() -> None:
    w = Tensor.input("w", i=2, o=2)
    found = total([(w, L1L2(0.1, 0.5))])
    assert found is not None
    # 0.1·(1 + 2 + 0 + 3) + 0.5·(1 + 4 + 0 + 9)
    assert evaluate({"p": found}, {"w": np.array([[1.0, -2.0], [0.0, 3.0]])})["p"] == pytest.approx(0.6 + 7)


def test_no_penalty_is_nothing() -> None:
    w = Tensor.input("w", i=2, o=2)
    assert total([]) is None
    assert total([(w, L2(0))]) is None


@pytest.mark.parametrize("spec", ["l3", {"l3": 1.0}, {"l1": -1.0}, {"l2": "much"}, 0.1])
def test_what_is_wrong_is_named(spec: Any) -> None:
    with pytest.raises(PellucidError):
        penalty(spec)
