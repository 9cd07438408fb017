"""Weights that are read many times, packed once a step as the tiles read them.

The product with a recurrent kernel runs at every step of a sequence over the same weights, that with another kernel
at many places of one. A tile of it reads u neighbours along one axis at every term of its sum, for all values of an
axis that it takes whole (the gates): packed as [tile][other axes][terms][whole axes][u], it reads memory from front to
back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from pellucid.engines.llvm.plan.shared_kernels import COLUMNS, PACKED, shared_kernel
from pellucid.engines.llvm.plan.split_reductions import large_kernel
from pellucid.engines.llvm.plan.tiles import Tile
from pellucid.engines.llvm.plan.work import (
    CACHE_LINE,
    LANES,
    OFTEN,
    Nest,
    Phase,
    Plan,
    Recurrence,
    batched,
    nests_of,
    plain_axes,
    strides,
)
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Read, Reduction, Tensor, factors

FEW_GROUPS = 8
"""Groups of columns of which one that is smaller would matter."""

L1_BYTES = 32 * 1024
"""Bytes of the L1 cache: what lies there is read as fast as it stands."""


@dataclass(eq=False)
class Panel:
    """A packed copy of a tensor for one nest: `order` are the places of the tensor's other axes, the outermost
    first. Of a kernel that all shards share, so many `columns` are read at a time; where it may change from call to
    call they are packed as they are needed (`near`), so many terms at a time, in the memory of a thread."""

    tensor: Tensor
    place: int
    width: int
    order: tuple[int, ...]
    columns: int = 0
    terms: int = 0
    near: bool = False
    kind = "global"

    @property
    def targets(self) -> list[Tensor]:
        return []

    @property
    def reads(self) -> list[Read]:
        return [Read(self.tensor, tuple(Affine.of(a) for a in self.tensor.axes))]

    @property
    def blocks(self) -> int:
        return -(-self.tensor.axes[self.place].size // self.width)

    @property
    def elements(self) -> int:
        if self.near:  # packing writes whole vectors, the last one beyond the end
            return -(-self.columns // self.width) * self.width * self.terms + LANES
        return self.blocks * self.width * prod(self.tensor.axes[k].size for k in self.order)


def pack_panels(plan: Plan) -> Plan:
    """Panels for all nests that read weights often enough; the packing is put in front of all other work."""
    by_nest: dict[Nest, dict[Tensor, Panel]] = {}
    for phase in plan.phases:
        for work in phase.works:
            if work.kind != "shard" or (isinstance(work, Recurrence) and work.extent <= 2):
                continue
            for nest in nests_of(work):
                if nest.all_shards:
                    panels = _near(plan, nest)
                elif nest.small_batch and nest.step is None:
                    panels = _for_one_example(plan, nest)
                else:
                    panels = _panels(plan, nest)
                by_nest[nest] = {p.tensor: p for p in panels}
    far = [p for some in by_nest.values() for p in some.values() if not p.near]
    phases = plan.phases
    if far:
        ready = phases and phases[0].kind == "global" and not phases[0].reads_examples
        first, rest = (phases[0].works, phases[1:]) if ready else ([], phases)
        phases = [Phase("global", [*first, *far]), *rest]
    return replace(plan, panels=by_nest, phases=phases)


def _near(plan: Plan, nest: Nest) -> list[Panel]:
    """The columns of a kernel that all shards share. Those of a parameter that is the same in all calls are packed
    once."""
    shared = shared_kernel(nest, plan.request.real)
    assert shared is not None
    panel = _panel(shared.kernel, nest.sums[0], plan.tiles[nest].sizes, None)
    if panel is None:
        return []
    least, most = COLUMNS
    columns = min(most, PACKED // (shared.terms * plan.request.real))
    columns = max(columns, least, panel.width) // panel.width * panel.width
    fixed = plan.request.fixed and shared.kernel.tensor in plan.program.inputs.values()
    if fixed and shared.terms == shared.summed.size:
        return [replace(panel, columns=columns)]
    groups = round(shared.output.size / columns)
    if 2 <= groups <= FEW_GROUPS:  # of one size: all shards are read for each, and threads share them
        columns = -(-shared.output.size // groups)
    return [replace(panel, columns=columns, terms=shared.terms, near=True)]


def _for_one_example(plan: Plan, nest: Nest) -> list[Panel]:
    """A large parameter that is the same in all calls: read from front to back in each."""
    kernel = large_kernel(nest, plan.request.real) if plan.request.fixed else None
    if kernel is None or kernel.tensor not in plan.program.inputs.values():
        return []
    panel = _panel(kernel, nest.sums[0], plan.tiles[nest].sizes, nest.axes[-1])
    return [panel] if panel is not None else []


def _panels(plan: Plan, nest: Nest) -> list[Panel]:
    real = plan.request.real
    lane = nest.axes[-1] if nest.small_batch and nest.axes[-1] is not nest.step and len(nest.axes) > 1 else None
    tile = plan.tiles[nest]
    inputs = set(plan.program.inputs.values())
    panels: dict[Tensor, Panel] = {}
    for e in nest.sums:
        for read in factors(e.body):
            if not isinstance(read, Read) or read.tensor not in inputs or read.tensor.rank < 2:
                continue
            if not batched(read.tensor) and (nest.step is not None or _apart(nest, read, e, tile, real)):
                panel = _panel(read, e, tile.sizes, lane)
                if panel is not None:
                    panels.setdefault(read.tensor, panel)
    return list(panels.values())


def _apart(nest: Nest, read: Read, e: Reduction, tile: Tile, real: int) -> bool:
    """Whether the tiles of a nest read a large kernel often, each time at places far from each other."""
    axes = plain_axes(read)
    rounds = prod(a.size // tile.get(a, 1) for a in nest.axes[1:] if a not in axes)
    steps = strides(read.tensor.axes)
    size = real * prod(a.size for a in read.tensor.axes)
    step = next((s for a, s in zip(axes, steps, strict=True) if a is e.axes[-1]), 1)
    return rounds >= OFTEN and size > L1_BYTES and step * real >= CACHE_LINE


def _panel(read: Read, e: Reduction, sizes: dict[Axis, int], lane: Axis | None) -> Panel | None:
    axes = plain_axes(read)
    tiled = [k for k, a in enumerate(axes) if a is not None and (sizes.get(a, 1) > 1 or a is lane)]
    if not tiled:
        return None
    place = tiled[-1]
    axis = axes[place]
    assert axis is not None
    rest = [k for k in range(len(axes)) if k != place]
    summed = [k for k in rest if axes[k] in e.axes]
    whole = [k for k in rest if k not in summed and sizes.get(axes[k], 1) == read.tensor.axes[k].size > 1]  # type: ignore[arg-type]
    order = [k for k in rest if k not in summed and k not in whole] + summed + whole
    return Panel(read.tensor, place, sizes.get(axis, 1) * (LANES if axis is lane else 1), tuple(order))
