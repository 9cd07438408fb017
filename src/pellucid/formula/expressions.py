"""Tensors, the six kinds of expression, and the one kind of statement.

Expressions are values: two that are written the same are equal. `add` and `multiply` keep them in the normal form of a
textbook: a sum of products, each with its sign and number out in front and its factors in the order they were written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pellucid.errors import FormulaError
from pellucid.formula.axes import ONE, Affine, Axis, Coefficient, Extent

Kind = Literal["float", "int"]
Number = int | float


class Tensor:
    """A named array of numbers: an input of a program, or the target of one statement.

    `name` is its path in a network ("dense_1.sum"), `letter` what formulas call it ("z"). `stated` holds derivatives
    that
    were stated by hand: for an argument, the function from this tensor's adjoint to that argument's.
    """

    __slots__ = ("axes", "definition", "kind", "letter", "name", "stated")

    def __init__(self, name: str, axes: tuple[Axis, ...], *, kind: Kind = "float", letter: str = "") -> None:
        self.name = name
        self.letter = letter or name.rsplit(".", 1)[-1]
        self.axes = axes
        self.kind: Kind = kind
        self.definition: Statement | None = None
        self.stated: Mapping[Tensor, Callable[[Tensor], Tensor]] = {}

    @staticmethod
    def input(
        name: str,
        axes: Mapping[str, Extent] | None = None,
        /,
        *,
        kind: Kind = "float",
        letter: str = "",
        **more: Extent,
    ) -> Tensor:
        """A tensor without a definition, its axes in order: `Tensor.input("x", n=BATCH, i=784)`."""
        extents = {**(axes or {}), **more}
        return Tensor(name, tuple(Axis(a, e) for a, e in extents.items()), kind=kind, letter=letter)

    @property
    def shape(self) -> tuple[Extent, ...]:
        """Extents of the axes; BATCH where only the run knows."""
        return tuple(_known(axis, self) for axis in self.axes)

    @property
    def rank(self) -> int:
        return len(self.axes)

    def define(self, expression: Expression, letters: Mapping[Tensor, str] | None = None) -> Statement:
        """Give the tensor its statement, `self[axes] = expression`."""
        self.definition = Statement(self, expression, letters or {})
        return self.definition

    def __getitem__(self, index: object) -> Read:
        indices = index if isinstance(index, tuple) else (index,)
        return Read(self, tuple(i if isinstance(i, Expression) else Affine.of(i) for i in indices))

    def __repr__(self) -> str:
        return f"{self.name}[{','.join(f'{a.name}={a.extent!r}' for a in self.axes)}]"


def _known(axis: Axis, tensor: Tensor) -> Extent:
    if axis.extent is None:
        raise FormulaError(f"axis {axis.name} of {tensor.name} has no extent yet")
    return axis.extent


class Expression:
    """The base of the six kinds, with the operators that build them."""

    __slots__ = ()

    def __add__(self, other: Expression | Number) -> Expression:
        return add(self, as_expression(other))

    def __radd__(self, other: Number) -> Expression:
        return add(as_expression(other), self)

    def __sub__(self, other: Expression | Number) -> Expression:
        return add(self, -as_expression(other))

    def __rsub__(self, other: Number) -> Expression:
        return add(as_expression(other), -self)

    def __mul__(self, other: Expression | Number) -> Expression:
        return multiply(self, as_expression(other))

    def __rmul__(self, other: Number) -> Expression:
        return multiply(as_expression(other), self)

    def __truediv__(self, other: Expression | Number) -> Expression:
        return divide(self, as_expression(other))

    def __rtruediv__(self, other: Number) -> Expression:
        return divide(as_expression(other), self)

    def __pow__(self, other: Expression | Number) -> Expression:
        return power(self, as_expression(other))

    def __neg__(self) -> Expression:
        return multiply(Constant(-1), self)


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A number, which a formula may call by a name (`slope`)."""

    value: Number
    name: str = ""


@dataclass(frozen=True, slots=True)
class Index(Expression):
    """The value of an index, an integer."""

    affine: Affine


@dataclass(frozen=True, slots=True)
class Size(Expression):
    """The extent of an axis: for the batch axis, the number of examples in the whole batch."""

    axis: Axis


@dataclass(frozen=True, slots=True)
class Read(Expression):
    """An element of a tensor. An index is affine or an element of an integer tensor; `outside` is the value where it
    does not exist."""

    tensor: Tensor
    indices: tuple[Affine | Expression, ...]
    outside: Expression | None = None


