"""A whole run, and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Final, Literal

from benchmarks.contenders import Contender, Field
from benchmarks.first_steps import AIM, FirstStep, first_step
from benchmarks.growth import SERIES, Growth, growth
from benchmarks.machine import load, machine
from benchmarks.peak import Probe
from benchmarks.start import Start, starts
from benchmarks.timing import AGREEMENT, Comparison, Patience, compare
from benchmarks.workloads import Mode, Task, geometric_mean
from pellucid.engines.llvm.run.native import Target
from pellucid.errors import PellucidError

Part = Literal["training", "fit", "inference", "start", "compile", "growth"]
PARTS: Final[tuple[Part, ...]] = ("training", "fit", "inference", "start", "compile", "growth")
MODES: Final[tuple[Mode, ...]] = ("training", "fit", "inference")
INFERENCE_BATCHES: Final = (1, 64)
PAUSES: Final = {True: Patience(3, 0.02, tries=2), False: Patience(9, 0.1, tries=3)}
"""Of a quick benchmark, and of a whole one."""

Cells = list[tuple[str, ...]]
Row = tuple[str, Callable[[], None]]
"""What is measured next, in words, and the work."""


@dataclass
class Report:
    """What was measured."""

    machine: dict[str, Any]
    comparisons: list[Comparison] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    first_steps: list[FirstStep] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def of(self, mode: Mode) -> list[Comparison]:
        return [c for c in self.comparisons if c.task.mode == mode]

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep what fails as a sentence: the rest of a long measurement is not lost with it."""
        try:
            yield
        except PellucidError as error:
            self.failures.append(str(error))

    def mean_ratio(self, mode: Mode) -> float | None:
        """The geometric mean of the ratios to the fastest peer."""
        ratios = [c.ratio for c in self.of(mode) if c.ratio is not None]
        return geometric_mean(ratios) if ratios else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            **{mode: [c.as_dict() for c in self.of(mode)] for mode in MODES},
            "mean_ratio": {mode: self.mean_ratio(mode) for mode in MODES},
            "start": [s.as_dict() for s in self.starts],
            "compile": [f.as_dict() for f in self.first_steps],
            "growth": [g.as_dict() for g in self.growths],
            "failures": self.failures,
        }


def measure(
    workloads: Sequence[str],
    parts: Sequence[str],
    contenders: Sequence[Contender],
    *,
    target: Target,
    environment: Mapping[str, str],
    quick: bool,
    say: Callable[[str], None],
    keep: Callable[[Report], None],
) -> Report:
    """Measure what is asked for. Ctrl-C leaves the rows that have been measured.

    Args:
        target: the instructions of the floor; `environment` is what holds the contenders to them.
        say: is told what comes next, and how much is left.
        keep: is given the report after every row.
    """
    report = Report(machine(target))
    try:
        with Field(contenders, environment) as everybody:
            probe = Probe(target=target)
            if probe.handing < inf:
                report.machine["handing_ns"] = round(probe.handing)
            rows = _rows(report, workloads, parts, everybody, probe, quick=quick)
            begin = time.monotonic()
            for place, (words, work) in enumerate(rows):
                say(f"{place + 1} of {len(rows)}{_left(time.monotonic() - begin, place, len(rows))}: {words}")
                with report.noting():
                    work()
                keep(report)
    except KeyboardInterrupt:
        report.failures.append("the rest: stopped by Ctrl-C")
    report.machine["load_at_the_end"] = load()
    return report


def _left(passed: float, done: int, rows: int) -> str:
    """How long the rest will take if its rows take as long as those before them."""
    if done < 2:
        return ""
    minutes = passed / done * (rows - done) / 60
    return f", {minutes:.0f} min left" if minutes >= 1 else ", less than a minute left"


