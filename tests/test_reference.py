"""The site's reference: every public name has its entry, with the formulas of what computes something."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    for name in ("Dense", "Conv2D", "LSTM", "relu", "softmax", "SGD", "Adam", "mean_squared_error", "huber"):
        assert "$$" in entries[name], name
