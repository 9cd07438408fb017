"""Kernels that are larger than a core's cache, read once for all shards.

A shard's work reads a kernel from front to back, so one that does not stay in the cache comes from far away for every
16 examples. Its product gets a phase of its own, in which the threads share the outputs: some columns of the kernel
at a time, packed as the tiles read them, for one shard after the other. No sum is added in another order.

Where the examples have places (steps of a sequence), a last shard of few examples would leave most lanes idle: the same
examples of several places lie side by side in its lanes instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from pellucid.engines.llvm.plan.work import LANES, Nest, Phase, Plan, Work, batched, plain_axes
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Read, Tensor, factors, free_axes

LARGE = 1024 * 1024
"""Bytes of a kernel that do not stay in a core's L2 cache beside everything else."""

COLUMNS = 24, 96
"""Columns of a kernel that are packed at once: at least, if they are to stay in the cache, and at most."""

PACKED = 512 * 1024
"""Bytes of packed columns that stay there."""

TERMS = 1024
"""Terms of a sum that are added up at a time where packed columns of all would not stay."""

COMPACT = 16 * 1024 * 1024
"""Bytes of copies with several places side by side that are worth it."""


@dataclass(frozen=True)
class SharedKernel:
    """A product of all shards with a large kernel.

    Attributes:
        kernel, operand: its factors.
        output, summed: the kernel's axes.
        terms: how many of the sum are added up at a time; fewer than all only if the sum is all that the nest does.
        places: the axis of which several values may lie side by side.
    """

    kernel: Read
    operand: Read
    output: Axis
    summed: Axis
    terms: int
    places: Axis | None


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


def shared_kernel(nest: Nest, real: int) -> SharedKernel | None:
    """The large kernel that a nest multiplies its examples by, if it does nothing else that matters."""
    sums = nest.sums
    if nest.step is not None or len(sums) != 1 or len(nest.reductions) != 1 or len(sums[0].axes) != 1:
        return None
    (summed,) = sums[0].axes
    reads = [f for f in factors(sums[0].body) if isinstance(f, Read)]
    kernels = [f for f in reads if not batched(f.tensor)]
    if len(reads) != 2 or len(kernels) != 1 or kernels[0].tensor.rank != 2 or summed.extent == nest.axes[0].extent:
        return None
    (kernel,), operand = kernels, next(f for f in reads if batched(f.tensor))
    axes = plain_axes(kernel)
    output = next((a for a in axes if a is not None and a in nest.axes[1:]), None)
    if output is None or set(axes) != {output, summed} or output in free_axes(operand):
        return None
    if sum(r.tensor is kernel.tensor for r in nest.reads) > 1:
        return None
    if output.size * summed.size * real <= LARGE or summed.size < LANES:
        return None
    terms = summed.size
    if terms * COLUMNS[0] * real > PACKED:
        if (
            len(nest.statements) > 1
            or nest.statements[0].expression is not sums[0]
            or list(factors(sums[0].body)) != reads
        ):
            return None
        terms = TERMS
    return SharedKernel(kernel, operand, output, summed, terms, _places(nest, operand, output, summed, real))


def _places(nest: Nest, operand: Read, output: Axis, summed: Axis, real: int) -> Axis | None:
    """The steps of a sequence, if the operand and the target have no other axes."""
    if len(nest.statements) > 1 or len(nest.axes) != 3 or sum(batched(r.tensor) for r in nest.reads) > 1:
        return None
    batch, places, last = nest.axes
    if last is not output or places.size < 2 or plain_axes(operand) != [batch, places, summed]:
        return None
    size = sum(compact_elements(t) for t in (operand.tensor, nest.statements[0].target)) * real
    return places if size <= COMPACT else None


def compact_elements(tensor: Tensor) -> int:
    """How many elements a copy of a tensor has in which at least two places lie side by side, and a vector more that
    copying writes beyond the end."""
    _, places, *rest = tensor.axes
    return (-(-places.size // 2) * prod(a.size for a in rest) + 1) * LANES
