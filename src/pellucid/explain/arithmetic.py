"""The arithmetic of one value: its formula at one place, taken apart into the terms that add up to it.

A statement is read at an index: its axes become numbers, and what is left is a sum. Each Σ gives a term for every
place that it runs over, each product its factors, each factor the elements it reads. The terms are computed in float64
from the numbers that the engine stored, so their sum is the engine's value up to its rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.explain.digits import FEWEST, MOST, calculated, shown, sign
from pellucid.explain.digits import number as number
from pellucid.formula import Affine, Axis, Expression, Program, Statement, Tensor
from pellucid.formula.expressions import (
    UNIT,
    Constant,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    children,
    divide,
    factors,
    free_axes,
    multiply,
    reads,
    rename,
    substitute,
    transform,
)
from pellucid.formula.notation.json import from_json, to_json
from pellucid.formula.notation.unicode import ATOM, PRODUCT, Printer

Values = Mapping[Tensor, NDArray[Any]]
Names = Mapping[Tensor, str]


@dataclass(frozen=True)
class Source:
    """An element that a number came from: the path of its tensor, its index there, and its value."""

    path: str
    index: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Factor:
    """One factor of a term: as written with its author's letters, as a number, and the elements it was made of."""

    text: str
    value: float
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Term:
    """One term of a value: its contribution, and the factors whose product (over the divisors) it is.

    Attributes:
        text: the term with its author's letters.
        numbers: the same with numbers, of as many digits as give the contribution as it is shown.
        calculated: what a calculator makes of `numbers`.
    """

    value: float
    factors: tuple[Factor, ...]
    divisors: tuple[Factor, ...]
    text: str
    numbers: str
    calculated: float

    @property
    def sources(self) -> tuple[Source, ...]:
        """All elements that the term reads."""
        return tuple(s for f in (*self.factors, *self.divisors) for s in f.sources)


@dataclass(frozen=True)
class Group:
    """Terms of one form: an expression over the axes of the sums around it. Of a "max" or a "min" one term counts."""

    axes: tuple[Axis, ...]
    body: Expression
    winner: str = ""


