"""How a value, or its change, is shared out among what it was computed from: a rule for every kind of expression.

Sums pass on what arrives at them, so a rule for a kind of operation is enough for all layers, recurrences and attention
included. `Changes` is DeepLIFT (Shrikumar, Greenside, Kundaje 2017) with its rescale rule; `Shares` is layer-wise
relevance propagation (Bach et al. 2015), gates as in Arras et al. 2017, normalisation and attention as in Achtibat et
al. 2024.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Mapping, Sequence
from typing import Literal

from pellucid.formula import Affine, Axis, Expression, Tensor
from pellucid.formula.expressions import (
    UNIT,
    ZERO,
    Constant,
    Index,
    Operation,
    Read,
    Reduction,
    add,
    divide,
    multiply,
    reads,
    rebuild,
    rename,
    transform,
)
from pellucid.formula.parser import flat
from pellucid.formula.scalar import SCALARS

NEAR = 1e-9
"""Two arguments that differ by less than this fraction of them: the slope between them is the derivative."""


def is_shift(e: Expression) -> bool:
    """Whether an expression is the largest value that a softmax takes away first, so that no exp overflows: whatever
    it is, the result is the same, so it is the same number for the input and the baseline. What another `stop` holds
    back is a gradient alone; the value passes.
    """
    return isinstance(e, Operation) and e.name == "stop" and isinstance(e.args[0], Reduction)


class Changes:
    """A change of every value, from a baseline to the input, is shared out among the changes of its arguments.

    - sum: each term its own change;
    - product: of several factors that change, each gets its change times the others' mean (their Shapley value);
    - quotient: a product with the inverse;
    - function of one number: the slope of the line through both points;
    - maximum: the two winners, so that it adds up;
    - condition that differs between the two: the jump, along the difference of the sides that are compared.

    Args:
        baseline: for every tensor that differs, the tensor that holds its value at the baseline.
    """

    def __init__(self, baseline: Mapping[Tensor, Tensor]) -> None:
        self._baseline = baseline

    def before(self, e: Expression) -> Expression:
        """The expression at the baseline."""

        def change(inner: Expression) -> Expression | None:
            match inner:
                case Operation("stop") if is_shift(inner):
                    return inner
                case Read(tensor, indices, outside) if tensor in self._baseline:
                    return Read(self._baseline[tensor], indices, None if outside is None else self.before(outside))
            return None

        return transform(e, change)

    def moves(self, e: Expression) -> bool:
        """Whether an expression differs between the two."""
        if is_shift(e):
            return False
        if isinstance(e, Read) and e.tensor in self._baseline and e.tensor.kind == "float":
            return True
        inner: tuple[Expression, ...] = ()
        match e:
            case Read(_, _, outside) if outside is not None:
                inner = (outside,)
            case Operation(_, args):
                inner = args
            case Reduction(_, _, body):
                inner = (body,)
        return any(map(self.moves, inner))

    def passes(self, condition: Expression) -> bool:
        return not self.moves(condition)

    def multipliers(self, e: Operation) -> Sequence[tuple[int, Expression]]:
        moving = [place for place, arg in enumerate(e.args) if self.moves(arg)]
        parts: Sequence[tuple[int, Expression]]
        match e:
            case Operation("stop", _):
                parts = [(0, UNIT)]
            case Operation("mul", args):
                parts = [(place, self._coalitions(args, moving, place)) for place in moving]
            case Operation("div", (over, under)):
                parts = self._quotient(over, under)
            case Operation("where", (condition, yes, no)):
                met = self._mean(_truth(condition))
                parts = [(0, self._mean(yes - no)), (1, met), (2, UNIT - met)]
            case Operation("lt" | "le", (low, high)):
                jump = self._ratio(_truth(e), high - low, ZERO)
                parts = [(0, -jump), (1, jump)]
            case Operation("eq" | "and", _):
                parts = []
            case _ if len(moving) == 2:
                # each moves alone, while the other is at its beginning and at its end
                parts = [(p, _half(self._slope(e, p), self._slope(e, p, q))) for p, q in (moving, moving[::-1])]
            case _:
                parts = [(place, self._slope(e, place)) for place in moving]
        return [(place, part) for place, part in parts if place in moving]

    def of_maximum(self, e: Reduction, free: tuple[Axis, ...], letters: Mapping[Tensor, str]) -> Expression:
        """M − M° lies between the changes of the two winners i and i°: x[i] − x°[i] ≥ M − M° ≥ x[i°] − x°[i°]. Of the
        first as much, of the other the rest, as makes M − M°.
        """
        place, before = Index(flat(e.axes)), self.before(e.body)

        def tensor(name: str, expression: Expression) -> Expression:
            return _tensor(name, expression, free, letters)

        winner = tensor("winner", Reduction("argmax", e.axes, e.body))
        other = tensor("winner", Reduction("argmax", e.axes, before))
        here, there = Operation("eq", (winner, place)), Operation("eq", (other, place))
        lead = tensor("lead", e) - tensor("second", Reduction("sum", e.axes, Operation("where", (there, e.body, ZERO))))
        lag = tensor("lead", Reduction("max", e.axes, before)) - tensor(
            "second", Reduction("sum", e.axes, Operation("where", (here, before, ZERO)))
        )
        positive = Operation("lt", (ZERO, lead + lag))
        part = tensor("part", Operation("where", (positive, divide(lead, lead + lag), Constant(0.5))))
        return Operation("where", (here, part, ZERO)) + Operation("where", (there, UNIT - part, ZERO))

    def _mean(self, e: Expression) -> Expression:
        return _half(e, self.before(e)) if self.moves(e) else e

    def _coalitions(self, args: Sequence[Expression], moving: Sequence[int], place: int) -> Expression:
        """The mean of the other factors' product, over all orders in which the factors can move."""
        others = [p for p in moving if p != place]
        still = [a for p, a in enumerate(args) if p not in moving]
        count = len(moving)
        total: list[Expression] = []
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - 1 - size) / math.factorial(count)
            for moved in itertools.combinations(others, size):
                product = [args[p] if p in moved else self.before(args[p]) for p in others]
                total.append(multiply(Constant(weight) if weight != 1 else UNIT, *product))
        return multiply(*still, add(*total)) if others else multiply(*still)

    def _quotient(self, over: Expression, under: Expression) -> list[tuple[int, Expression]]:
        inverse = divide(UNIT, under)
        square = multiply(under, self.before(under))
        return [(0, self._mean(inverse)), (1, -divide(self._mean(over), square))]

    def _slope(self, e: Operation, place: int, at_beginning: int | None = None) -> Expression:
        """The slope of the line through both points along one argument, the other as it is or at its beginning."""
        args = [self.before(a) if p == at_beginning else a for p, a in enumerate(e.args)]
        end, begin = args[place], self.before(args[place])
        middle = [_half(end, begin) if p == place else a for p, a in enumerate(args)]
        rule = SCALARS[e.name].derivatives[place]
        derivative = ZERO if rule is None else rule(tuple(middle), Operation(e.name, tuple(middle)))
        before = rebuild(e.name, tuple(begin if p == place else a for p, a in enumerate(args)))
        return _ratio(rebuild(e.name, tuple(args)) - before, end, begin, derivative)

    def _ratio(self, e: Expression, by: Expression, otherwise: Expression) -> Expression:
        return _ratio(e - self.before(e), by, self.before(by), otherwise)


