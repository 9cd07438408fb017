"""Messages joined to one, for verdicts and tables that list several things."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pellucid.messages import Message, gettext


def each_of(parts: Sequence[Message]) -> Message:
    """One or more sentences, in one."""
    return reduce(lambda first, then: gettext("{first}; {then}", first=first, then=then), parts)


def listed(parts: Sequence[Message]) -> Message:
    """One or more things, one after the other."""
    return reduce(lambda first, then: gettext("{first}, {then}", first=first, then=then), parts)


def both(parts: Sequence[Message]) -> Message:
    """One or more things, all of which hold."""
    return reduce(lambda first, then: gettext("{first} and {then}", first=first, then=then), parts)
