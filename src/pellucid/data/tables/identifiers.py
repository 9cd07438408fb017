"""Columns that only tell the rows apart: as features they would be memorised, and say nothing of a new row."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ...messages import Message, gettext
from .features import MAX_CATEGORIES
from .table import Column

NAMES = re.compile(r"(?:.*[ _.-])?(?:id|ids|index|idx|uid|uuid|key|no|nr|number|row|rownumber|rowid)|.*[a-z]I[Dd]")
FEW = 20  # rows of which all may differ by chance


def identifiers(columns: Iterable[Column]) -> dict[str, Message]:
    """The columns that only tell the rows apart, and why each is taken for one.

    These are integers that count the rows, in the first column or under a name such as Id or PassengerId; integers
    under such a name that are all different; and texts of which more are different than categories may be, or most.
    """
    found: dict[str, Message] = {}
    for place, column in enumerate(columns):
        if (reason := _why(column, first=place == 0)) is not None:
            found[column.name] = reason
    return found


def _why(column: Column, *, first: bool) -> Message | None:
    if _dates(column):
        return None
    texts, there = column.texts, len(column.cells) - int(column.missing.sum())
    if 20 * len(texts) >= there > 0 and texts:
        column.check_texts()  # numbers of another writing are no names
        different = len({cell for cell, gone in zip(column.cells, column.missing, strict=True) if not gone})
        if different > MAX_CATEGORIES or (2 * different > there and different >= FEW):
            return gettext("{count} different texts", count=different)
        return None
    if texts or there < len(column.cells) or there < 2:
        return None
    values = column.parsed
    named = _named(column.name)
    if not (first or named) or (values != np.floor(values)).any():
        return None
    if values[0] in (0, 1) and (np.diff(values) == 1).all() and (named or len(values) >= FEW):
        return gettext("it numbers the rows")
    if named and len(values) >= FEW and len(np.unique(values)) == len(values):
        return gettext("a number of its own in every row")
    return None


def _named(name: str) -> bool:
    return NAMES.fullmatch(name if re.search(r"[a-z]I[Dd]$", name) else name.lower()) is not None


def _dates(column: Column) -> bool:
    from ..dates import are_dates, reads_all

    format = column.writing.date_format
    return (bool(column.texts) and are_dates(column)) or (format is not None and reads_all(column, format))