class Terms(Sequence[Term]):
    """All terms of a value, those that weigh most first; each is written out when it is looked at."""

    def __init__(self, point: Point, groups: Sequence[Group], arrays: Sequence[NDArray[np.float64]]) -> None:
        self._point = point
        self._groups = groups
        self._arrays = arrays
        owners = [np.full(a.size, number) for number, a in enumerate(arrays)]
        places = [np.arange(a.size) for a in arrays]
        values = np.concatenate([a.ravel() for a in arrays]) if arrays else np.zeros(0)
        outside = (
            np.concatenate([self._outside(g, a) for g, a in zip(groups, arrays, strict=True)])
            if arrays
            else np.zeros(0, bool)
        )
        order = np.argsort(-np.abs(np.nan_to_num(values, nan=np.inf)), kind="stable")
        unmet = (
            np.concatenate([_unmet(g, a) for g, a in zip(groups, arrays, strict=True)]) if arrays else np.zeros(0, bool)
        )
        self.outside = int((outside & ~unmet).sum())
        order = order[~(outside | unmet)[order]]
        self.contributions: NDArray[np.float64] = values[order]
        self._owners = np.concatenate(owners)[order] if owners else np.zeros(0, int)
        self._places = np.concatenate(places)[order] if places else np.zeros(0, int)

    def _outside(self, group: Group, array: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which terms are nothing because they read outside a tensor: padding, the step before the first."""
        result = np.zeros(array.shape, bool)
        for factor in factors(group.body):
            if isinstance(factor, Read) and factor.outside == Constant(0):
                result |= np.broadcast_to(_leaves(factor, group.axes), array.shape)
        return result.ravel()

    def __len__(self) -> int:
        return len(self.contributions)

    @overload
    def __getitem__(self, place: int) -> Term: ...
    @overload
    def __getitem__(self, place: slice) -> list[Term]: ...
    def __getitem__(self, place: int | slice) -> Term | list[Term]:
        if isinstance(place, slice):
            return self._point.written([self._form(i) for i in range(*place.indices(len(self)))])
        if not -len(self) <= place < len(self):
            raise IndexError(f"there are {len(self)} terms, none at {place}")
        return self._point.written([self._form(place % len(self))])[0]

    def __iter__(self) -> Iterator[Term]:
        return iter(self[:])

    def equation(self, places: Sequence[int], value: float, rest: float = 0) -> tuple[list[str], str, str]:
        """Some of the terms in numbers, the size of the others' sum, and "=" where what is shown gives the value.

        Their digits are as many as that takes; where nine are not enough the sign is "≈".
        """
        forms = [self._form(place) for place in places]
        numbers = self._point.numbers()
        for digits in range(FEWEST, MOST + 1):
            parts = [numbers.equal(e, contribution, digits) for e, contribution in forms]
            equals = sign(math.fsum([*(result for _, result in parts), shown(rest, digits)]), value)
            if equals == "=":
                break
        return [text for text, _ in parts], number(abs(rest), digits), equals

    def keys(self) -> list[tuple[int, int]]:
        """What tells the terms of one statement apart, in their order: the same in every run of the statement."""
        return list(zip(self._owners.tolist(), self._places.tolist(), strict=True))

    def _form(self, place: int) -> tuple[Expression, float]:
        """A term's expression at its place, and its contribution."""
        group = self._groups[self._owners[place]]
        shape = self._arrays[self._owners[place]].shape
        where = np.unravel_index(self._places[place], shape) if shape else ()
        at = {axis: Affine.of(int(i)) for axis, i in zip(group.axes, where, strict=True)}
        return _without_brackets(self._point.settled(group.body, at)), float(self.contributions[place])


def _brackets(e: Expression) -> list[tuple[Affine, Affine]]:
    """The conditions [a = b] among the factors of a term."""
    top = e.args[0] if isinstance(e, Operation) and e.name == "div" else e
    return [bracket for f in factors(top) if (bracket := _bracket(f)) is not None]


def _bracket(e: Expression) -> tuple[Affine, Affine] | None:
    match e:
        case Operation("eq", (Index() | Constant() as left, Index() | Constant() as right)):
            sides = [a.affine if isinstance(a, Index) else Affine.of(int(a.value)) for a in (left, right)]
            return sides[0], sides[1]
    return None


def _unmet(group: Group, array: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which terms are nothing because a condition [a = b] does not hold: those of a Σ over the places of a flattened
    tensor.
    """
    grid: dict[Axis, Any] = dict(zip(group.axes, np.indices(array.shape, sparse=True), strict=True))
    result = np.zeros(array.shape, bool)
    for left, right in _brackets(group.body):
        if all(a in grid for index in (left, right) for a, _ in index.terms) and left.divisor == right.divisor:
            sides = [index.constant + sum(c.value * grid[a] for a, c in index.terms) for index in (left, right)]
            result |= np.broadcast_to(sides[0] != sides[1], array.shape)
    return result.ravel()


def _without_brackets(e: Expression) -> Expression:
    """A term without its conditions, which hold, where it has other factors."""
    if isinstance(e, Operation) and e.name == "div":
        return divide(_without_brackets(e.args[0]), e.args[1])
    rest = [f for f in factors(e) if _bracket(f) is None]
    return multiply(*rest) if rest and len(rest) < len(factors(e)) else e


def _tensors(statement: Statement) -> list[Tensor]:
    """A statement's target and what it reads, each once, in the order of the formula."""
    return list(dict.fromkeys([statement.target, *(r.tensor for r in reads(statement.expression))]))


def _unpickled(
    document: Any, index: tuple[int, ...], kept: Sequence[tuple[str | None, NDArray[Any] | None]], batch: int
) -> Point:
    program = from_json(document)
    assert isinstance(program, tuple)
    pairs = list(zip(_tensors(program[0]), kept, strict=True))
    values = {t: array for t, (_, array) in pairs if array is not None}
    return Point(program[0], index, values, {t: name for t, (name, _) in pairs if name is not None}, batch)


@dataclass(frozen=True)
class Point:
    """A statement read at one index, with the numbers that a run stored."""

    statement: Statement
    index: tuple[int, ...]
    values: Values
    names: Names
    batch: int

    def __reduce__(self) -> Any:
        # Tensors hold rules of derivation, which are code; the statement's formula and its numbers are all that counts.
        kept = [(self.names.get(t), self.values.get(t)) for t in _tensors(self.statement)]
        return _unpickled, (to_json([self.statement]), self.index, kept, self.batch)

    def expression(self) -> Expression:
        """The right side with its axes replaced by the index, and the batch's size by its number."""
        at = {axis: Affine.of(i) for axis, i in zip(self.statement.axes, self.index, strict=True)}
        return _settled(substitute(_counted(self.statement.expression, self.batch), at), self.values)

    def settled(self, e: Expression, at: Mapping[Axis, Affine]) -> Expression:
        """The expression with axes replaced by numbers, its constant indices worked out."""
        return _settled(substitute(e, at), self.values)

    def terms(self) -> Terms:
        groups = list(self._split(self.expression(), (), UNIT, UNIT))
        arrays = evaluate([(g.axes, g.body) for g in groups], self.values, self.batch)
        kept: list[Group] = []
        for place, (group, array) in enumerate(zip(groups, arrays, strict=True)):
            if group.winner:
                best = np.argmax(array) if group.winner == "max" else np.argmin(array)
                at = np.unravel_index(int(best), array.shape)
                fixed = {axis: Affine.of(int(i)) for axis, i in zip(group.axes, at, strict=True)}
                group, arrays[place] = Group((), self.settled(group.body, fixed)), np.asarray(array[at])
            kept.append(group)
        return Terms(self, kept, arrays)

    def number(self, e: Expression) -> float:
        """The value of an expression without free axes."""
        (value,) = self._numbers([e])
        return value

    def _numbers(self, expressions: Sequence[Expression]) -> list[float]:
        """The values of expressions without free axes. Most are elements, which need no engine to be read."""
        numbers = [self._element(e) for e in expressions]
        others = [((), e) for e, value in zip(expressions, numbers, strict=True) if value is None]
        rest = iter(evaluate(others, self.values, self.batch) if others else ())
        return [float(next(rest)) if value is None else value for value in numbers]

    def _element(self, e: Expression) -> float | None:
        """The value of an element inside its tensor; None for any other expression."""
        if isinstance(e, Read) and e.outside is None and all(isinstance(i, Affine) for i in e.indices):
            return float(self.values[e.tensor][tuple(i.constant for i in e.indices if isinstance(i, Affine))])
        return None

    def contenders(self) -> list[tuple[Source, ...]]:
        """For a maximum or a minimum: the elements among which it was chosen."""
        groups = list(self._split(self.expression(), (), UNIT, UNIT))
        candidates = []
        for group in groups:
            if group.winner:
                for place in np.ndindex(*(a.size for a in group.axes)):
                    at = {axis: Affine.of(int(i)) for axis, i in zip(group.axes, place, strict=True)}
                    candidates.append(self._sources(self.settled(group.body, at)))
        return [s for s in candidates if s]

    def _split(self, e: Expression, axes: tuple[Axis, ...], times: Expression, over: Expression) -> Iterator[Group]:
        """Groups of terms that add up to e·times/over, summed over the axes."""
        match e:
            case Operation("mul") if not axes and times == UNIT and over == UNIT and (part := smallest(e)) is not None:
                new = {a: a.fresh() for a in part.axes}
                yield Group(tuple(new.values()), rename(multiply(Constant(-1), part.body), new), winner="min")
            case Operation("add", args):
                for arg in args:
                    yield from self._split(arg, axes, times, over)
            case Reduction("sum", inner, body):
                new = {a: a.fresh() for a in inner}
                yield from self._split(rename(body, new), (*axes, *new.values()), times, over)
            case Operation("mul", args) if sum(_sums(a) for a in args) == 1:
                place = next(i for i, a in enumerate(args) if _sums(a))
                rest = multiply(*args[:place], *args[place + 1 :])
                yield from self._split(args[place], axes, multiply(times, rest), over)
            case Operation("div", (top, bottom)) if _sums(top):
                yield from self._split(top, axes, times, multiply(over, bottom))
            case Operation("where", (condition, yes, no)) if not (free_axes(condition) & set(axes)):
                (truth,) = evaluate([((), condition)], self.values, self.batch)
                yield from self._split(yes if truth else no, axes, times, over)
            case Reduction("max", inner, body) if not axes and times == UNIT and over == UNIT:
                new = {a: a.fresh() for a in inner}
                yield Group(tuple(new.values()), rename(body, new), winner="max")
            case _:
                product = multiply(e, times) if times != UNIT else e
                body = divide(product, over) if over != UNIT else product
                yield Group(axes, body)

    def written(self, forms: Sequence[tuple[Expression, float]]) -> list[Term]:
        """Terms written out: their text, their numbers, and every factor with its value and sources."""
        split = [(e.args if isinstance(e, Operation) and e.name == "div" else (e, UNIT)) for e, _ in forms]
        parts = [(factors(top), factors(bottom) if bottom != UNIT else ()) for top, bottom in split]
        flat = [f for top, bottom in parts for f in (*top, *bottom)]
        values = iter(self._numbers(flat))
        symbols, numbers = Printer(self._letters()), self.numbers()

        def factor(e: Expression) -> Factor:
            return Factor(symbols.expression(e), next(values), self._sources(e))

        terms: list[Term] = []
        for (e, value), (top, bottom) in zip(forms, parts, strict=True):
            above, below = tuple(factor(f) for f in top), tuple(factor(f) for f in bottom)
            text, result = numbers.equal(e, value)
            terms.append(Term(value, above, below, symbols.expression(e), text, result))
        return terms

    def _sources(self, e: Expression) -> tuple[Source, ...]:
        """The elements that a settled expression reads, also those under a Σ inside it (the first thousand)."""
        sources: dict[tuple[Tensor, tuple[int, ...]], Source] = {}
        for read, axes in _bound_reads(e, ()):
            for place in itertools.islice(np.ndindex(*(a.size for a in axes)), 1000):
                at = {axis: Affine.of(int(i)) for axis, i in zip(axes, place, strict=True)}
                inner = self.settled(read, at) if axes else read
                assert isinstance(inner, Read)
                index = tuple(_whole(i, self.values, self.batch) for i in inner.indices)
                array = self.values[read.tensor]
                whole = tuple(i for i, n in zip(index, array.shape, strict=True) if i is not None and 0 <= i < n)
                if len(whole) == len(index):
                    path = self.names.get(read.tensor, read.tensor.name)
                    sources.setdefault((read.tensor, whole), Source(path, whole, float(array[whole])))
        return tuple(sources.values())

    def numbers(self) -> Numbers:
        """A printer of expressions with their numbers in them."""
        return Numbers(self._letters(), self)

    def _letters(self) -> dict[Tensor, str]:
        return {t: self.statement.letters.get(t, self.names.get(t, t.name)) for t in self.values}


class Numbers(Printer):
    """Prints an expression with the numbers in the places of what it reads."""

    def __init__(self, names: Names, point: Point) -> None:
        super().__init__(names)
        self.point = point
        self.digits = FEWEST
        self._known: dict[Expression, float] = {}

    def equal(self, e: Expression, value: float, fewest: int = FEWEST) -> tuple[str, float]:
        """The expression with as many digits as give a value as it is shown, and what a calculator makes of them."""
        for self.digits in range(fewest, MOST + 1):
            result = calculated(e, lambda part: self._shown(part))
            if sign(result, value) == "=":
                break
        return self.expression(e), result

    def _leaf(self, e: Expression) -> float | None:
        """The number that is printed in the place of an expression; None where its parts are printed."""
        if isinstance(e, (Read, Reduction)) and not free_axes(e):
            if e not in self._known:
                self._known[e] = self.point.number(e)
            return self._known[e]
        if isinstance(e, Size) and isinstance(e.axis.extent, int):
            return e.axis.extent
        if isinstance(e, Constant) and e.name:
            return float(e.value)
        return None

    def _shown(self, e: Expression) -> float | None:
        if isinstance(e, Operation) and e.name == "uniform":
            return self.point.number(e)
        value = self._leaf(e)
        return None if value is None else shown(value, self.digits)

    def _text(self, e: Expression) -> tuple[str, int]:
        value = self._leaf(e)
        if value is None:
            return super()._text(e)
        return number(value, self.digits), PRODUCT if value < 0 else ATOM


def added(texts: Sequence[str]) -> str:
    """Terms as a sum, those below zero taken away: `0.1 + 0.5·0.3 − 0.2`."""
    first, *more = texts or ["0"]
    return first + "".join(f" − {text[1:]}" if text.startswith("−") else f" + {text}" for text in more)


def smallest(e: Expression) -> Reduction | None:
    """The maximum in −max(−x), which is how a minimum is written; else None."""
    match e:
        case Operation("mul", (Constant(-1), Reduction("max") as maximum)):
            return maximum
    return None


def _sums(e: Expression) -> bool:
    """Whether terms can be told apart inside: a Σ, or a product or quotient of one."""
    match e:
        case Reduction("sum"):
            return True
        case Operation("mul", args):
            return sum(_sums(a) for a in args) == 1
        case Operation("div", (top, _)):
            return _sums(top)
        case Operation("add", args):
            return any(_sums(a) for a in args)
    return False


def _counted(e: Expression, batch: int) -> Expression:
    """The expression with the batch's extent as a number."""

    def change(inner: Expression) -> Expression | None:
        match inner:
            case Size(axis) if not isinstance(axis.extent, int):
                return Constant(batch)
            case Reduction(_, axes, _) if any(not isinstance(a.extent, int) for a in axes):
                return transform(
                    rename(inner, {a: Axis(a.name, batch) for a in axes if not isinstance(a.extent, int)}), change
                )
        return None

    return transform(e, change)


def _settled(e: Expression, values: Values) -> Expression:
    """The expression with every constant index worked out; a read that is inside its tensor needs no outside value."""

    def change(inner: Expression) -> Expression | None:
        if not isinstance(inner, Read):
            return None
        indices = tuple(
            _constant(i) if isinstance(i, Affine) else _looked_up(transform(i, change), values) for i in inner.indices
        )
        inside = all(_inside(i, n) for i, n in zip(indices, values[inner.tensor].shape, strict=True))
        return Read(inner.tensor, indices, None if inside else inner.outside)

    return transform(e, change)


def _constant(index: Affine) -> Affine:
    if index.terms or index.constant % index.divisor.value:
        return index
    return Affine.of(index.constant // index.divisor.value)


def _looked_up(index: Expression, values: Values) -> Affine | Expression:
    """An element of a tensor of integers as its number, where the indices are numbers."""
    if isinstance(index, Read) and not free_axes(index) and all(isinstance(i, Affine) for i in index.indices):
        place = tuple(i.constant for i in index.indices if isinstance(i, Affine))
        if all(0 <= i < n for i, n in zip(place, values[index.tensor].shape, strict=True)):
            return Affine.of(int(values[index.tensor][place]))
    return index


def _inside(index: Affine | Expression, extent: int) -> bool:
    """Whether an index never leaves an axis of this extent."""
    bounds = index.bounds() if isinstance(index, Affine) and index.divisor.value == 1 else None
    return bounds is not None and bounds[0] >= 0 and bounds[1] < extent


def _bound_reads(e: Expression, axes: tuple[Axis, ...]) -> Iterator[tuple[Read, tuple[Axis, ...]]]:
    """Every read inside, with those axes of the reductions around it on which it depends."""
    if isinstance(e, Read):
        yield e, tuple(a for a in axes if a in free_axes(e))
    inner = (*axes, *e.axes) if isinstance(e, Reduction) else axes
    for child in children(e):
        yield from _bound_reads(child, inner)


def _leaves(read: Read, axes: tuple[Axis, ...]) -> NDArray[np.bool_]:
    """Over the axes, whether the read's index is outside its tensor."""
    grid = dict(zip(axes, np.indices([a.size for a in axes], sparse=True), strict=True))
    result = np.zeros((1,) * len(axes), bool)
    for index, place in zip(read.indices, read.tensor.axes, strict=True):
        if isinstance(index, Affine):
            value: Any = index.constant + sum(c.value * grid[a] for a, c in index.terms)
            by = index.divisor.value
            result = result | (value < 0) | (value % by != 0)
            if isinstance(place.extent, int):
                result = result | (value // by >= place.extent)
    return result


def _whole(index: Affine | Expression, values: Values, batch: int) -> int | None:
    """A constant index as a number; None where it does not divide."""
    if isinstance(index, Affine):
        if index.terms:
            return None
        return index.constant // index.divisor.value if index.constant % index.divisor.value == 0 else None
    (value,) = evaluate([((), index)], values, batch)
    return int(value)


def evaluate(
    wanted: Sequence[tuple[tuple[Axis, ...], Expression]], values: Values, batch: int
) -> list[NDArray[np.float64]]:
    """Expressions over axes, computed by the reference engine in float64 from stored arrays."""
    stand_ins: dict[Tensor, Tensor] = {}
    outputs: dict[str, Tensor] = {}

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read):
            inner = tuple(i if isinstance(i, Affine) else transform(i, change) for i in e.indices)
            outside = None if e.outside is None else transform(e.outside, change)
            return Read(_stand_in(e.tensor, stand_ins, values), inner, outside)
        return None

    for place, (axes, expression) in enumerate(wanted):
        mine = {a: Axis(a.name, batch if not isinstance(a.extent, int) else a.extent) for a in axes}
        target = Tensor(f"wanted{place}", tuple(mine.values()))
        target.define(transform(rename(_counted(expression, batch), mine), change))
        outputs[target.name] = target
    run = compile_program(Program(outputs), engine="reference", dtype=np.float64)
    arrays = {copy.name: values[tensor] for tensor, copy in stand_ins.items()}
    results = run(arrays)
    return [np.asarray(results[name], dtype=np.float64) for name in outputs]


def _stand_in(tensor: Tensor, known: dict[Tensor, Tensor], values: Values) -> Tensor:
    """An input with the tensor's values: what was computed once is read, not computed again."""
    if tensor not in known:
        if tensor not in values:
            raise PellucidError(f"{tensor.name} was not stored, so nothing that reads it can be explained")
        shape = values[tensor].shape
        axes = tuple(Axis(a.name, n) for a, n in zip(tensor.axes, shape, strict=True))
        known[tensor] = Tensor(f"{len(known)}.{tensor.letter}", axes, kind=tensor.kind)
    return known[tensor]