@dataclass(frozen=True, slots=True)
class Operation(Expression):
    """A scalar function of expressions; `scalar.py` lists them."""

    name: str
    args: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Reduction(Expression):
    """Σ, max or argmax over axes. argmax counts the axes in their order, the last one fastest; the first winner
    counts."""

    name: Literal["sum", "max", "argmax"]
    axes: tuple[Axis, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Statement:
    """`target[axes] = expression`. `letters` are the names that the formula's author gave to the tensors in it."""

    target: Tensor
    expression: Expression
    letters: Mapping[Tensor, str] = field(default_factory=dict, compare=False)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.target.axes


def as_expression(value: Expression | Number) -> Expression:
    return value if isinstance(value, Expression) else Constant(value)


ZERO, UNIT = Constant(0), Constant(1)
_LARGEST_WHOLE = 10**15  # beyond it, not every integer is a float of its own


def coefficient(expression: Expression) -> tuple[Number, Expression]:
    """A product as its number and the rest: −2·x as (−2, x), 2/y as (2, 1/y)."""
    match expression:
        case Constant(value, ""):
            return value, UNIT
        case Operation("mul", (Constant(value, ""), *rest)):
            number, inner = coefficient(multiply(*rest))
            return value * number, inner
        case Operation("div", (over, under)):
            number, inner = coefficient(over)
            return number, expression if number == 1 else Operation("div", (inner, under))
        case Index(Affine(((axis, Coefficient(value, "")),), (), divisor)) if divisor == ONE:
            return value, Index(Affine.of(axis))
    return 1, expression


def value_of(index: Affine) -> Expression:
    """The index as a value. One that is divided is a quotient: where it does not divide, it equals no integer."""
    over: Expression = Index(Affine(index.terms, index.offset))
    if (
        not index.terms
    ):  # integers are what the parser makes of them, so that [w = 0] is the same wherever it comes from
        over = add(*(-Constant(-c.value, c.name) if c.minus else Constant(c.value, c.name) for c in index.offset))
    return over if index.divisor == ONE else divide(over, Constant(index.divisor.value, index.divisor.name))


def as_index(expression: Expression) -> Affine | None:
    """The expression as an index, if it is one or an integer: sums and products of them are indices again."""
    number, rest = coefficient(expression)
    whole = _whole(number)
    match rest:
        case Index(affine) if whole is not None:
            return affine.scaled(Coefficient(whole))
        case Constant(int(value), name) if whole is not None:
            return Affine((), (Coefficient(value, name) * Coefficient(whole),))
    return None


def _whole(number: Number) -> int | None:
    return int(number) if abs(number) <= _LARGEST_WHOLE and number % 1 == 0 else None


def factors(expression: Expression) -> tuple[Expression, ...]:
    return expression.args if isinstance(expression, Operation) and expression.name == "mul" else (expression,)


def terms(expression: Expression) -> tuple[Expression, ...]:
    return expression.args if isinstance(expression, Operation) and expression.name == "add" else (expression,)


def multiply(*parts: Expression) -> Expression:
    """The product: flat, its numbers multiplied and in front, the other factors in their order."""
    number: Number = 1
    rest: list[Expression] = []
    for part in parts:
        for factor in factors(part):
            by, other = coefficient(factor)
            number *= by
            rest += [o for o in factors(other) if o != UNIT]
    match rest:
        # 2·(x/2) is x; a number that is no multiple stays, as in x/2.
        case [Operation("div", (over, Constant(by, ""))), *others] if abs(number) != 1 and by:
            times, by_times = _whole(number), _whole(by)
            if times and by_times and times % by_times == 0:
                return multiply(Constant(times // by_times), over, *others)
    if number == 0 or not rest:
        return Constant(number)
    indices = [r for r in rest if isinstance(r, Index)]
    scales = [as_index(r) for r in rest if not isinstance(r, Index)]
    if len(indices) == 1 and None not in scales:
        index = indices[0].affine
        for scale in scales:
            index = index.scaled(scale.offset[0]) if scale is not None else index
        if (whole := as_index(Constant(number))) is not None:
            return Index(index.scaled(whole.offset[0]))
        rest = [Index(index)]
    match rest:
        case [Operation("div", (over, under))] if over == UNIT:
            rest = [Operation("div", (Constant(abs(number)), under))]
            number = 1 if number > 0 else -1
    if number != 1:
        rest.insert(0, Constant(number))
    return rest[0] if len(rest) == 1 else Operation("mul", tuple(rest))


def add(*parts: Expression) -> Expression:
    """The sum: flat, equal terms merged, in order of first appearance."""
    counts: dict[Expression, Number] = {}
    for part in parts:
        for term in terms(part):
            number, rest = coefficient(term)
            counts[rest] = counts.get(rest, 0) + number
    merged = tuple(multiply(Constant(n), rest) for rest, n in counts.items() if n != 0)
    if not merged:
        return ZERO
    whole = [w for m in merged if (w := as_index(m)) is not None]
    if len(whole) == len(merged) and any(w.terms for w in whole):
        total = sum(whole[1:], whole[0])
        return Index(total) if total.terms else Constant(total.constant)
    return merged[0] if len(merged) == 1 else Operation("add", merged)


def divide(over: Expression, under: Expression) -> Expression:
    """The quotient, its sign and number out in front; a number alone stays over the line."""
    if over == ZERO:
        return ZERO
    if under == UNIT:
        return over
    number, rest = coefficient(over)
    return multiply(Constant(number), Operation("div", (rest, under)))


def power(base: Expression, exponent: Expression) -> Expression:
    if exponent == UNIT:
        return base
    if exponent == ZERO:
        return UNIT
    if isinstance(base, Constant) and isinstance(exponent, Constant) and not (base.name or exponent.name):
        try:
            return Constant(math.pow(base.value, exponent.value))
        except (ValueError, OverflowError):  # (−1)^0.5, 10^400: the engines compute them
            pass
    return Operation("pow", (base, exponent))


def children(expression: Expression) -> Iterator[Expression]:
    """The expressions directly inside one."""
    match expression:
        case Read(_, indices, outside):
            yield from (i for i in indices if isinstance(i, Expression))
            if outside is not None:
                yield outside
        case Operation(_, args):
            yield from args
        case Reduction(_, _, body):
            yield body


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all inside it."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def reads(expression: Expression) -> Iterator[Read]:
    return (e for e in walk(expression) if isinstance(e, Read))


def free_axes(expression: Expression) -> frozenset[Axis]:
    """The axes on which the expression's value depends."""
    match expression:
        case Index(affine):
            return frozenset(affine.axes)
        case Read(_, indices, outside):
            axes_of_indices = [frozenset(i.axes) if isinstance(i, Affine) else free_axes(i) for i in indices]
            return frozenset().union(*axes_of_indices, free_axes(outside) if outside is not None else frozenset())
        case Operation(_, args):
            return frozenset().union(*map(free_axes, args))
        case Reduction(_, axes, body):
            return free_axes(body) - frozenset(axes)
    return frozenset()


def rebuild(operation: str, args: tuple[Expression, ...]) -> Expression:
    """An operation in normal form."""
    match operation:
        case "add":
            return add(*args)
        case "mul":
            return multiply(*args)
        case "div":
            return divide(*args)
        case "pow":
            return power(*args)
    return Operation(operation, args)


def transform(expression: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """A copy in which `change` has replaced what it returned something for, from the outside in."""
    changed = change(expression)
    if changed is not None:
        return changed
    match expression:
        case Read(tensor, indices, outside):
            return Read(
                tensor,
                tuple(i if isinstance(i, Affine) else transform(i, change) for i in indices),
                None if outside is None else transform(outside, change),
            )
        case Operation(name, args):
            return rebuild(name, tuple(transform(a, change) for a in args))
        case Reduction(name, axes, body):
            return Reduction(name, axes, transform(body, change))
    return expression


def substitute(expression: Expression, values: Mapping[Axis, Affine]) -> Expression:
    """Replace axes by indices. A read that the new index can leave gets 0 outside, unless it says otherwise itself."""
    if not values:
        return expression

    def change(e: Expression) -> Expression | None:
        match e:
            case Index(affine):
                return value_of(affine.substitute(values))
            case Size(axis) if axis in values:
                # An axis that was replaced by another one (a renaming) keeps its size.
                other = values[axis].plain
                return Size(other if other is not None and other.extent == axis.extent else axis)
            case Read(tensor, indices, outside):
                moved = tuple(i.substitute(values) if isinstance(i, Affine) else substitute(i, values) for i in indices)
                outside = None if outside is None else substitute(outside, values)
                if outside is None and any(
                    isinstance(new, Affine) and new != old and not new.within(axis.extent)
                    for old, new, axis in zip(indices, moved, tensor.axes, strict=True)
                ):
                    outside = ZERO
                return Read(tensor, moved, outside)
        return None

    return transform(expression, change)


def rename(expression: Expression, axes: Mapping[Axis, Axis]) -> Expression:
    """Replace axes by other axes, those of reductions included."""

    def change(e: Expression) -> Expression | None:
        match e:
            case Reduction(name, bound, body) if any(a in axes for a in bound):
                return Reduction(name, tuple(axes.get(a, a) for a in bound), rename(body, axes))
        return None

    return substitute(transform(expression, change), {a: Affine.of(b) for a, b in axes.items()})


def canonical(expression: Expression, axes: tuple[Axis, ...] = ()) -> object:
    """A key that is equal for expressions that differ only in which axes they use: `axes` are numbered first."""
    numbers: dict[Axis, object] = {axis: number for number, axis in enumerate(axes)}
    count = itertools.count()

    def affine(index: Affine) -> object:
        terms_ = tuple(sorted((str(key(a)), c.value) for a, c in index.terms))
        return terms_, index.constant, index.divisor.value

    def key(axis: Axis) -> object:
        return numbers.get(axis, id(axis))

    def visit(e: Expression) -> object:
        match e:
            case Constant(value):
                return "constant", value
            case Index(index):
                return "index", affine(index)
            case Size(axis):
                return "size", axis.extent
            case Read(tensor, indices, outside):
                places = tuple(affine(i) if isinstance(i, Affine) else visit(i) for i in indices)
                return "read", id(tensor), places, None if outside is None else visit(outside)
            case Operation(name, args):
                return name, tuple(visit(a) for a in args)
            case Reduction(name, bound, body):
                saved = {a: numbers[a] for a in bound if a in numbers}
                for a in bound:
                    numbers[a] = f"{next(count)}:{a.extent}"
                key = name, tuple((numbers[a], a.extent) for a in bound), visit(body)
                for a in bound:
                    del numbers[a]
                numbers.update(saved)
                return key
        raise TypeError(e)

    return tuple(a.extent for a in axes), visit(expression)
