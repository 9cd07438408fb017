"""The reading of a formula as shapes: the extent of every axis, and what does not fit.

An axis that stands alone as an index has the extent of what it indexes. An axis of a window (`i·s + u·d − p`) gets the
largest extent that fits, where a read that says what lies outside may reach out by its padding at both ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from pellucid.errors import ShapeError
from pellucid.formula.axes import Affine, Axis, Extent
from pellucid.formula.expressions import Read
from pellucid.formula.notation.unicode import affine_text, read_text
from pellucid.formula.parser import Parsed, raise_at


def infer(text: str, statements: Sequence[Parsed], *, partial: bool = False) -> None:
    """Give every axis of the statements its extent, in place; a ShapeError or FormulaError names what does not fit.

    With `partial`, an axis may run over the first part of what it indexes; what people write by hand is then more
    likely a mistake.
    """
    while _bare(statements) or _window(statements):
        pass
    for statement in statements:
        for axis, at in statement.axes:
            if axis.extent is None:
                raise_at(text, at, f"nothing says how long axis {axis.name} is; declare it, as in {axis.name}<10")
    for statement in statements:
        for read, at in statement.reads:
            _check(text, at, read, statement, partial)


def _places(read: Read) -> list[tuple[Affine, Axis]]:
    pairs = zip(read.indices, read.tensor.axes, strict=True)
    return [(index, axis) for index, axis in pairs if isinstance(index, Affine)]


def _bare(statements: Sequence[Parsed]) -> bool:
    """One round of: an axis that stands alone is as long as what it indexes (reads without an outside first)."""
    for padded in (False, True):
        progress = False
        for statement in statements:
            for read, _ in statement.reads:
                if (read.outside is not None) > padded:
                    continue
                for index, place in _places(read):
                    axis = index.bare
                    if axis is not None and axis.extent is None and place.extent is not None:
                        axis.extent = place.extent
                        progress = True
        if progress:
            return True
    return False


def _window(statements: Sequence[Parsed]) -> bool:
    """Give one axis of a window the largest extent that fits every read of it."""
    for statement in statements:
        for axis, _ in statement.axes:
            if axis.extent is not None:
                continue
            fits = [
                f
                for read, _ in statement.reads
                for index, place in _places(read)
                if (f := _fit(axis, index, read, place)) is not None
            ]
            if fits:
                axis.extent = min(fits)
                return True
    return False


def padding(index: Affine, read: Read) -> tuple[int, int]:
    """How far the index may leave the tensor at its low and its high end."""
    if read.outside is None:
        return 0, 0
    low = -index.constant
    high = [c.high for c in index.offset if c.high is not None]
    return max(low, 0), max(sum(high) if high else low, 0)


def _fit(axis: Axis, index: Affine, read: Read, place: Axis) -> int | None:
    """The largest extent of the axis for which the index stays inside, or None if the index does not determine it."""
    step = index.coefficient(axis)
    if step <= 0 or index.divisor.value != 1 or not isinstance(place.extent, int):
        return None
    if any(a.extent is None for a in index.axes if a is not axis):
        return None
    reach = index.bounds({axis: 1})
    if reach is None:
        return None
    _, high = padding(index, read)
    return (place.extent - 1 + high - reach[1]) // step + 1


def _check(text: str, at: int, read: Read, statement: Parsed, partial: bool) -> None:
    for index, place in _places(read):
        axis = index.bare
        if axis is not None and axis.extent == place.extent:
            continue
        if read.outside is not None:
            continue
        if axis is not None and not (partial and index.within(place.extent)):
            _disagree(text, at, axis, read, place.extent, statement)
        for inner in index.axes:
            if isinstance(inner.extent, int) and inner.extent < 1:
                _too_small(text, at, inner, index, read, place.extent)
        if not index.within(place.extent):
            reach = index.bounds()
            if index.divisor.value == 1 and reach is not None and isinstance(place.extent, int):
                message = (
                    f"{affine_text(index)} runs from {reach[0]} to {reach[1]}, but {read.tensor.name} has "
                    f"{place.extent} along {place.name}; say what lies outside, as in | 0"
                )
            else:
                message = f"{affine_text(index)} may leave {read.tensor.name}; say what lies outside, as in | 0"
            _shape_error(text, at, message)
    if read.outside is not None:
        for index, place in _places(read):
            for inner in index.axes:
                if isinstance(inner.extent, int) and inner.extent < 1:
                    _too_small(text, at, inner, index, read, place.extent)


def _too_small(text: str, at: int, axis: Axis, index: Affine, read: Read, extent: Extent | None) -> NoReturn:
    reach = index.bounds({axis: 1})
    low, high = padding(index, read)
    need = reach[1] - reach[0] + 1 if reach else "more"
    padded = f" ({low + high} of padding included)" if low + high else ""
    there = extent + low + high if isinstance(extent, int) else extent
    _shape_error(
        text,
        at,
        f"axis {axis.name} would be empty: its window covers {need}, but {read.tensor.name} has only {there}{padded}",
    )


def _disagree(text: str, at: int, axis: Axis, read: Read, extent: Extent | None, statement: Parsed) -> NoReturn:
    for other, _ in statement.reads:
        for index, place in _places(other):
            if other is not read and index.bare is axis and place.extent == axis.extent:
                names = {t: t.letter for t in (other.tensor, read.tensor)}
                here, there = read_text(read, names), read_text(other, names)
                _shape_error(text, at, f"axis {axis.name} is {axis.extent} in {there} but {extent} in {here}")
    _shape_error(text, at, f"axis {axis.name} is {axis.extent}, but {read.tensor.name} has {extent} there")


def _shape_error(text: str, at: int, message: str) -> NoReturn:
    try:
        raise_at(text, at, message)
    except ValueError as error:
        raise ShapeError(str(error)) from None
