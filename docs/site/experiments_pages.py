"""A page for every claim of the registry: what it says, the verdict and numbers of its full run, the set-up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pellucid.experiments import NAMES, claim_named
from pellucid.experiments.runner import paths

SIGNS = {"supported": "✓", "not supported here": "✗", "undecided": "?"}


def write(folder: Path, results: Path) -> None:
    """Pages into `folder`, of the runs whose files are in `results`."""
    folder.mkdir(parents=True)
    rows = []
    for name in NAMES:
        claim = claim_named(name)
        data, image = (Path(shutil.copy(path, folder)) for path in paths(name, results))
        record = json.loads(data.read_text(encoding="utf-8"))
        word, because = record["verdict"]["word"], record["verdict"]["because"]
        table = claim.table(record["numbers"])
        refuted_if = str(claim.refuted_if)
        lines = [
            f"# {claim.statement}\n",
            f"**{SIGNS[word]} {word}**: {because.rstrip('.')}.\n",
            grid(list(map(str, table.columns)), [list(map(str, row)) for row in table.rows]),
            f"![What was measured, drawn]({image.name})\n",
            f"This is the full run, [with all its numbers]({data.name}); the digest of all weights is"
            f" `{record['digest'][:16]}…`, on every machine. Repeat it, or run the short version:\n",
            f"```\npellucid experiment {name}\npellucid experiment {name} --quick\n```\n",
            "## How it is tested\n",
            f"{claim.setup}\n",
            f"**Source.** {claim.source}\n",
            f"**What would refute it.** {refuted_if[:1].upper()}{refuted_if[1:]}.\n",
        ]
        (folder / f"{name}.md").write_text("\n".join(lines), encoding="utf-8")
        rows.append([f"[{claim.statement}]({name}.md)", f"{SIGNS[word]} {word}"])
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(NAMES) + "\n```\n"
    text = f"# The claims\n\nEach with the verdict of its full run.\n\n{grid(['claim', 'verdict'], rows)}\n{tree}"
    (folder / "index.md").write_text(text, encoding="utf-8")


def grid(columns: list[str], rows: list[list[str]]) -> str:
    cells = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells) + "\n"
