"""Digits until an equation holds: what is shown, typed into a calculator, gives the shown result.

A number is shown with four significant digits. A product of two such numbers is often another number than the product
shown, so factors get more digits where that is so, up to nine; where those are not enough, "≈" stands for "=".
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pellucid.engines.reference.numpy_functions import UFUNCS, UNARY
from pellucid.formula.expressions import Constant, Expression, Index, Operation

FEWEST, MOST = 4, 9


def number(value: float, digits: int = FEWEST) -> str:
    """A number as explanations show it: four significant digits, unless more are asked for."""
    short = float(value).is_integer() and abs(value) < 1e6
    return (f"{int(value)}" if short else f"{value:.{digits}g}").replace("-", "−")


def shown(value: float, digits: int) -> float:
    """The number that a reader takes from the text of `number`."""
    return float(number(value, digits).replace("−", "-"))


def sign(calculated: float, value: float) -> str:
    """ "=" where what was calculated is shown as the value is, else "≈"."""
    return "=" if number(calculated) == number(value) else "≈"


def calculated(e: Expression, leaf: Callable[[Expression], float | None]) -> float:
    """What a calculator makes of an expression, whose numbers are those of `leaf` where it has one.

    NaN where there is an operation that no calculator has, such as a random number.
    """
    known = leaf(e)
    if known is not None:
        return known
    match e:
        case Constant():
            return float(e.value)
        case Index():
            return math.nan if e.affine.terms else e.affine.constant / e.affine.divisor.value
        case Operation(name, arguments):
            values = [calculated(a, leaf) for a in arguments]
            with np.errstate(all="ignore"):
                return _operation(name, values)
    return math.nan


def _operation(name: str, values: list[float]) -> float:
    first = np.float64(values[0])
    if name in UFUNCS or name in UNARY:
        return float((UFUNCS.get(name) or UNARY[name])(first))
    match name, values:
        case "add", _:
            return sum(values)
        case "mul", _:
            return math.prod(values)
        case "div", (_, b):
            return float(first / np.float64(b))
        case "pow", (_, b):
            return float(first**b)
        case "relu", _:
            return max(values[0], 0.0)
        case "stop", _:
            return values[0]
        case "max", _:
            return max(values)
        case "min", _:
            return min(values)
        case "lt", (a, b):
            return float(a < b)
        case "le", (a, b):
            return float(a <= b)
        case "eq", (a, b):
            return float(a == b)
        case "and", (a, b):
            return float(bool(a) and bool(b))
        case "where", (condition, yes, no):
            return yes if condition else no
    return math.nan
