"""Numbers that came from a page or from a person's own code: within their bounds, or refused in one sentence."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from pellucid.errors import DataError

MOST_SENT = 1 << 18
"""The most numbers of one message from a page."""
_SHOWN = 40


def whole(name: str, value: object, least: int, most: int) -> int:
    """A whole number within its bounds; JavaScript, which has one kind of number, may write 3 as 3.0.

    Raises:
        DataError: it is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not is_whole(value) or not least <= value <= most:
        raise DataError(f"{name} is {shown(value)}, expected a whole number from {least} to {most}")
    return int(value)


def number(name: str, value: object, least: float, most: float) -> float:
    """A number within its bounds.

    Raises:
        DataError: it is none.
    """
    if not is_number(value, least, most):
        raise DataError(f"{name} is {shown(value)}, expected a number from {least:g} to {most:g}")
    return float(value)


def is_whole(value: object) -> TypeGuard[int | np.integer[Any]]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: object, least: float, most: float) -> TypeGuard[float]:
    """Whether it lies within finite bounds, as NaN, the infinities and a whole number beyond all floats do not."""
    return (isinstance(value, (float, np.floating)) or is_whole(value)) and bool(least <= value <= most)


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
