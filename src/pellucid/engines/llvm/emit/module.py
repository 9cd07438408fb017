"""The whole program as modules: a function a nest, a function a phase, and the loop that every thread runs.

The functions of nests are given out in volumes as soon as they are written, so that they can be compiled meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from pellucid.engines.llvm.emit import math
from pellucid.engines.llvm.emit import transposes as moving
from pellucid.engines.llvm.emit.barriers import BARRIER, Group, pieces, thread, turn
from pellucid.engines.llvm.emit.nest import Function, Writer
from pellucid.engines.llvm.emit.packing import packing
from pellucid.engines.llvm.plan.layout import THREADS, Home, Layout
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.plan.work import LANES, Nest, Partial, Phase, Recurrence, Request, batched
from pellucid.formula.expressions import Tensor
from pellucid.formula.program import Program

_WIDTH = '"prefer-vector-width"="512" "min-legal-vector-width"="512"'
ATTRIBUTES = f'attributes #0 = {{ nounwind {_WIDTH} "no-trapping-math"="true" }}\n'


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
    few: bool = False,
    shared: bool = False,
    finished: Callable[[str], None],
) -> Module:
    """The program as IR.

    Args:
        target: what the code is for.
        state: by output, the input in whose array it is written.
        few: for a few examples at a time, a function of its own for each.
        shared: whether threads may share the work of one of few examples.
        profile: whether the cycles of every nest are counted (the labels are in the module, the counts at `clocks`).
        finished: takes the text, module by module.

    Raises:
        Unsupported: a statement that cannot be compiled.
    """
    real = 4 if kind == "float" else 8
    layout = planned(program, Request(real, target.wide, state or {}, few, shared))
    module = _Module(layout, kind, target, profile, finished).write()
    module.state = layout.plan.state
    return module


class _Module:
    def __init__(
        self,
        layout: Layout,
        kind: Literal["float", "double"],
        target: Target,
        profile: bool,
        finished: Callable[[str], None],
    ) -> None:
        self.layout, self.kind, self.target = layout, kind, target
        self.finished = finished
        self.parts: list[str] = []
        self.volume: list[Function] = []
        self.count = 0
        self.groups: list[Group] = []
        self.profile = profile
        self.labels: list[str] = []

    def write(self) -> Module:
        phases = self.layout.plan.phases
        shard_phases = [p for p in phases if p.kind == "shard"]
        for phase in phases:
            if phase.divided:
                self.divided_phase(phase)
            elif phase.kind == "shard":
                self.shard_phase(phase, first=phase is shard_phases[0], last=phase is shard_phases[-1])
                self.groups.append(Group([1]))
            else:
                self.groups.append(Group([self.global_phase(phase)], shards=False))
        self.parts.append(thread(self.groups, self.layout.local_bytes, self.layout.plan.ahead()))
        if self.profile:
            self.parts.append(f"@clocks = global [{max(len(self.labels), 1)} x i64] zeroinitializer\n")
        sizes = {4} | ({8} if self.kind == "double" else set())
        self.close_volume()
        head = (
            self.target.prelude + "".join(moving.functions(s) + turn(s) for s in sorted(sizes)) + moving.ROWS + BARRIER
        )
        self.finished(head + "".join(self.parts) + ATTRIBUTES)
        most = max((u for group in self.groups if group.shards for u in group.units), default=1)
        return Module(self.layout, self.phases, most, {}, self.labels)

    def add(self, function: Function) -> None:
        self.volume.append(function)
        self.parts.append(f"declare hidden void @{function.name}(ptr, ptr, i64, i64, i64, i64)\n")
        if sum(len(f.text) for f in self.volume) > VOLUME:
            self.close_volume()

    def close_volume(self) -> None:
        if self.volume:
            used = sorted(set().union(*(f.used for f in self.volume)))
            head = math.declarations(self.kind) + math.definitions(used, self.kind)
            self.finished(head + "".join(f.text for f in self.volume) + ATTRIBUTES)
        self.volume = []

    def timed(self, label: str, lines: list[str]) -> list[str]:
        """The lines, with the cycles that they take added up under the label, if times are wanted."""
        if not self.profile:
            return lines
        if label not in self.labels:
            self.labels.append(label)
        place = self.labels.index(label)
        a, b, c, p, o = (self.fresh("q") for _ in range(5))
        clock = "call i64 @pl.clock()"
        end = [f"  {b} = {clock}", f"  {c} = sub i64 {b}, {a}", f"  {p} = getelementptr i64, ptr @clocks, i64 {place}"]
        return [f"  {a} = {clock}", *lines, *end, f"  {o} = atomicrmw add ptr {p}, i64 {c} monotonic"]

    def nest(self, nest: Nest, fixed: int | None = None) -> Function:
        self.count += 1
        function = Writer(f"nest{self.count}", nest, self.layout, self.kind, fixed=fixed).function()
        self.add(function)
        return function

    @staticmethod
    def label(nest: Nest) -> str:
        return "+".join(t.name for t in nest.targets)

    # Phases

    @property
    def phases(self) -> int:
        """How many are complete."""
        return sum(len(group.units) for group in self.groups)

    def divided_phase(self, phase: Phase) -> None:
        """A nest whose units threads share; of a loop, those of its nests, step after step."""
        for work in phase.works:
            if isinstance(work, Nest):
                self.groups.append(Group([self.shared(work, 0)]))
                continue
            first, by = (work.extent - 1, -1) if work.reverse else (0, 1)
            self.groups.append(Group([self.shared(n, k, first) for k, n in enumerate(work.nests)], first=first))
            if work.extent > 1:
                units = [self.shared(n, k) for k, n in enumerate(work.nests)]
                self.groups.append(Group(units, first=first + by, by=by, more=work.extent - 2))

    def shared(self, nest: Nest, behind: int, fixed: int | None = None) -> int:
        """A phase for the nest, so many phases behind those that are complete; gives its units."""
        function = self.nest(nest, fixed)
        units = max(function.units, 1)
        call = f"  call void @{function.name}(ptr %ctx, ptr %local, i64 %unit, i64 %step, i64 %piece, i64 %pieces)"
        lines = [
            f"define internal void @phase{self.phases + behind}(ptr %ctx, ptr %local, i64 %all, i64 %step) #0 {{",
            "entry:",
        ]
        threads = self.word(THREADS, "i64", lines)
        lines += [
            *pieces("%pieces", units, threads),
            "  %unit = udiv i64 %all, %pieces",
            "  %piece = urem i64 %all, %pieces",
            *self.timed(self.label(nest), [call]),
        ]
        self.parts.append("\n".join([*lines, "  ret void", "}", ""]))
        return units

    def shard_phase(self, phase: Phase, *, first: bool, last: bool) -> None:
        lines = [
            f"define internal void @phase{self.phases}(ptr %ctx, ptr %local, i64 %unit, i64 %step) #0 {{",
            "entry:",
            f"  %rows = alloca [{LANES} x ptr]",
        ]
        few = self.layout.plan.few
        if first and not few:
            for name, tensor in self.layout.plan.program.inputs.items():
                if batched(tensor):
                    lines += self.staged(name, tensor)
                    lines += self.all_copies(tensor)
        for work in phase.works:
            lines += self.calls(work)
            for target in work.targets:
                lines += self.all_copies(target, views_alone=self.step_by_step(work, target))
        if last and not few:
            for name, tensor in self.layout.plan.program.outputs.items():
                if batched(tensor):
                    lines += self.unstaged(name, tensor)
        self.parts.append("\n".join([*lines, "  ret void", "}", ""]))

    def global_phase(self, phase: Phase) -> int:
        """Units of all nests in a row; a unit finds its nest by comparing."""
        head = f"define internal void @phase{self.phases}(ptr %ctx, ptr %local, i64 %unit, i64 %step) #0 {{"
        lines = [head, "entry:"]
        start = 0
        for k, work in enumerate(phase.works):
            units = 1
            calls: list[str] = []
            if isinstance(work, Nest):
                function = self.nest(work)
                units = function.units
                calls = [
                    f"  %u{k} = sub i64 %unit, {start}",
                    *self.timed(
                        self.label(work),
                        [f"  call void @{function.name}(ptr %ctx, ptr %local, i64 %u{k}, i64 0, i64 0, i64 1)"],
                    ),
                ]
            else:
                calls = self.calls(work)
            lines += [f"  %is{k} = icmp slt i64 %unit, {start + units}", f"  br i1 %is{k}, label %do{k}, label %not{k}"]
            lines += [f"do{k}:", *calls, "  ret void", f"not{k}:"]
            start += units
        self.parts.append("\n".join([*lines, "  ret void", "}", ""]))
        return start

    def calls(self, work: Any) -> list[str]:
        if isinstance(work, Panel):
            self.count += 1
            self.parts.append(packing(f"pack{self.count}", work, self.layout, self.kind))
            return self.timed(f"pack {work.tensor.name}", [f"  call void @pack{self.count}(ptr %ctx)"])
        if isinstance(work, Partial):
            self.count += 1
            writer = Writer(f"part{self.count}", work.nest, self.layout, self.kind)
            function = writer.prepared(work)
            self.add(function)
            label = f"part of {self.label(work.nest)}"
            return self.timed(
                label, [f"  call void @{function.name}(ptr %ctx, ptr %local, i64 %unit, i64 0, i64 0, i64 1)"]
            )
        if isinstance(work, Nest):
            return self.timed(
                self.label(work),
                [f"  call void @{self.nest(work).name}(ptr %ctx, ptr %local, i64 %unit, i64 0, i64 0, i64 1)"],
            )
        return self.recurrence(work)

    def recurrence(self, work: Recurrence) -> list[str]:
        """The first step, which reads what lies before the loop, then all others."""
        first = work.extent - 1 if work.reverse else 0
        lines: list[str] = []
        for nest in work.nests:
            name = self.nest(nest, fixed=first).name
            lines.append(f"  call void @{name}(ptr %ctx, ptr %local, i64 %unit, i64 {first}, i64 0, i64 1)")
            lines += self.step_copies(work, nest, str(first))
        if work.extent == 1:
            return lines
        self.count += 1
        name = f"loop{self.count}"
        begin, end, by = (first - 1, -1, -1) if work.reverse else (1, work.extent, 1)
        text = [
            f"define internal void @{name}(ptr %ctx, ptr %local, i64 %unit) #0 {{",
            "entry:",
            "  br label %step",
            "step:",
        ]
        text.append(f"  %t = phi i64 [ {begin}, %entry ], [ %next, %step ]")
        for nest in work.nests:
            call = f"  call void @{self.nest(nest).name}(ptr %ctx, ptr %local, i64 %unit, i64 %t, i64 0, i64 1)"
            text += [*self.timed(self.label(nest), [call]), *self.step_copies(work, nest, "%t")]
        text += [
            f"  %next = add i64 %t, {by}",
            f"  %over = icmp eq i64 %next, {end}",
            "  br i1 %over, label %done, label %step",
        ]
        self.parts.append("\n".join([*text, "done:", "  ret void", "}", ""]))
        return [*lines, f"  call void @{name}(ptr %ctx, ptr %local, i64 %unit)"]

    def step_by_step(self, work: Any, target: Tensor) -> bool:
        """Whether the copy of a loop's tensor is made after every step, of what is still near."""
        steps = [n.step for n in work.nests if target in n.targets] if isinstance(work, Recurrence) else []
        return bool(steps) and all(n.axes[1] is n.step for n in work.nests if target in n.targets)

    def step_copies(self, work: Recurrence, nest: Nest, step: str) -> list[str]:
        wanted = [t for t in nest.targets if self.step_by_step(work, t)]
        return [line for tensor in wanted for line in self.copies(tensor, step)]

    # Moving data

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"%{prefix}{self.count}"

    def word(self, number: int, kind: str, lines: list[str]) -> str:
        place, value = self.fresh("w"), self.fresh("w")
        lines += [f"  {place} = getelementptr i64, ptr %ctx, i64 {number}", f"  {value} = load {kind}, ptr {place}"]
        return value

    def memory(self, home: Home, lines: list[str]) -> str:
        if home.place == "local":
            found = self.fresh("a")
            lines.append(f"  {found} = getelementptr i8, ptr %local, i64 {home.offset}")
            return found
        return self.in_shard(home.offset, lines)

    def in_shard(self, offset: int, lines: list[str]) -> str:
        arena, size = self.word(2, "ptr", lines), self.word(3, "i64", lines)
        start, shard, found = self.fresh("a"), self.fresh("a"), self.fresh("a")
        lines += [f"  {start} = mul i64 %unit, {size}", f"  {shard} = getelementptr i8, ptr {arena}, i64 {start}"]
        lines.append(f"  {found} = getelementptr i8, ptr {shard}, i64 {offset}")
        return found

    def staged(self, name: str, tensor: Tensor) -> list[str]:
        lines: list[str] = []
        count, size = self.layout.elements(tensor), self.layout.size(tensor)
        base = self.word(self.layout.word("in", name), "ptr", lines)
        index = self.word(5, "ptr", lines)
        lines.append(_rows(base, count * size, index))
        to = self.memory(self.layout.homes[tensor], lines)
        lines += self.timed(f"in {tensor.name}", [f"  call void @pl.collect{size}(ptr %rows, i64 {count}, ptr {to})"])
        return lines

    def unstaged(self, name: str, tensor: Tensor) -> list[str]:
        lines: list[str] = []
        count, size = self.layout.elements(tensor), self.layout.size(tensor)
        base = self.word(self.layout.word("out", name), "ptr", lines)
        lines.append(_rows(base, count * size, "null"))
        start = self.memory(self.layout.home(tensor), lines)
        lines += self.timed(
            f"out {tensor.name}", [f"  call void @pl.spread{size}(ptr %rows, i64 {count}, ptr {start})"]
        )
        return lines

    def copies(self, tensor: Tensor, step: str | None = None) -> list[str]:
        """The copy of a tensor that has its last axis in the lanes, where a global nest wants it; of one step of its
        first axis, or of all."""
        if tensor not in self.layout.rows:
            return []
        lines: list[str] = []
        size, last = self.layout.size(tensor), tensor.axes[-1].size
        outer = prod(a.size for a in tensor.axes[1:-1])
        start = self.memory(self.layout.home(tensor), lines)
        to = self.memory(self.layout.rows[tensor], lines)
        if step is not None:
            outer //= tensor.axes[1].size
            bytes_ = outer * last * LANES * size
            to = self.moved(to, step, bytes_, lines)
            start = start if tensor in self.layout.once else self.moved(start, step, bytes_, lines)
        lines += self.timed(
            f"rows {tensor.name}", [f"  call void @pl.turn{size}(ptr {to}, ptr {start}, i64 {outer}, i64 {last})"]
        )
        return lines

    def all_copies(self, tensor: Tensor, *, views_alone: bool = False) -> list[str]:
        """The copies of a tensor that is there now and of its views, before anything reads them."""
        views = [v for v in self.layout.plan.views if self.layout.plan.home(v) is tensor]
        return [line for t in (views if views_alone else [tensor, *views]) for line in self.copies(t)]

    def moved(self, start: str, times: str, bytes_: int, lines: list[str]) -> str:
        by, found = self.fresh("a"), self.fresh("a")
        lines += [f"  {by} = mul i64 {times}, {bytes_}", f"  {found} = getelementptr i8, ptr {start}, i64 {by}"]
        return found


def _rows(base: str, step: int, index: str) -> str:
    return f"  call void @pl.rows(ptr %ctx, i64 %unit, ptr {base}, i64 {step}, ptr %rows, ptr {index})"
