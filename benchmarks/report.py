"""A whole run, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Literal

from benchmarks.contenders import Contender, Field
from benchmarks.growth import SERIES, Growth, growth
from benchmarks.machine import load, machine
from benchmarks.peak import Probe
from benchmarks.start import Start, starts
from benchmarks.timing import AGREEMENT, Comparison, Patience, compare
from benchmarks.workloads import Mode, Task, geometric_mean
from pellucid.errors import PellucidError

Part = Literal["training", "inference", "start", "growth"]
PARTS: Final[tuple[Part, ...]] = ("training", "inference", "start", "growth")
INFERENCE_BATCHES: Final = (1, 64)
PAUSES: Final = {True: Patience(3, 0.02, tries=2), False: Patience(9, 0.15, tries=3)}
"""Of a quick benchmark, and of a whole one."""

Cells = list[tuple[str, ...]]


@dataclass
class Report:
    """What was measured."""

    machine: dict[str, Any]
    comparisons: list[Comparison] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
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
            "training": [c.as_dict() for c in self.of("training")],
            "inference": [c.as_dict() for c in self.of("inference")],
            "mean_ratio": {"training": self.mean_ratio("training"), "inference": self.mean_ratio("inference")},
            "start": [s.as_dict() for s in self.starts],
            "growth": [g.as_dict() for g in self.growths],
            "failures": self.failures,
        }


def measure(
    workloads: Sequence[str],
    parts: Sequence[str],
    contenders: Sequence[Contender],
    *,
    quick: bool,
    say: Callable[[str], None],
) -> Report:
    """Measure what is asked for; `say` is told what comes next. Ctrl-C leaves what has been measured."""
    report = Report(machine())
    try:
        with Field(contenders) as everybody:
            _measure(report, workloads, parts, everybody, PAUSES[quick], say)
    except KeyboardInterrupt:
        report.failures.append("the rest: stopped by Ctrl-C")
    report.machine["load_at_the_end"] = load()
    return report


def _measure(
    report: Report,
    workloads: Sequence[str],
    parts: Sequence[str],
    everybody: Field,
    patience: Patience,
    say: Callable[[str], None],
) -> None:
    tasks = [Task(w) for w in workloads if "training" in parts]
    tasks += [Task(w, "inference", n) for w in workloads if "inference" in parts for n in INFERENCE_BATCHES]
    probe, quick = Probe(), patience is PAUSES[True]
    if probe.handing < inf:
        report.machine["handing_ns"] = round(probe.handing)
    for task in tasks:
        say(f"{task.workload}, {task.mode}, batch {task.examples}")
        report.comparisons.append(compare(task, everybody, probe, patience))
    if "start" in parts:
        say("start")
        with report.noting():
            report.starts = starts(peers=any(not c.own for c in everybody.contenders), repeats=1 if quick else 5)
    for workload, quantity, sizes in SERIES if "growth" in parts else ():
        if workload in workloads:
            say(f"growth of {workload} with its {quantity}")
            few = sizes[::3] if quick else sizes
            with report.noting():
                report.growths.append(growth(workload, quantity, few, everybody, probe, patience))


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


def growth_rows(growths: Sequence[Growth]) -> tuple[list[str], Cells]:
    rows: Cells = [
        (
            f"{g.workload}, {g.quantity}",
            f"{g.sizes[0]} … {g.sizes[-1]}",
            f"{g.seconds[0] * 1e6:.0f} … {g.seconds[-1] * 1e6:.0f}",
            f"{g.exponent:.2f}",
        )
        for g in growths
    ]
    return ["growth of a step", "sizes", "µs", "exponent"], rows


def remarks(report: Report) -> list[str]:
    """What the tables do not say."""
    lines = [f"could not be measured: {failure}" for failure in report.failures]
    modes: tuple[Mode, ...] = ("training", "inference")
    for mode in modes:
        mean = report.mean_ratio(mode)
        if mean is not None:
            lines.append(f"{mode}: {mean:.2f} times as fast as the fastest peer (geometric mean)")
    for c in report.comparisons:
        for t in c.times:
            name = f"{c.task.workload}, {c.task.mode}, {t.contender.name}"
            if t.error:
                lines.append(f"{name} could not be measured: {t.error}")
            elif t.difference > AGREEMENT:
                lines.append(f"{name} computes something else: {t.difference:.2g} away; it is left out of the ratios")
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
