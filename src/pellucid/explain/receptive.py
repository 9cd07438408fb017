"""Receptive fields: which elements of an input a value can depend on, read off the index maps of the formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.explain.arithmetic import Values
from pellucid.formula import Affine, Axis, Expression, Program, Tensor
from pellucid.formula.expressions import Index, Operation, Read, Reduction, children, factors

Mask = NDArray[np.bool_]
Grid = Mapping[Axis, NDArray[np.int64]]


def receptive_field(program: Program, values: Values, tensor: Tensor, index: Sequence[int]) -> dict[str, Mask]:
    """For every input of the program, a mask of the elements that `tensor[index]` reads, itself or through others.

    An element under a weight that happens to be 0, or that lost a maximum, belongs to the field: it says what could
    matter.
    """
    masks: dict[Tensor, Mask] = {t: np.zeros(v.shape, bool) for t, v in values.items()}
    masks[tensor][tuple(index)] = True
    done: dict[Tensor, Mask] = {t: np.zeros(m.shape, bool) for t, m in masks.items()}
    waiting = [tensor]
    while waiting:
        current = waiting.pop()
        statement = program.definition(current)
        new = masks[current] & ~done[current]
        done[current] |= new
        if statement is None or not new.any():
            continue
        places = np.nonzero(new) if new.ndim else ()
        grid = dict(zip(statement.axes, (p.astype(np.int64) for p in places), strict=True))
        _mark(statement.expression, grid, np.ones(len(places[0]) if places else 1, bool), values, masks)
        waiting += [t for t in masks if t is not current and (masks[t] & ~done[t]).any()]
        if (masks[current] & ~done[current]).any():
            waiting.append(current)
    return {name: masks[t] for name, t in program.inputs.items() if t in masks}


def _mark(e: Expression, grid: Grid, alive: Mask, values: Values, masks: dict[Tensor, Mask]) -> None:
    """Mark what the expression reads at the places of the grid that are alive."""
    match e:
        case Reduction(_, axes, body):
            shape = tuple(a.extent if isinstance(a.extent, int) else _batch(values, masks) for a in axes)
            inner = np.indices(shape).reshape(len(axes), -1)
            count = inner.shape[1]
            wide = {a: np.repeat(v, count) for a, v in grid.items()}
            wide |= {a: np.tile(row, alive.size) for a, row in zip(axes, inner, strict=True)}
            _mark(body, wide, np.repeat(alive, count), values, masks)
            return
        case Operation("mul"):
            for factor in factors(e):
                match factor:
                    case Operation("eq", (Index(left), Index(right))):
                        alive = alive & (_value(left, grid) == _value(right, grid))
        case Read(tensor, indices, _):
            found = [_index(i, grid, values) for i in indices]
            inside = alive.copy()
            for (value, divides), extent in zip(found, masks[tensor].shape, strict=True):
                inside &= divides & (value >= 0) & (value < extent)
            at = tuple(np.broadcast_to(value, inside.shape)[inside] for value, _ in found)
            if at or inside.any():
                masks[tensor][at] = True
            for index in indices:
                if not isinstance(index, Affine):
                    _mark(index, grid, alive, values, masks)
            if e.outside is not None and not inside[alive].all():
                _mark(e.outside, grid, alive & ~inside, values, masks)
            return
    for child in children(e):
        _mark(child, grid, alive, values, masks)


def _batch(values: Values, masks: Mapping[Tensor, Mask]) -> int:
    return next(len(m) for t, m in masks.items() if t.axes and not isinstance(t.axes[0].extent, int))


def _value(index: Affine, grid: Grid) -> Any:
    return index.constant + sum(c.value * grid[a] for a, c in index.terms)


def _index(index: Affine | Expression, grid: Grid, values: Values) -> tuple[Any, Any]:
    """The index at every place, and where it divides."""
    if isinstance(index, Affine):
        value, by = _value(index, grid), index.divisor.value
        return np.asarray(value // by), np.asarray(value % by == 0)
    assert isinstance(index, Read)
    at = tuple(_index(i, grid, values)[0] for i in index.indices)
    return values[index.tensor][at], np.asarray(True)
