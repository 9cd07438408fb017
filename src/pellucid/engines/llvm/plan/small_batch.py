"""A plan for a few examples: each is a shard of its own, with other axes than the batch's in the lanes."""

from __future__ import annotations

from pellucid.engines.llvm.plan.layout import lane_last
from pellucid.engines.llvm.plan.work import Nest, Phase, Plan, Recurrence, Unsupported, batched, nests_of
from pellucid.formula.axes import Affine

MEETING = 250_000
"""Products of a nest that take a few times as long as it takes threads to meet before and after it."""

HANDING = 1_000_000
"""Products of a call that take as much longer alone as it takes to hand the call to another thread."""


def for_small_batches(plan: Plan) -> Plan:
    """Turn the plan to one for a few examples, if that is asked for.

    Raises:
        Unsupported: an example needs others: this is a training step.
    """
    if plan.request.small_batch and not for_few(plan, shared=plan.request.shared):
        raise Unsupported(plan.program.statements[0], "an example needs others")
    return plan


def for_few(plan: Plan, *, shared: bool) -> bool:
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


def _share(plan: Plan) -> None:
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
