"""Formulas as those of a spreadsheet: every element of a tensor is a cell, and its formula reads other cells.

All indices are numbers here, so that `y[0,1] = b[1] + Σ_i x[0,i]·w[i,1]` becomes `C9+B2*C5+C2*C6`. What is known
without any cell (a bracket [t = 2], a divisor of 1) is worked out and left away.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pellucid.errors import FormulaError
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    ZERO,
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
)

LONGEST = 8192
"""So many characters a formula may have in Excel and in LibreOffice."""
_INFINITY = "1E+307"
_ARGUMENTS = 250
_NESTED = 60

SUM, PRODUCT, POWER, ATOM = range(4)
_CALLS = {"exp": "EXP", "log": "LN", "sqrt": "SQRT", "sin": "SIN", "cos": "COS", "erf": "ERF", "tanh": "TANH"}
_CALLS |= {"abs": "ABS", "sign": "SIGN", "max": "MAX", "min": "MIN"}
_COMPARISONS = {"lt": "<", "le": "<=", "eq": "="}
_COMPARE = {"lt": operator.lt, "le": operator.le, "eq": operator.eq}


@dataclass(frozen=True)
class Text:
    """A piece of a formula, and how tightly it binds."""

    text: str
    level: int


Part = Text | int | float | Fraction
"""A piece of a formula, or a number that is known."""
Place = Mapping[Axis, int]


@dataclass(frozen=True)
class Block:
    """The cells of a tensor: its last axis runs along columns, the others, the last one fastest, along rows.

    Attributes:
        shape: the extents of the tensor's axes.
        row, column: where its first element stands, from 0.
    """

    shape: tuple[int, ...]
    row: int
    column: int

    @property
    def rows(self) -> int:
        return math.prod(self.shape[:-1])

    @property
    def columns(self) -> int:
        return self.shape[-1] if self.shape else 1

    @property
    def strides(self) -> tuple[int, ...]:
        """How many rows one step along each axis but the last is."""
        return tuple(math.prod(self.shape[k + 1 : -1]) for k in range(len(self.shape) - 1))

    def at(self, index: Sequence[int]) -> tuple[int, int]:
        """Row and column of an element."""
        down = sum(i * by for i, by in zip(index, self.strides, strict=False))
        return self.row + down, self.column + (index[-1] if index else 0)

    def range(self, *, fixed: bool = False) -> str:
        """All its cells, as `B2:C5`, or `$B$2:$C$5`."""
        last = self.row + self.rows - 1, self.column + self.columns - 1
        return f"{address(self.row, self.column, fixed=fixed)}:{address(*last, fixed=fixed)}"


def address(row: int, column: int, *, fixed: bool = False) -> str:
    """A cell by its row and column from 0, as spreadsheets call it: `B12`, or `$B$12`."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"${letters}${row + 1}" if fixed else f"{letters}{row + 1}"


