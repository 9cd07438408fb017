"""``pellucid bench``: how fast, against whom, and how far from what the machine can do."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import click

from benchmarks.contenders import PEERS, contenders
from benchmarks.instruction_sets import NATIVE, TARGETS, environment
from benchmarks.onnxruntime_held import held
from benchmarks.report import (
    MODES,
    PARTS,
    Report,
    comparison_rows,
    first_step_rows,
    growth_rows,
    measure,
    remarks,
    start_rows,
)
from benchmarks.workloads import WORKLOADS
from pellucid.cli import grouped
from pellucid.cli.output import check_figure, check_writable, table
from pellucid.cli.reporting import with_force
from pellucid.engines.llvm.run.native import target as target_of
from pellucid.errors import DataError, nearest
from pellucid.files import replacing

ALL = "all"
UNITS = {"training": "training, a step", "fit": "fit, an epoch of 8 batches", "inference": "inference, a call"}
EPILOG = (
    """\b
What is measured (--part):
  training   the bare step: the same batches again and again
  fit        an epoch as a user writes it, all costs included
  inference  a call with 1 and with 64 examples
  start      imports, and LeNet's first step in a new process
  compile    the first step of every network in a new process
  growth     a step against batch, width, length, vocabulary

\b
Networks (--workload):
"""
    + "".join(f"  {name:<12} {workload.title}\n" for name, workload in WORKLOADS.items())
    + """
\b
How to read it: every row has the time of a step in microseconds on so many
threads. "floor" is what its multiply-adds alone take at the rate that was
probed, "of floor" how much of that rate Pellucid reaches, and "× peer" how
many times as long the fastest peer takes: above 1, Pellucid is faster.

\b
Examples:
  pellucid bench                                   everything
  pellucid bench --quick --workload mlp,lenet      a first impression
  pellucid bench --part training --peers torch     one part, one peer
  pellucid bench --target v3                       as on a CPU without AVX-512
  pellucid bench --part growth,compile --peers none
  pellucid bench --json bench.json --plot bench.png
"""
)


@grouped.command(epilog=EPILOG, name="bench")
@click.option("--workload", default=ALL, show_default=True, help="Which networks, such as mlp,gru; listed below.")
@click.option("--part", default=",".join(PARTS), show_default=True, help="Which measurements; listed below.")
@click.option(
    "--peers",
    help=f'Whom to compare with, if installed, or "none".  [default: {",".join(PEERS)}; with --quick not compile]',
)
@click.option(
    "--target",
    type=click.Choice(list(TARGETS)),
    default=NATIVE,
    show_default=True,
    help="The instructions that all may use: v3 is AVX2, v4 AVX-512, native what this CPU has. ONNX Runtime has no "
    "switch: for v3 a copy of it is used whose jump to AVX-512 is left out, where that jump is found.",
)
@click.option("--quick", is_flag=True, help="Fewer and shorter runs: figures within a tenth or so.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write every run to this file.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw a figure, such as bench.png.")
@with_force
def command(
    workload: str, part: str, peers: str | None, target: str, quick: bool, json_path: Path | None, plot: Path | None
) -> None:
    """All contenders take turns in short runs, so that what disturbs one disturbs all. Between the runs the machine's
    rate of multiply-adds is measured, on one and on two threads: runs without two free cores are taken again, and
    counted if that does not help. All train the same network from the same weights on the same data, and who comes to
    other losses is left out of the ratios. Peers that are not installed are left out: pip install -e ".[bench]"
    installs them.

    On two CPUs that do nothing else, everything takes up to an hour with all peers, --quick about a quarter of an hour.
    Most of it is the peers' compiling; a part or a network alone takes its fraction.

    Ctrl-C ends it and shows the rows so far; --json has them in its file after every row.
    """
    check_figure(plot)
    check_writable(json_path, plot)
    if peers is None:
        peers = ",".join(name for name in PEERS if not quick or name != "compile")
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    chosen = contenders([] if peers == "none" else peers.split(","), cpus)
    settings = environment(target)
    if target == "v3" and any(c.module == "onnx" for c in chosen):
        copy = held()
        if copy is None:
            click.echo("ONNX Runtime could not be held to AVX2: it takes what this CPU has", err=True)
        else:
            settings["PYTHONPATH"] = str(copy)
    report = measure(
        list(WORKLOADS) if workload == ALL else _chosen(workload, WORKLOADS, "workload"),
        _chosen(part, PARTS, "part"),
        chosen,
        environment=settings,
        target=target_of(None if target == NATIVE else target),
        quick=quick,
        say=lambda text: click.echo(f"{text} …", err=True),
        keep=lambda so_far: _write(so_far, json_path),
    )
    _show(report)
    _write(report, json_path)
    if json_path is not None:
        click.echo(f"wrote {json_path}")
    if plot is not None:
        from benchmarks.plot import draw

        with replacing(plot) as beside:
            draw(report, beside)
        click.echo(f"drew {plot}")


def _write(report: Report, path: Path | None) -> None:
    if path is not None:
        with replacing(path) as beside:
            beside.write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _show(report: Report) -> None:
    about = report.machine
    load = "" if about["load"] is None else f"; load {about['load']:.1f} before, {about['load_at_the_end']:.1f} after"
    near = f"; from one to another in {about['handing_ns']} ns" if "handing_ns" in about else ""
    click.echo(f"{about['processor']} ({about['target']}), {about['cpus']} CPUs, {about['memory_gib']} GiB{near}{load}")
    click.echo(", ".join(f"{name} {version}" for name, version in about["packages"].items()))
    for mode in MODES:
        if comparisons := report.of(mode):
            click.echo(f"\n{UNITS[mode]}")
            table(*comparison_rows(comparisons))
    if report.starts:
        table(*start_rows(report.starts))
    if report.first_steps:
        table(*first_step_rows(report.first_steps))
    if report.growths:
        table(*growth_rows(report.growths))
    for line in remarks(report):
        click.echo(line)


def _chosen(text: str, known: Collection[str], what: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise DataError(f'there is no {what} "{name}", expected some of {", ".join(known)}.{nearest(name, known)}')
    return names
