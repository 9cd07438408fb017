"""The table of verdicts in docs/experiments.md, from the run whose files are in docs/verdicts/.

pellucid experiment all --output docs/verdicts --force
python docs/verdicts.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pellucid.experiments import NAMES

HERE = Path(__file__).parent
RESULTS = HERE / "verdicts"
PAGE = HERE / "experiments.md"
START, END = "<!-- verdicts: by docs/verdicts.py -->\n", "<!-- end of the verdicts -->\n"


def stored() -> list[str]:
    """The experiments whose run is here, in the order of the list."""
    return [name for name in NAMES if (RESULTS / f"{name}.json").is_file()]


def record(name: str) -> dict[str, Any]:
    """What the run of an experiment gave."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def table() -> str:
    """The verdicts as Markdown."""
    rows = ["| experiment | claim | verdict | why |", "|---|---|---|---|"]
    for name in stored():
        each = record(name)
        verdict = each["verdict"]
        cells = [
            f"[{name}](verdicts/{name}.png)",
            each["statement"],
            f"**{verdict['word']}**",
            f"{verdict['because']}.",
        ]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def written(page: str) -> str:
    """The page with the table of what RESULTS holds."""
    before, rest = page.split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
