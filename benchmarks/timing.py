"""One task, all contenders: short runs in turn, so that what drifts drifts for all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.contenders import Contender, Field, Process
from benchmarks.flops import flops
from benchmarks.machine import busy
from benchmarks.peak import Probe
from benchmarks.workloads import Task
from pellucid.errors import PellucidError

AGREEMENT = 1e-3
"""How far the first losses may be apart, relatively: float32 sums in another order, and a pooling winner that flips."""

OTHERS, CLOCK = 0.1, 0.03
"""Seconds that other processes may work in a second of a run; and what the system's clock of 10 ms may get wrong."""


@dataclass(frozen=True)
class Patience:
    """How many rounds there are, and how long one contender's run in a round takes, in seconds.

    A run that others disturb is taken again, up to so many tries; then the last one stands, and is counted.
    """

    rounds: int
    seconds: float
    tries: int


@dataclass
class Times:
    """One contender's runs: seconds of a step, one a round; `disturbed` of them while the cores were not free.

    Attributes:
        difference: how far its first answers are from the first contender's.
        first: seconds from the network to its first step, all compiling among it.
        notes: what it warned of.
    """

    contender: Contender
    runs: list[float] = field(default_factory=list)
    disturbed: int = 0
    difference: float = 0.0
    first: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def median(self) -> float:
        return median(self.runs)

    def as_dict(self) -> dict[str, Any]:
        shown = {"contender": self.contender.name, "library": self.contender.library, "threads": self.contender.threads}
        if self.error:
            return {**shown, "error": self.error}
        return {
            **shown,
            "median_us": self.median * 1e6,
            "runs_us": [s * 1e6 for s in self.runs],
            "disturbed_runs": self.disturbed,
            "first_step_s": self.first,
            "notes": self.notes,
            "difference": self.difference,
            "agrees": self.difference <= AGREEMENT,
        }


@dataclass(frozen=True)
class Comparison:
    """All contenders at one task, with the ceiling of the same minutes."""

    task: Task
    flops: int
    gflops: dict[int, float]
    times: tuple[Times, ...]

    @property
    def own(self) -> Times | None:
        """Pellucid at the better number of threads."""
        return self._fastest(own=True)

    @property
    def peer(self) -> Times | None:
        """The fastest of the others."""
        return self._fastest(own=False)

    @property
    def ratio(self) -> float | None:
        """How many times longer the fastest peer takes: the median of the rounds' ratios."""
        own, peer = self.own, self.peer
        if own is None or peer is None:
            return None
        return median(p / o for o, p in zip(own.runs, peer.runs, strict=True))

    @property
    def floor(self) -> float:
        """Seconds that the floating-point operations alone take at the ceiling of all threads."""
        return self.flops / max(self.gflops.values()) / 1e9

    @property
    def percent(self) -> float | None:
        """How much of the ceiling Pellucid reaches."""
        own = self.own
        return None if own is None else 100 * self.floor / own.median

    def as_dict(self) -> dict[str, Any]:
        own, peer = self.own, self.peer
        return {
            **self.task.as_dict(),
            "batch": self.task.examples,
            "flops": self.flops,
            "peak_gflops": self.gflops,
            "floor_us": self.floor * 1e6,
            "contenders": [t.as_dict() for t in self.times],
            "pellucid": own and own.contender.name,
            "fastest_peer": peer and peer.contender.name,
            "ratio": self.ratio,
            "percent_of_floor": self.percent,
        }

    def _fastest(self, *, own: bool) -> Times | None:
        candidates = [
            t for t in self.times if t.contender.own == own and t.runs and not t.error and t.difference <= AGREEMENT
        ]
        return min(candidates, key=lambda t: t.median, default=None)


def compare(task: Task, field_: Field, probe: Probe, patience: Patience) -> Comparison:
    """Measure the task with every contender of its mode, in rounds; each begins with another contender."""
    taking = [c for c in field_.contenders if c.takes(task)]
    times = {c: Times(c) for c in taking}
    ready = _prepare(task, field_, times)
    for turn in range(patience.rounds):
        first = turn % max(1, len(ready))
        for contender in ready[first:] + ready[:first]:
            if not times[contender].error:
                _run(field_.process(contender), times[contender], probe, patience)
    net = task.network()
    halves = net.dtype.itemsize // 4  # a vector holds half as many numbers of twice the size
    peaks = {threads: probe.peak(threads) / halves for threads in sorted({c.threads for c in taking})}
    return Comparison(task, flops(net, task), peaks, tuple(times.values()))


def _prepare(task: Task, field_: Field, times: dict[Contender, Times]) -> list[Contender]:
    """Everybody's first steps; who is ready."""
    ready: list[Contender] = []
    expected: Sequence[float] | None = None
    for contender, measured in times.items():
        answer = field_.process(contender).prepare(task)
        if "error" in answer:
            measured.error = answer["error"]
            continue
        ready.append(contender)
        expected = expected or answer["answers"]
        measured.difference = difference(answer["answers"], expected)
        measured.first, measured.notes = answer["first"], answer["notes"]
    return ready


def difference(answers: Sequence[float], expected: Sequence[float]) -> float:
    """The largest distance, relative to the largest number expected; infinite where one is no number.

    As many are compared as there are answers.
    """
    largest = max(map(abs, expected))
    apart = [abs(a - b) for a, b in zip(answers, expected, strict=False)]
    return max(apart) / largest if all(a == a for a in apart) else float("inf")


def _run(process: Process, times: Times, probe: Probe, patience: Patience) -> None:
    """One run, again while others disturb it: when two cores are not free before or after it, or others work meanwhile.

    The probe alone would not do: it sees a shared core, but is too short for other processes to be put in its place.
    """
    for _ in range(patience.tries):
        free = probe.quiet()
        before = busy()
        try:
            run = process.measure(patience.seconds)
        except PellucidError as error:
            times.error = str(error)
            return
        others = busy() - before - run.work
        if free and others < CLOCK + OTHERS * run.wall and probe.quiet():
            times.runs.append(run.step)
            return
        time.sleep(0.1)
    times.runs.append(run.step)
    times.disturbed += 1
