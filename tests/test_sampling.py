"""Every case has its turn."""

from __future__ import annotations

import pytest
from tests import sampling
from tests.sampling import some


@pytest.mark.parametrize(("cases", "count"), [(7, 1), (7, 3), (24, 6), (5, 4)])
def test_all_cases_have_their_turn(cases: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ALL", False)
    seen: set[int] = set()
    for turn in range(-(-cases // count)):
        monkeypatch.setattr(sampling, "TURN", 739_000 + turn)
        chosen = some(range(cases), count)
        assert len(chosen) == count and chosen == sorted(chosen)
        seen |= set(chosen)
    assert seen == set(range(cases))


def test_all_are_taken_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ALL", True)
    assert some("abc", 1) == ["a", "b", "c"]


TAKEN: list[int] = []


@pytest.mark.sample(2)
@pytest.mark.parametrize("case", range(5))
def test_a_marked_test_has_fewer_cases(case: int) -> None:
    TAKEN.append(case)
    assert sampling.ALL or len(TAKEN) <= 2
