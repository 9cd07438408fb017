"""Axes and the affine indices that run over them.

An index of a formula is affine in the axes, `(i·s + u·d − p) / q`, and its coefficients keep the names that the formula
gave them, so that a derivative still prints `(k + p − u·d)/s` and not `(k + 2 − 1u)/2`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final


class Batch(enum.Enum):
    """The extent that is known only when a program runs: the number of examples."""

    BATCH = "n"

    def __repr__(self) -> str:
        return "BATCH"


BATCH: Final = Batch.BATCH
Extent = int | Batch


class Axis:
    """One axis: a name for people and an extent. Two axes are the same only if they are the same object.

    `bound` is the text of an extent that the formula declares itself, as in `u<K`.
    """

    __slots__ = ("bound", "extent", "name")

    def __init__(self, name: str, extent: Extent | None = None, *, bound: Coefficient | None = None) -> None:
        self.name = name
        self.extent = extent
        self.bound = bound

    def __repr__(self) -> str:
        return f"{self.name}<{self.extent}"

    @property
    def size(self) -> int:
        """The extent of an axis whose extent is a number."""
        if not isinstance(self.extent, int):
            raise TypeError(f"axis {self.name} has no fixed extent")
        return self.extent

    def fresh(self, name: str | None = None) -> Axis:
        """Another axis with the same extent."""
        return Axis(name or self.name, self.extent, bound=self.bound)


@dataclass(frozen=True, slots=True)
class Coefficient:
    """An integer under the name that a formula gives it: `minus` is the sign written before the name.

    `high` is set on a padding that differs at the axis's other end.
    """

    value: int
    name: str = ""
    minus: bool = False
    high: int | None = None

    def __neg__(self) -> Coefficient:
        return replace(self, value=-self.value, minus=bool(self.name) and not self.minus)

    def __mul__(self, other: Coefficient) -> Coefficient:
        for one, two in ((self, other), (other, self)):
            if not one.name and abs(one.value) == 1:
                return two if one.value == 1 else -two
        value = self.value * other.value
        if not (self.name or other.name):
            return Coefficient(value)
        first, second = (self, other) if self.name else (other, self)
        texts = (first.text, second.text) if second.name else (second.text, first.text)  # 2·s, whichever came first
        return Coefficient(value, "·".join(texts), self.negative != other.negative)

    @property
    def text(self) -> str:
        """What people read after the sign."""
        return self.name or str(abs(self.value))

    @property
    def negative(self) -> bool:
        return self.minus if self.name else self.value < 0


ONE: Final = Coefficient(1)
Term = tuple[Axis, Coefficient]


@dataclass(frozen=True, slots=True)
class Affine:
    """`(Σ coefficient·axis + offset) / divisor`; where it does not divide, the read it indexes is outside."""

    terms: tuple[Term, ...] = ()
    offset: tuple[Coefficient, ...] = ()
    divisor: Coefficient = ONE

    @staticmethod
    def of(value: Axis | int | Affine) -> Affine:
        if isinstance(value, Affine):
            return value
        if isinstance(value, Axis):
            return Affine(((value, ONE),))
        return Affine((), (Coefficient(value),) if value else ())

    @property
    def constant(self) -> int:
        """The sum of the offsets."""
        return sum(c.value for c in self.offset)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(axis for axis, _ in self.terms)

    @property
    def bare(self) -> Axis | None:
        """The axis, if the index is nothing but an axis."""
        if len(self.terms) == 1 and not self.offset and self.divisor == ONE and self.terms[0][1] == ONE:
            return self.terms[0][0]
        return None

    @property
    def plain(self) -> Axis | None:
        """The axis, if the index has the value of one axis, however it is written (`i·s − p` with s = 1, p = 0)."""
        if len(self.terms) == 1 and not self.constant and self.divisor.value == 1 and self.terms[0][1].value == 1:
            return self.terms[0][0]
        return None

    def coefficient(self, axis: Axis) -> int:
        return sum(c.value for a, c in self.terms if a is axis)

    def scaled(self, by: Coefficient) -> Affine:
        """The index times an integer; a divisor of the same name and value cancels."""
        if self.divisor.value == by.value and self.divisor.name == by.name:
            return replace(self, divisor=ONE)
        if self.divisor.value != 1 and by.value % self.divisor.value == 0:
            return replace(self, divisor=ONE).scaled(Coefficient(by.value // self.divisor.value))
        return Affine(tuple((a, c * by) for a, c in self.terms), tuple(c * by for c in self.offset), self.divisor)

    def __add__(self, other: Affine) -> Affine:
        if self.divisor.value != 1 or other.divisor.value != 1:
            if self.divisor.value == other.divisor.value:
                total = replace(self, divisor=ONE) + replace(other, divisor=ONE)
                return replace(total, divisor=self.divisor)
            left, right = replace(self, divisor=ONE), replace(other, divisor=ONE)
            total = left.scaled(other.divisor) + right.scaled(self.divisor)
            return replace(total, divisor=self.divisor * other.divisor)
        divisor = self.divisor if self.divisor.name else other.divisor
        return Affine(_merge_terms(self.terms + other.terms), _merge_offsets(self.offset + other.offset), divisor)

    def __neg__(self) -> Affine:
        return self.scaled(Coefficient(-1))

    def __sub__(self, other: Affine) -> Affine:
        return self + (-other)

    def over(self, divisor: Coefficient) -> Affine:
        """The index divided; dividing by −s changes every sign instead."""
        if divisor.value < 0:
            return (-self).over(-divisor if divisor.minus else Coefficient(-divisor.value))
        if divisor.value == 1 and not divisor.name:
            return self
        return replace(self, divisor=self.divisor * divisor)

    def substitute(self, values: Mapping[Axis, Affine]) -> Affine:
        """The index with axes replaced by indices."""
        if not any(axis in values for axis in self.axes):
            return self
        total = Affine((), self.offset)
        # Kept in the order of the terms, so that i·s + u·d − p stays readable after i has been replaced.
        parts = [values[a].scaled(c) if a in values else Affine(((a, c),)) for a, c in self.terms]
        for part in reversed(parts):
            total = part + total
        return total.over(self.divisor)

    def bounds(self, extents: Mapping[Axis, int] | None = None) -> tuple[int, int] | None:
        """Smallest and largest value before division over all values of the axes; None with a batch axis."""
        low = high = self.constant
        for axis, c in self.terms:
            extent = extents[axis] if extents and axis in extents else axis.extent
            if not isinstance(extent, int):
                return None
            reach = c.value * (extent - 1)
            low, high = low + min(0, reach), high + max(0, reach)
        return low, high

    def within(self, extent: Extent | None) -> bool:
        """Whether the index always exists in an axis of this extent."""
        plain = self.plain
        if plain is not None and plain.extent == extent:
            return True
        bounds = self.bounds()
        if bounds is None or not isinstance(extent, int) or self.divisor.value != 1:
            return False
        return bounds[0] >= 0 and bounds[1] < extent


def _merge_terms(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    merged: dict[Axis, Coefficient] = {}
    for axis, c in terms:
        if axis in merged:
            before = merged[axis]
            merged[axis] = Coefficient(before.value + c.value)
        else:
            merged[axis] = c
    return tuple((a, c) for a, c in merged.items() if c.value)


def _merge_offsets(offsets: tuple[Coefficient, ...]) -> tuple[Coefficient, ...]:
    """Named offsets that cancel, and numbers added up; p − p goes, p stays."""
    named: list[Coefficient] = []
    number = 0
    for c in offsets:
        if not c.name:
            number += c.value
            continue
        opposite = next(
            (o for o in named if o.name == c.name and o.value == -c.value and o.negative != c.negative), None
        )
        if opposite is not None:
            named.remove(opposite)
        else:
            named.append(c)
    return (*named, *((Coefficient(number),) if number else ()))
