"""The XLA engine beside the same networks written by hand in JAX: the time of a training step.

    python -m benchmarks.xla_engine                    every network of the suite
    python -m benchmarks.xla_engine lenet lstm         some of them
    python -m benchmarks.xla_engine --threads 1 --rounds 9 --seconds 0.5 --json FILE

Both take turns in short runs, each in a process of its own that stands still while the other runs. A network's number
is the median of the rounds' ratios, so that what disturbs one round disturbs both of its runs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.contenders import Contender, Field
from benchmarks.workloads import WORKLOADS, Task, geometric_mean

BOUND = 1.1
"""By how much the engine may be slower."""


def measured(field: Field, name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """A network's seconds a step by hand and by the engine, the median ratio, and how far the first losses differ."""
    task = Task(name)
    processes = [field.process(contender) for contender in field.contenders]
    answers = [process.prepare(task) for process in processes]
    for answer in answers:
        if "error" in answer:
            return {"network": name, "error": answer["error"]}
    runs = [[process.measure(seconds).step for process in processes] for _ in range(rounds)]
    losses = zip(*(answer["answers"] for answer in answers), strict=True)
    return {
        "network": name,
        "by hand": median(hand for hand, _ in runs),
        "engine": median(own for _, own in runs),
        "ratio": median(own / hand for hand, own in runs),
        "ratios": sorted(own / hand for hand, own in runs),
        "difference": max(abs(a - b) / max(abs(a), 1e-9) for a, b in losses),
        "first": [answer["first"] for answer in answers],
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="how many CPUs each may use")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of one run")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.networks if name not in WORKLOADS]:
        parser.error(f"no network is called {unknown[0]}: choose of {', '.join(WORKLOADS)}")
    sides = [
        Contender(library, module, options.threads, ("jax",), modes=("training",))
        for library, module in (("JAX by hand", "xla"), ("the XLA engine", "xla_own"))
    ]
    if not sides[0].installed:
        parser.error('JAX is not installed: pip install "pellucid[xla]"')
    names, results = options.networks or list(WORKLOADS), []
    with Field(sides) as field:
        for name in track(names, "networks", console=Console(stderr=True), transient=True):
            results.append(measured(field, name, options.rounds, options.seconds))
    table = Table("network", "by hand, ms", "engine, ms", "ratio", "from … to", "first losses differ by")
    for r in results:
        if "error" in r:
            table.add_row(r["network"], r["error"])
            continue
        times = (f"{r[side] * 1e3:.3f}" for side in ("by hand", "engine"))
        spread = f"{r['ratios'][0]:.2f} … {r['ratios'][-1]:.2f}"
        table.add_row(r["network"], *times, f"{r['ratio']:.2f}", spread, f"{r['difference']:.0e}")
    console = Console()
    console.print(table)
    ratios = [r["ratio"] for r in results if "ratio" in r]
    slower = [r["network"] for r in results if r.get("ratio", 0) > BOUND]
    mean, named = geometric_mean(ratios), ", ".join(slower) or "none"
    console.print(f"geometric mean {mean:.2f}; slower by more than 10 %: {named}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 1 if slower or len(ratios) < len(results) else 0


if __name__ == "__main__":
    sys.exit(main())
