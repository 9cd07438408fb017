"""Intervals: what a value can be if every operation is rounded, in whatever order sums are added.

An interval is two arrays. Each operation gives one that holds the exact results of all numbers in its operands, rounded
as an engine may round them, and is computed outwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.reference.numpy_functions import UFUNCS, UNARY

Floats = NDArray[Any]

MONOTONE: dict[str, Callable[[Any], Any]] = {
    **UFUNCS,
    **UNARY,
    "log": lambda x: np.log(np.maximum(x, 0)),
    "log1p": lambda x: np.log1p(np.maximum(x, -1)),
    "sqrt": lambda x: np.sqrt(np.maximum(x, 0)),
}
"""Functions that never fall, but for sin, cos and abs, which have cases of their own."""
EXACT = ("sign",)
FUNCTION_ULPS = 8
"""By how many units in the last place an engine's exp, tanh and so on may be off."""


@dataclass(frozen=True)
class Interval:
    """All numbers from `low` to `high`, element by element."""

    low: Floats
    high: Floats

    @staticmethod
    def of(value: Any) -> Interval:
        array = np.asarray(value, dtype=np.float64)
        return Interval(array, array)

    @property
    def size(self) -> Floats:
        """The largest absolute value."""
        return np.asarray(np.maximum(np.abs(self.low), np.abs(self.high)))


class Arithmetic:
    """Operations on intervals, rounded as numbers of a dtype are."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        about = np.finfo(dtype)
        self.dtype = dtype
        self.unit = 0.505 * float(about.eps) + 2 * float(np.finfo(np.float64).eps)  # half a unit in the last place
        self.tiny = float(about.tiny)  # what is smaller may be taken for 0

    def rounded(self, low: Any, high: Any, times: float = 1, size: Any = None) -> Interval:
        """Outwards by so many roundings, of numbers of this size."""
        by = self.unit * times
        below = np.abs(low) if size is None else size
        above = np.abs(high) if size is None else size
        low, high = low - by * below - self.tiny, high + by * above + self.tiny
        return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))

    def number(self, value: float) -> Interval:
        """A constant, which an engine keeps as a number of its dtype."""
        whole = float(self.dtype.type(value)) == value
        return Interval.of(value) if whole else self.rounded(np.float64(value), np.float64(value))

    def add(self, parts: Sequence[Interval]) -> Interval:
        low, high = sum(p.low for p in parts), sum(p.high for p in parts)
        if len(parts) == 2 and all((p.low == 0).all() and (p.high == 0).all() for p in parts[1:]):
            return parts[0]
        return self.rounded(low, high, len(parts) - 1, sum(p.size for p in parts))

    def total(self, part: Interval, axes: tuple[int, ...]) -> Interval:
        """The sum over axes, in any order."""
        count = int(np.prod([part.low.shape[a] for a in axes]))
        size = part.size.sum(axis=axes)
        return self.rounded(part.low.sum(axis=axes), part.high.sum(axis=axes), max(count - 1, 0), size)

    def multiply(self, a: Interval, b: Interval) -> Interval:
        with np.errstate(invalid="ignore"):
            corners = [np.nan_to_num(x * y, nan=0.0, posinf=np.inf, neginf=-np.inf) for x, y in _corners(a, b)]
        return self._outwards(corners)

    def divide(self, a: Interval, b: Interval) -> Interval:
        around = (b.low <= 0) & (b.high >= 0)
        safe = Interval(np.where(around, 1.0, b.low), np.where(around, 1.0, b.high))
        result = self._outwards([x / y for x, y in _corners(a, safe)])
        return Interval(np.where(around, -np.inf, result.low), np.where(around, np.inf, result.high))

    def power(self, a: Interval, b: Interval) -> Interval:
        with np.errstate(all="ignore"):
            corners = [np.power(x, y) for x, y in _corners(a, b)]
        low, high = np.fmin.reduce(corners), np.fmax.reduce(corners)
        within = (a.low < 0) & (a.high > 0)
        low = np.where(within & (b.low > 0), np.fmin(low, 0), low)
        high = np.where(within & (b.low < 0), np.inf, high)
        bad = np.isnan(corners).any(axis=0)
        result = self.rounded(low, high, FUNCTION_ULPS)
        return Interval(np.where(bad, -np.inf, result.low), np.where(bad, np.inf, result.high))

    def function(self, name: str, a: Interval) -> Interval:
        if name == "relu":
            return Interval(np.maximum(a.low, 0), np.maximum(a.high, 0))
        if name == "abs":
            within = (a.low <= 0) & (a.high >= 0)
            return Interval(np.where(within, 0, np.minimum(np.abs(a.low), np.abs(a.high))), a.size)
        if name in ("sin", "cos"):
            middle, around = (a.low + a.high) / 2, (a.high - a.low) / 2
            value = (np.sin if name == "sin" else np.cos)(middle)
            result = self.rounded(value - around, value + around, FUNCTION_ULPS, 1.0)
            return Interval(np.maximum(result.low, -1), np.minimum(result.high, 1))
        with np.errstate(all="ignore"):
            low, high = MONOTONE[name](a.low), MONOTONE[name](a.high)
        return Interval(low, high) if name in EXACT else self.rounded(low, high, FUNCTION_ULPS)

    def compare(self, name: str, a: Interval, b: Interval) -> Interval:
        """From 1, where it holds for all numbers, to 0, where it holds for none."""
        if name == "and":
            return Interval(np.minimum(a.low != 0, b.low != 0) * 1.0, np.minimum(a.high != 0, b.high != 0) * 1.0)
        if name == "eq":
            same = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
            return Interval(same * 1.0, ((a.low <= b.high) & (b.low <= a.high)) * 1.0)
        less = np.less if name == "lt" else np.less_equal
        return Interval(less(a.high, b.low) * 1.0, less(a.low, b.high) * 1.0)

    def choose(self, condition: Interval, yes: Interval, no: Interval) -> Interval:
        sure, never = condition.low > 0, condition.high == 0
        low = np.where(sure, yes.low, np.where(never, no.low, np.minimum(yes.low, no.low)))
        high = np.where(sure, yes.high, np.where(never, no.high, np.maximum(yes.high, no.high)))
        return Interval(low, high)

    def _outwards(self, corners: Sequence[Any]) -> Interval:
        return self.rounded(np.minimum.reduce(corners), np.maximum.reduce(corners))


def _corners(a: Interval, b: Interval) -> list[tuple[Any, Any]]:
    pairs = [(a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high)]
    return [tuple(np.broadcast_arrays(x, y)) for x, y in pairs]  # type: ignore[misc]
