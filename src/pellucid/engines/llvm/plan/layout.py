"""Where every tensor lives.

A tensor with a batch axis lives in the arena of its shard as [shard][other axes][16 examples]: a vector is one
value of 16 examples. Where a sum over the examples wants its last axis in the lanes instead, a copy of it lives
there in blocks of a vector, [last axis / 16][other axes][16 examples][16 of the last] ("rows"): a tile reads its blocks
from front to back. A tensor without a batch axis is row-major:
the user's own array, or a place in the global arena. Arenas are planned by lifetimes: what is never needed at the
same time shares memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Literal

from pellucid.engines.llvm.plan.light_loops import by_rows, of_single_step
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.shared_kernels import compact_elements, shared_kernel
from pellucid.engines.llvm.plan.tiles import lane_last
from pellucid.engines.llvm.plan.work import LANES, Nest, Partial, Plan, Work, batched, nests_of, plain_axes, strides
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Read, Tensor, reads

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

PAGE = 4096
"""Bytes after which the sets of an L1 cache come again: of lines so far apart it holds few."""

Place = Literal["shard", "local", "global", "user"]


@dataclass(frozen=True, slots=True)
class Home:
    """An address: an offset in bytes in an arena, or the number of a word of the context that holds a pointer."""

    place: Place
    offset: int


@dataclass(frozen=True)
class Layout:
    """A plan, and the homes of all that has memory.

    Attributes:
        words: the user's arrays, in the order of the context's pointers: ("in" | "out", program name).
        single_step: tensors of recurrences that have memory for one step, with the place of their loop axis.
        padded: tensors with a vector left free wherever an axis would go on whole pages away.
        homes: of tensors.
        rows: of copies of tensors that have their last axis in the lanes.
        partials: of the parts of sums.
        places: of panels, in the global arena.
        near: of those that hold some tiles at a time.
        compact: of copies of a nest's tensors that have several places side by side.
    """

    plan: Plan
    words: list[tuple[str, str]]
    single_step: dict[Tensor, int]
    homes: dict[Tensor, Home]
    padded: frozenset[Tensor] = frozenset()
    rows: dict[Tensor, Home] = field(default_factory=dict)
    partials: dict[Partial, Home] = field(default_factory=dict)
    places: dict[Panel, int] = field(default_factory=dict)
    near: dict[Panel, Home] = field(default_factory=dict)
    compact: dict[tuple[Nest, Tensor], Home] = field(default_factory=dict)
    shard_bytes: int = 0
    local_bytes: int = 0
    global_bytes: int = 0
    _steps: dict[Tensor, list[int]] = field(default_factory=dict)
    _elements: dict[Tensor, int] = field(default_factory=dict)

    @property
    def real(self) -> int:
        """Bytes of a real number."""
        return self.plan.request.real

    def home(self, tensor: Tensor) -> Home:
        return self.homes[self.plan.home(tensor)]

    def elements(self, tensor: Tensor) -> int:
        """How many elements have memory, of one example."""
        self.steps(tensor)
        return self._elements[tensor]

    def steps(self, tensor: Tensor) -> list[int]:
        """How far it is from one element to the next along every axis but the batch."""
        if tensor not in self._steps:
            steps, far = [], 1
            for k in reversed(range(int(batched(tensor)), tensor.rank)):
                if k == self.single_step.get(tensor):
                    steps.append(0)
                    continue
                if tensor in self.padded and far * LANES * self.real % PAGE == 0:
                    far += 1
                steps.append(far)
                far *= tensor.axes[k].size
            self._steps[tensor], self._elements[tensor] = steps[::-1], far
        return self._steps[tensor]

    @staticmethod
    def block(tensor: Tensor) -> int:
        """Elements of a block of the copy that has the last axis in the lanes: of 16 places of that axis."""
        return prod(a.size for a in tensor.axes[1:-1]) * LANES * LANES

    def size(self, tensor: Tensor) -> int:
        """Bytes of one element."""
        return 4 if tensor.kind == "int" else self.real

    def word(self, way: str, name: str) -> int:
        return HEADER + self.words.index((way, name))


def lay_out(plan: Plan) -> Layout:
    """Homes for everything: of the user's arrays by word, of all else by lifetimes."""
    single_step = of_single_step(plan, (n for n in plan.nests if lane_last(n) and not n.small_batch))
    state = [name for name in plan.program.outputs if name not in plan.state]
    words = [("in", name) for name in plan.program.inputs] + [("out", name) for name in state]
    places = {word: Home("user", HEADER + k) for k, word in enumerate(words)}
    homes: dict[Tensor, Home] = {}
    for name, tensor in plan.program.inputs.items():
        if plan.small_batch or not batched(tensor):
            homes[tensor] = places["in", name]
    for name, tensor in plan.program.outputs.items():
        if name in plan.state:
            homes[tensor] = places["in", plan.state[name]]
        elif plan.small_batch or not batched(tensor):
            homes.setdefault(plan.home(tensor), places["out", name])
    return _with_arenas(Layout(plan, words, single_step, homes, _padded(plan, homes)))


