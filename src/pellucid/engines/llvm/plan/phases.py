"""What runs when: statements become nests of loops, nests become phases.

Work on examples runs a shard of 16 of them at a time, all of it from the inputs to the gradients of the sums, with
no barrier. A statement whose target has no batch axis is global: it meets every shard (Σ over n) or
none, and runs in a phase of its own, cut along its target. Statements over the same axes share one nest; what one
makes, the next finds in a register.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pellucid.engines.llvm.plan.nests import join, may_join, merge
from pellucid.engines.llvm.plan.work import Nest, Phase, Plan, Work, batched, plain_axes
from pellucid.formula.expressions import (
    Read,
    Tensor,
)


def make_phases(plan: Plan) -> Plan:
    """Phases of the works: what shards do one after the other, and what all threads do together between.

    New values of a state come late, once every other reader of the old ones is done.
    """
    late = {plan.program.outputs[name] for name in plan.request.state}
    # Levels: a shard's work of level k may read globals of level < k, a global of level k reads shards of level ≤ k.
    level: dict[Tensor, tuple[int, int]] = {}  # (level, place among the globals of the level; 0 for shards)
    shards: dict[int, list[Work]] = {}
    globals_: dict[tuple[int, int], list[Work]] = {}
    for work in plan.works:
        sources = [level[h] for r in work.reads if (h := plan.home(r.tensor)) in level]
        if work.kind == "shard":
            mine = (max((k if place == 0 else k + 1 for k, place in sources), default=0), 0)
            for target in work.targets:
                level[target] = mine
            _add(shards.setdefault(mine[0], []), work, plan)
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
    last = [w for w in plan.works if w.kind == "global" and any(t in late for t in w.targets)]
    _place_late(plan, last, level, globals_, shards)
    phases: list[Phase] = []
    for k in range(-1, max([*shards, *(k for k, _ in globals_)], default=-1) + 1):
        if k in shards:
            phases.append(Phase("shard", shards[k]))
        for key in sorted(g for g in globals_ if g[0] == k):
            nests: list[Work] = []
            for work in globals_[key]:
                _add(nests, work, plan)
            phases.append(Phase("global", nests))
    return replace(plan, phases=phases)


def _place_late(
    plan: Plan,
    last: list[Work],
    level: dict[Tensor, tuple[int, int]],
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
            home = plan.home(r.tensor)
            if home in level and level[home][0] == end:
                place = max(place, level[home][1] + 1)
        for target in work.targets:
            level[target] = (end, place)
        globals_.setdefault((end, place), []).append(work)


def join_updates(plan: Plan) -> Plan:
    """Global work that only continues what one nest of a phase before it made joins it there: an update joins its
    gradient."""
    late = {plan.program.outputs[name] for name in plan.request.state}
    plan = replace(plan, phases=[Phase(p.kind, p.works) for p in plan.phases])
    for place, phase in enumerate(plan.phases):
        if phase.kind == "global":
            phase.works = [work for work in phase.works if not _joined(plan, place, work, late)]
    return replace(plan, phases=[p for p in plan.phases if p.works])


def _joined(plan: Plan, place: int, work: Work, late: set[Tensor]) -> bool:
    """Put the work of phase `place` into the nest that it continues, if there is one."""
    nest = _continued(plan, place, work)
    if nest is None or not isinstance(work, Nest) or (late.intersection(work.targets) and _read_after(plan, work)):
        return False
    merge(nest, work)
    return True


def _continued(plan: Plan, place: int, work: Work) -> Nest | None:
    """The nest before phase `place`, with no shards' work between, that alone made what the work reads last."""
    if not isinstance(work, Nest):
        return None
    for phase in reversed(plan.phases[:place]):
        if phase.kind != "global":
            return None
        made_in = [w for w in phase.works if any(plan.home(r.tensor) in w.targets for r in work.reads)]
        if made_in:
            nest = made_in[0]
            return nest if len(made_in) == 1 and isinstance(nest, Nest) and may_join(nest, work, plan.views) else None
    return None


def _read_after(plan: Plan, work: Nest) -> bool:
    """Whether a global nest other than the work reads an input that the work may write in place."""
    inputs = set(plan.program.inputs.values()).intersection(r.tensor for r in work.reads if r.tensor.rank)
    others = [
        w for p in plan.phases if p.kind == "global" for w in p.works if w is not work and w.targets != work.targets
    ]
    return any(r.tensor in inputs and not _elementwise(w, r) for w in others for r in w.reads)


def _elementwise(work: Work, read: Read) -> bool:
    """Whether each element is read for the one at its own place."""
    return isinstance(work, Nest) and all(a is b for a, b in zip(plain_axes(read), work.axes, strict=False))


def _add(works: list[Work], work: Work, plan: Plan) -> None:
    if isinstance(work, Nest):
        join(works, work, plan.views)  # type: ignore[arg-type]
    else:
        works.append(work)


def write_in_place(plan: Plan) -> Plan:
    """Keep of the wished-for outputs those that may overwrite their input."""
    outputs = plan.program.outputs
    return replace(plan, state={n: old for n, old in plan.request.state.items() if _in_place(plan, outputs[n], old)})


def _in_place(plan: Plan, target: Tensor, name: str) -> bool:
    """Whether a new value may overwrite the input of that name: nothing reads the old one elsewhere, or later."""
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
                if any(plan.home(r.tensor) is old and not _elementwise(work, r) for r in work.reads):
                    return False
            elif (here or seen) and any(plan.home(r.tensor) is old for r in work.reads):
                return False
        seen = seen or bool(here)
    return seen and old not in plan.views.values() and sum(t is target for t in plan.program.outputs.values()) == 1
