"""Receptive fields: which elements of an input a value can depend on, read off the index maps of the formulas."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.explain.arithmetic import Values
from pellucid.formula import Affine, Axis, Expression, Program, Tensor
from pellucid.formula.expressions import (
    Constant,
    Index,
    Operation,
    Read,
    Reduction,
    children,
    factors,
    free_axes,
    reads,
    walk,
)

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
Grid = Mapping[Axis, Places]


def receptive_field(
    program: Program, values: Values, tensor: Tensor, index: Sequence[int], inputs: Collection[str] | None = None
) -> dict[str, Mask]:
    """For every input of the program, a mask of the elements that `tensor[index]` reads, itself or through others.

    An element under a weight that happens to be 0, or that lost a maximum, belongs to the field: it says what could
    matter.

    Args:
        inputs: the names of those inputs that are asked for; all of them where None is given.
    """
    names = [n for n, t in program.inputs.items() if t in values and (inputs is None or n in inputs)]
    field = _Field(program, values, _leading(program, {program.inputs[n] for n in names} | {tensor}))
    field.mark(tensor, tuple(np.array([i]) for i in index))
    while field.touched:
        current = field.touched.popitem()[0]
        statement = program.definition(current)
        if statement is None:
            if all(field.mask(program.inputs[n]).all() for n in names):
                break
            continue
        new = field.masks[current] & ~field.done[current]
        field.done[current] |= new
        if not new.any():
            continue
        places = np.nonzero(new) if new.ndim else ()
        grid = dict(zip(statement.axes, (p.astype(np.int64) for p in places), strict=True))
        field.follow(statement.expression, grid, len(places[0]) if places else 1)
    return {n: field.mask(program.inputs[n]) for n in names}


def _leading(program: Program, wanted: set[Tensor]) -> set[Tensor]:
    """The tensors through which a wanted one can be reached: all others, weights above all, need no mask."""
    readers: dict[Tensor, list[Tensor]] = {}
    for statement in program.statements:
        for read in reads(statement.expression):
            readers.setdefault(read.tensor, []).append(statement.target)
    leading, waiting = set(wanted), list(wanted)
    while waiting:
        new = [t for t in readers.get(waiting.pop(), ()) if t not in leading]
        leading.update(new)
        waiting += new
    return leading


@dataclass
class _Field:
    """The marks so far; `touched` are the tensors with marks that were not followed yet, the newest last."""

    program: Program
    values: Values
    leading: set[Tensor]

    def __post_init__(self) -> None:
        self.masks: dict[Tensor, Mask] = {}
        self.done: dict[Tensor, Mask] = {}
        self.touched: dict[Tensor, None] = {}
        self._leads: dict[int, bool] = {}
        self._plans: dict[int, tuple[set[Axis], list[tuple[Affine, Affine]]]] = {}

    def mask(self, tensor: Tensor) -> Mask:
        if tensor not in self.masks:
            self.masks[tensor] = np.zeros(self.values[tensor].shape, bool)
            self.done[tensor] = np.zeros(self.values[tensor].shape, bool)
        return self.masks[tensor]

    def mark(self, tensor: Tensor, at: tuple[Places, ...]) -> None:
        self.mask(tensor)[at] = True
        self.touched[tensor] = None

    def follow(self, e: Expression, grid: Grid, count: int) -> None:
        """Mark what the expression reads at `count` places, whose indices the grid holds by axis."""
        if not count or not self._leading(e):
            return
        match e:
            case Reduction(_, axes, body):
                self.follow(body, *self._widened(axes, body, grid, count))
                return
            case Operation("mul"):
                for left, right in _conditions(e):
                    holds = np.broadcast_to(_value(left, grid) == _value(right, grid), (count,))
                    grid, count = _chosen(grid, holds)
            case Read(tensor, indices, _):
                self._read(e, tensor, indices, grid, count)
                return
        for child in children(e):
            self.follow(child, grid, count)

    def _leading(self, e: Expression) -> bool:
        """Whether anything is read in an expression that leads to what is wanted."""
        if id(e) not in self._leads:
            self._leads[id(e)] = any(r.tensor in self.leading for r in reads(e))
        return self._leads[id(e)]

    def _plan(self, body: Expression) -> tuple[set[Axis], list[tuple[Affine, Affine]]]:
        """The axes on which it depends what a reduction's body reads, and the conditions among its factors."""
        if id(body) not in self._plans:
            inside = [c for part in walk(body) if isinstance(part, Operation) for c in _conditions(part)]
            needed = {a for read in reads(body) if self._leading(read) for a in free_axes(read)}
            needed |= {a for sides in inside for side in sides for a, _ in side.terms}
            self._plans[id(body)] = needed, list(_conditions(body))
        return self._plans[id(body)]

    def _read(self, e: Read, tensor: Tensor, indices: Sequence[Affine | Expression], grid: Grid, count: int) -> None:
        places = [_index(i, grid, self.values) for i in indices]
        inside = np.ones(count, bool)
        for (value, divides), extent in zip(places, self.values[tensor].shape, strict=True):
            inside &= divides & (value >= 0) & (value < extent)
        if tensor in self.leading and inside.any():
            self.mark(tensor, tuple(np.broadcast_to(value, inside.shape)[inside] for value, _ in places))
        for index in indices:
            if not isinstance(index, Affine):
                self.follow(index, grid, count)
        if e.outside is not None and not inside.all():
            self.follow(e.outside, *_chosen(grid, ~inside))

    def _widened(
        self, axes: Sequence[Axis], body: Expression, grid: Grid, count: int
    ) -> tuple[dict[Axis, Places], int]:
        """The places of a reduction's body: every place of the grid with every place of the axes, as far as what is
        read there depends on them.
        """
        needed, conditions = self._plan(body)
        outer, count = _distinct({a: p for a, p in grid.items() if a in needed}, count)
        inner, size = _all_places({a: self._extent(a) for a in axes if a in needed})
        for left, right in conditions:
            for here, there in ((left, right), (right, left)):
                if {a for a, _ in here.terms} <= outer.keys() and {a for a, _ in there.terms} <= inner.keys():
                    return _joined(outer, count, _value(here, outer), inner, size, _value(there, inner))
        wide = {a: np.repeat(p, size) for a, p in outer.items()}
        return wide | {a: np.tile(p, count) for a, p in inner.items()}, count * size

    def _extent(self, axis: Axis) -> int:
        if isinstance(axis.extent, int):
            return axis.extent
        return next(len(v) for t, v in self.values.items() if t.axes and not isinstance(t.axes[0].extent, int))


