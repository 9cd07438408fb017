"""What runs when: statements become nests of loops, nests become phases.

Work on examples runs a shard of 16 of them at a time, all of it from the inputs to the gradients of the sums, with
no meeting of threads. A statement whose target has no batch axis is global: it meets every shard (Σ over n) or
none, and runs in a phase of its own, cut along its target. Statements over the same axes share one nest; what one
makes, the next finds in a register.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pellucid.engines.llvm.plan.aliases import view
from pellucid.engines.llvm.plan.embedding_fusion import fold
from pellucid.engines.llvm.plan.layout import lane_last
from pellucid.engines.llvm.plan.light_loops import join_light
from pellucid.engines.llvm.plan.work import Nest, Phase, Recurrence, Schedule, Unsupported, Work, batched, nests_of
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

MEETING = 250_000
"""Products of a nest that take a few times as long as it takes threads to meet before and after it."""

HANDING = 1_000_000
"""Products of a call that take as much longer alone as it takes to hand the call to another thread."""


def schedule(program: Program, state: Mapping[str, str] | None = None) -> Schedule:
    """The phases of a program.

    Args:
        state: by output, the input in whose place it is written, once every other reader of that input is done.

    Raises:
        Unsupported: a statement that has no place here.
    """
    views: dict[Tensor, Tensor] = {}
    works: list[Work] = []
    late = {program.outputs[o] for o in state or {}}
    for stage in fold(program):
        if isinstance(stage, Loop):
            works.append(_recurrence(stage))
            continue
        _check(stage, "shard" if batched(stage.target) else "global")
        source = view(stage)
        if source is not None:
            views[stage.target] = source
            continue
        works.append(_nest(stage))
    result = Schedule([], views, program)
    _phases(result, join_light(works, views, program.outputs.values()), late)
    return result


# Statements


def _nest(statement: Statement) -> Nest:
    kind: Literal["shard", "global"] = "shard" if batched(statement.target) else "global"
    _check(statement, kind)
    nest = Nest([statement], statement.axes, kind)
    if kind == "global":
        nest.scatter = _scatter_axis(statement)
    return nest


def _check(statement: Statement, kind: str) -> None:
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


def _recurrence(loop: Loop) -> Recurrence:
    nests: list[Nest] = []
    kinds = {batched(s.target) for s in loop.statements}
    if len(kinds) > 1:
        raise Unsupported(loop.statements[0], "a recurrence of some tensors with a batch axis and some without")
    kind: Literal["shard", "global"] = "shard" if kinds.pop() else "global"
    for statement in loop.statements:
        _check(statement, kind)
        nest = Nest([statement], statement.axes, kind, step=loop.axes[statement.target], reverse=loop.reverse)
        _join(nests, nest, {})
    return Recurrence(nests, loop.extent, loop.reverse, kind)


# Phases


def _phases(result: Schedule, works: list[Work], late: set[Tensor]) -> None:
    """Levels: a shard's work of level k may read globals of level < k, a global of level k reads shards of level ≤
    k."""
    level: dict[Tensor, tuple[int, int]] = {}  # (level, place among the globals of the level; 0 for shards)
    shards: dict[int, list[Work]] = {}
    globals_: dict[tuple[int, int], list[Work]] = {}
    readers: dict[Tensor, tuple[int, int]] = {}
    for work in works:
        sources = [level[h] for r in work.reads if (h := result.home(r.tensor)) in level]
        if work.kind == "shard":
            mine = (max((k if place == 0 else k + 1 for k, place in sources), default=0), 0)
            for target in work.targets:
                level[target] = mine
            _add(shards.setdefault(mine[0], []), work, result)
        else:
            # What reads parameters alone comes before all shards, on level −1.
            top = max((k for k, _ in sources), default=-1)
            top = max(top, 0) if any(batched(r.tensor) for r in work.reads) else top
            place = 1 + max((p for k, p in sources if k == top), default=0)
            if any(t in late for t in work.targets):
                continue
            mine = (top, place)
            for target in work.targets:
                level[target] = mine
            globals_.setdefault(mine, []).append(work)
        for r in work.reads:
            home = result.home(r.tensor)
            readers[home] = max(readers.get(home, (-1, 0)), mine)
    last: list[Work] = [w for w in works if w.kind == "global" and any(t in late for t in w.targets)]
    _place_late(result, last, level, readers, globals_, shards)
    for k in range(-1, max([*shards, *(k for k, _ in globals_)], default=-1) + 1):
        if k in shards:
            result.phases.append(Phase("shard", shards[k]))
        for key in sorted(g for g in globals_ if g[0] == k):
            nests: list[Work] = []
            for work in globals_[key]:
                _add(nests, work, result)
            result.phases.append(Phase("global", nests))
    _fuse_globals(result, late)


def _place_late(
    result: Schedule,
    last: list[Work],
    level: dict[Tensor, tuple[int, int]],
    readers: dict[Tensor, tuple[int, int]],
    globals_: dict[tuple[int, int], list[Work]],
    shards: Mapping[int, list[Work]],
) -> None:
    """New values of a state come after everybody else has read the old ones."""
    if not last:
        return
    end = max([k for k in shards] + [k for k, _ in globals_], default=-1)
    start = max((p for k, p in globals_ if k == end), default=0) + 1
    for work in last:
        place = start
        for r in work.reads:
            home = result.home(r.tensor)
            if home in level and level[home][0] == end:
                place = max(place, level[home][1] + 1)
        for target in work.targets:
            level[target] = (end, place)
        globals_.setdefault((end, place), []).append(work)


def _fuse_globals(result: Schedule, late: set[Tensor]) -> None:
    """Global work that only continues what one nest of a phase before it made joins it there: an update joins its
    gradient."""
    for place, later in enumerate(result.phases):
        if later.kind != "global":
            continue
        kept: list[Work] = []
        for work in later.works:
            nest = _continues(result, place, work)
            if (
                nest is not None
                and isinstance(work, Nest)
                and not (late.intersection(work.targets) and _read_after(result, work))
            ):
                _merge(nest, work)
            else:
                kept.append(work)
        later.works = kept
    result.phases = [p for p in result.phases if p.works]


def _continues(result: Schedule, place: int, work: Work) -> Nest | None:
    """The nest before phase `place`, with no shards' work between, that alone made what the work reads last."""
    if not isinstance(work, Nest):
        return None
    for phase in reversed(result.phases[:place]):
        if phase.kind != "global":
            return None
        made_in = [w for w in phase.works if any(result.home(r.tensor) in w.targets for r in work.reads)]
        if made_in:
            nest = made_in[0]
            return (
                nest if len(made_in) == 1 and isinstance(nest, Nest) and _may_join(nest, work, result.views) else None
            )
    return None


