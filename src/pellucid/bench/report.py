"""A whole run, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pellucid.bench.contenders import Contender, Field
from pellucid.bench.growth import SERIES, Growth, growth
from pellucid.bench.machine import load, machine
from pellucid.bench.peak import Probe
from pellucid.bench.start import Start, starts
from pellucid.bench.timing import AGREEMENT, Comparison, Patience, Times, compare
from pellucid.bench.workloads import Mode, Task, geometric_mean

Part = Literal["training", "inference", "start", "growth"]
PARTS: Final[tuple[Part, ...]] = ("training", "inference", "start", "growth")
INFERENCE_BATCHES: Final = (1, 64)
PAUSES: Final = {True: Patience(3, 0.02), False: Patience(9, 0.15)}
"""Rounds and seconds of a run, of a quick benchmark and of a whole one."""

Cells = list[tuple[str, ...]]


@dataclass
class Report:
    """What was measured."""

    machine: dict[str, Any]
    comparisons: list[Comparison] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)

    def of(self, mode: Mode) -> list[Comparison]:
        return [c for c in self.comparisons if c.task.mode == mode]

    def mean_ratio(self, mode: Mode) -> float | None:
        """The geometric mean of the ratios to the fastest peer."""
        ratios = [c.ratio for c in self.of(mode) if c.ratio is not None]
        return geometric_mean(ratios) if ratios else None

    def as_dict(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "training": [c.as_dict() for c in self.of("training")],
            "inference": [c.as_dict() for c in self.of("inference")],
            "mean_ratio": {mode: self.mean_ratio(mode) for mode in ("training", "inference")},
            "start": [s.as_dict() for s in self.starts],
            "growth": [g.as_dict() for g in self.growths],
        }


def measure(
    workloads: Sequence[str],
    parts: Sequence[str],
    found: Sequence[Contender],
    *,
    quick: bool,
    say: Callable[[str], None],
) -> Report:
    """Measure what is asked for; `say` is told what comes next."""
    report, patience = Report(machine()), PAUSES[quick]
    tasks = [Task(w) for w in workloads if "training" in parts]
    tasks += [Task(w, "inference", n) for w in workloads if "inference" in parts for n in INFERENCE_BATCHES]
    with Field(found) as everybody:
        probe = Probe()
        for task in tasks:
            say(f"{task.workload}, {task.mode}, batch {task.examples}")
            report.comparisons.append(compare(task, everybody, probe, patience))
    if "start" in parts:
        say("start")
        report.starts = starts(peers=any(not c.own for c in found), repeats=1 if quick else 5)
    if "growth" in parts:
        with Field(found) as everybody:
            for workload, quantity, sizes in SERIES:
                if workload in workloads:
                    say(f"growth of {workload} with its {quantity}")
                    few = sizes[::3] if quick else sizes
                    report.growths.append(growth(workload, quantity, few, everybody, probe, patience))
    report.machine["load_at_the_end"] = load()
    return report


def comparison_rows(comparisons: Sequence[Comparison]) -> tuple[list[str], Cells]:
    """One line a task, one column a contender; times in µs."""
    columns = list(dict.fromkeys(t.contender.name for c in comparisons for t in c.times))
    rows: Cells = []
    for c in comparisons:
        cells = {t.contender.name: _time(t) for t in c.times}
        rows.append(
            (
                f"{c.task.workload}, {c.task.examples}",
                *(cells.get(name, "") for name in columns),
                f"{c.floor * 1e6:.0f}",
                "" if c.percent is None else f"{c.percent:.0f}%",
                "" if c.ratio is None else f"{c.ratio:.2f}",
            )
        )
    return ["µs, batch", *columns, "floor", "of floor", "× fastest peer"], rows


def start_rows(found: Sequence[Start]) -> tuple[list[str], Cells]:
    rows: Cells = [(s.what, f"{s.seconds:.3f}", f"{s.mebibytes:.0f}") for s in found]
    return ["start", "seconds", "peak MiB"], rows


def growth_rows(found: Sequence[Growth]) -> tuple[list[str], Cells]:
    rows: Cells = [
        (
            f"{g.workload}, {g.quantity}",
            f"{g.sizes[0]} … {g.sizes[-1]}",
            f"{g.seconds[0] * 1e6:.0f} … {g.seconds[-1] * 1e6:.0f}",
            f"{g.exponent:.2f}",
        )
        for g in found
    ]
    return ["growth of a step", "sizes", "µs", "exponent"], rows


def remarks(report: Report) -> list[str]:
    """What the tables do not say."""
    found = []
    for mode in ("training", "inference"):
        mean = report.mean_ratio(mode)
        if mean is not None:
            found.append(f"{mode}: {mean:.2f} times as fast as the fastest peer (geometric mean)")
    for c in report.comparisons:
        for t in c.times:
            name = f"{c.task.workload}, {c.task.mode}, {t.contender.name}"
            if t.error:
                found.append(f"{name} could not be measured: {t.error}")
            elif t.difference > AGREEMENT:
                found.append(f"{name} computes something else: {t.difference:.2g} away; it is left out of the ratios")
    disturbed = sum(t.disturbed for c in report.comparisons for t in c.times)
    total = sum(len(t.runs) for c in report.comparisons for t in c.times)
    if disturbed:
        found.append(f"{disturbed} of {total} runs (~) had no two free cores")
    return found


def _time(times: Times) -> str:
    if times.error or not times.runs:
        return "–"
    mark = "~" if times.disturbed > len(times.runs) / 2 else ""
    return f"{mark}{times.median * 1e6:.0f}"
