"""What the axes are while code is written: the batch axis, and a point of a nest."""

from __future__ import annotations

from dataclasses import dataclass, field

from pellucid.engines.llvm.emit.linear import Linear
from pellucid.engines.llvm.emit.values import Value
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import (
    Tensor,
)


@dataclass(frozen=True)
class Batch:
    """The batch axis: which shard, and whether its examples are the lanes or counted one by one."""

    shard: str
    lane: str | None = None


@dataclass
class Point:
    """What each axis is. `active` is the number of lanes in use, where not all are."""

    axes: dict[Axis, Linear]
    active: int | None = None
    made: dict[Tensor, Value] = field(default_factory=dict)

    def at(self, axis: Axis, value: Linear) -> Point:
        return Point({**self.axes, axis: value}, self.active, self.made)
