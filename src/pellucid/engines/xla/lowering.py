"""Expressions as operations of JAX, for one extent of the batch: a case for each kind of expression."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import jax.numpy as jnp
from jax import lax

from pellucid.engines.base import Dtype
from pellucid.engines.xla.element_reads import element
from pellucid.engines.xla.labelled import Axes, Value, spread, together
from pellucid.engines.xla.reduce_sums import reduced
from pellucid.engines.xla.scalar_functions import ARITHMETIC, COMPARISONS, NUMBERS, UNARY, power, uniform
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
    factors,
    multiply,
    substitute,
)
from pellucid.formula.sum_patterns import tied_axis

_INT32 = 2**31


@dataclass(frozen=True)
class Held:
    """A tensor's array.

    Attributes:
        order: the tensor's dimensions in the order in which the array has them.
    """

    array: Any
    order: tuple[int, ...]


@dataclass(frozen=True)
class Before:
    """What a loop's tensor was at other steps, as the body of a loop has it.

    Attributes:
        place: the tensor's dimension that the loop runs over.
        slices: by how many steps ago, the array without that dimension; 0 is the running step.
        settled: those of `slices` that are already what lies outside, where there was no such step.
    """

    place: int
    slices: Mapping[int, Any]
    settled: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Context:
    """What expressions are lowered in.

    Attributes:
        batch: the extent of the batch.
        dtype: of real numbers.
        factors: the dtype of what products of matrices and convolutions multiply; they are summed in `dtype`.
        values: the tensors that are known.
        pinned: the axes of the running loop, and its step.
        before: the tensors of the running loop.
        order: the axes of the running statement, in whose order results are best laid out.
    """

    batch: int
    dtype: Dtype
    factors: Any
    values: dict[Tensor, Held] = field(default_factory=dict)
    pinned: Mapping[Axis, Any] = field(default_factory=dict)
    before: Mapping[Tensor, Before] = field(default_factory=dict)
    order: Axes = ()

    def extent(self, axis: Axis) -> int:
        return self.batch if axis.extent is BATCH else axis.size

    def count(self, axes: Iterable[Axis]) -> int:
        return math.prod(self.extent(a) for a in axes)

    def inside(
        self, pinned: Mapping[Axis, Any], before: Mapping[Tensor, Before], turned: Mapping[Tensor, Held]
    ) -> Context:
        """The context in a loop's step; `turned` are tensors in another order there."""
        return replace(self, pinned=pinned, before=before, values={**self.values, **turned})

    def rank(self, axes: Sequence[Axis]) -> int:
        """Where in the statement's axes the first of these stands."""
        return min((self.order.index(a) for a in axes if a in self.order), default=len(self.order))

    # Expressions

    def build(self, e: Expression) -> Value:
        match e:
            case Constant(value):
                return Value((), value)
            case Size(axis):
                return Value((), self.extent(axis))
            case Index(affine):
                return self.index(affine)
            case Read():
                return element(self, e)
            case Operation():
                return self._operation(e)
            case Reduction():
                return reduced(self, e)
        raise TypeError(f"{e} is no expression")

    def index(self, affine: Affine) -> Value:
        """The value of an index; divided, a real number."""
        axes = tuple(a for a in affine.axes if a not in self.pinned)
        reach = abs(affine.constant) + sum(abs(k.value) * self._limit(a) for a, k in affine.terms)
        kind = jnp.int32 if reach < _INT32 else jnp.int64
        total: Any = affine.constant
        for axis, k in affine.terms:
            if axis in self.pinned:
                total = total + k.value * self.pinned[axis].astype(kind)
            else:
                d = axes.index(axis)
                shape = [self.extent(axis) if j == d else 1 for j in range(len(axes))]
                total = total + k.value * lax.broadcasted_iota(kind, shape, d)
        if affine.divisor.value == 1:
            return Value(axes, total)
        return self.divide(Value(axes, total), Value((), affine.divisor.value))

    def _limit(self, axis: Axis) -> int:
        return self.batch if axis.extent is BATCH else axis.size

    def number(self, value: Value) -> Value:
        """The value as a real number."""
        return value if value.kind == "f" else value.cast(self.dtype)

    def truth(self, value: Value) -> Value:
        """Truth values as 0 and 1."""
        return self.number(value) if value.kind == "b" else value

    # Arithmetic

    def binary(self, function: Any, a: Value, b: Value) -> Value:
        a, b = self.truth(a), self.truth(b)
        if "f" in (a.kind, b.kind):
            a, b = self.number(a), self.number(b)
        return together(function, a, b)

    def divide(self, a: Value, b: Value) -> Value:
        if a.soft and b.soft:
            over, under = float(a.array), float(b.array)
            if under:
                return Value((), over / under)
            return Value((), math.nan if over == 0 or math.isnan(over) else math.copysign(math.inf, over))
        a, b = self.number(a), self.number(b)
        if a.axes and not b.axes and not b.soft:  # one division and many products
            return together(operator.mul, a, Value((), 1 / b.array))
        return together(operator.truediv, a, b)

    def product(self, parts: Sequence[Value]) -> Value:
        """The product, small factors first."""
        ordered = sorted(parts, key=lambda v: (not v.soft, self.count(v.axes)))
        if all(v.kind == "b" for v in ordered):
            return reduce(lambda a, b: together(jnp.logical_and, a, b), ordered)
        if len(ordered) > 1 and ordered[0].soft and ordered[0].array == 1 and ordered[1].kind != "b":
            ordered = ordered[1:]
        return reduce(lambda a, b: self.binary(operator.mul, a, b), ordered)

    def add(self, parts: Sequence[Value]) -> Value:
        return reduce(lambda a, b: self.binary(operator.add, a, b), parts)

    def _operation(self, e: Operation) -> Value:
        match e.name, e.args:
            case "add", args:
                return self._slices(args) or self.add([self.build(a) for a in args])
            case "mul", args:
                return self._slices((e,)) or self.product([self.build(a) for a in args])
            case "relu", (x,):
                return self.binary(jnp.maximum, self.build(x), Value((), 0))
            case "stop", (x,):
                return self.build(x)
        return self._function(e.name, [self.build(a) for a in e.args])

    def _function(self, name: str, args: Sequence[Value]) -> Value:
        match name, args:
            case "where", [condition, yes, no]:
                return self._where(condition, yes, no)
            case "div", [a, b]:
                return self.divide(a, b)
            case "pow", [x, by]:
                return together(power, self.number(x), self.number(by))
            case "and", [a, b]:
                return together(jnp.logical_and, a, b)
            case "uniform", _:
                return together(uniform, *args).cast(self.dtype)
            case _, [x] if name in UNARY:
                x = self.number(x)
                if x.soft and name in NUMBERS:
                    return Value((), NUMBERS[name](x.array))
                return Value(x.axes, UNARY[name](x.array))
            case _, [a, b] if name in ARITHMETIC:
                return self.binary(ARITHMETIC[name], a, b)
            case _, [a, b] if name in COMPARISONS:
                return self._compare(COMPARISONS[name], a, b)
        raise NotImplementedError(f"the XLA engine has no operation {name}")

    def _compare(self, function: Any, a: Value, b: Value) -> Value:
        if "f" in (a.kind, b.kind):
            a, b = self.number(a), self.number(b)
        return together(function, a, b)

    def _where(self, condition: Value, yes: Value, no: Value) -> Value:
        yes, no = self.truth(yes), self.truth(no)
        if condition.soft:
            chosen = yes if condition.array else no
            return self.number(chosen) if "f" in (yes.kind, no.kind) else chosen
        if "f" in (yes.kind, no.kind):
            yes, no = self.number(yes), self.number(no)
        return together(jnp.where, condition, yes, no)

    # Brackets that tie an axis to one value: f·[g = 2]

    def fixed(self, e: Expression) -> tuple[Axis, int] | None:
        """The axis and the one value to which a bracket [axis = number] ties it."""
        return tied_axis(e, lambda axis: axis not in self.pinned)

    def _slices(self, parts: Sequence[Expression]) -> Value | None:
        """A sum in which terms are [g = 2]·f: each f is computed at g = 2 alone. None without such terms."""
        slices: dict[Axis, dict[int, list[Expression]]] = {}
        others: list[Expression] = []
        for term in parts:
            inner = factors(term)
            tied = next(((p, f) for p in inner if (f := self.fixed(p)) is not None), None)
            if tied is None:
                others.append(term)
                continue
            bracket, (axis, value) = tied
            rest = substitute(multiply(*(p for p in inner if p is not bracket)), {axis: Affine.of(value)})
            slices.setdefault(axis, {}).setdefault(value, []).append(rest)
        if not slices:
            return None
        total = [self._stacked(axis, at) for axis, at in slices.items()]
        return self.add([*(self.build(t) for t in others), *total])

    def _stacked(self, axis: Axis, at: Mapping[int, Sequence[Expression]]) -> Value:
        """Along an axis, the values that there are, and 0 where there is none."""
        values = {place: self.number(self.add([self.build(p) for p in parts])) for place, parts in at.items()}
        rest = tuple(dict.fromkeys(a for v in values.values() for a in v.axes))
        extents = [self.extent(a) for a in rest]
        zero = jnp.zeros(extents, self.dtype)
        every = [
            spread(values[k], rest, extents, self.dtype) if k in values else zero for k in range(self.extent(axis))
        ]
        # computed each by itself: inside the stack XLA would ask, for every element, which one it belongs to
        every = lax.optimization_barrier(every)
        # in front of the last axis, as gates stand
        d = max(len(rest) - 1, 0)
        return Value((*rest[:d], axis, *rest[d:]), jnp.stack(every, axis=d))

    # Statements

    def statement(self, s: Statement, *, first: Axis | None = None) -> Held:
        """The statement's target; `first` becomes the first dimension of its array."""
        array, axes = self.evaluated(s, s.axes, first)
        return Held(array, tuple(s.axes.index(a) for a in axes))

    def evaluated(self, s: Statement, wanted: Axes, first: Axis | None = None) -> tuple[Any, Axes]:
        """The expression with exactly the axes that are wanted, in an order that suits it."""
        value = replace(self, order=s.axes).build(s.expression)
        axes = value.axes if set(value.axes) == set(wanted) and not value.soft else wanted
        if first is not None:
            axes = (first, *(a for a in axes if a is not first))
        kind = self.dtype if s.target.kind == "float" else jnp.int64
        return spread(value, axes, [self.extent(a) for a in axes], kind), axes