def _read_after(result: Schedule, work: Nest) -> bool:
    """Whether a global nest other than the work reads an input that the work may write in place."""
    inputs = set(result.program.inputs.values()).intersection(r.tensor for r in work.reads if r.tensor.rank)
    others = [
        w for p in result.phases if p.kind == "global" for w in p.works if w is not work and w.targets != work.targets
    ]
    return any(r.tensor in inputs and not _elementwise_reader(result, w, r) for w in others for r in w.reads)


def _elementwise_reader(result: Schedule, work: Work, read: Read) -> bool:
    return isinstance(work, Nest) and all(
        isinstance(i, Affine) and i.plain is a for i, a in zip(read.indices, work.axes, strict=False)
    )


def _add(works: list[Work], work: Work, result: Schedule) -> None:
    if isinstance(work, Nest):
        _join(works, work, result.views)  # type: ignore[arg-type]
    else:
        works.append(work)


def _join(nests: list[Nest], nest: Nest, views: Mapping[Tensor, Tensor]) -> None:
    """Put the nest at the end, or into the latest one that it may share, behind which nothing stands that it reads."""
    sources = {_home(views, r.tensor) for r in nest.reads}
    for other in reversed(nests):
        if isinstance(other, Nest) and _may_join(other, nest, views):
            _merge(other, nest)
            return
        if sources & set(other.targets):
            break
    nests.append(nest)


def _home(views: Mapping[Tensor, Tensor], tensor: Tensor) -> Tensor:
    while tensor in views:
        tensor = views[tensor]
    return tensor


def _may_join(nest: Nest, other: Nest, views: Mapping[Tensor, Tensor]) -> bool:
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


def _merge(nest: Nest, other: Nest) -> None:
    names = dict(zip(other.axes, nest.axes, strict=True))
    for s in other.statements:
        nest.statements.append(Statement(s.target, rename(s.expression, names), s.letters))


def in_place(plan: Schedule, target: Tensor, name: str) -> bool:
    """Whether a new value may overwrite the input of that name: nobody reads the old one elsewhere, or later."""
    old = plan.program.inputs[name]
    if old.shape != target.shape or old.kind != target.kind or batched(target) or target in plan.views:
        return False
    seen = False
    for phase in plan.phases:
        here = [w for w in phase.works if target in w.targets]
        for work in phase.works:
            if work in here:
                if not isinstance(work, Nest) or work.scatter is not None:
                    return False
                if any(plan.home(r.tensor) is old and not _elementwise_reader(plan, work, r) for r in work.reads):
                    return False
            elif (here or seen) and any(plan.home(r.tensor) is old for r in work.reads):
                return False
        seen = seen or bool(here)
    return seen and old not in plan.views.values() and sum(t is target for t in plan.program.outputs.values()) == 1


def for_few(plan: Schedule, *, shared: bool) -> bool:
    """Turn the plan to one for a few examples, if none of them needs another: a prediction, not a training step.

    Args:
        shared: whether threads share the work of an example where that is worth it.
    """
    for phase in plan.phases:
        if phase.kind == "global" and any(batched(r.tensor) for work in phase.works for r in work.reads):
            return False
    nests = [n for phase in plan.phases if phase.kind == "shard" for work in phase.works for n in nests_of(work)]
    for nest in nests:
        for read in nest.reads:
            if any(isinstance(i, Affine) and i.divisor.value != 1 and nest.axes[-1] in i.axes for i in read.indices):
                return False
    for nest in nests:
        nest.few = True
    plan.few = True
    if shared:
        _share(plan)
    return True


def _share(plan: Schedule) -> None:
    """Let threads share every nest that is worth it: each is in a phase of its own, or a step of a loop is in some."""
    large: list[Nest] = []
    saved = 0
    for work in (work for phase in plan.phases if phase.kind == "shard" for work in phase.works):
        for nest in nests_of(work):
            if lane_last(nest) and nest.products >= MEETING:
                large.append(nest)
                saved += nest.products * (work.extent if isinstance(work, Recurrence) else 1)
    if saved < HANDING:
        return
    for nest in large:
        nest.divided = True
    phases: list[Phase] = []
    for phase in plan.phases:
        if phase.kind == "global" or not phase.works:
            phases.append(phase)
            continue
        mine: list[Phase] = []
        for work in phase.works:
            if not mine or mine[-1].divided or any(nest.divided for nest in nests_of(work)):
                mine.append(Phase("shard"))
            mine[-1].works.append(work)
        phases += mine
    plan.phases = phases
