"""Numbers from a page or from a person's own code, checked against their bounds."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from pellucid.errors import DataError

MAX_SENT = 1 << 18
"""The most numbers of one message from a page."""
_SHOWN = 40


def integer(name: str, value: object, low: int, high: int) -> int:
    """An integer within its bounds; JavaScript, which has one kind of number, may write 3 as 3.0.

    Raises:
        DataError: it is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not is_integer(value) or not low <= value <= high:
        raise DataError(f"{name} is {shown(value)}, expected an integer from {low} to {high}")
    return int(value)


def number(name: str, value: object, low: float, high: float) -> float:
    """A number within its bounds.

    Raises:
        DataError: it is none.
    """
    if not is_number(value, low, high):
        raise DataError(f"{name} is {shown(value)}, expected a number from {low:g} to {high:g}")
    return float(value)


def is_integer(value: object) -> TypeGuard[int | np.integer[Any]]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: object, low: float, high: float) -> TypeGuard[float]:
    """Whether it lies within finite bounds, as NaN, the infinities and an integer beyond all floats do not."""
    return (isinstance(value, (float, np.floating)) or is_integer(value)) and bool(low <= value <= high)


def shown(value: object) -> str:
    """What came, printable and short enough for a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            text = f"{value[:_SHOWN]}…" if len(value) > _SHOWN else value
            return '"' + "".join(c if c.isprintable() else "�" for c in text) + '"'
        case int() | np.integer():
            return str(value) if abs(int(value)) < 1 << 64 else "a very large number"
        case float() | np.floating():
            return f"{value:.6g}"
        case list() | tuple():
            return f"a list of {len(value)}"
    return "an object"