def _rows(
    report: Report, workloads: Sequence[str], parts: Sequence[str], everybody: Field, probe: Probe, *, quick: bool
) -> list[Row]:
    """Everything that is to be measured, in order."""
    patience, environment = PAUSES[quick], everybody.environment
    peers = any(not c.own for c in everybody.contenders)

    def comparing(task: Task) -> Row:
        work = partial(_compare, report, task, everybody, probe, patience)
        return f"{task.workload}, {task.mode}, batch {task.examples}", work

    def growing(workload: str, quantity: Any, sizes: Sequence[int]) -> Row:
        few = sizes[:: max(1, len(sizes) // 3)] if quick else sizes
        work = partial(_grow, report, workload, quantity, few, everybody, probe, patience)
        return f"{workload}, growth with its {quantity}", work

    def started() -> None:
        report.starts += starts(peers=peers, repeats=1 if quick else 5, environment=environment)

    def compiled(workload: str) -> None:
        report.first_steps.append(first_step(workload, environment))

    found: dict[str, list[Row]] = {
        "training": [comparing(Task(w)) for w in workloads],
        "fit": [comparing(Task(w, "fit")) for w in workloads],
        "inference": [comparing(Task(w, "inference", n)) for w in workloads for n in INFERENCE_BATCHES],
        "start": [("start", started)],
        "compile": [(f"{w}, compile", partial(compiled, w)) for w in workloads],
        "growth": [growing(*series) for series in SERIES if series[0] in workloads],
    }
    return [row for part in PARTS if part in parts for row in found[part]]


def _compare(report: Report, task: Task, everybody: Field, probe: Probe, patience: Patience) -> None:
    report.comparisons.append(compare(task, everybody, probe, patience))


def _grow(
    report: Report,
    workload: str,
    quantity: Any,
    sizes: Sequence[int],
    everybody: Field,
    probe: Probe,
    patience: Patience,
) -> None:
    report.growths.append(growth(workload, quantity, sizes, everybody, probe, patience))


def comparison_rows(comparisons: Sequence[Comparison]) -> tuple[list[str], Cells]:
    """A line for each task and number of threads, a column for each library; medians in µs."""
    libraries = list(dict.fromkeys(t.contender.library for c in comparisons for t in c.times))
    rows: Cells = []
    for c in comparisons:
        for threads in sorted(c.gflops):
            cells = {t.contender.library: t for t in c.times if t.contender.threads == threads and t.runs}
            times = [f"{cells[name].median * 1e6:.0f}" if name in cells else "" for name in libraries]
            rows.append((f"{c.task.workload}, {c.task.examples}", str(threads), *times, "", "", ""))
        floor = c.floor * 1e6
        percent = "" if c.percent is None else f"{c.percent:.0f}%"
        ratio = "" if c.ratio is None else f"{c.ratio:.2f}"
        rows[-1] = (*rows[-1][:-3], f"{floor:.0f}" if floor >= 10 else f"{floor:.2g}", percent, ratio)
    return ["µs", "threads", *libraries, "floor", "of floor", "× peer"], rows


def start_rows(starts: Sequence[Start]) -> tuple[list[str], Cells]:
    rows: Cells = [(s.what, f"{s.seconds:.3f}", f"{s.mebibytes:.0f}") for s in starts]
    return ["start", "seconds", "peak MiB"], rows


def first_step_rows(first_steps: Sequence[FirstStep]) -> tuple[list[str], Cells]:
    rows: Cells = [(f.workload, f"{f.fit:.2f}", f"{f.warm:.2f}", f"{f.prediction:.2f}") for f in first_steps]
    return ["first step, seconds", "fit", "fit, warm", "prediction"], rows


def growth_rows(growths: Sequence[Growth]) -> tuple[list[str], Cells]:
    rows: Cells = [
        (
            f"{g.workload}, {g.quantity}",
            f"{g.sizes[0]} … {g.sizes[-1]}",
            f"{g.seconds[0] * 1e6:.0f} … {g.seconds[-1] * 1e6:.0f}",
            f"{g.exponent:.2f}",
            f"{g.steepest:.2f}",
        )
        for g in growths
    ]
    return ["growth of a step", "sizes", "µs", "exponent", "steepest"], rows


def remarks(report: Report) -> list[str]:
    """What the tables do not say."""
    lines = [f"could not be measured: {failure}" for failure in report.failures]
    for mode in MODES:
        mean = report.mean_ratio(mode)
        if mean is not None:
            lines.append(f"{mode}: {mean:.2f} times as fast as the fastest peer (geometric mean)")
    slow = [f.workload for f in report.first_steps if f.fit > AIM]
    if slow:
        lines.append(f"{', '.join(slow)}: the first step takes more than {AIM:g} s")
    for c in report.comparisons:
        for t in c.times:
            name = f"{c.task.workload}, {c.task.mode}, {t.contender.name}"
            if t.error:
                lines.append(f"{name} could not be measured: {t.error}")
            elif t.difference > AGREEMENT:
                lines.append(f"{name} computes something else: {t.difference:.2g} away; it is left out of the ratios")
            lines += [f"{name}: {note}" for note in t.notes]
    for c in report.comparisons:
        disturbed = sum(t.disturbed for t in c.times)
        if disturbed:
            runs = sum(len(t.runs) for t in c.times)
            name = f"{c.task.workload}, {c.task.mode}, batch {c.task.examples}"
            lines.append(f"{name}: {disturbed} of {runs} runs had no two free cores near each other")
    for g in report.growths:
        if g.disturbed:
            name = f"growth of {g.workload} with its {g.quantity}"
            lines.append(f"{name}: {g.disturbed} of {g.runs} runs had no two free cores near each other")
    return lines
