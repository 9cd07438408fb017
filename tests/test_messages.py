"""Every message has its Chinese in the catalogue, and the catalogue has nothing else."""

from __future__ import annotations

import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from babel.messages.extract import extract_from_dir

import pellucid
from pellucid.errors import DataError, PellucidError
from pellucid.messages import CATALOGUE, Message, gettext, pgettext, words

ROOT = Path(__file__).parents[1]
SOURCE = Path(pellucid.__file__).parent
HAN = re.compile(r"[\u3400-\u9fff]")

Key = tuple[str | None, str]


def catalogue() -> dict[Key, str]:
    return {(e.msgctxt, e.msgid): e.msgstr for e in polib.pofile(str(CATALOGUE))}


def sources() -> Iterator[tuple[Key, str]]:
    """The messages of the sources, and the file of each, found as `make strings` finds them."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    methods = [(entry["pattern"], entry["method"]) for entry in mappings]

    def ours(folder: str) -> bool:
        return Path(folder).name not in ("node_modules", "assets", "__pycache__")

    for name, _, message, _, context in extract_from_dir(SOURCE, methods, directory_filter=ours):
        assert isinstance(message, str), "no plural forms: Chinese has none"
        yield (context, message), name


def placeholders(text: str) -> list[str]:
    """With their formats; a word that goes with a number, "{count:step|steps}", is of a language with such forms."""
    fields = [(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
    return sorted(f"{name}:{spec}" for name, spec in fields if "|" not in spec)


def test_every_message_has_its_chinese() -> None:
    """If this fails: `make strings`, and translate what is new in the catalogue."""
    known = catalogue()
    found = dict(sources())
    assert len(found) > 500
    assert [key for key in found if not known.get(key)] == []


def test_the_catalogue_knows_what_the_page_says() -> None:
    """By the places of its entries `hatch_build.py` chooses the page's; `make strings` writes them."""
    said = {key for key, name in sources() if name.endswith(".ts")}
    entries = polib.pofile(str(CATALOGUE))
    known = {(e.msgctxt, e.msgid) for e in entries if any(name.endswith(".ts") for name, _ in e.occurrences)}
    assert len(said) > 300
    assert said - known == set()


def test_the_catalogue_has_nothing_that_nobody_says() -> None:
    assert sorted(catalogue().keys() - dict(sources()).keys(), key=str) == []
    entries = polib.pofile(str(CATALOGUE))
    assert [e.msgid for e in entries if e.obsolete or e.fuzzy] == []
    assert len({(e.msgctxt, e.msgid) for e in entries}) == len(entries)


def test_both_languages_have_the_same_placeholders() -> None:
    differ = [
        english for (_, english), chinese in catalogue().items() if placeholders(english) != placeholders(chinese)
    ]
    assert differ == []


def test_chinese_stands_in_the_catalogue_alone() -> None:
    """But for what is no message: the name of a language, and the characters that texts are split at."""
    allowed = {"lab/web/src/strings/shell.ts", "data/text.py"}
    files = [p for p in SOURCE.rglob("*") if p.suffix in {".py", ".ts", ".svelte"} and "node_modules" not in p.parts]
    found = {
        p.relative_to(SOURCE).as_posix()
        for p in files
        if HAN.search(p.read_text(encoding="utf-8")) and "web/tests" not in p.as_posix()
    }
    assert found - allowed == set()


def test_messages_within_messages_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {(None, "{size} {what}"): "{what} {size}", (None, "inputs"): "输入", ("tab", "inputs"): "输入端"}
    monkeypatch.setattr("pellucid.messages._chinese", lambda: said)
    message = gettext("{size} {what}", size=3, what=gettext("inputs"))
    assert (str(message), message.text("zh")) == ("3 inputs", "输入 3")
    assert message.filled(size="{x}", what="y").text("zh") == "y {x}", "values are no templates"
    assert pgettext("tab", "inputs").text("zh") == "输入端"
    assert words(message) == {"en": "3 inputs", "zh": "输入 3"}
    assert words("a {title}") == {"en": "a {title}", "zh": "a {title}"}
    with pytest.raises(PellucidError, match='expected the language "en" or "zh", got "fr"'):
        message.text("fr")


def test_an_error_keeps_its_message() -> None:
    error = DataError(gettext("The {what} are not scaled.", what=gettext("inputs")))
    assert str(error) == "The inputs are not scaled."
    assert isinstance(error.message, Message)
    assert error.message.text("zh") == "输入没有缩放。"
    assert DataError("no").message == "no"


def test_the_catalogue_is_read_when_it_is_asked_for() -> None:
    code = "import sys, pellucid.messages; pellucid.Network; assert 'polib' not in sys.modules"
    code += "; pellucid.messages.gettext('a').text('zh')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'polib' in sys.modules"], check=True)
