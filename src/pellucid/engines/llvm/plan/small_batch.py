"""A plan for a few examples: each is a shard of its own, with other axes than the batch's in the lanes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from pellucid.engines.llvm.plan.layout import wanted_rows
from pellucid.engines.llvm.plan.tiles import apart_along, divided_indices, lane_last
from pellucid.engines.llvm.plan.work import (
    Nest,
    Partial,
    Phase,
    Plan,
    Recurrence,
    Unsupported,
    Work,
    batched,
    nests_of,
)
from pellucid.formula.axes import BATCH, Affine
from pellucid.formula.expressions import Read, Reduction, Tensor, factors, free_axes

BARRIER = 250_000
"""Products of a nest that take a few times as long as the barriers before and after it."""

ELEMENT = 8
"""Products that take as long as what is made of an element where nothing is summed."""

HANDOFF = 1_000_000
"""Products of a call that take as much longer alone as it takes to dispatch the call to another thread."""


def for_small_batches(plan: Plan) -> Plan:
    """Turn the plan to one for a few examples, if that is asked for.

    Raises:
        Unsupported: an example needs others: this is a training step.
    """
    if not plan.request.small_batch:
        return plan
    nests = [nest for nest in plan.nests if nest.kind == "shard"]
    if not _apart(plan, nests):
        raise Unsupported(plan.program.statements[0], "an example needs others")
    for nest in nests:
        nest.small_batch = True
    return replace(plan, small_batch=True, phases=_shared(plan) if plan.request.shared else plan.phases)


def _apart(plan: Plan, nests: list[Nest]) -> bool:
    """Whether no example needs another: a prediction, not a training step."""
    return not any(phase.kind == "global" and phase.reads_examples for phase in plan.phases) and not any(
        isinstance(i, Affine) and i.divisor.value != 1 and nest.axes[-1] in i.axes
        for nest in nests
        for read in nest.reads
        for i in read.indices
    )


def _products(nest: Nest) -> int:
    """The products that its largest sum adds up: of an example, of a step; twice as many where every number of a
    kernel is read for one of them."""
    return max((_products_of(e, nest) for e in nest.sums if len(factors(e.body)) > 1), default=0)


def _products_of(e: Reduction, nest: Nest) -> int:
    own = [a for a in nest.axes if a.extent not in (BATCH, 1) and a is not nest.step]
    free = [a for a in own if a in free_axes(e)]
    indices = divided_indices(e)
    products = prod(a.size for a in e.axes) * prod(-(-a.size // apart_along(a, indices)) for a in free)
    kernels = [f for f in factors(e.body) if isinstance(f, Read) and not batched(f.tensor)]
    return products * (2 if any(free_axes(k).issuperset(free) for k in kernels) else 1)


def _shared(plan: Plan) -> list[Phase]:
    """Let threads share every nest that is worth it: each is in a phase of its own, or a step of a loop is in some."""
    large: list[Nest] = []
    saved = 0
    for work in (work for phase in plan.phases if phase.kind == "shard" for work in phase.works):
        for nest in nests_of(work):
            work_of_nest = max(_products(nest), ELEMENT * nest.elements)
            if lane_last(nest) and work_of_nest >= BARRIER:
                large.append(nest)
                saved += work_of_nest * (work.extent if isinstance(work, Recurrence) else 1)
    if saved < HANDOFF:
        return plan.phases
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
    return phases


def share_recurrences(plan: Plan) -> Plan:
    """Let threads share large recurrences and what surrounds them: a batch has few shards, whose last one may be nearly
    empty, so that threads would wait for each other, or have nothing to do at all."""
    if plan.small_batch:
        return plan
    copied = {plan.home(t) for t in wanted_rows(plan)}
    phases: list[Phase] = []
    for phase in plan.phases:
        loops = [w for w in phase.works if isinstance(w, Recurrence)] if phase.kind == "shard" else []
        large = [loop for loop in loops if any(_shared_step(nest, copied) for nest in loop.nests)]
        made = {t for loop in large for t in loop.targets}
        used = {r.tensor for loop in large for r in loop.reads}
        works: list[Work] = []
        for work in phase.works:
            near = not made.isdisjoint(r.tensor for r in work.reads) or not used.isdisjoint(work.targets)
            if not near or not _divided(work, copied):
                works.append(work)
                continue
            # Every one stands between phases of shards, which bring examples in, copy and give results out.
            phases += [Phase("shard", works), Phase("shard", [work])]
            works = []
        phases.append(Phase(phase.kind, works))
    return replace(plan, phases=phases)


def _divided(work: Work, copied: set[Tensor]) -> bool:
    """Whether threads share the work from now on."""
    if isinstance(work, Partial):
        work.divided = prod(a.size for a in (*work.nest.axes, *work.sum.axes) if a.extent is not BATCH) >= BARRIER
        return work.divided
    for nest in nests_of(work):
        nest.divided = _shared_step(nest, copied) if isinstance(work, Recurrence) else _products(nest) >= BARRIER
    return any(nest.divided for nest in nests_of(work))


def _shared_step(nest: Nest, copied: set[Tensor]) -> bool:
    """Whether threads share a nest of a loop. What it makes of a step must not be copied then and there."""
    return _products(nest) >= BARRIER and copied.isdisjoint(nest.targets)
