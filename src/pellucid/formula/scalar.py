"""The scalar functions that formulas are made of, and every derivative that is stated by hand.

`x` are the arguments, `y` is the function's own value: a derivative in terms of `y` needs no memory of the arguments
(σ′ = y·(1 − y)). A derivative of None means that no gradient passes. At the corners (relu at 0, |x| at 0, a tie of max)
it is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pellucid.formula.expressions import Constant, Expression, Operation, divide

Derivative = Callable[[tuple[Expression, ...], Expression], Expression]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar function: its derivative by each argument, how text and LaTeX write it, other spellings that the parser
    takes."""

    derivatives: tuple[Derivative | None, ...]
    spellings: tuple[str, ...] = ()
    latex: str = ""

    @property
    def arity(self) -> int:
        return len(self.derivatives)


def _call(name: str, *args: Expression | float) -> Expression:
    return Operation(name, tuple(a if isinstance(a, Expression) else Constant(a) for a in args))


def _less(a: Expression | float, b: Expression | float) -> Expression:
    return _call("lt", a, b)


SCALARS: dict[str, Scalar] = {
    "exp": Scalar((lambda x, y: y,), latex=r"\exp"),
    "expm1": Scalar((lambda x, y: y + 1,), latex=r"\operatorname{expm1}"),
    "log": Scalar((lambda x, y: 1 / x[0],), ("ln",), r"\log"),
    "log1p": Scalar((lambda x, y: 1 / (1 + x[0]),), latex=r"\operatorname{log1p}"),
    "sqrt": Scalar((lambda x, y: 1 / (2 * y),), ("√",), r"\sqrt"),
    "sin": Scalar((lambda x, y: _call("cos", x[0]),), latex=r"\sin"),
    "cos": Scalar((lambda x, y: -_call("sin", x[0]),), latex=r"\cos"),
    "erf": Scalar((lambda x, y: 2 / math.sqrt(math.pi) * _call("exp", -(x[0] ** 2)),), latex=r"\operatorname{erf}"),
    "tanh": Scalar((lambda x, y: 1 - y**2,), latex=r"\tanh"),
    "σ": Scalar((lambda x, y: y * (1 - y),), ("sigmoid",), r"\sigma"),
    "softplus": Scalar((lambda x, y: _call("σ", x[0]),), latex=r"\operatorname{softplus}"),
    "relu": Scalar((lambda x, y: _less(0, y),), latex=r"\operatorname{relu}"),
    "abs": Scalar((lambda x, y: _call("sign", x[0]),), latex=r"\operatorname{abs}"),
    "sign": Scalar((None,), latex=r"\operatorname{sign}"),
    "max": Scalar((lambda x, y: _less(x[1], x[0]), lambda x, y: _less(x[0], x[1])), latex=r"\max"),
    "min": Scalar((lambda x, y: _less(x[0], x[1]), lambda x, y: _less(x[1], x[0])), latex=r"\min"),
    "pow": Scalar((lambda x, y: x[1] * x[0] ** (x[1] - 1), lambda x, y: y * _call("log", x[0]))),
    "div": Scalar((lambda x, y: divide(Constant(1), x[1]), lambda x, y: -(y / x[1]))),
    "lt": Scalar((None, None)),
    "le": Scalar((None, None)),
    "eq": Scalar((None, None)),
    "and": Scalar((None, None), latex=r"\operatorname{and}"),
    # where(condition, a, b) passes its condition on to the whole product of the chain rule, so that a branch not taken
    # never turns 0·∞ into NaN: the derivative's own code does that, not this table.
    "where": Scalar((None, None, None), latex=r"\operatorname{where}"),
    "stop": Scalar((None,), latex=r"\operatorname{stop}"),
    # uniform(seed, stream, step, index): the counter-based generator, in [0, 1). See formula/random.py.
    "uniform": Scalar((None, None, None, None), latex=r"\operatorname{uniform}"),
}

SPELLINGS: dict[str, str] = {s: name for name, f in SCALARS.items() for s in (name, *f.spellings)}
"""What the parser takes as a function's name; the arithmetic and comparisons among them have signs of their own."""
for _sign in ("pow", "div", "lt", "le", "eq", "and"):
    del SPELLINGS[_sign]
