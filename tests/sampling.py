"""Cases of which every run takes a few, and another run others: together they are as long as `make test` may be.

The turn is the day, so that all cases are run within some days, or PELLUCID_TURN, a number, to repeat what a run took:
pytest prints it first. PELLUCID_TESTS=all takes all of them, as `make exhaustive` does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from datetime import date
from typing import TypeVar

Case = TypeVar("Case")

ALL = os.environ.get("PELLUCID_TESTS") == "all"
# Set for the processes that pytest-xdist starts as well: they have to find the same tests, at midnight too.
TURN = int(os.environ.setdefault("PELLUCID_TURN", str(date.today().toordinal())))


def some(cases: Iterable[Case], count: int, name: str = "") -> list[Case]:
    """`count` of the cases, in their order. Of n cases all are taken in n / `count` turns, rounded up.

    Args:
        name: of what takes them: others with the same cases take others at the same turn.
    """
    every = list(cases)
    if ALL or count >= len(every):
        return every
    order = list(range(len(every)))
    random.Random(name).shuffle(order)
    chosen = {order[(TURN * count + k) % len(every)] for k in range(count)}
    return [case for k, case in enumerate(every) if k in chosen]
