"""Tensors that are others under another shape: the same numbers in the same order, no code and no memory."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.engines.llvm.plan.work import batched, strides
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.derivative import mixed_radix
from pellucid.formula.expressions import (
    Index,
    Operation,
    Read,
    Reduction,
    Statement,
    Tensor,
)


def view(statement: Statement) -> Tensor | None:
    """The tensor of which the target is only another shape: the same numbers in the same order."""
    source = _same_place(statement)
    if source is None:
        return None
    read, places = source
    tensor = read.tensor
    if tensor.kind != statement.target.kind or batched(tensor) != batched(statement.target):
        return None
    inner = 1 if batched(tensor) else 0
    if inner and not (isinstance(read.indices[0], Affine) and read.indices[0].plain is statement.axes[0]):
        return None
    if _count(tensor.axes[inner:]) != _count(statement.axes[inner:]):
        return None
    mine: dict[Axis, int] = {}
    for axis, stride in zip(statement.axes[inner:], strides(statement.axes[inner:]), strict=True):
        for a, number in places.get(axis, {axis: 1}).items():
            mine[a] = mine.get(a, 0) + number * stride
    theirs: dict[Axis, int] = {}
    for index, stride in zip(read.indices[inner:], strides(tensor.axes[inner:]), strict=True):
        if not isinstance(index, Affine) or index.divisor.value != 1 or index.constant:
            return None
        for a, c in index.terms:
            theirs[a] = theirs.get(a, 0) + c.value * stride
    ones = {a for a in (*mine, *theirs) if a.extent == 1}
    same = {a: c for a, c in mine.items() if a not in ones} == {a: c for a, c in theirs.items() if a not in ones}
    return tensor if same else None


def _same_place(statement: Statement) -> tuple[Read, dict[Axis, dict[Axis, int]]] | None:
    """A read alone, or `Σ [q = w·i + j]·x[n,i,j]` with q's digits."""
    e = statement.expression
    match e:
        case Read():
            return e, {}
        case Reduction("sum", axes, Operation("mul", (one, two))):
            for bracket, read in ((one, two), (two, one)):
                match bracket, read:
                    case Operation("eq", (Index(left), Index(right))), Read():
                        for q, digits in ((left, right), (right, left)):
                            if (
                                q.plain in statement.axes
                                and set(digits.axes) == set(axes)
                                and not digits.constant
                                and mixed_radix(digits, q.plain, axes)
                            ):
                                return read, {q.plain: {a: c.value for a, c in digits.terms}}
    return None


def _count(axes: Iterable[Axis]) -> int:
    total = 1
    for axis in axes:
        total *= axis.size
    return total
