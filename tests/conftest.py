"""What holds for all tests: memory that a call of native code may write is full of NaN before it, and of those that
are marked with `sample(count)` a run takes that many cases."""

from __future__ import annotations

import os
import re
from collections import defaultdict

import pytest
from tests.sampling import ALL, TURN, some

# Read when the engine is imported, here and in the processes that tests start.
os.environ.setdefault("PELLUCID_POISON", "1")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sample(count): of its cases, a run takes so many, another day others")


def pytest_report_header() -> str:
    return "every case" if ALL else f"the cases of PELLUCID_TURN={TURN}; PELLUCID_TESTS=all takes every case"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if places := [item.nodeid for item in items if re.search(r"\b0x[0-9a-f]{6,}", item.nodeid)]:
        raise pytest.UsageError(f"the name of {places[0]} holds an address, and differs from process to process")
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sample"):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out: set[pytest.Item] = set()
    for name, each in cases.items():
        marker = each[0].get_closest_marker("sample")
        assert marker is not None
        left_out |= {*each} - {*some(each, marker.args[0], name)}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
