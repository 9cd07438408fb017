"""The whole program as modules: a function a nest, a function a phase, and the loop that every thread runs.

The functions of nests are given out in volumes as soon as they are written, so that they can be compiled meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from pellucid.engines.llvm.emit import barriers, copies, math, serial
from pellucid.engines.llvm.emit.barriers import Group, pieces, system, thread
from pellucid.engines.llvm.emit.builder import ATTRIBUTES, Builder
from pellucid.engines.llvm.emit.nest import ARGUMENTS, Function, Writer
from pellucid.engines.llvm.plan.layout import Home, Layout
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.plan.work import LANES, Nest, Partial, Phase, Recurrence, Request, batched, nests_of
from pellucid.formula.expressions import Tensor
from pellucid.formula.program import Program

VOLUME = 100_000
"""Characters of functions after which a volume is given out."""


@dataclass
class Module:
    """What the run time has to know of a program's text."""

    layout: Layout
    phases: int
    pieces: int
    state: dict[str, str]
    labels: list[str]


def write(
    program: Program,
    kind: Literal["float", "double"],
    *,
    target: Target,
    state: dict[str, str] | None = None,
    profile: bool = False,
    small_batch: bool = False,
    shared: bool = False,
    fixed: bool = False,
    threads: bool = True,
    finished: Callable[[str], None],
) -> Module:
    """The program as IR.

    Args:
        target: what the code is for.
        state: by output, the input in whose array it is written.
        small_batch: for a few examples at a time, a function of its own for each.
        shared: whether threads may share the work of one of few examples.
        fixed: whether the parameters are the same in all calls.
        threads: whether threads take part; without, `run` takes the context alone and calls nothing of the system's.
        profile: whether the cycles of every nest are counted (the labels are in the module, the counts at `clocks`).
        finished: takes the text, module by module.

    Raises:
        Unsupported: a statement that cannot be compiled.
    """
    real = 4 if kind == "float" else 8
    copying = {} if small_batch else _copying(program, real)
    if copying:  # which can be compiled while the rest is planned
        made = [copies.functions(names, size, target.registers.bits) for size, names in copying.items()]
        finished("".join([*made, ATTRIBUTES]))
    layout = planned(program, Request(real, target.registers, state or {}, small_batch, shared, fixed))
    return _Module(layout, kind, profile, copying, finished).write(target, threads)


def _copying(program: Program, real: int) -> dict[int, tuple[str, ...]]:
    """The functions that copy between rows and vectors, by the bytes of an element."""
    ways: dict[int, dict[str, None]] = {}

    def need(way: str, tensors: Iterable[Tensor]) -> None:
        for tensor in filter(batched, tensors):
            ways.setdefault(4 if tensor.kind == "int" else real, {})[way] = None

    need("collect", program.inputs.values())
    need("spread", program.outputs.values())
    if any(not batched(s.target) for s in program.statements):  # may have the last axis of what it reads in the lanes
        need("transpose", program.tensors.values())
    return {size: tuple(names) for size, names in ways.items()}


