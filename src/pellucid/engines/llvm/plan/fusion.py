"""Nests of loops that become one: what one makes, the next finds in a register."""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.engines.llvm.plan.work import Nest
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Read, Statement, Tensor, rename


def join(nests: list[Nest], nest: Nest, views: Mapping[Tensor, Tensor]) -> None:
    """Put the nest at the end, or into the latest one that it may share, behind which nothing stands that it reads."""
    sources = {_home(views, r.tensor) for r in nest.reads}
    for other in reversed(nests):
        if isinstance(other, Nest) and may_join(other, nest, views):
            merge(other, nest)
            return
        if sources & set(other.targets):
            break
    nests.append(nest)


def _home(views: Mapping[Tensor, Tensor], tensor: Tensor) -> Tensor:
    while tensor in views:
        tensor = views[tensor]
    return tensor


def may_join(nest: Nest, other: Nest, views: Mapping[Tensor, Tensor]) -> bool:
    if nest.scatter or other.scatter or nest.kind != other.kind or len(nest.axes) != len(other.axes):
        return False
    if any(a.extent != b.extent for a, b in zip(nest.axes, other.axes, strict=True)):
        return False
    if (nest.step is None) != (other.step is None) or (nest.heavy and other.heavy):
        return False
    if nest.step is not None and other.step is not None and nest.axes.index(nest.step) != other.axes.index(other.step):
        return False
    made = set(nest.targets)
    for read in other.reads:
        if _home(views, read.tensor) in made:
            here = read.tensor in made and all(
                isinstance(i, Affine) and i.plain is a for i, a in zip(read.indices, other.axes, strict=True)
            )
            step = other.step
            earlier = step is not None and _other_step(read, other.axes.index(step), step)
            if not here and not earlier:
                return False
    connected = any(_home(views, r.tensor) in made for r in other.reads)
    shared = bool({r.tensor for r in other.reads if r.tensor.rank} & {r.tensor for r in nest.reads if r.tensor.rank})
    return connected or (shared and not nest.heavy and not other.heavy)


def _other_step(read: Read, place: int, step: Axis) -> bool:
    """Whether a read of a loop's tensor is of a step that has been finished: it comes from memory."""
    if len(read.indices) <= place:
        return False
    index = read.indices[place]
    return isinstance(index, Affine) and index.plain is not step and index.axes == (step,)


def merge(nest: Nest, other: Nest) -> None:
    names = dict(zip(other.axes, nest.axes, strict=True))
    for s in other.statements:
        nest.statements.append(Statement(s.target, rename(s.expression, names), s.letters))
