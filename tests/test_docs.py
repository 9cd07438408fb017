"""What the README and the pages of docs/ show works: every block of Python in them runs, page by page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parts[len(ROOT.parts) + 1] != "guide"),
]
FENCED = re.compile(r"```.*?```", re.DOTALL)
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.sample(11)
@pytest.mark.parametrize(
    "page", [p for p in PAGES if BLOCK.search(p.read_text(encoding="utf-8"))], ids=lambda p: p.stem
)
def test_the_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    exec(compile("\n".join(blocks), page.name, "exec", dont_inherit=True), {"__name__": page.stem})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_images_shown_are_there(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for shown in (*re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text), *re.findall(r'(?:src|srcset)="([^"]+)"', text)):
        if "://" not in shown:
            assert (page.parent / shown).is_file(), shown


def test_the_readme_names_the_two_commands() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