class _Module:
    def __init__(
        self,
        layout: Layout,
        kind: Literal["float", "double"],
        profile: bool,
        copying: Mapping[int, tuple[str, ...]],
        finished: Callable[[str], None],
    ) -> None:
        self.layout, self.kind, self.profile, self.copying, self.finished = layout, kind, profile, copying, finished
        self.parts: list[str] = []
        self.volume: list[Function] = []
        self.count = 0
        self.groups: list[Group] = []
        self.labels: list[str] = []

    def write(self, target: Target, threads: bool) -> Module:
        plan = self.layout.plan
        shard_phases = [p for p in plan.phases if p.kind == "shard" and not p.all_shards and not p.divided]
        made: list[tuple[Any, Tensor]] = []
        for phase in plan.phases:
            if phase.divided:
                self.divided_phase(phase)
                made += [(work, target) for work in phase.works for target in work.targets]
            elif phase.all_shards:
                self.groups.append(Group([self.global_phase(phase)], shards=False))
                made += [(work, target) for work in phase.works for target in work.targets]
            elif phase.kind == "shard":
                self.shard_phase(phase, made, first=phase is shard_phases[0], last=phase is shard_phases[-1])
                made = []
                self.groups.append(Group([1]))
            else:
                self.groups.append(Group([self.global_phase(phase)], shards=False))
        if threads:
            self.parts.append(thread(self.groups, self.layout.local_bytes, plan.parameter_only()))
        else:
            self.parts.append(serial.run(self.groups))
        if self.profile:
            self.parts.append(f"@clocks = global [{max(len(self.labels), 1)} x i64] zeroinitializer\n")
        self.close_volume()
        together = [system(target), barriers.functions()] if threads else []
        support = [copies.declared(names, size) for size, names in self.copying.items()]
        head = [*together, *support, *([copies.rows_of_shard()] if self.copying else [])]
        self.finished("".join([*head, *self.parts, ATTRIBUTES]))
        max_pieces = max((u for group in self.groups if group.shards for u in group.units), default=1)
        return Module(self.layout, self.phases, max_pieces, plan.state, self.labels)

    def add(self, function: Function) -> None:
        self.volume.append(function)
        self.parts.append(f"declare hidden void @{function.name}({ARGUMENTS})\n")
        if sum(len(f.text) for f in self.volume) > VOLUME:
            self.close_volume()

    def close_volume(self) -> None:
        if self.volume:
            used = sorted(set().union(*(f.used for f in self.volume)))
            head = math.declarations(self.kind) + math.definitions(used, self.kind)
            self.finished(head + "".join(f.text for f in self.volume) + ATTRIBUTES)
        self.volume = []

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    @contextmanager
    def timed(self, b: Builder, label: str) -> Iterator[None]:
        """Add the cycles that what is written meanwhile takes up under the label, if times are wanted."""
        if not self.profile:
            yield
            return
        if label not in self.labels:
            self.labels.append(label)
        before = b.here("call i64 @pl.clock()")
        yield
        taken = b.here("sub i64 {}, {}", b.here("call i64 @pl.clock()"), before)
        b.here("atomicrmw add ptr {}, i64 {} monotonic", b.at("i64", "@clocks", self.labels.index(label)), taken)

    def function(self, nest: Nest, fixed: int | None = None) -> Function:
        function = Writer(self.name("nest"), nest, self.layout, self.kind, fixed=fixed).function()
        self.add(function)
        return function

    def part(self, partial: Partial) -> Function:
        function = Writer(self.name("part"), partial.nest, self.layout, self.kind).prepared(partial)
        self.add(function)
        return function

    @staticmethod
    def label(nest: Nest) -> str:
        return "+".join(t.name for t in nest.targets)

    def call(self, b: Builder, label: str, function: Function, unit: str, step: object = 0) -> None:
        with self.timed(b, label):
            arguments = f"i64 {unit}, i64 {step}, i64 0, i64 1"
            b.effect(f"call void @{function.name}(ptr %ctx, ptr %local, {arguments})")

    # Phases

    @property
    def phases(self) -> int:
        """How many are complete."""
        return sum(len(group.units) for group in self.groups)

    def phase(self, behind: int = 0) -> Builder:
        """The function of a phase, so many behind those that are complete."""
        return Builder(f"phase{self.phases + behind}", "ptr %ctx, ptr %local, i64 %unit, i64 %step")

    def divided_phase(self, phase: Phase) -> None:
        """A nest whose units threads share; of a loop, those of its nests, step after step."""
        even = not self.layout.plan.small_batch
        for work in phase.works:
            if isinstance(work, Nest | Partial):
                self.groups.append(Group([self.shared(work, 0)], even=even))
                continue
            first, by = (work.extent - 1, -1) if work.reverse else (0, 1)
            units = [self.shared(n, k, first, work) for k, n in enumerate(work.nests)]
            self.groups.append(Group(units, even=even, first=first))
            if work.extent > 1:
                units = [self.shared(n, k, None, work) for k, n in enumerate(work.nests)]
                self.groups.append(Group(units, even=even, first=first + by, by=by, more=work.extent - 2))

    def shared(
        self, work: Nest | Partial, behind: int, fixed: int | None = None, loop: Recurrence | None = None
    ) -> int:
        """A phase for the nest, of a loop perhaps, or for a part of a sum, so many phases behind those that are
        complete; gives its units."""
        function = self.part(work) if isinstance(work, Partial) else self.function(work, fixed)
        label = f"part of {self.label(work.nest)}" if isinstance(work, Partial) else self.label(work)
        units = max(function.units, 1)
        b = self.phase(behind)
        count = pieces(b, units, even=not self.layout.plan.small_batch)
        unit, piece = (b.pure(f"{word} i64 %unit, {{}}", count) for word in ("udiv", "urem"))
        with self.timed(b, label):
            arguments = f"i64 {unit}, i64 %step, i64 {piece}, i64 {count}"
            b.effect(f"call void @{function.name}(ptr %ctx, ptr %local, {arguments})")
        for tensor in work.targets if loop is not None and not work.divided else []:
            if self.step_by_step(loop, tensor):
                self.copy(b, tensor, "%step")
        self.parts.append(b.text())
        return units

    def shard_phase(self, phase: Phase, made: list[tuple[Any, Tensor]], *, first: bool, last: bool) -> None:
        """Work of every shard's own; `made` is what all threads made together before it, by the work that made it."""
        b, plan = self.phase(), self.layout.plan
        for work, target in made:
            self.all_copies(b, target, views_alone=self.step_by_step(work, target))
        if first and not plan.small_batch:
            for name, tensor in plan.program.inputs.items():
                if batched(tensor):
                    self.exchange(b, "in", name, tensor)
                    self.all_copies(b, tensor)
        for work in phase.works:
            self.work(b, work)
            for target in work.targets:
                self.all_copies(b, target, views_alone=self.step_by_step(work, target))
        if last and not plan.small_batch:
            for name, tensor in plan.program.outputs.items():
                if batched(tensor):
                    self.exchange(b, "out", name, tensor)
        self.parts.append(b.text())

    def global_phase(self, phase: Phase) -> int:
        """Units of all nests in a row; a unit finds its nest by comparing."""
        b, start = self.phase(), 0
        for work in phase.works:
            function = self.function(work) if isinstance(work, Nest) else None
            units = 1 if function is None else function.units
            unit = b.pure("sub i64 %unit, {}", start)
            with b.when(b.pure("icmp ult i64 {}, {}", unit, units)):
                if function is None:
                    self.work(b, work)
                else:
                    self.call(b, self.label(work), function, unit)
            start += units
        self.parts.append(b.text())
        return start

    def work(self, b: Builder, work: Any) -> None:
        """A piece of work for the shard that is the unit."""
        if isinstance(work, Panel):
            name = self.name("pack")
            self.parts.append(copies.packing(name, work, self.layout, self.kind))
            with self.timed(b, f"pack {work.tensor.name}"):
                b.effect(f"call void @{name}(ptr %ctx)")
        elif isinstance(work, Partial):
            self.call(b, f"part of {self.label(work.nest)}", self.part(work), "%unit")
        elif isinstance(work, Nest):
            self.call(b, self.label(work), self.function(work), "%unit")
        else:
            self.recurrence(b, work)

    def recurrence(self, b: Builder, work: Recurrence) -> None:
        """The first step, if it reads what lies before the loop, then all others."""
        first, last = (work.extent - 1, 0) if work.reverse else (0, work.extent - 1)
        every = {n: self.function(n) for n in work.nests if first != last or not n.reads_other_steps}
        apart = first == last or any(n.reads_other_steps for n in work.nests)
        if apart:
            own = [self.function(n, first) if n.reads_other_steps else every[n] for n in work.nests]
            self.step(b, work, first, own)
        if first != last:
            with b.loop(int(apart), work.extent) as k:
                step = b.pure("sub nsw i64 {}, {}", first, k) if work.reverse else k
                self.step(b, work, step, [every[n] for n in work.nests])

    def step(self, b: Builder, work: Recurrence, step: str | int, functions: list[Function]) -> None:
        for nest, function in zip(work.nests, functions, strict=True):
            self.call(b, self.label(nest), function, "%unit", step)
            for tensor in nest.targets:
                if self.step_by_step(work, tensor):
                    self.copy(b, tensor, step)

    @staticmethod
    def step_by_step(work: Any, target: Tensor) -> bool:
        """Whether the copy of a loop's tensor is made after every step, of what is still near."""
        nests = [n for n in nests_of(work) if target in n.targets] if isinstance(work, Recurrence) else []
        return bool(nests) and all(n.step is not None and n.axes[1] is n.step for n in nests)

    # Copies

    def address(self, b: Builder, home: Home) -> str:
        if home.place == "local":
            return b.at("i8", "%local", home.offset)
        shard = b.at("i8", b.word(2, "ptr"), b.pure("mul i64 %unit, {}", b.word(3)))
        return b.at("i8", shard, home.offset)

    def exchange(self, b: Builder, way: str, name: str, tensor: Tensor) -> None:
        """Between a shard's rows of the user's array, which may be named by an index, and its vectors."""
        count, size = self.layout.elements(tensor), self.layout.size(tensor)
        base, rows = b.word(self.layout.word(way, name), "ptr"), b.stack_memory(f"[{LANES} x ptr]")
        index = b.word(5, "ptr") if way == "in" else "null"
        b.effect(f"call void @pl.rows(ptr %ctx, i64 %unit, ptr {base}, i64 {count * size}, ptr {rows}, ptr {index})")
        function = f"pl.{'collect' if way == 'in' else 'spread'}{size}"
        with self.timed(b, f"{way} {tensor.name}"):
            b.effect(f"call void @{function}(ptr {rows}, i64 {count}, ptr {self.address(b, self.layout.home(tensor))})")

    def copy(self, b: Builder, tensor: Tensor, step: str | int | None = None) -> None:
        """The copy of a tensor that has its last axis in the lanes, where a global nest wants it; of one step of its
        first axis, or of all."""
        if tensor not in self.layout.rows:
            return
        size, last = self.layout.size(tensor), tensor.axes[-1].size
        outer, block = prod(a.size for a in tensor.axes[1:-1]), self.layout.block(tensor)
        start = self.address(b, self.layout.home(tensor))
        to = self.address(b, self.layout.rows[tensor])
        if step is not None:
            outer //= tensor.axes[1].size
            to = b.at("i8", to, b.multiply(step, outer * LANES * LANES * size))
            if tensor not in self.layout.single_step:
                start = b.at("i8", start, b.multiply(step, outer * last * LANES * size))
        with self.timed(b, f"rows {tensor.name}"):
            b.effect(f"call void @pl.transpose{size}(ptr {to}, ptr {start}, i64 {outer}, i64 {last}, i64 {block})")

    def all_copies(self, b: Builder, tensor: Tensor, *, views_alone: bool = False) -> None:
        """The copies of a tensor that is there now and of its views, before anything reads them."""
        views = [v for v in self.layout.plan.views if self.layout.plan.home(v) is tensor]
        for t in views if views_alone else [tensor, *views]:
            self.copy(b, t)
