"""``pellucid bench``: how fast, against whom, and how far from what the machine can do."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

import click

from benchmarks.contenders import PEERS, contenders
from benchmarks.report import PARTS, Report, comparison_rows, growth_rows, measure, remarks, start_rows
from benchmarks.workloads import WORKLOADS
from pellucid.cli.output import check_figure, check_writable, replacing, table
from pellucid.errors import DataError, nearest

EPILOG = """\b
Examples:
  pellucid bench                                   everything, 10 minutes or so
  pellucid bench --quick --workload mlp,lenet      a first impression
  pellucid bench --part training --peers torch     one part, one peer
  pellucid bench --json bench.json --plot bench.png
"""


@click.command(epilog=EPILOG)
@click.option("--workload", default=",".join(WORKLOADS), show_default=True, help="Which networks.")
@click.option("--part", default=",".join(PARTS), show_default=True, help="Which measurements.")
@click.option(
    "--peers", default=",".join(PEERS), show_default=True, help='Whom to compare with, if installed; or "none".'
)
@click.option("--quick", is_flag=True, help="Fewer and shorter runs: figures within a tenth or so.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write every run to this file.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw a figure, such as bench.png.")
def command(workload: str, part: str, peers: str, quick: bool, json_path: Path | None, plot: Path | None) -> None:
    """Measure training, inference and start against peers.

    All contenders take turns in short runs, so that what disturbs one disturbs all. Between the runs the machine's
    rate of multiply-adds is measured, on one and on two threads: runs without two free cores are taken again, and
    counted if that does not help. The floor is a step's floating-point operations at that rate, on both cores.
    Peers that are not installed are left out.
    """
    check_figure(plot)
    check_writable(json_path, plot)
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    report = measure(
        _chosen(workload, WORKLOADS, "workload"),
        _chosen(part, PARTS, "part"),
        contenders([] if peers == "none" else peers.split(","), cpus),
        quick=quick,
        say=lambda text: click.echo(f"{text} …", err=True),
    )
    _show(report)
    if json_path is not None:
        with replacing(json_path) as beside:
            beside.write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        click.echo(f"wrote {json_path}")
    if plot is not None:
        from benchmarks.plot import draw

        with replacing(plot) as beside:
            draw(report, beside)
        click.echo(f"drew {plot}")


def _show(report: Report) -> None:
    about = report.machine
    load = "" if about["load"] is None else f"; load {about['load']:.1f} before, {about['load_at_the_end']:.1f} after"
    near = f"; from one to another in {about['handing_ns']} ns" if "handing_ns" in about else ""
    click.echo(f"{about['processor']} ({about['target']}), {about['cpus']} CPUs, {about['memory_gib']} GiB{near}{load}")
    click.echo(", ".join(f"{name} {version}" for name, version in about["packages"].items()))
    for comparisons in (report.of("training"), report.of("inference")):
        if comparisons:
            click.echo(f"\n{comparisons[0].task.mode}")
            table(*comparison_rows(comparisons))
    if report.starts:
        table(*start_rows(report.starts))
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
