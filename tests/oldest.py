"""The oldest version of every dependency that pyproject.toml allows, as pip's constraints.

python -m tests.oldest > constraints.txt

`make oldest` installs these and runs the tests with them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

LEFT_OUT = {"bench", "dev", "docs"}  # tools of ours, pinned


def constraints(project: dict[str, object]) -> list[str]:
    """Of each requirement its lower bound, as `name==version`."""
    match project:
        case {"dependencies": list(needed), "optional-dependencies": dict(extras)}:
            groups = [needed, *(extra for name, extra in extras.items() if name not in LEFT_OUT)]
        case _:
            raise ValueError("no dependencies")
    found = set()
    for requirement in (line for group in groups for line in group):
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(?:>=|==)([\w.]+)", requirement)
        if match is None:
            raise ValueError(f"{requirement!r} has no lower bound: write name>=version")
        found.add(f"{match[1]}=={match[2]}")
    return sorted(found)


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    print("\n".join(constraints(tomllib.loads(text)["project"])))
