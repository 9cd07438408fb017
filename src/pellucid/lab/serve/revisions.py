"""What was on show before a change and can be returned to, with all that was trained in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pellucid.errors import DataError
from pellucid.messages import gettext

T = TypeVar("T")

MOST = 6
"""So many are kept: each keeps its steps."""


class Revisions(Generic[T]):
    """The last few, in the order in which they were made, and which of them is on show.

    Args:
        drop: ends one that cannot be returned to any more.
    """

    def __init__(self, drop: Callable[[T], None]) -> None:
        self._kept: list[T] = []
        self._at = -1
        self._drop = drop

    @property
    def earlier(self) -> int:
        """How many changes can be taken back."""
        return max(self._at, 0)

    @property
    def later(self) -> int:
        """How many changes that were taken back can be made again."""
        return len(self._kept) - 1 - self._at

    def others(self, shown: T) -> list[T]:
        """Those that can be returned to from one of them."""
        kept = self._kept
        return [one for one in kept if one is not shown] if any(one is shown for one in kept) else []

    def begin(self, one: T) -> None:
        """Something else altogether: nothing before it can be returned to."""
        gone, self._kept, self._at = self._kept, [one], 0
        self._end(gone)

    @property
    def ending(self) -> list[T]:
        """Those that `add` would end: what was taken back, and the oldest of too many."""
        before = self._at + 1
        return [*self._kept[before:], *self._kept[: max(0, before + 1 - MOST)]]

    def add(self, one: T) -> None:
        """Made of the one on show by a change; what had been taken back is gone."""
        gone = self.ending
        self._kept = [*self._kept[: self._at + 1], one][-MOST:]
        self._at = len(self._kept) - 1
        self._end(gone)

    def move(self, by: int) -> T:
        """The one before, or the next.

        Raises:
            DataError: there is none.
        """
        if not 0 <= self._at + by < len(self._kept):
            raise DataError(
                gettext("there is no change to take back") if by < 0 else gettext("there is no later change")
            )
        self._at += by
        return self._kept[self._at]

    def close(self) -> None:
        gone, self._kept, self._at = self._kept, [], -1
        self._end(gone)

    def _end(self, gone: list[T]) -> None:
        for one in gone:
            self._drop(one)
