"""A page for every claim of the registry: what it says, how it is tested, and the verdict of its last run here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pellucid.experiments.registry import NAMES, claim_named


def write(folder: Path, results: Path) -> None:
    """Pages into `folder`, with figure and verdict where `results` holds those of a run.

    `pellucid experiment all --quick --output build/docs/experiments` puts them there.
    """
    folder.mkdir(parents=True)
    rows = []
    for name in NAMES:
        claim = claim_named(name)
        record = results / f"{name}.json"
        verdict = "not run for this copy"
        lines = [f"# {claim.statement}\n"]
        if record.is_file():
            outcome = json.loads(record.read_text(encoding="utf-8"))
            verdict = outcome["verdict"]["word"]
            short = " (the short version)" if outcome.get("quick") else ""
            lines.append(f"**{verdict}**{short}: {outcome['verdict']['because']}.\n")
            table = claim.table(outcome["numbers"])
            head = [table.columns, ["---"] * len(table.columns), *table.rows]
            lines.append("\n".join("| " + " | ".join(cells) + " |" for cells in head) + "\n")
            if (figure := results / f"{name}.png").is_file():
                shutil.copyfile(figure, folder / figure.name)
                lines.append(f"![What was measured for this claim]({figure.name})\n")
        lines += [f"Repeat it: `pellucid experiment {name}`\n", "## How it is tested\n", f"{claim.setup}\n"]
        lines += [f"**Source.** {claim.source}\n", f"**What would refute it.** {claim.refuted_if}\n"]
        (folder / f"{name}.md").write_text("\n".join(lines), encoding="utf-8")
        rows.append(f"| [{claim.statement}]({name}.md) | {verdict} |")
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(NAMES) + "\n```\n"
    text = "# The claims\n\n| claim | verdict |\n|---|---|\n" + "\n".join(rows) + f"\n\n{tree}"
    (folder / "index.md").write_text(text, encoding="utf-8")
