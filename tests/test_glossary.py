"""The words of the field are one in Chinese: catalogue, lessons and guide follow the glossary of the translators."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import polib

from pellucid.lab.lessons.shipped import FOLDER
from pellucid.messages import CATALOGUE

ROOT = Path(__file__).parents[1]
GLOSSARY = CATALOGUE.parents[1] / "glossary.toml"
TERMS: list[dict[str, Any]] = tomllib.loads(GLOSSARY.read_text(encoding="utf-8"))["term"]
HAN = "[\u3400-\u9fff]"
FAULTS = {
    "a half-width mark after Chinese": rf"{HAN}[,;:!?](?!\s?[^)]*\))",
    "no blank between Chinese and Latin": rf"{HAN}[A-Za-z]|[A-Za-z]{HAN}",
    "a reader who is addressed formally": "您",
    "the key Enter": r"\bEnter\b|回车(?!键)",
    "a long ellipsis": "……",
}


def catalogue() -> dict[str, str]:
    return {e.msgid: e.msgstr for e in polib.pofile(str(CATALOGUE))}


def chinese() -> dict[str, str]:
    """What stands in Chinese, by where it stands."""
    guide = sorted((ROOT / "docs" / "guide" / "zh").glob("*.md"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in [*guide, *sorted(FOLDER.glob("*.yaml"))]}
    return {**texts, **{f"“{english}”": said for english, said in catalogue().items()}}


def test_a_term_is_called_by_its_name() -> None:
    wrong = []
    for term in TERMS:
        word = re.compile(rf"(?<![\w.`/_{{\"-]){re.escape(term['en'])}(s|es)?(?![\w`/_}}\"=(])", re.IGNORECASE)
        names = [term["zh"], *term.get("also", [])]
        for english, said in catalogue().items():
            if word.search(english) and not any(name in said for name in names):
                wrong.append(f"{term['en']}: {english!r} is {said!r}")
    assert not wrong, "\n".join(wrong)


def test_a_term_has_no_other_name() -> None:
    texts = chinese()
    for term in TERMS:
        assert any(term["zh"] in said for said in texts.values()), term["zh"]
        for name in term.get("never", []):
            assert [where for where, said in texts.items() if re.search(name, said)] == [], name


def test_the_marks_are_chinese() -> None:
    found = [f"{said!r}: {what}" for said in catalogue().values() for what, p in FAULTS.items() if re.search(p, said)]
    assert not found, "\n".join(found)
