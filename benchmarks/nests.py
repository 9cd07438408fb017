"""How long every nest of loops of a training step takes, beside what the model that chooses its tile predicts.

    python -m benchmarks.nests vgg
    python -m benchmarks.nests wide,words --target v3 --steps 20

Measured on one thread: the best of some steps, by the processor's clock. Predicted are the loads and multiply-adds of
the nest's largest sum at the rate that is probed; what is made of a sum and what comes from far memory are not in it.
"of peak" is what its multiply-adds alone would take. Run it where nothing else runs.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final
from unittest import mock

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.instruction_sets import NATIVE, TARGETS, environment
from benchmarks.peak import Probe
from benchmarks.runners import Job, own
from benchmarks.workloads import WORKLOADS, Task
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.tiles import predicted
from pellucid.engines.llvm.plan.work import LANES, Nest, Partial, Request, length, nests_of
from pellucid.engines.llvm.run import cache, executable
from pellucid.engines.llvm.run.native import Target
from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Axis
from pellucid.formula.expressions import factors, free_axes

SHOWN: Final = 0.002
"""The part of a step from which on a nest is shown."""


@dataclass(frozen=True)
class Row:
    """What one nest took: ticks of the processor's clock, the cycles that were predicted, and its multiply-adds (None
    where there are no sums of products)."""

    label: str
    ticks: int
    cycles: float | None
    multiply_adds: int | None


def measured(task: Task, steps: int, *, console: Console | None = None) -> tuple[list[Row], Target]:
    """The nests of a step, the longest first, and what their code was made for."""
    made: list[tuple[cache.Code, Request, Any, Target]] = []

    def profiled(program: Any, dtype: Any, state: Any, target: Target, **options: Any) -> cache.Code:
        code = cache.compiled(program, dtype, state, target, profile=True, **options)
        made.append((code, Request(dtype.itemsize, target.registers, state), program, target))
        return code

    with mock.patch.object(executable, "compiled", profiled):
        step = own.training(Job.of(task))
    (code, request, program, target), labels = made[0], made[0][0].metadata.labels
    clocks = (ctypes.c_int64 * len(labels)).from_address(code.library.address("clocks"))
    step(1)
    best = np.full(len(labels), np.iinfo(np.int64).max)
    shown = console if console is not None else Console(stderr=True)
    for _ in track(range(steps), "steps", console=shown, transient=True, disable=not shown.is_terminal):
        ctypes.memset(clocks, 0, ctypes.sizeof(clocks))
        step(1)
        best = np.minimum(best, np.array(clocks[:]))
    known = expected(planned(program, request).plan, request, task.examples)
    rows = [Row(label, int(ticks), *known.get(label, (None, None))) for label, ticks in zip(labels, best, strict=True)]
    return sorted(rows, key=lambda row: -row.ticks), target


def expected(plan: Any, request: Request, examples: int) -> Mapping[str, tuple[float | None, int | None]]:
    """By label: the cycles that are predicted, and the multiply-adds."""
    found: dict[str, tuple[float | None, int | None]] = {}
    for phase in plan.phases:
        for work in phase.works:
            parts = [(work.nest, "part of ")] if isinstance(work, Partial) else [(n, "") for n in nests_of(work)]
            for nest, prefix in parts:
                label = prefix + "+".join(t.name for t in nest.targets)
                if prefix or nest.partial is None:  # the parts' sum has other terms than the sum
                    found[label] = predicted(nest, plan.tiles[nest], request, examples), multiply_adds(nest, examples)
    return found


def multiply_adds(nest: Nest, examples: int) -> int | None:
    """Those of the nest's largest sum; the ones with zeros outside an image count too."""
    sums = [e for e in nest.sums if len(factors(e.body)) > 1]
    if not sums:
        return None
    e = max(sums, key=length)
    axes = {*e.axes, *(a for a in nest.axes if a in free_axes(e))}
    return prod(_size(a, examples) for a in axes)


def _size(axis: Axis, examples: int) -> int:
    return examples if axis.extent is BATCH else axis.size


def table(title: str, rows: list[Row], probe: Probe, target: Target) -> Table:
    """The rows that matter, in microseconds."""
    each = max(1, LANES * 32 // target.registers.bits)
    # In the model two multiply-adds of a register begin in every cycle.
    cycles_a_second = probe.peak(1) * 1e9 / (2 * LANES) * each / 2
    total = sum(row.ticks for row in rows) or 1
    shown = Table(title=title, title_justify="left")
    for name in ("nest", "µs", "of step", "predicted", "measured / predicted", "of peak"):
        shown.add_column(name, justify="left" if name == "nest" else "right", overflow="fold")
    for row in rows:
        if row.ticks < SHOWN * total:
            continue
        seconds = row.ticks * probe.nanoseconds_per_tick / 1e9
        first, *more = row.label.split("+")
        name = first + f" and {len(more)} more" * bool(more)
        cells = [name, f"{seconds * 1e6:.1f}", f"{row.ticks / total:.0%}", "", "", ""]
        if row.cycles:
            cells[3] = f"{row.cycles / cycles_a_second * 1e6:.1f}"
            cells[4] = f"{seconds * cycles_a_second / row.cycles:.2f}"
        if row.multiply_adds:
            cells[5] = f"{2 * row.multiply_adds / (probe.peak(1) * 1e9) / seconds:.0%}"
        shown.add_row(*cells)
    return shown


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nests", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", help=f"which, such as mlp,vgg; of {', '.join(WORKLOADS)}")
    parser.add_argument("--target", choices=list(TARGETS), default=NATIVE, help="the instructions that may be used")
    parser.add_argument("--steps", type=int, default=10, help="of which the best counts (default: 10)")
    options = parser.parse_args(arguments)
    names = options.networks.split(",")
    if unknown := [name for name in names if name not in WORKLOADS]:
        parser.error(f"there is no network {unknown[0]!r}, expected one of {', '.join(WORKLOADS)}")
    if options.steps < 1:
        parser.error(f"--steps is {options.steps}, expected 1 or more")
    try:
        os.environ.update(environment(options.target), PELLUCID_THREADS="1")
    except PellucidError as error:
        parser.error(str(error))
    console = Console()
    for name in names:
        rows, target = measured(Task(name), options.steps)
        title = f"{name}: {WORKLOADS[name].title}; one thread, {target.cpu}, vectors of {target.registers.bits} bits"
        console.print(table(title, rows, Probe(target=target), target))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
