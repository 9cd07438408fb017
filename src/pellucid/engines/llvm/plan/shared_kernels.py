"""Kernels that are larger than a core's cache, read once for all shards.

A shard's work reads a kernel from front to back, so one that does not stay in the cache comes from far away for every
16 examples. Its product gets a phase of its own, in which the threads share the outputs: some columns of the kernel
at a time, packed as the tiles read them, for one shard after the other. No sum is added in another order.
"""

from __future__ import annotations

from dataclasses import replace

from pellucid.engines.llvm.plan.work import LANES, Nest, Phase, Plan, Work, batched, plain_axes
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Read, factors, free_axes

LARGE = 1024 * 1024
"""Bytes of a kernel that do not stay in a core's L2 cache beside everything else."""

COLUMNS = 24, 96
"""Columns of a kernel that are packed at once: at least, if they are to stay in the cache, and at most."""

PACKED = 512 * 1024
"""Bytes of packed columns that stay there."""


def share_kernels(plan: Plan) -> Plan:
    """Give products with large kernels phases of their own."""
    if plan.small_batch:
        return plan
    phases: list[Phase] = []
    for phase in plan.phases:
        works: list[Work] = []
        for work in phase.works if phase.kind == "shard" else []:
            if isinstance(work, Nest) and shared_kernel(work, plan.request.real) is not None:
                work.all_shards, work.cache_blocking = True, None
                # Every one stands between phases of shards, which bring examples in, copy and give results out.
                phases += [Phase("shard", works), Phase("shard", [work])]
                works = []
            else:
                works.append(work)
        phases.append(Phase("shard", works) if phase.kind == "shard" else phase)
    return replace(plan, phases=phases)


def shared_kernel(nest: Nest, real: int) -> tuple[Read, Axis, Axis] | None:
    """The large kernel that a nest multiplies its examples by, the axis of the outputs and that of the sum."""
    sums = nest.sums
    if nest.step is not None or len(sums) != 1 or len(nest.reductions) != 1 or len(sums[0].axes) != 1:
        return None
    (summed,) = sums[0].axes
    reads = [f for f in factors(sums[0].body) if isinstance(f, Read)]
    kernels = [f for f in reads if not batched(f.tensor)]
    if len(reads) != 2 or len(kernels) != 1 or kernels[0].tensor.rank != 2 or summed.extent == nest.axes[0].extent:
        return None
    axes = plain_axes(kernels[0])
    output = next((a for a in axes if a is not None and a in nest.axes[1:]), None)
    if (
        output is None
        or sum(r.tensor is kernels[0].tensor for r in nest.reads) > 1
        or set(axes) != {output, summed}
        or output in free_axes(next(f for f in reads if batched(f.tensor)))
    ):
        return None
    if output.size * summed.size * real <= LARGE or summed.size < LANES or summed.size * COLUMNS[0] * real > PACKED:
        return None
    return kernels[0], output, summed
