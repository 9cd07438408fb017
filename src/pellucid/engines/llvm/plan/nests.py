"""From statements to nests of loops and recurrences; a statement that gives another tensor a new shape is an alias."""

from __future__ import annotations

from typing import Literal

from pellucid.engines.llvm.plan.aliases import view
from pellucid.engines.llvm.plan.embedding_fusion import fold
from pellucid.engines.llvm.plan.fusion import join
from pellucid.engines.llvm.plan.work import Nest, Plan, Recurrence, Unsupported, batched
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
    walk,
)
from pellucid.formula.program import Loop, Program


def make_nests(plan: Plan) -> Plan:
    """A nest for every statement, a recurrence for every loop.

    Raises:
        Unsupported: a statement that has no place here.
    """
    for stage in plan.stages:
        if isinstance(stage, Loop):
            plan.works.append(_recurrence(stage))
            continue
        _check(stage)
        source = view(stage)
        if source is not None:
            plan.views[stage.target] = source
        else:
            plan.works.append(_nest(stage))
    return plan


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
