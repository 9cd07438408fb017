"""The digests of the quick experiments, stored; `python -m tests.experiments.digests` runs them all and compares.

With names, these alone; with --targets, once for each instruction set that this machine has, so that one machine shows
what others compute; with --write, what they give is stored.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.engines.llvm.run.native import available
from pellucid.experiments import NAMES, claim_named, run

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_name("digests.json")
BLAS = {"v2": "Nehalem", "v3": "Haswell", "v4": "SkylakeX"}
"""OpenBLAS's names of machines with these instruction sets and no more."""


def stored() -> dict[str, str | None]:
    known: dict[str, str | None] = json.loads(STORED.read_text(encoding="utf-8"))
    return known


def environment(target: str) -> dict[str, str]:
    """What makes Pellucid, NumPy and OpenBLAS compute as on a machine with this instruction set: v2, v3 or v4."""
    config: Any = np.show_config(mode="dicts")
    found = config["SIMD Extensions"].get("found", [])
    newer = {"v2": found, "v3": [each for each in found if "512" in each or "V4" in each], "v4": []}[target]
    return {
        **os.environ,
        "PELLUCID_TARGET": target,
        "NPY_DISABLE_CPU_FEATURES": " ".join(newer),
        "OPENBLAS_CORETYPE": BLAS[target],
    }


def elsewhere(target: str, names: Sequence[str] = ()) -> int:
    """Run and compare with an instruction set, in a process of its own; 0 if all digests are those stored."""
    command = [sys.executable, "-m", "tests.experiments.digests", *names]
    return subprocess.run(command, cwd=ROOT, env=environment(target), check=False).returncode


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if not name.startswith("-")] or list(NAMES)
    targets = available() if "--targets" in arguments else []
    if targets:
        wrong = 0
        for target in targets:
            print(f"x86-64-{target}", flush=True)
            wrong += elsewhere(target, names)
        return wrong
    computed = {}
    for name in names:
        outcome = run(name, claim_named(name), quick=True)
        computed[name] = outcome.digest
        print(f"{name:24} {outcome.seconds:6.1f} s  {outcome.digest}  {outcome.verdict.word}", flush=True)
    if "--write" in arguments:
        known = (stored() if STORED.exists() else {}) | computed
        ordered = {name: known[name] for name in NAMES if name in known}
        STORED.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        return 0
    known = stored()
    differ = [name for name, digest in computed.items() if known.get(name) != digest]
    print(f"other digests than those stored: {', '.join(differ)}" if differ else "the digests are those stored")
    return len(differ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