@dataclass(frozen=True)
class Cells:
    """Where tensors stand, and how many examples there are: enough to write the formula of any element."""

    blocks: Mapping[Tensor, Block]
    batch: int

    def formula(self, statement: Statement, index: Sequence[int]) -> str:
        """The formula of one element of the statement's target, without the sign = in front.

        Raises:
            FormulaError: it draws random numbers, or is longer than a cell takes.
        """
        text = _text(self._part(statement.expression, dict(zip(statement.axes, index, strict=True)))).text
        if len(text) > LONGEST:
            raise FormulaError(
                f"the formula of one element of {statement.target.name} would have {len(text)} characters, expected at "
                f"most {LONGEST}, which is what a cell takes: take a smaller network"
            )
        return text

    def _extent(self, axis: Axis) -> int:
        return self.batch if axis.extent is BATCH else axis.size

    def _part(self, e: Expression, at: Place) -> Part:
        match e:
            case Constant(value):
                return value
            case Index(affine):
                return _value(affine, at)
            case Size(axis):
                return self._extent(axis)
            case Read():
                return self._read(e, at)
            case Reduction(name, axes, body):
                return self._reduction(name, axes, body, at)
            case Operation("mul", (Constant(-1), Reduction("max", axes, Operation("mul", (Constant(-1), *rest))))):
                body = rest[0] if len(rest) == 1 else Operation("mul", tuple(rest))
                return _call("MIN", list(self._all(axes, body, at)))
            case Operation(name, args):
                return self._operation(name, args, at)
        raise TypeError(e)

    # Elements

    def _read(self, e: Read, at: Place) -> Part:
        block = self.blocks[e.tensor]
        places = [_value(i, at) if isinstance(i, Affine) else self._part(i, at) for i in e.indices]
        known = [p for p in places if not isinstance(p, Text)]
        inside = [
            not isinstance(p, Text) and p == int(p) and 0 <= p < n for p, n in zip(places, block.shape, strict=True)
        ]
        outside = ZERO if e.outside is None else e.outside
        if sum(inside) < len(known):
            return self._part(outside, at)
        if all(inside):
            return Text(address(*block.at([int(p) for p in known])), ATOM)
        open_ = [(p, n) for p, n in zip(places, block.shape, strict=True) if isinstance(p, Text)]
        row = _sum([1, *(_product([p, by]) for p, by in zip(places, block.strides, strict=False))])
        column = _sum([1, places[-1]])
        found = Text(f"INDEX({block.range(fixed=True)},{_text(row).text},{_text(column).text})", ATOM)
        if e.outside is None:
            return found
        bounds = ",".join(f"0<={_at(p, PRODUCT)},{_at(p, PRODUCT)}<{n}" for p, n in open_)
        return Text(f"IF(AND({bounds}),{found.text},{_text(self._part(outside, at)).text})", ATOM)

    # Σ, max, argmax

    def _all(self, axes: Sequence[Axis], body: Expression, at: Place) -> Iterator[Part]:
        inner = dict(at)
        for place in itertools.product(*(range(self._extent(a)) for a in axes)):
            inner.update(zip(axes, place, strict=True))
            yield self._part(body, inner)

    def _reduction(self, name: str, axes: Sequence[Axis], body: Expression, at: Place) -> Part:
        parts = self._all(axes, body, at)
        if name == "sum":
            return _sum(list(parts))
        if name == "max":
            return _call("MAX", [p for p in parts if p != -math.inf])
        texts = [_text(p).text for p in parts]
        if len(texts) > _NESTED:
            raise FormulaError(
                f"the place of a maximum among {len(texts)} cells cannot be written, expected at most {_NESTED} cells"
            )
        best, formula = f"MAX({','.join(texts)})", str(len(texts) - 1)
        for place in reversed(range(len(texts) - 1)):
            formula = f"IF({texts[place]}={best},{place},{formula})"
        return Text(formula, ATOM) if len(texts) > 1 else 0

    # Operations

    def _operation(self, name: str, args: tuple[Expression, ...], at: Place) -> Part:
        match name, args:
            case "add", _:
                return _sum([self._part(a, at) for a in args])
            case "mul", _:
                # a bracket that does not hold spares the work of all that it is multiplied with
                for a in args:
                    if isinstance(a, Operation) and a.name == "eq" and self._part(a, at) == 0:
                        return 0
                return _product([self._part(a, at) for a in args])
            case "where", (condition, yes, no):
                truth = self._condition(condition, at)
                if isinstance(truth, bool):
                    return self._part(yes if truth else no, at)
                one, two = (_text(self._part(branch, at)).text for branch in (yes, no))
                return Text(f"IF({truth},{one},{two})", ATOM)
            case (("lt" | "le" | "eq" | "and"), _):
                truth = self._condition(Operation(name, args), at)
                return int(truth) if isinstance(truth, bool) else Text(f"IF({truth},1,0)", ATOM)
            case "uniform", _:
                raise FormulaError(
                    "random numbers are drawn here, as Dropout does while it learns, and the formulas of a spreadsheet "
                    "cannot repeat them: take a network without it"
                )
        parts = [self._part(a, at) for a in args]
        match name, parts:
            case "stop", [x]:
                return x
            case "div", [over, under]:
                return _quotient(over, under)
            case "pow", [base, exponent]:
                return Text(f"{_at(base, ATOM)}^{_at(exponent, ATOM)}", POWER)
        x = parts[0]
        match name:
            case "relu":
                return Text(f"MAX(0,{_text(x).text})", ATOM)
            case "σ":
                return Text(f"1/(1+EXP({_text(_product([-1, x])).text}))", PRODUCT)
            case "softplus":
                return Text(f"MAX(0,{_text(x).text})+LN(1+EXP(-ABS({_text(x).text})))", SUM)
            case "expm1":
                return Text(f"EXP({_text(x).text})-1", SUM)
            case "log1p":
                return Text(f"LN({_text(_sum([1, x])).text})", ATOM)
        return _call(_CALLS[name], parts)

    def _condition(self, e: Expression, at: Place) -> str | bool:
        match e:
            case Operation("and", (left, right)):
                sides = [self._condition(left, at), self._condition(right, at)]
                if False in sides:
                    return False
                open_ = [s for s in sides if isinstance(s, str)]
                return f"AND({','.join(open_)})" if len(open_) > 1 else open_[0] if open_ else True
            case Operation("lt" | "le" | "eq" as name, (left, right)):
                one, two = self._part(left, at), self._part(right, at)
                if not isinstance(one, Text) and not isinstance(two, Text):
                    return bool(_COMPARE[name](one, two))
                return f"{_at(one, SUM)}{_COMPARISONS[name]}{_at(two, SUM)}"
        part = self._part(e, at)
        return f"{_at(part, SUM)}<>0" if isinstance(part, Text) else bool(part)


