from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pellucid.errors import ModelFileError
from pellucid.lab.serve import page

NASTY = '</script><script>alert(1)</script><!-- \u2028 \u2029 <b> & "quoted" \\ 中'


class Parts(HTMLParser):
    """The elements of a page, and what stands in scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag in {"script", "style", "title"}
        if self._inside:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data


def parsed(text: str) -> Parts:
    found = Parts()
    found.feed(text)
    return found


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(page, "ASSETS", tmp_path)
    for name in page.NAMES:
        (tmp_path / name).write_text(f"/* {name} */", encoding="utf-8")
    return tmp_path


def test_the_served_page(assets: Path) -> None:
    text = page.server_page({"en": f"My {NASTY}", "zh": "我的"}, "en")
    found = parsed(text)
    assert found.tags[0] == ("html", {"lang": "en"})
    assert [str(attrs["src"])[:8] for tag, attrs in found.tags if tag == "script"] == ["page.js?"]
    assert found.texts[0].startswith("My </script>"), "the title is text, not tags"
    assert text.count("<script") == 1
    assert ("div", {"id": "lab"}) in found.tags
    assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg)", text)
    assert "我的" in page.server_page({"en": "My", "zh": "我的"}, "zh")


def test_the_version_changes_with_what_was_built(assets: Path) -> None:
    title = {"en": "a", "zh": "b"}
    before = page.server_page(title)
    assert page.server_page(title) == before
    (assets / "page.css").write_text("p {}")
    assert page.server_page(title) != before


def test_a_saved_file_carries_everything_and_reaches_nothing(assets: Path) -> None:
    script = 'const a = "</script><!-- <script>", b = /<\\/SCRIPT>/;\r\nconsole.log(a, b, `中`);'
    (assets / "page.js").write_bytes(script.encode())
    (assets / "page.css").write_text("p::after { content: '</style>' }")
    document: dict[str, Any] = {
        "description": {"title": {"en": NASTY, "zh": NASTY}},
        "weights": [0.5, 0.25],
    }
    text = page.single_file(document)
    found = parsed(text)
    assert [tag for tag, _ in found.tags].count("script") == 2
    assert not any(attrs.get("src") or (tag == "link" and attrs["rel"] != "icon") for tag, attrs in found.tags)
    _, style, data, module = found.texts
    assert style == r"p::after { content: '\3c /style>' }", "it did not end at the text inside"
    assert not re.search(r"<!--|</?script", module, re.IGNORECASE)
    assert module.endswith("console.log(a, b, `中`);")
    assert json.loads(data) == document
    assert "\u2028" not in data
    assert "<" not in data
    (policy,) = [a["content"] for t, a in found.tags if t == "meta" and "http-equiv" in a]
    digest = base64.b64encode(hashlib.sha256(module.encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy, "or the browser would not run it"
    assert "\r" not in text


def test_a_page_that_was_not_built_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "ASSETS", tmp_path)
    with pytest.raises(ModelFileError, match=r"python hatch_build\.py"):
        page.check_assets()


@pytest.mark.parametrize("name", ["../frames.py", "/etc/passwd", "sources.sha256", "", "page.js/", "PAGE.JS"])
def test_no_other_file_is_read(name: str) -> None:
    with pytest.raises(ModelFileError, match="expected one of"):
        page.asset(name)
