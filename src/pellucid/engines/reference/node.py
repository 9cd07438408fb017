"""Nodes: expressions made ready to run, for one extent of the batch.

A node runs in a frame, a tuple of axes: its array has one dimension for each axis of the frame, of extent 1
where the node does not depend on the axis. So labelled broadcasting is NumPy's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from pellucid.engines.base import Dtype
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Expression, Number, Tensor

Frame = tuple[Axis, ...]
State = list[Any]
"""The values of a run: the step of the running loop, then each tensor's array in its slot."""
STEP: Final = 0

Run = Callable[[State], Any]
Kind = Literal["float", "int", "bool", "number", "whole"]
"""float, int, bool: NumPy values of the engine's dtype, int64, bool. number, whole: a Python float or int,
which has no axes.
"""
SOFT: Final = frozenset({"number", "whole"})


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An expression ready to run.

    Attributes:
        axes: those on which the value depends. With none, the array may have any rank.
        fresh: whether the array belongs to nobody else, so that the next operation may write over it.
        constant: the value, where it is known.
        strides: the likely distance in memory between neighbours along each axis; a hint for the order of
            copies, no more.
    """

    axes: frozenset[Axis]
    kind: Kind
    run: Run
    fresh: bool = False
    constant: Number | None = None
    strides: Mapping[Axis, int] = field(default_factory=dict)

    @property
    def soft(self) -> bool:
        return self.kind in SOFT


def constant(value: Number) -> Node:
    return Node(frozenset(), "whole" if isinstance(value, int) else "number", lambda v: value, constant=value)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What nodes are built for: the extent of the batch, the dtype, the slots, the axes that are at the
    loop's step, and whether results are to have the same bits on every machine.
    """

    batch: int
    dtype: Dtype
    slots: Mapping[Tensor, int]
    builder: Callable[[Context, Expression, Frame], Node]
    pinned: frozenset[Axis] = frozenset()
    portable: bool = False

    def build(self, expression: Expression, frame: Frame) -> Node:
        return self.builder(self, expression, frame)

    def pin(self, axis: Axis) -> Context:
        """The context inside a loop, with this axis at the loop's step."""
        return replace(self, pinned=self.pinned | {axis})

    def extent(self, axis: Axis) -> int:
        return self.batch if axis.extent is BATCH else axis.size

    def shape(self, axes: Collection[Axis], frame: Frame) -> tuple[int, ...]:
        """The shape in a frame of a value that depends on these axes."""
        return tuple(self.extent(a) if a in axes else 1 for a in frame)

    def count(self, axes: Collection[Axis]) -> int:
        total = 1
        for axis in axes:
            total *= self.extent(axis)
        return total

    def contiguous(self, axes: Collection[Axis], frame: Frame) -> dict[Axis, int]:
        """The strides of an array laid out in the frame's order."""
        strides: dict[Axis, int] = {}
        step = 1
        for axis in reversed(frame):
            if axis in axes:
                strides[axis] = step
                step *= self.extent(axis)
        return strides


def hard(c: Context, node: Node, frame: Frame) -> Run:
    """The node's value as an array of the full rank and shape, whatever its kind."""
    shape = c.shape(node.axes, frame)
    if node.axes:
        return node.run
    kind = (
        c.dtype if node.kind in ("float", "number") else np.dtype(bool) if node.kind == "bool" else np.dtype(np.int64)
    )
    return lambda v: np.asarray(node.run(v), dtype=kind).reshape(shape)
