"""A plan for a few examples: each is a shard of its own, with other axes than the batch's in the lanes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from pellucid.engines.llvm.plan.tiles import apart_along, divided_indices, lane_last
from pellucid.engines.llvm.plan.work import Nest, Phase, Plan, Recurrence, Unsupported, batched, nests_of
from pellucid.formula.axes import BATCH, Affine
from pellucid.formula.expressions import Read, Reduction, factors, free_axes

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
