"""`python -m benchmarks`: training steps of every workload, a table on the screen, and JSON if asked for."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from benchmarks.measure import Probe, alternate, pellucid_steps, ratio
from benchmarks.peers import torch_steps
from benchmarks.workloads import WORKLOADS, Workload

from pellucid.engines.llvm import threads
from pellucid.engines.llvm.native import host


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", help="names; all of them if none is given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of every turn")
    parser.add_argument("--compile", action="store_true", help="PyTorch compiled, too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    probe, count = Probe(), threads.available()
    rows = []
    for w in WORKLOADS:
        if not options.workloads or w.name in options.workloads:
            rows.append(_row(w, probe, count, options))
            print(_line(rows[-1]), flush=True)
    ratios = [row["ratio"] for row in rows if row["ratio"] == row["ratio"]]
    if ratios:
        print(f"geometric mean of the ratios to the fastest peer: {geometric_mean(ratios):.2f}")
    if options.json:
        machine = {
            "cpu": host().cpu,
            "system": platform.platform(),
            "python": platform.python_version(),
            "threads": count,
        }
        options.json.write_text(json.dumps({"machine": machine, "training": rows}, indent=1) + "\n")


def _row(w: Workload, probe: Probe, count: int, options: argparse.Namespace) -> dict[str, Any]:
    before = probe(count)
    # The best round tells what the code can do on a machine that others use too; the median tells the rest.
    contenders: dict[str, Any] = {f"pellucid {count}": pellucid_steps(w, threads=count)}
    for n in sorted({1, count}):
        contenders[f"torch {n}"] = torch_steps(w, threads=n)
    if options.compile:
        contenders[f"torch compiled {count}"] = torch_steps(w, threads=count, compiled=True)
    known = {name: steps for name, steps in contenders.items() if steps is not None}
    times = alternate(known, rounds=options.rounds, seconds=options.seconds)
    peak = max(before, probe(count))
    return {
        "workload": w.name,
        "microseconds": {t.name: t.median * 1e6 for t in times},
        "best microseconds": {t.name: min(t.rounds) * 1e6 for t in times},
        "ratio": ratio(times),
        "gflops at best": peak / 1e9,
        "floor": w.flops / peak * 1e6,
        "of the floor": w.flops / peak / times[0].median,
        "of the floor at best": w.flops / peak / min(times[0].rounds),
    }


def _line(row: dict[str, Any]) -> str:
    times = "  ".join(f"{name} {value:.0f}" for name, value in row["microseconds"].items())
    return (
        f"{row['workload']:16} {times} µs  ×{row['ratio']:.2f}  floor {row['floor']:.0f} µs at "
        f"{row['gflops at best']:.0f} GFLOP/s, {row['of the floor']:.0%} of it"
    )


if __name__ == "__main__":
    main()