class Slopes:
    """The derivative, as rules: what a statement passes on if it were as straight as it is at the point.

    Args:
        active: the tensors that depend on what the value is shared out to.
    """

    def __init__(self, active: Container[Tensor]) -> None:
        self._active = active

    def moves(self, e: Expression) -> bool:
        return any(r.tensor in self._active for r in reads(e))

    def passes(self, condition: Expression) -> bool:
        return True

    def multipliers(self, e: Operation) -> Sequence[tuple[int, Expression]]:
        match e:
            case Operation("mul", args):
                slopes = [multiply(*args[:place], *args[place + 1 :]) for place in range(len(args))]
                return [(place, slope) for place, slope in enumerate(slopes) if self.moves(args[place])]
            case Operation("div", (over, under)):
                parts = [(0, divide(UNIT, under)), (1, -divide(over, multiply(under, under)))]
                return [(place, slope) for place, slope in parts if self.moves(e.args[place])]
            case Operation("stop", _):
                return [] if is_shift(e) else [(0, UNIT)]
        rules = enumerate(SCALARS[e.name].derivatives)
        return [(place, rule(e.args, e)) for place, rule in rules if rule is not None and self.moves(e.args[place])]

    def of_maximum(self, e: Reduction, free: tuple[Axis, ...], letters: Mapping[Tensor, str]) -> Expression:
        winner = _tensor("winner", Reduction("argmax", e.axes, e.body), free, letters)
        return Operation("where", (Operation("eq", (winner, Index(flat(e.axes)))), UNIT, ZERO))


