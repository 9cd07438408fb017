"""The scalar functions in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pellucid.engines.random import uniform as uniform

# W. J. Cody's rational approximations of erf ("Rational Chebyshev approximations for the error
# function", Math. Comp. 23, 1969) with
# the coefficients of S. L. Moshier's Cephes library (ndtr.c), highest power first: relative error below
# 4e-16.
_SMALL_OVER: Final = (
    9.60497373987051638749e0,
    9.00260197203842689217e1,
    2.23200534594684319226e3,
    7.00332514112805075473e3,
    5.55923013010394962768e4,
)
_SMALL_UNDER: Final = (
    1.0,
    3.35617141647503099647e1,
    5.21357949780152679795e2,
    4.59432382970980127987e3,
    2.26290000613890934246e4,
    4.92673942608635921086e4,
)
_LARGE_OVER: Final = (
    2.46196981473530512524e-10,
    5.64189564831068821977e-1,
    7.46321056442269912687e0,
    4.86371970985681366614e1,
    1.96520832956077098242e2,
    5.26445194995477358631e2,
    9.34528527171957607540e2,
    1.02755188689515710272e3,
    5.57535335369399327526e2,
)
_LARGE_UNDER: Final = (
    1.0,
    1.32281951154744992508e1,
    8.67072140885989742329e1,
    3.54937778887819891062e2,
    9.75708501743205489753e2,
    1.82390916687909736289e3,
    2.24633760818710981792e3,
    1.65666309194161350182e3,
    5.57535340817727675546e2,
)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def erf(x: Any) -> Any:
    """The error function, computed in float64 whatever comes."""
    wide = np.asarray(x, dtype=np.float64)
    # Beyond 6, erf is 1 in float64; the clip keeps exp(−x²) and the polynomials finite.
    size = np.minimum(np.abs(wide), 6.0)
    square = size * size
    small = wide * _polynomial(_SMALL_OVER, square) / _polynomial(_SMALL_UNDER, square)
    large = 1 - np.exp(-square) * _polynomial(_LARGE_OVER, size) / _polynomial(_LARGE_UNDER, size)
    return np.where(size < 1, small, np.copysign(large, wide)).astype(np.asarray(x).dtype)


def sigmoid(x: Any) -> Any:
    """1/(1 + exp(−x)), exact to rounding on both sides; where exp(−x) overflows, 1/∞ = 0 is right but for
    what is smaller than the smallest normal number.
    """
    y = np.asarray(np.exp(-x))
    y += 1
    return np.reciprocal(y, out=y)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(−|x|))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


UFUNCS: Final[dict[str, np.ufunc]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
}
"""Functions of one argument that can write their result over it."""

UNARY: Final[dict[str, Callable[[Any], Any]]] = {"erf": erf, "σ": sigmoid, "softplus": softplus}
ARITHMETIC: Final[dict[str, np.ufunc]] = {
    "add": np.add,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}
COMPARISONS: Final[dict[str, np.ufunc]] = {"lt": np.less, "le": np.less_equal, "eq": np.equal}
