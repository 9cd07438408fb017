"""The verdicts that docs/experiments.md states follow from the numbers of the runs beside it."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.experiments import NAMES, claim_named
from pellucid.experiments.claim import SENTENCES
from pellucid.messages import Message, words

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH = re.compile(r"\b[A-Za-z][a-z']*(?:,? [a-z]{2,}){2,}\b")
"""Three words in a row: names of people, layers and data sets have none."""


def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verdicts", DOCS / "verdicts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


VERDICTS = page()


def test_what_is_stored_are_experiments() -> None:
    files = {path.stem for path in (DOCS / "verdicts").glob("*.json")}
    assert files and files <= set(NAMES)


@pytest.mark.parametrize("name", VERDICTS.stored())
def test_a_verdict_follows_from_its_numbers(name: str) -> None:
    record, claim = VERDICTS.record(name), claim_named(name)
    verdict = claim.judge(record["numbers"])
    assert {"word": verdict.word, "because": str(verdict.because)} == record["verdict"]
    assert {key: record[key] for key in SENTENCES} == {key: str(getattr(claim, key)) for key in SENTENCES}
    assert record["quick"] is False and len(record["digest"]) == 64
    assert claim.table(record["numbers"]).rows
    assert (DOCS / "verdicts" / f"{name}.png").is_file()


@pytest.mark.parametrize("name", VERDICTS.stored())
def test_all_that_is_said_can_be_said_in_chinese(name: str) -> None:
    numbers, claim = VERDICTS.record(name)["numbers"], claim_named(name)
    table = claim.table(numbers)
    said = [getattr(claim, key) for key in SENTENCES] + [claim.judge(numbers).because]
    said += [text for row in (table.columns, *table.rows) for text in row if isinstance(text, Message)]
    left = [found[0] for text in said if (found := ENGLISH.search(words(text)["zh"]))]
    assert not left, left


@pytest.mark.parametrize("name", VERDICTS.stored())
def test_a_figure_can_be_drawn_again(name: str) -> None:
    claim_named(name).draw(VERDICTS.record(name)["numbers"])


def test_the_page_has_the_table_of_the_runs() -> None:
    """If this fails: `pellucid experiment NAME --output docs/verdicts`, then `python docs/verdicts.py`."""
    text = (DOCS / "experiments.md").read_text(encoding="utf-8")
    assert VERDICTS.written(text) == text
