"""The digests of the quick experiments, stored; `python -m tests.experiments.digests` runs them all and compares.

With names, these alone; with --write, what they give is stored.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pellucid.experiments import NAMES, claim_named, run

STORED = Path(__file__).with_name("digests.json")


def stored() -> dict[str, str | None]:
    known: dict[str, str | None] = json.loads(STORED.read_text(encoding="utf-8"))
    return known


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if not name.startswith("-")] or list(NAMES)
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
