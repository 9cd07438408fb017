"""What an engine can recognise in a sum, to compute it in a quicker way than by its definition: a bracket that ties an
axis to a value, a bracket that names an axis of the result, an index that runs backwards through a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import (
    ZERO,
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    factors,
    free_axes,
    multiply,
    reads,
    transform,
)

Which = Callable[[Axis], bool]
"""Whether an axis is one of those that are meant."""


def sum_of_product(axes: Sequence[Axis], parts: Sequence[Expression]) -> Expression:
    """Σ over the axes, if there are any, of the product of the parts."""
    body = multiply(*parts)
    return Reduction("sum", tuple(axes), body) if axes else body


def spreads(term: Expression) -> bool:
    """Whether the term's factors have axes that no single one of them has: then sums are cheaper than an array of all
    axes."""
    every = free_axes(term)
    return len(factors(term)) > 1 and not any(free_axes(f) == every for f in factors(term))


def tied_axis(e: Expression, which: Which) -> tuple[Axis, int] | None:
    """The axis and the one value to which a bracket [axis = number] ties it."""
    match e:
        case Operation("eq", (Index(index), Constant(int(value)))) | Operation(
            "eq", (Constant(int(value)), Index(index))
        ):
            pass
        case Operation("eq", (Index(left), Index(right))) if not (left.terms and right.terms):
            index, other = (left, right) if left.terms else (right, left)
            if other.constant % other.divisor.value:
                return None
            value = other.constant // other.divisor.value
        case _:
            return None
    if len(index.terms) != 1 or not which(index.terms[0][0]):
        return None
    axis, by = index.terms[0]
    place, rest = divmod(value * index.divisor.value - index.constant, by.value)
    return (axis, place) if not rest and isinstance(axis.extent, int) and 0 <= place < axis.extent else None


def naming_bracket(
    parts: Sequence[Expression], which: Which, fits: Callable[[Axis, Expression], bool]
) -> tuple[Axis, Expression, list[Expression]] | None:
    """The first part [axis = other], either way round, with an axis that no other part has.

    Returns the axis, the other side and the other parts.
    """
    for part in parts:
        if not isinstance(part, Operation) or part.name != "eq":
            continue
        others = [p for p in parts if p is not part]
        for one, other in (part.args, part.args[::-1]):
            axis = one.affine.bare if isinstance(one, Index) else None
            if axis is None or not which(axis) or any(axis in free_axes(p) for p in (other, *others)):
                continue
            if fits(axis, other):
                return axis, other, others
    return None


# Sums that run backwards through a window: dx[h] = Σ_u dy[(h + p − u)/s]·k[u]


@dataclass(frozen=True, slots=True)
class BackwardIndex:
    """`axis` stands in the parts only as (axis + offset + Σ k·u)/divisor, an index where `target` may stand instead."""

    axis: Axis
    index: Affine
    target: Axis
    key: object


def backward_index(
    axis: Axis, summed: Sequence[Axis], parts: Sequence[Expression], extent: Callable[[Axis], int]
) -> BackwardIndex | None:
    """How the axis stands in the parts, if it does so in one way only and some part is 0 where that index does not
    exist."""
    indices: dict[object, tuple[Affine, Axis]] = {}
    sizes = set()
    for read in (r for p in parts for r in reads(p)):
        for index, place in zip(read.indices, read.tensor.axes, strict=True):
            if isinstance(index, Affine) and axis in index.axes:
                indices[_key(index)] = index, place
                sizes.add(extent(place))
    if len(indices) != 1 or len(sizes) != 1:
        return None
    ((key, (index, place)),) = indices.items()
    others = [a for a in index.axes if a is not axis]
    if index.coefficient(axis) != 1 or not others or not set(others) <= set(summed):
        return None
    guarded = any(
        isinstance(p, Read) and p.outside == ZERO and any(isinstance(i, Affine) and _key(i) == key for i in p.indices)
        for p in parts
    )
    target = place.fresh()
    if not guarded or any(axis in free_axes(_turned(p, {key: target})) for p in parts):
        return None
    return BackwardIndex(axis, index, target, key)


def turned_round(parts: Sequence[Expression], views: Sequence[BackwardIndex]) -> list[Expression]:
    """The parts with each index that runs backwards as its target."""
    targets = {v.key: v.target for v in views}
    return [_turned(p, targets) for p in parts]


def _turned(part: Expression, targets: Mapping[object, Axis]) -> Expression:
    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read) and any(isinstance(i, Affine) and _key(i) in targets for i in e.indices):
            moved = tuple(
                Affine.of(targets[_key(i)]) if isinstance(i, Affine) and _key(i) in targets else i for i in e.indices
            )
            return transform(Read(e.tensor, moved, e.outside), change)
        return None

    return transform(part, change)


def _key(index: Affine) -> object:
    return frozenset((a, k.value) for a, k in index.terms), index.constant, index.divisor.value
