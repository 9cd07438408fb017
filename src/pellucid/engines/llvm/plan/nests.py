"""From statements to nests of loops and recurrences; a statement that gives another tensor a new shape is an alias.

Nests over the same axes become one: what one makes, the next finds in a register.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from pellucid.engines.llvm.plan.aliases import view
from pellucid.engines.llvm.plan.embedding_fusion import fold
from pellucid.engines.llvm.plan.work import Nest, Plan, Recurrence, Unsupported, Work, batched, plain_axes
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Index,
    Operation,
    Read,
    Reduction,
    Statement,
    Tensor,
    factors,
    free_axes,
    reads,
    rename,
    walk,
)
from pellucid.formula.program import Loop, Program


def make_nests(plan: Plan) -> Plan:
    """A nest for every statement, a recurrence for every loop.

    Raises:
        Unsupported: a statement that has no place here.
    """
    works: list[Work] = []
    views: dict[Tensor, Tensor] = {}
    for stage in plan.stages:
        if isinstance(stage, Loop):
            works.append(_recurrence(stage))
            continue
        _check(stage)
        source = view(stage)
        if source is not None:
            views[stage.target] = source
        else:
            works.append(_nest(stage))
    return replace(plan, works=works, views=views)


def check_supported(program: Program) -> None:
    """Look at every statement of a program.

    Raises:
        Unsupported: one cannot be compiled; the message says why.
    """
    for stage in fold(program):
        if isinstance(stage, Loop):
            _kind_of_loop(stage)
        for statement in stage.statements if isinstance(stage, Loop) else (stage,):
            _check(statement)


def _nest(statement: Statement) -> Nest:
    nest = Nest([statement], statement.axes, _kind(statement))
    if nest.kind == "global":
        nest.scatter = _scatter_axis(statement)
    return nest


def _kind(statement: Statement) -> Literal["shard", "global"]:
    return "shard" if batched(statement.target) else "global"


def _check(statement: Statement) -> None:
    kind = _kind(statement)
    mine = statement.axes[0] if kind == "shard" else None
    sums = [a for e in walk(statement.expression) if isinstance(e, Reduction) for a in e.axes if a.extent is BATCH]
    if mine is not None and sums:
        raise Unsupported(statement, "an example reads all others")
    for e in walk(statement.expression):
        if isinstance(e, Reduction) and sum(a.extent is BATCH for a in e.axes) > 1:
            raise Unsupported(statement, "a reduction over two batch axes")
        if isinstance(e, Reduction) and e.name == "argmax" and any(a.extent is BATCH for a in e.axes):
            raise Unsupported(statement, "argmax over the examples")
        if isinstance(e, Read) and batched(e.tensor):
            index = e.indices[0]
            axis = index.plain if isinstance(index, Affine) else None
            if axis is None or axis.extent is not BATCH:
                raise Unsupported(statement, f"{e.tensor.name} is read at an example that is not the statement's own")
    if kind == "global" and statement.axes:
        last = statement.axes[-1]
        for read in reads(statement.expression):
            if any(isinstance(i, Affine) and i.divisor.value != 1 and last in i.axes for i in read.indices):
                raise Unsupported(statement, f"{read.tensor.name} is read at a divided index along the last axis")
    if any(isinstance(e, Index) and e.affine.divisor.value != 1 for e in walk(statement.expression)):
        raise Unsupported(statement, "the value of a divided index")
    for tensor in (statement.target, *(r.tensor for r in reads(statement.expression))):
        if any(a.extent is BATCH for a in tensor.axes[1:]):
            raise Unsupported(statement, f"{tensor.name} has the batch axis elsewhere than first")


def _scatter_axis(statement: Statement) -> Axis | None:
    """The axis v of `dE[v,…] = Σ …·[v = ids[…]]`, which becomes additions at the place that ids names."""
    e = statement.expression
    if not (isinstance(e, Reduction) and e.name == "sum"):
        return None
    for factor in factors(e.body):
        match factor:
            case Operation("eq", (Index(index), Read(Tensor(kind="int")))) if index.plain in statement.axes:
                others = [f for f in factors(e.body) if f is not factor]
                if all(index.plain not in free_axes(f) for f in others) and others:
                    return index.plain
    return None


def _kind_of_loop(loop: Loop) -> Literal["shard", "global"]:
    kinds = {_kind(s) for s in loop.statements}
    if len(kinds) > 1:
        raise Unsupported(loop.statements[0], "a recurrence of some tensors with a batch axis and some without")
    return kinds.pop()


def _recurrence(loop: Loop) -> Recurrence:
    kind = _kind_of_loop(loop)
    nests: list[Nest] = []
    for statement in loop.statements:
        _check(statement)
        join(nests, Nest([statement], statement.axes, kind, step=loop.axes[statement.target], reverse=loop.reverse), {})
    return Recurrence(nests, loop.extent, loop.reverse, kind)


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
            here = read.tensor in made and plain_axes(read) == list(other.axes)
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