def _padded(plan: Plan, homes: Mapping[Tensor, Home]) -> frozenset[Tensor]:
    """Tensors that a sum reads from page to page, if nothing copies them as they lie."""
    if plan.small_batch:
        return frozenset()
    copied = {*homes, *plan.program.inputs.values(), *wanted_rows(plan)}
    copied |= {plan.home(t) for t in (*copied, *plan.program.outputs.values(), *plan.views)}
    found: set[Tensor] = set()
    for phase in plan.phases:
        nests = [nest for work in phase.works for nest in nests_of(work)]
        if phase.all_shards:
            copied |= {t for nest in nests for t in (*nest.targets, *(r.tensor for r in nest.reads))}
        for nest in nests if phase.kind == "shard" else []:
            for e in nest.sums:
                found |= {r.tensor for r in reads(e.body) if batched(r.tensor) and _by_pages(r, e.axes[-1], plan)}
    return frozenset(found - copied)


def _by_pages(read: Read, axis: Axis, plan: Plan) -> bool:
    """Whether each term along the axis is whole pages behind the one before it."""
    steps = dict(zip(plain_axes(read), strides(read.tensor.axes), strict=True))
    return axis.size > LANES and axis in steps and steps[axis] * LANES * plan.request.real % PAGE == 0


def wanted_rows(plan: Plan) -> list[Tensor]:
    """Tensors of which a global nest reads the last axis in its lanes."""
    wanted: dict[Tensor, None] = {}
    for phase in plan.phases:
        for work in phase.works:
            reading = [(n, n.reads) for n in nests_of(work) if lane_last(n) and not n.small_batch]
            if isinstance(work, Partial) and not work.across:
                reading.append((work.nest, work.reads))
            wanted |= {r.tensor: None for nest, its in reading for r in its if by_rows(r, nest)}
    return list(wanted)


