"""Where every tensor lives.

A tensor with a batch axis lives in the arena of its shard as [shard][other axes][16 examples]: a vector is one
value of 16 examples. Where a sum over the examples wants its last axis in the lanes instead, a copy of it lives
there as [other axes but the last][16 examples] [last axis] ("rows"). A tensor without a batch axis is row-major:
the user's own array, or a place in the global arena. Arenas are planned by lifetimes: what is never needed at the
same time shares memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from pellucid.engines.llvm.plan.light_loops import by_rows, of_one_step
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.work import LANES, Nest, Partial, Plan, Work, batched, nests_of, strides
from pellucid.formula.axes import BATCH, Affine
from pellucid.formula.expressions import Read, Reduction, Tensor, reads, walk

ALIGN = 64
HEADER = 13
"""Words of the context before the user's addresses: 0 examples, 1 shards, 2 arena, 3 bytes of arena a shard, 4
global arena, 5 which rows of the user's arrays (0: all in order), 6 threads, 7 their counters, 8 steps, 9 words
that move on after every step and 10 the list of them, (word, bytes) by (word, bytes), 11 the threads' own arenas, 12
whether the phases that read parameters alone are left out."""

THREADS = 6
"""The word of the context that says how many threads there are."""

LEFT_OUT = 12
"""The word that says whether the phases that read parameters alone are left out: what they made is still there."""

ACROSS = 8
"""What a sum across the lanes and the arithmetic on its single number cost, in terms of a shard's part of a sum."""

Place = Literal["shard", "local", "global", "user"]


@dataclass(frozen=True, slots=True)
class Home:
    """An address: an offset in bytes in an arena, or the number of a word of the context that holds a pointer."""

    place: Place
    offset: int


@dataclass
class Layout:
    """Homes of all tensors that have memory.

    `once` are tensors of recurrences that have memory for one step, with the place of their loop axis. `words` are the
    user's arrays, in the order of the context's pointers: ("in" | "out", program name).
    """

    plan: Plan
    real: int
    homes: dict[Tensor, Home] = field(default_factory=dict)
    rows: dict[Tensor, Home] = field(default_factory=dict)
    sums: dict[Partial, Home] = field(default_factory=dict)
    places: dict[Panel, int] = field(default_factory=dict)
    once: dict[Tensor, int] = field(default_factory=dict)
    words: list[tuple[str, str]] = field(default_factory=list)
    shard_bytes: int = 0
    local_bytes: int = 0
    global_bytes: int = 0
    _steps: dict[Tensor, list[int]] = field(default_factory=dict)

    def home(self, tensor: Tensor) -> Home:
        return self.homes[self.plan.home(tensor)]

    def elements(self, tensor: Tensor) -> int:
        """How many elements have memory, of one example."""
        once = self.once.get(tensor)
        return prod(a.size for k, a in enumerate(tensor.axes) if isinstance(a.extent, int) and k != once)

    def steps(self, tensor: Tensor) -> list[int]:
        """How far it is from one element to the next along every axis but the batch."""
        if tensor not in self._steps:
            first, once = int(batched(tensor)), self.once.get(tensor)
            kept = iter(strides(a for k, a in enumerate(tensor.axes) if k >= first and k != once))
            self._steps[tensor] = [0 if k == once else next(kept) for k in range(first, tensor.rank)]
        return self._steps[tensor]

    def size(self, tensor: Tensor) -> int:
        """Bytes of one element."""
        return 4 if tensor.kind == "int" else self.real

    def word(self, way: str, name: str) -> int:
        return HEADER + self.words.index((way, name))


def lay_out(plan: Plan) -> Layout:
    """Homes for everything, by lifetimes.

    Where no state is overwritten, what is made of parameters alone is kept to the end: it may serve the next call.
    """
    layout, state = Layout(plan, plan.request.real), plan.state
    nests = (n for phase in plan.phases for work in phase.works for n in nests_of(work))
    layout.once = of_one_step(plan, (n for n in nests if lane_last(n) and not n.few))
    program = plan.program
    for name, tensor in program.inputs.items():
        layout.words.append(("in", name))
        if plan.few or not batched(tensor):
            layout.homes[tensor] = Home("user", layout.word("in", name))
    for name, tensor in program.outputs.items():
        if name in state:
            layout.homes[tensor] = Home("user", layout.word("in", state[name]))
            continue
        layout.words.append(("out", name))
        home = plan.home(tensor)
        if (plan.few or not batched(tensor)) and home not in layout.homes:
            layout.homes[home] = Home("user", layout.word("out", name))
    _arenas(layout, keep=not state)
    return layout


