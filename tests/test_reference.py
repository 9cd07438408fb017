"""The site's reference: every public name has its entry, with the formulas of what computes something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]
from pygments.token import Error  # type: ignore[import-untyped]

import pellucid as pl
from pellucid.functions.learning.losses import LOSSES

SITE = Path(__file__).parents[1] / "docs" / "site"


def test_every_public_name_has_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SITE))
    import reference  # type: ignore[import-not-found]

    folder = tmp_path / "reference"
    reference.write(folder)
    entries: dict[str, str] = {}
    for page in folder.glob("*.md"):
        for entry in page.read_text(encoding="utf-8").split("\n## ")[1:]:
            name, _, text = entry.partition("\n")
            entries[name] = text
    assert set(pl.__all__) | {loss.name for loss in LOSSES.values()} <= set(entries)
    headings = re.findall(
        r"^(.+)\n-{3,}$", "\n".join(p.read_text(encoding="utf-8") for p in folder.glob("*.md")), re.MULTILINE
    )
    assert not headings, "sections of docstrings are no entries"
    for name in ("Dense", "Conv2D", "LSTM", "relu", "softmax", "SGD", "Adam", "mean_squared_error", "huber"):
        assert "$$" in entries[name], name


def test_code_in_the_reference_is_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site takes a sign that is none of Python's, such as "…", for an error."""
    monkeypatch.syspath_prepend(str(SITE))
    import reference

    folder = tmp_path / "reference"
    reference.write(folder)
    wrong = []
    for page in folder.glob("*.md"):
        for block in re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            if any(kind is Error for kind, _ in PythonLexer().get_tokens(block)):
                wrong.append(block)
    assert not wrong, "\n".join(wrong)
