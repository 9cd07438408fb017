"""What the axes are while code is written: integers affine in the counters of the open loops, with the lane of a
vector as one more; and a point of a nest, with all that is known there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.values import Value
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Tensor


@dataclass(frozen=True, slots=True)
class Linear:
    """Σ coefficient·counter + constant + lane·(0…15). Terms are sorted, so that equal indices are equal objects."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0
    lane: int = 0

    @staticmethod
    def counter(name: str, step: int = 1, start: int = 0) -> Linear:
        return Linear(((name, step),), start) if step else Linear((), start)

    def __add__(self, other: Linear) -> Linear:
        if not other.terms:
            return Linear(self.terms, self.constant + other.constant, self.lane + other.lane)
        coefficients = dict(self.terms)
        for name, c in other.terms:
            coefficients[name] = coefficients.get(name, 0) + c
        terms = tuple(sorted((n, c) for n, c in coefficients.items() if c))
        return Linear(terms, self.constant + other.constant, self.lane + other.lane)

    def __mul__(self, by: int) -> Linear:
        if by == 0:
            return Linear()
        return Linear(tuple((n, c * by) for n, c in self.terms), self.constant * by, self.lane * by)

    def plus(self, constant: int) -> Linear:
        return Linear(self.terms, self.constant + constant, self.lane)

    @property
    def static(self) -> bool:
        return not self.terms and not self.lane

    def range(self, builder: Builder, lanes: int) -> tuple[float, float]:
        """Smallest and largest value, as far as is known."""
        low = high = float(self.constant)
        if self.lane:
            low, high = low + min(0, self.lane * (lanes - 1)), high + max(0, self.lane * (lanes - 1))
        for name, c in self.terms:
            smallest, largest = builder.ranges.get(name, (0, None))
            ends = (c * smallest, c * largest if largest is not None else c * float("inf"))
            low, high = low + min(ends), high + max(ends)
        return low, high

    def emit(self, builder: Builder) -> str | int:
        """The value for lane 0, outer counters first so that what they give is computed outside the inner loops."""
        total: str | int = 0
        for name, c in sorted(self.terms, key=lambda term: (builder.levels.get(term[0], 0), term[0])):
            total = builder.add(total, builder.multiply(name, c))
        return builder.add(total, self.constant)


COMPACT = "compact"
"""The last shard, with several places of its few examples side by side."""


class Batch(NamedTuple):
    """The batch axis: which shard, and whether its examples are the lanes or counted one by one."""

    shard: str
    lane: str | None = None


class Point(NamedTuple):
    """A point of a nest, or of a sum inside it.

    Attributes:
        axes: what each axis is.
        batches: of those that are batch axes, which shard and lane.
        active: the number of lanes in use, where not all are.
        known: the values that are there already: of tensors that the nest makes at this point, and of expressions by
            their identity.
        inside: indices that the bounds of an open loop keep inside their extents.
    """

    axes: Mapping[Axis, Linear]
    batches: Mapping[Axis, Batch] = {}
    active: int | None = None
    known: Mapping[Tensor | int, Value] = {}
    inside: tuple[tuple[Linear, int], ...] = ()

    def at(self, axis: Axis, value: Linear) -> Point:
        return Point({**self.axes, axis: value}, self.batches, self.active, self.known, self.inside)

    def of_batch(self, axis: Axis, value: Linear, batch: Batch) -> Point:
        return self.at(axis, value)._replace(batches={**self.batches, axis: batch})

    def counted(self, axis: Axis, counter: Linear, inside: Iterable[tuple[Linear, int, int]]) -> Point:
        """The point in a loop over the axis; its bounds keep these indices, so many counters added, in extents."""
        kept = [(index + counter * times, extent) for index, times, extent in inside]
        return self.at(axis, counter)._replace(inside=(*self.inside, *kept))

    def knowing(self, key: Tensor | int, value: Value) -> Point:
        return self._replace(known={**self.known, key: value})