def lane_last(nest: Nest) -> bool:
    """Whether a nest has its target's last axis in the lanes; else it has the examples there, or is scalar."""
    if nest.few:
        return len(nest.axes) > 1 and nest.axes[-1] is not nest.step and nest.axes[-1].size > 1
    if nest.kind != "global" or not nest.axes:
        return False
    if nest.partial is not None:
        return not nest.partial.across
    if nest.scatter is not None:
        return True
    extent = nest.axes[-1].size
    summed = any(batched(r.tensor) for r in nest.reads)
    if not summed:
        return extent > 1
    if extent % LANES == 0:
        return True
    product = any(len([r for r in reads(s.expression) if batched(r.tensor)]) > 1 for s in nest.statements)
    # Idle lanes cost as often as there are terms, sums across the lanes and what follows them once for every element.
    sums = [e for s in nest.statements for e in walk(s.expression) if isinstance(e, Reduction)]
    terms = max((prod(a.size for a in e.axes if a.extent is not BATCH) for e in sums), default=1)
    if product and terms * (-extent % LANES) < ACROSS * extent:
        return True
    return (product and extent >= 40) or (len(nest.axes) > 1 and extent >= 64)


def _wanted_rows(layout: Layout) -> list[Tensor]:
    """Tensors of which a global nest reads the last axis in its lanes."""
    found: dict[Tensor, None] = {}
    wanting: list[tuple[Nest, list[Read]]] = []
    for phase in layout.plan.phases:
        for work in phase.works:
            for nest in nests_of(work):
                if lane_last(nest) and not nest.few:
                    wanting.append((nest, nest.reads))
            if isinstance(work, Partial) and not work.across:
                wanting.append((work.nest, work.reads))
    for nest, its in wanting:
        for r in its:
            if by_rows(r, nest):
                found[r.tensor] = None
    return list(found)


