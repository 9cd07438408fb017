"""The curve of a value that is a function of one number: what its activation gives, and its slope."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.explain.arithmetic import Point
from pellucid.explain.flow import FLAT, STEEPEST
from pellucid.formula import BATCH, Expression, Program, Statement, Tensor, derivative, unicode
from pellucid.formula.expressions import UNIT, Operation, Read, Reduction, free_axes, reads, transform, walk
from pellucid.formula.scalar import SCALARS

Floats = NDArray[np.float64]

NAMES = {"σ": "sigmoid", "le": "step"}
"""The usual name of a function that formulas write differently."""
ARITHMETIC = {"add", "mul", "div", "pow", "lt", "le", "eq", "and", "where", "stop", "max", "min"}


@dataclass(frozen=True)
class Curve:
    """A function of one number z, and the place on it at which a value lies.

    Attributes:
        function: its name, "sigmoid"; "" where the formula is made of several functions.
        formula, derivative: a and a′ as text; the derivative is that of the formula.
        x, y, slope: the curve around the place.
        at: the place: x, y and slope.
        saturated: whether it is a σ or tanh, and the slope there below 5 % of the steepest, as in `Flow`.
        off: whether it is a ReLU that gives 0 there.
    """

    function: str
    formula: str
    derivative: str
    x: Floats
    y: Floats
    slope: Floats
    at: tuple[float, float, float]
    saturated: bool
    off: bool


def curve_of(point: Point, *, points: int = 201) -> Curve | None:
    """The curve on which the value of a point lies; None where it is no function of one number."""
    expression = point.expression()
    if (parts := _inner(expression)) is None:
        return None
    inner, function = parts
    z = Tensor.input("z", n=BATCH)
    at = point.number(inner)
    if not np.isfinite(at):
        return None
    reach = max(5.0, 1.4 * abs(at))
    x = np.unique(np.append(np.linspace(-reach, reach, points), at))
    y, slope = _computed(_of(expression, inner, z[z.axes[0]]), z, x)
    where = int(np.searchsorted(x, at))
    text, rule = _texts(expression, inner)
    return Curve(
        NAMES.get(function, function),
        text,
        rule,
        x,
        y,
        slope,
        (float(at), float(y[where]), float(slope[where])),
        function in STEEPEST and bool(abs(slope[where]) < FLAT * STEEPEST[function]),
        function == "relu" and bool(y[where] <= 0),
    )


def _inner(e: Expression) -> tuple[Expression, str] | None:
    """The number that a value is a function of, and the function's name."""
    if free_axes(e):
        return None
    if isinstance(e, Operation) and len(e.args) == 1 and e.name in SCALARS and e.name not in ARITHMETIC:
        inner = e.args[0]
        return (inner, e.name) if any(reads(inner)) else None
    operands = set(reads(e))
    if len(operands) != 1 or any(isinstance(part, Reduction) for part in walk(e)):
        return None
    (read,) = operands
    functions = {part.name for part in walk(e) if isinstance(part, Operation)}
    if not functions or functions <= {"add", "mul", "div", "stop"}:
        return None  # a copy, or a number scaled: no curve
    return (read, "le") if isinstance(e, Operation) and e.name == "le" else (read, "")


def _of(e: Expression, inner: Expression, by: Expression) -> Expression:
    return transform(e, lambda part: by if part == inner else None)


def _computed(e: Expression, z: Tensor, x: Floats) -> tuple[Floats, Floats]:
    """The curve and its slope at every x, by the reference engine in float64."""
    a = Tensor("a", z.axes)
    a.define(e)
    ones = Tensor.input("ones", n=BATCH)
    slope = derivative(a, [z], upstream=ones)[z]
    run = compile_program(Program({"a": a, "slope": slope}), engine="reference", dtype=np.float64)
    with np.errstate(all="ignore"):
        results = run({"z": x, "ones": np.ones_like(x)})
    return results["a"], results["slope"]


def _texts(e: Expression, inner: Expression) -> tuple[str, str]:
    """The formula and its derivative as text, with the letters z and a."""
    z, a, upstream = Tensor.input("z"), Tensor("a", ()), Tensor.input("upstream")
    curve = a.define(_of(e, inner, Read(z, ())))
    gradient = derivative(a, [z], upstream=upstream)[z].definition
    assert gradient is not None
    rule = transform(gradient.expression, lambda part: UNIT if _reads_only(part, upstream) else None)
    slope = Tensor("slope", (), letter="a′")
    statement = Statement(slope, rule, {a: "a", z: "z", slope: "a′"})
    return unicode(curve), re.sub(r"^[^=]+= ", "a′ = ", unicode(statement))


def _reads_only(e: Expression, tensor: Tensor) -> bool:
    return isinstance(e, Read) and e.tensor is tensor