def _with_arenas(layout: Layout) -> Layout:
    """Places for what lives in no array of the user's.

    Where no state is overwritten, what is made of parameters alone is kept to the end: it may serve the next call.
    """
    plan = layout.plan
    lives = _lifetimes(plan)
    if not plan.state:
        end = max((last for _, last in lives.values()), default=0)
        for phase in plan.phases[: plan.parameter_only()]:
            lives |= {target: (0, end) for work in phase.works for target in work.targets}
    stored = _stored(plan)
    spans: dict[Place, list[Span]] = {"shard": [], "local": [], "global": []}

    def place(key: tuple[str, Any], life: tuple[int, int], size: int) -> None:
        spans["local" if _within(life, plan) else "shard"].append((*life, size, key))

    for tensor, life in lives.items():
        if tensor in layout.homes or tensor not in stored:
            continue
        size = layout.elements(tensor) * layout.size(tensor)
        if batched(tensor):
            place(("homes", tensor), life, size if plan.small_batch else size * LANES)
        else:
            spans["global"].append((*life, size, ("homes", tensor)))
    for tensor in wanted_rows(plan):
        size = -(-tensor.axes[-1].size // LANES) * layout.block(tensor) * layout.size(tensor)
        place(("rows", tensor), lives[plan.home(tensor)], size)
    for partial, life in _partials(plan).items():
        elements = layout.elements(partial.nest.targets[0]) * (LANES if partial.across else 1)
        place(("partials", partial), life, elements * layout.real)
    for time, work in _times(plan):
        if isinstance(work, Nest) and work.cache_blocking is not None:
            elements = layout.elements(work.targets[0]) * (1 if plan.small_batch else LANES)
            place(("partials", work.cache_blocking), (time, time), elements * layout.real)
        for panel in plan.panels.get(work, {}).values() if isinstance(work, Nest) else ():
            if panel.near:
                spans["local"].append((time, time, panel.elements * layout.real, ("near", panel)))
        if isinstance(work, Nest) and work.all_shards:
            shared = shared_kernel(work, layout.real)
            if shared is not None and shared.places is not None:
                for tensor in (shared.operand.tensor, work.targets[0]):
                    size = compact_elements(tensor) * layout.real
                    spans["local"].append((time, time, size, ("compact", (work, tensor))))
    tables: dict[str, dict[Any, Any]] = {
        "homes": dict(layout.homes),
        "rows": {},
        "partials": {},
        "near": {},
        "compact": {},
        "places": {},
    }
    totals: dict[str, int] = {}
    for where, some in spans.items():
        offsets, totals[f"{where}_bytes"] = pack(some)
        for (table, key), offset in offsets:
            tables[table][key] = Home(where, offset)
    for panels in plan.panels.values():
        for panel in (p for p in panels.values() if not p.near):
            tables["places"][panel] = totals["global_bytes"]
            totals["global_bytes"] += -(-panel.elements * layout.real // ALIGN) * ALIGN
    return replace(layout, **tables, **totals)  # type: ignore[arg-type]


def _stored(plan: Plan) -> set[Tensor]:
    """What needs memory: all but what is made and used within one nest, in registers."""
    stored = {t for t in plan.program.inputs.values()} | {plan.home(t) for t in plan.program.outputs.values()}
    for phase in plan.phases:
        for work in phase.works:
            for nest in nests_of(work):
                mine = set(nest.targets)
                for r in nest.reads:
                    if r.tensor not in mine or not at_home(r, nest):
                        stored.add(plan.home(r.tensor))
            if isinstance(work, Partial):
                stored |= {plan.home(r.tensor) for r in work.reads}
    return stored


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
    ends = []
    time = 0
    for phase in plan.phases:
        start = time
        time += len(phase.works) + 1 if phase.kind == "shard" else 1
        if phase.kind == "shard":
            ends.append((start, time))
    return ends


def _within(life: tuple[int, int], plan: Plan) -> bool:
    """Whether a life begins and ends in one phase of shards: then the memory is the thread's, and the next shard's."""
    phases = [p for p in plan.phases if p.kind == "shard"]
    return any(
        start <= life[0] and life[1] <= end and not (phase.divided or phase.all_shards)
        for phase, (start, end) in zip(phases, _phase_ends(plan), strict=True)
    )


def _partials(plan: Plan) -> dict[Partial, tuple[int, int]]:
    """From when to when the parts of prepared sums are needed."""
    lives: dict[Partial, tuple[int, int]] = {}
    for time, work in _times(plan):
        if isinstance(work, Partial):
            lives[work] = (time, time)
        elif isinstance(work, Nest) and work.partial is not None:
            lives[work.partial] = (lives[work.partial][0], time)
    return lives


def at_home(read: Read, nest: Nest) -> bool:
    """Whether a nest reads what it has just made itself, at the same place."""
    return read.tensor in nest.targets and plain_axes(read) == list(nest.axes)


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