def _arenas(layout: Layout, *, keep: bool) -> None:
    plan = layout.plan
    lives = _lifetimes(plan)
    if keep:
        end = max((last for _, last in lives.values()), default=0)
        for phase in plan.phases[: plan.ahead()]:
            lives |= {target: (0, end) for work in phase.works for target in work.targets}
    stored = _stored(plan)
    spans: dict[str, list[Span]] = {"shard": [], "local": [], "global": []}

    def place(key: tuple[str, Any], life: tuple[int, int], size: int) -> None:
        spans["local" if _within(life, plan) else "shard"].append((*life, size, key))

    for tensor, life in lives.items():
        if tensor in layout.homes or tensor not in stored:
            continue
        size = layout.elements(tensor) * layout.size(tensor)
        if batched(tensor):
            place(("homes", tensor), life, size if plan.few else size * LANES)
        else:
            spans["global"].append((*life, size, ("homes", tensor)))
    for tensor in _wanted_rows(layout):
        size = prod(a.size for a in tensor.axes[1:]) * LANES * layout.size(tensor)
        place(("rows", tensor), lives[plan.home(tensor)], size)
    for partial, life in _partials(plan).items():
        elements = layout.elements(partial.nest.targets[0]) * (LANES if partial.across else 1)
        place(("sums", partial), life, elements * layout.real)
    for time, work in _times(plan):
        if isinstance(work, Nest) and work.blocked is not None:
            place(("sums", work.blocked), (time, time), layout.elements(work.targets[0]) * LANES * layout.real)
    for where in ("shard", "local", "global"):
        offsets, total = pack(spans[where])
        setattr(layout, f"{where}_bytes", total)
        for (table, key), offset in offsets:
            getattr(layout, table)[key] = Home(where, offset)
    for panels in layout.plan.panels.values():
        for panel in panels.values():
            layout.places[panel] = layout.global_bytes
            layout.global_bytes += -(-panel.elements * layout.real // ALIGN) * ALIGN


def _stored(plan: Plan) -> set[Tensor]:
    """What needs memory: all but what is made and used within one nest, in registers."""
    found = {t for t in plan.program.inputs.values()} | {plan.home(t) for t in plan.program.outputs.values()}
    for phase in plan.phases:
        for work in phase.works:
            for nest in nests_of(work):
                mine = set(nest.targets)
                for r in nest.reads:
                    if r.tensor not in mine or not at_home(r, nest):
                        found.add(plan.home(r.tensor))
            if isinstance(work, Partial):
                found |= {plan.home(r.tensor) for r in work.reads}
    return found


def _times(plan: Plan) -> Iterator[tuple[int, Work]]:
    """Every piece of work with its time: in a phase of shards one after the other, in a global phase all at once.
    Between phases of shards and what follows lies a moment, when outputs are given out."""
    time = 0
    for phase in plan.phases:
        time += phase.kind == "global"
        for work in phase.works:
            time += phase.kind == "shard"
            yield time, work
        time += phase.kind == "shard"


def _phase_ends(plan: Plan) -> list[tuple[int, int]]:
    """The first and last moments of the phases of shards."""
    found = []
    time = 0
    for phase in plan.phases:
        start = time
        time += len(phase.works) + 1 if phase.kind == "shard" else 1
        if phase.kind == "shard":
            found.append((start, time))
    return found


def _within(life: tuple[int, int], plan: Plan) -> bool:
    """Whether a life begins and ends in one phase of shards: then the memory is the thread's, and the next shard's."""
    phases = [p for p in plan.phases if p.kind == "shard"]
    return any(
        start <= life[0] and life[1] <= end and not phase.divided
        for phase, (start, end) in zip(phases, _phase_ends(plan), strict=True)
    )


def _partials(plan: Plan) -> dict[Partial, tuple[int, int]]:
    """From when to when the parts of prepared sums are needed."""
    found: dict[Partial, tuple[int, int]] = {}
    for time, work in _times(plan):
        if isinstance(work, Partial):
            found[work] = (time, time)
        elif isinstance(work, Nest) and work.partial is not None:
            found[work.partial] = (found[work.partial][0], time)
    return found


def at_home(read: Read, nest: Nest) -> bool:
    """Whether a nest reads what it has just made itself, at the same place."""
    return read.tensor in nest.targets and all(
        isinstance(i, Affine) and i.plain is a for i, a in zip(read.indices, nest.axes, strict=True)
    )


def _lifetimes(plan: Plan) -> dict[Tensor, tuple[int, int]]:
    """From which piece of work to which a tensor is needed."""
    lives: dict[Tensor, tuple[int, int]] = {}
    program = plan.program
    ends = _phase_ends(plan)
    for tensor in program.inputs.values():
        if batched(tensor):
            lives[tensor] = (ends[0][0], ends[0][0]) if ends else (0, 0)
    last = 0
    for time, work in _times(plan):
        for r in work.reads:
            home = plan.home(r.tensor)
            if home in lives:
                lives[home] = (lives[home][0], max(time, lives[home][1]))
        for target in work.targets:
            lives[target] = (time, time)
        last = time
    for tensor in program.outputs.values():
        home = plan.home(tensor)
        if home in lives:
            given = ends[-1][1] if batched(tensor) and ends else last
            lives[home] = (lives[home][0], max(lives[home][1], given))
    return lives


Span = tuple[int, int, int, Any]


def pack(spans: Iterable[Span]) -> tuple[list[tuple[Any, int]], int]:
    """Offsets for (first, last, bytes, key), the largest placed first, each in the lowest gap free over its whole
    life; and the total."""
    placed: list[tuple[int, int, int, int]] = []
    result: list[tuple[Any, int]] = []
    total = 0
    for first, last, size, key in sorted(spans, key=lambda span: -span[2]):
        size = -(-max(size, 1) // ALIGN) * ALIGN
        offset = 0
        for start, end in sorted((o, o + s) for begin, finish, o, s in placed if begin <= last and first <= finish):
            if offset + size <= start:
                break
            offset = max(offset, end)
        placed.append((first, last, offset, size))
        result.append((key, offset))
        total = max(total, offset + size)
    return result, total
