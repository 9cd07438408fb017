"""A text of a person's own is read as `pellucid train` reads it, and its code makes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lab.own_data.given import own, run, said, same, task

from pellucid.lab.protocol.requests import DataChoices

TEXT = b"the quick brown fox jumps over the lazy dog, and the dog sleeps on. " * 30


@pytest.mark.parametrize(("by", "length"), [("char", 64), ("word", 32)])
def test_its_code_makes_the_same(by: str, length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fox.txt").write_bytes(TEXT)
    monkeypatch.chdir(tmp_path)
    made = task({"fox.txt": TEXT}, by=by)
    assert same(made, run(made))
    assert made.views == ("text",) and made.x.shape[1] == length and made.vocabulary is not None
    assert made.net.metadata["vocabulary"]["tokens"] == list(made.vocabulary)


def test_what_was_understood_is_told() -> None:
    data = own({"fox.txt": TEXT}).understood(DataChoices())
    assert (data["kind"], data["choices"]["by"], data["choices"]["length"]) == ("text", "char", 64)
    assert data["notes"][0]["en"] == "2,040 characters, 29 different ones."
    assert data["excerpt"] is not None and data["excerpt"].startswith("the quick brown fox")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"short", "at least 90 where 8 are read"), (b"a" * 3000, "too few different characters")],
)
def test_what_cannot_be_learned_is_said(content: bytes, message: str) -> None:
    assert message in str(said({"t.txt": content}))