def _value(index: Affine, at: Place) -> int | Fraction:
    total = index.constant + sum(c.value * at[axis] for axis, c in index.terms)
    if total % index.divisor.value:
        return Fraction(total, index.divisor.value)
    return total // index.divisor.value


def _text(part: Part) -> Text:
    if isinstance(part, Text):
        return part
    if isinstance(part, Fraction):
        return Text(f"{part.numerator}/{part.denominator}", PRODUCT)
    if math.isinf(part):
        return Text(_INFINITY if part > 0 else f"-{_INFINITY}", SUM)
    whole = float(part).is_integer() and abs(part) < 1e15
    return Text(str(int(part)) if whole else repr(float(part)).upper(), ATOM if part >= 0 else SUM)


def _at(part: Part, level: int) -> str:
    """The text, in brackets where it binds less than that. A minus in front binds more than a power in a spreadsheet,
    and nothing may stand before it but a bracket."""
    text = _text(part)
    loose = text.level < level or (level > SUM and text.text.startswith("-"))
    return f"({text.text})" if loose else text.text


def _sum(parts: Sequence[Part]) -> Part:
    number: int | float | Fraction = sum(p for p in parts if not isinstance(p, Text))
    texts = [p for p in parts if isinstance(p, Text)]
    if not texts:
        return number
    if number == 0 and len(texts) == 1:
        return texts[0]
    pieces = [t.text for t in texts]
    # the number stands where it stood: 1−a², but a+1
    if number != 0:
        pieces.insert(0 if not isinstance(parts[0], Text) else len(pieces), _text(number).text)
    text = pieces[0] + "".join(p if p.startswith("-") else f"+{p}" for p in pieces[1:])
    return Text(text, SUM)


def _product(parts: Sequence[Part]) -> Part:
    number: int | float | Fraction = math.prod(p for p in parts if not isinstance(p, Text))
    texts = [p for p in parts if isinstance(p, Text)]
    if number == 0 or not texts:
        return number
    if abs(number) == 1 and len(texts) == 1:
        return texts[0] if number == 1 else Text(f"-{_at(texts[0], ATOM)}", PRODUCT)
    # only the first factor may be a quotient without brackets
    alone = number == 1
    pieces = [_at(t, PRODUCT if alone and k == 0 else POWER) for k, t in enumerate(texts)]
    if number == -1:
        return Text("-" + "*".join([_at(texts[0], ATOM), *pieces[1:]]), PRODUCT)
    if not alone:
        pieces.insert(0, _text(number).text)
    return Text("*".join(pieces), PRODUCT)


def _quotient(over: Part, under: Part) -> Part:
    if not isinstance(under, Text):
        if under == 1 or over == 0:
            return over
        if not isinstance(over, Text):
            both = all(isinstance(p, (int, Fraction)) for p in (over, under)) and under != 0
            return Fraction(over) / Fraction(under) if both else over / under if under else Text("1/0", PRODUCT)
    return Text(f"{_at(over, PRODUCT)}/{_at(under, POWER)}", PRODUCT)


def _call(function: str, parts: Sequence[Part]) -> Part:
    texts = [_text(p).text for p in parts]
    while len(texts) > _ARGUMENTS:
        groups = [texts[k : k + _ARGUMENTS] for k in range(0, len(texts), _ARGUMENTS)]
        texts = [f"{function}({','.join(group)})" for group in groups]
    if len(texts) == 1 and function in ("MAX", "MIN"):
        return parts[0] if len(parts) == 1 else Text(texts[0], ATOM)
    return Text(f"{function}({','.join(texts)})", ATOM)