class Shares(Slopes):
    """A value is shared out among its arguments in proportion to what they contribute to it.

    - sum: each term what it is; a constant term (a bias) keeps its part;
    - product: what came out of σ or softmax is a gate, and gets nothing; the other factors get equal parts;
    - quotient: all to what is divided;
    - function f of one number: all but f(0), which is a constant;
    - maximum: all to the winner.

    Args:
        active: the tensors that depend on what the value is shared out to.
    """

    def multipliers(self, e: Operation) -> Sequence[tuple[int, Expression]]:
        moving = [place for place, arg in enumerate(e.args) if self.moves(arg)]
        match e:
            case Operation("mul", args):
                signals = [place for place in moving if not self._gate(args[place])] or moving
                part = Constant(1 / len(signals)) if len(signals) > 1 else UNIT
                return [(place, multiply(part, *args[:place], *args[place + 1 :])) for place in signals]
            case Operation("div", (over, under)):
                return [(0, divide(UNIT, under))] if self.moves(over) else []
            case Operation("pow", (base, Constant(exponent))) if exponent > 0:
                return [(0, _ratio(e, base, ZERO, ZERO))]
            case Operation("max" | "min", args):
                return [(p, slope(args, e)) for p in moving if (slope := SCALARS[e.name].derivatives[p]) is not None]
            case Operation("stop", _):
                return [] if is_shift(e) else [(0, UNIT)]
            case Operation("log" | "pow" | "lt" | "le" | "eq" | "and" | "sign", _):
                return []
        rule = SCALARS[e.name].derivatives[0]
        at_zero = Operation(e.name, (ZERO,))
        slope_at_zero = ZERO if rule is None or e.name == "sqrt" else rule((ZERO,), at_zero)
        return [(0, _ratio(e - at_zero, e.args[0], ZERO, slope_at_zero))]

    def _gate(self, e: Expression) -> bool:
        """Whether an expression is a gate: σ or softmax of something, or made of such values."""
        if isinstance(e, Operation) and e.name == "σ":
            return True
        leaves = [r.tensor for r in reads(e) if r.tensor in self._active]
        return bool(leaves) and all(map(_opens, leaves))


def _opens(tensor: Tensor) -> bool:
    """Whether a tensor holds fractions, by its statement: σ, or parts of a sum."""
    match tensor.definition.expression if tensor.definition is not None else None:
        case Operation("σ"):
            return True
        case Operation("div", (Read(part), Reduction("sum", _, Read(whole)))):
            return part is whole
        case Operation("where", (_, Read(gate), Read(_) | Constant(_))):
            return _opens(gate)
    return False


def _tensor(name: str, expression: Expression, free: tuple[Axis, ...], letters: Mapping[Tensor, str]) -> Expression:
    """An expression as a tensor of its own, read where it stands."""
    mine = {a: a.fresh() for a in free}
    kind: Literal["int", "float"] = (
        "int" if isinstance(expression, Reduction) and expression.name == "argmax" else "float"
    )
    tensor = Tensor(name, tuple(mine.values()), kind=kind)
    inner = expression
    if isinstance(expression, Reduction):
        bound = {a: a.fresh() for a in expression.axes}
        inner = rename(expression, bound)
    tensor.define(rename(inner, mine), letters)
    return Read(tensor, tuple(Affine.of(a) for a in free))


def _truth(condition: Expression) -> Expression:
    return Operation("where", (condition, UNIT, ZERO))


def _half(a: Expression, b: Expression) -> Expression:
    return multiply(Constant(0.5), a + b)


def _ratio(gap: Expression, end: Expression, begin: Expression, otherwise: Expression) -> Expression:
    """gap / (end − begin); something else where the two are almost the same."""
    distance = end - begin
    scale = multiply(Constant(NEAR), _size(end) + _size(begin))
    near = Operation("le", (_size(distance), scale))
    return Operation("where", (near, otherwise, divide(gap, distance)))


def _size(e: Expression) -> Expression:
    return e if e == ZERO else Operation("abs", (e,))
