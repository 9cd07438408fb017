"""Which sums over examples are prepared shard by shard.

The gradient of a kernel sums over all examples and places. Summed in one go, tile after tile, every tile would
fetch everything from far away. Where the operands are much larger than the sum, each shard adds up its own part,
as soon as it has them; the parts are added in the order of the shards, so the result does not depend on which
thread computed which.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from pellucid.engines.llvm.plan.tiles import lane_last
from pellucid.engines.llvm.plan.work import (
    CACHE_LINE,
    LANES,
    OFTEN,
    Nest,
    Partial,
    Phase,
    Plan,
    batched,
    plain_axes,
    strides,
)
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Read, Tensor, factors, free_axes, reads

CACHED = 256 * 1024
"""Bytes of a sum's operands that a core's L2 cache holds beside everything else."""

PIECE = 2 * CACHED
"""The same while a piece of the sum is all that goes on: the larger it is, the less often its sums are fetched."""

NEAR = 32 * 1024
"""The same of the L1 cache, where a single value of the first axis is too much for the L2."""


def split_reductions(plan: Plan) -> Plan:
    """Put the preparation of long sums into the shards' phases."""
    if plan.small_batch:
        for nest in plan.nests:
            if lane_last(nest) and not plan.request.fixed:  # else the kernel is packed as the tiles read it
                nest.cache_blocking = _by_rows(nest, plan.request.real)
        return plan
    phases = [Phase(p.kind, list(p.works)) for p in _begun_with_shards(plan)]
    real = plan.request.real
    for phase in list(phases):
        for nest in phase.works if phase.kind == "global" else []:
            if isinstance(nest, Nest) and nest.scatter is None:
                nest.partial = _long(nest, real)
                if nest.partial is not None:
                    _insert(plan, phases, nest.partial, phases.index(phase))
        for work in phase.works if phase.kind == "shard" else []:
            if isinstance(work, Nest):
                work.cache_blocking = _streamed(work, real)
    return replace(plan, phases=phases)


def _begun_with_shards(plan: Plan) -> list[Phase]:
    """The first phase of shards brings the examples in: it has to come before whatever reads them."""
    for phase in plan.phases:
        if phase.kind == "shard":
            return plan.phases
        if phase.reads_examples:
            break
    else:
        if not any(map(batched, plan.program.outputs.values())):
            return plan.phases
    return [Phase("shard"), *plan.phases]


def _long(nest: Nest, real: int) -> Partial | None:
    sums = [e for e in nest.sums if any(a.extent is BATCH for a in e.axes)]
    if len(sums) != 1 or not all(a in free_axes(sums[0]) for a in nest.axes if a.size > 1):
        return None
    rest = [a for a in sums[0].axes if a.extent is not BATCH]
    across = not lane_last(nest)
    part = real * prod(a.size for a in nest.axes) * (LANES if across else 1)
    size = sum(_elements(r.tensor) * LANES * real for r in reads(sums[0].body) if batched(r.tensor))
    if not rest or size < max(NEAR, 2 * part):
        return None
    pieces = [max(1, rest[0].size * PIECE // size)]
    row = size // rest[0].size
    if pieces[0] == 1 and len(rest) > 1 and row > 2 * NEAR:
        pieces.append(max(1, rest[1].size * NEAR // row))
    return Partial(nest, sums[0], tuple(pieces), across)


def _streamed(nest: Nest, real: int) -> Partial | None:
    """A shard's sum whose weights are too large for the L2 cache and read once only, a tile after the other: summed
    in pieces, all tiles of it, the weights come in once."""
    sums = nest.sums
    if len(sums) != 1 or not all(a in free_axes(sums[0]) for a in nest.axes[1:] if a.size > 1):
        return None
    first = sums[0].axes[0]
    for read in factors(sums[0].body):
        if isinstance(read, Read) and not batched(read.tensor):
            axes = plain_axes(read)
            size = real * prod(a.size for a in read.tensor.axes)
            step = dict(zip(axes, strides(read.tensor.axes), strict=True)).get(sums[0].axes[-1], 1) * real
            again = prod(a.size for a in nest.axes[1:] if a not in axes)
            if size > CACHED and step >= CACHE_LINE and again < OFTEN and first in axes:
                others = [r for r in reads(sums[0].body) if batched(r.tensor) and first in free_axes(r)]
                row = max([_elements(r.tensor) * LANES * real // first.size for r in others], default=1)
                return Partial(nest, sums[0], (max(1, min(CACHED * first.size // size, NEAR // row)),))
    return None


EXAMPLES = 256
"""A large batch."""


def strip(nest: Nest, outer: Axis, inner: Axis, real: int) -> int | None:
    """How many values of the inner axis a sum over the examples is computed for at a time, where a large batch has more
    than the L2 cache holds of what differs along that axis alone: all tiles along the outer axis read it again."""
    sums = nest.sums
    if nest.kind == "shard" or nest.scatter is not None or nest.partial is not None or len(sums) != 1:
        return None
    if [a.extent for a in sums[0].axes] != [BATCH] or not {outer, inner} <= free_axes(sums[0]):
        return None
    again = [r for r in reads(sums[0].body) if inner in free_axes(r) and outer not in free_axes(r)]
    each = real * EXAMPLES * len(again)
    return CACHED // each if each * inner.size > CACHED else None


ROWS = 8
"""Rows of a kernel that are read side by side."""


def _by_rows(nest: Nest, real: int) -> Partial | None:
    """An example's product with a large kernel that is read once only: some rows at a time, from front to back."""
    if large_kernel(nest, real) is None or prod(a.size for a in nest.axes[1:-1]) >= OFTEN:
        return None
    return Partial(nest, nest.sums[0], (ROWS,))


def large_kernel(nest: Nest, real: int) -> Read | None:
    """The kernel of an example's product whose rows lie along the lanes, if the L2 cache does not hold it."""
    sums = nest.sums
    if not nest.small_batch or nest.step is not None or len(nest.reductions) != 1 or len(sums) != 1:
        return None
    kernels = [f for f in factors(sums[0].body) if isinstance(f, Read) and not batched(f.tensor)]
    if len(kernels) != 1 or plain_axes(kernels[0]) != [*sums[0].axes, nest.axes[-1]]:
        return None
    (kernel,) = kernels
    return kernel if kernel.tensor.rank == 2 and real * _elements(kernel.tensor) > CACHED else None


def _elements(tensor: Tensor) -> int:
    return prod(a.size for a in tensor.axes if isinstance(a.extent, int))


def _insert(plan: Plan, phases: list[Phase], partial: Partial, before: int) -> None:
    """Behind the last work, of a shard or of all, that makes what the sum reads.

    What is made once for all examples is there in the next phase only: the variance of a batch adds up squares of what
    is left when the mean is taken off, and the mean takes all shards.
    """
    homes = {plan.home(r.tensor) for r in partial.reads}
    for place in reversed(range(before)):
        phase = phases[place]
        for k in reversed(range(len(phase.works))):
            if homes.isdisjoint(phase.works[k].targets):
                continue
            if phase.kind == "shard":
                phase.works.insert(k + 1, partial)
            else:
                _after(phases, place, before).works.insert(0, partial)
            return
    next(p for p in phases if p.kind == "shard").works.insert(0, partial)


def _after(phases: list[Phase], place: int, before: int) -> Phase:
    """A phase of shards behind one phase and before another: one that stands there, or a new one."""
    for phase in phases[place + 1 : before]:
        if phase.kind == "shard":
            return phase
    phases.insert(place + 1, Phase("shard"))
    return phases[place + 1]
