"""Means over seeds with their spread, and what a difference between two arms says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

T_QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t at 97.5 %, for 1, 2, 3, … degrees of freedom."""


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval by Student's t over independent repetitions."""

    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or −1 where the interval lies above or below 0, else 0: the difference may be chance."""
        return (self.low > 0) - (self.high < 0)

    def __str__(self) -> str:
        return f"{self.mean:+.3g} [{self.low:+.3g}, {self.high:+.3g}]"


def interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of the mean of these values; of a single one it is boundless."""
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, -math.inf, math.inf)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    t = T_QUANTILES[n - 2] if n - 2 < len(T_QUANTILES) else 1.96 + 2.5 / (n - 1)
    half = t * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The interval of first − second, seed by seed: what both share, data and split, cancels."""
    return interval([a - b for a, b in zip(first, second, strict=True)])


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and range, as text: 0.951 (0.944 … 0.958)."""
    return f"{mean(values):.{digits}f} ({min(values):.{digits}f} … {max(values):.{digits}f})"