def _conditions(e: Expression) -> Iterator[tuple[Affine, Affine]]:
    """The conditions [a = b] among the factors of a product."""
    for factor in factors(e):
        match factor:
            case Operation("eq", (Index(left), Index(right))):
                yield left, right


def _chosen(grid: Grid, where: Mask) -> tuple[dict[Axis, Places], int]:
    return {a: p[where] for a, p in grid.items()}, int(where.sum())


def _distinct(grid: Grid, count: int) -> tuple[dict[Axis, Places], int]:
    """Each place of the grid once."""
    if not grid or count < 2:
        return dict(grid), min(count, 1) if not grid else count
    shape = tuple(int(p.max()) + 1 for p in grid.values())
    places = np.unravel_index(np.unique(np.ravel_multi_index(tuple(grid.values()), shape)), shape)
    return {a: p.astype(np.int64) for a, p in zip(grid, places, strict=True)}, len(places[0])


def _all_places(extents: Mapping[Axis, int]) -> tuple[dict[Axis, Places], int]:
    count = math.prod(extents.values())
    rows = np.indices(tuple(extents.values()), dtype=np.int64).reshape(len(extents), count)
    return dict(zip(extents, rows, strict=True)), count


def _joined(outer: Grid, count: int, here: Any, inner: Grid, size: int, there: Any) -> tuple[dict[Axis, Places], int]:
    """The pairs of places at which `here` of the one equals `there` of the other: of a flattened tensor's sum, one for
    each element, where all pairs would be the square of their number.
    """
    wanted, values = np.broadcast_to(here, (count,)), np.broadcast_to(there, (size,))
    order = np.argsort(values, kind="stable")
    first = np.searchsorted(values[order], wanted, side="left")
    matches = np.searchsorted(values[order], wanted, side="right") - first
    row = np.repeat(np.arange(count), matches)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(matches) - matches, matches)
    column = order[first[row] + nth]
    return {a: p[row] for a, p in outer.items()} | {a: p[column] for a, p in inner.items()}, len(row)


def _value(index: Affine, grid: Grid) -> Any:
    return index.constant + sum(c.value * grid[a] for a, c in index.terms)


def _index(index: Affine | Expression, grid: Grid, values: Values) -> tuple[Any, Any]:
    """The index at every place, and where it divides."""
    if isinstance(index, Affine):
        value, by = _value(index, grid), index.divisor.value
        return np.asarray(value // by), np.asarray(value % by == 0)
    assert isinstance(index, Read)
    places, table = [_index(i, grid, values) for i in index.indices], values[index.tensor]
    inside: Any = np.asarray(True)
    for (at, divides), extent in zip(places, table.shape, strict=True):
        inside = inside & divides & (at >= 0) & (at < extent)
    value = table[tuple(np.where(inside, at, 0) for at, _ in places)]
    if isinstance(index.outside, Constant):
        return np.where(inside, value, int(index.outside.value)), np.asarray(True)
    return value, inside
