"""Functions in float64 with the same bits on every machine, from operations that IEEE 754 fixes: NumPy's own differ in
the last place from CPU to CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np


def _polynomial(x: Any, coefficients: list[float]) -> Any:
    """Horner's rule, the highest coefficient first."""
    total: Any = coefficients[0]
    for c in coefficients[1:]:
        total = total * x + c
    return total


def log(x: Any) -> Any:
    """Within two units of the last place, for positive normal numbers and 0."""
    m, e = np.frexp(x)
    small = m < math.sqrt(0.5)
    m, e = np.where(small, 2 * m, m), e - small
    s = (m - 1) / (m + 1)
    series = 2 * s * _polynomial(s * s, [1 / k for k in range(21, 0, -2)])
    return np.where(np.equal(x, 0), -np.inf, e * 0.6931471805599453 + series)


def cos(x: Any) -> Any:
    """Within two units of the last place of 1, for numbers of a few turns."""
    n = np.rint(x * (2 / math.pi))
    r = (x - n * 1.5707962512969971) - n * 7.549789954891882e-08  # π/2 in parts, of which the first has 23 bits
    z = r * r
    even = _polynomial(z, [(-1) ** k / math.factorial(2 * k) for k in range(9, -1, -1)])
    odd = r * _polynomial(z, [(-1) ** k / math.factorial(2 * k + 1) for k in range(8, -1, -1)])
    quarter = n % 4
    return np.where(quarter == 0, even, np.where(quarter == 1, -odd, np.where(quarter == 2, -even, odd)))


PORTABLE: Final[dict[str, Callable[[Any], Any]]] = {
    "abs": np.abs,
    "cos": cos,
    "log": log,
    "sign": np.sign,
    "sqrt": np.sqrt,
}
"""Those that there are; of NumPy's own, those that IEEE 754 fixes."""
