"""The shape of the source tree: a module's name says which one is meant, and a folder can be read at a glance."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/pellucid"
MODULES = [path for path in sorted(SOURCE.rglob("*.py")) if "node_modules" not in path.parts]
SHARED = {
    "__init__",
    "__main__",
    "base",
    "session",
}  # stated by several packages, each for itself
ONE_COMMAND_A_FILE = SOURCE / "cli"
LARGEST_FOLDER = 17


def test_module_names_are_unique() -> None:
    counts = Counter(path.stem for path in MODULES if path.stem not in SHARED)
    repeated = {
        name: [str(p.relative_to(SOURCE)) for p in MODULES if p.stem == name] for name in counts if counts[name] > 1
    }
    assert not repeated


def test_folders_can_be_read_at_a_glance() -> None:
    counts = Counter(path.parent for path in MODULES if path.stem != "__init__" and path.parent != ONE_COMMAND_A_FILE)
    assert not {str(folder.relative_to(SOURCE)): n for folder, n in counts.items() if n > LARGEST_FOLDER}


def test_the_page_on_the_architecture_names_what_is_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    missing = []
    for line in text.splitlines():
        row = re.match(r"\| `([\w/]+)/` \|", line)
        folder = SOURCE / row[1] if row else SOURCE
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", line):
            places = (folder, SOURCE, SOURCE.parent, ROOT)
            if (
                "NAME" not in name
                and not any((place / name).exists() for place in places)
                and not list(folder.rglob(name))
            ):
                missing.append(name)
    assert not missing
