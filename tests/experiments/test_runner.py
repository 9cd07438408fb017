from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.errors import PellucidError
from pellucid.experiments import Claim, Table, Trial, Verdict, claim_in, run
from pellucid.experiments.runner import plain
from pellucid.plots import style

from .support import MINE


class Given(Claim):
    statement = source = refuted_if = setup = "given"
    numbers: Any = None
    verdict: Any = Verdict("undecided", "it is given")

    def measure(self, trial: Trial) -> Any:
        return self.numbers

    def judge(self, numbers: Any) -> Any:
        return self.verdict

    def table(self, numbers: Any) -> Table:
        return Table([], [])

    def draw(self, numbers: Any) -> Any:
        return style.finished(style.panels()[0], "")


def test_what_is_written_repeats_and_is_judged_again(tmp_path: Path) -> None:
    path = tmp_path / "half.py"
    path.write_text(MINE, encoding="utf-8")
    outcome = run("half", claim_in(path), quick=True)
    data, image = outcome.write(tmp_path)
    record = json.loads(data.read_text(encoding="utf-8"))
    assert record["experiment"] == "half" and record["statement"] == "A half is more than a third."
    assert record["numbers"] == {"halves": [0.5, 0.5, 0.5], "count": 3, "none": None}
    assert record["verdict"] == {"word": "supported", "because": "the least is 0.5"}
    assert record["seeds"] == [0, 1, 2] and record["quick"] is True
    assert record["machine"]["threads"] >= 1 and "numpy" in record["machine"]["packages"]
    assert image.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["half.json", "half.png", "half.py"]
    assert claim_in(path).judge(record["numbers"]).word == "supported"
    assert run("half", claim_in(path), quick=True).digest == record["digest"]
    (tmp_path / "fifth.py").write_text(MINE.replace("seeds(3)", "seeds(5, quick=5)"), encoding="utf-8")
    assert run("half", claim_in(tmp_path / "fifth.py")).digest != record["digest"]


def test_a_measurement_is_told_how_quick_to_be_and_where_it_is() -> None:
    told: list[int] = []
    path = Given()
    path.numbers = {}
    assert run("given", path, report=lambda done, total, part: told.append(done)).digest is None


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1.0], "expected measure of given to return a dict, got list"),
        ({"a": [1.0, float("nan")]}, r"numbers\['a'\]\[1\] is nan, which JSON cannot hold"),
        ({"a": np.array([np.inf])}, r"numbers\['a'\]\[0\] is inf"),
        ({1: 2}, "numbers has the key 1, expected a text"),
        ({"a": {2, 3}}, r"numbers\['a'\] is of the type set"),
        ({"a": 1j}, "of the type complex"),
    ],
)
def test_numbers_that_no_file_can_hold_are_refused(numbers: Any, said: str) -> None:
    claim = Given()
    claim.numbers = numbers
    with pytest.raises(PellucidError, match=said):
        run("given", claim)


def test_a_verdict_is_a_verdict() -> None:
    claim = Given()
    claim.numbers, claim.verdict = {}, "supported"
    with pytest.raises(PellucidError, match="expected judge of given to return a Verdict, got str"):
        run("given", claim)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("halves = []", "halves = [1 / 0]", "measure of Half failed: line 17: ZeroDivisionError: division by zero"),
        ("more = min", "more = nim", "judge of Half failed: line 24: NameError: name 'nim' is not defined"),
        ("figure, (panel,) =", "figure =", "draw of Half failed: line 32: NameError"),
        ("return style.finished(figure", "return (figure", "expected draw of half to return a figure, got tuple"),
        ('return Table(["half"]', 'return (["half"]', "expected table of half to return a Table, got tuple"),
        ("for half in numbers", "for half in nmbers", "table of Half failed: line 28: NameError"),
    ],
)
def test_what_fails_in_a_file_of_one_s_own_is_located(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "half.py"
    assert old in MINE
    path.write_text(MINE.replace(old, new), encoding="utf-8")
    with pytest.raises(PellucidError, match=said):
        outcome = run("half", claim_in(path))
        outcome.table()
        outcome.write(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["half.py"]


def test_numpy_becomes_plain() -> None:
    value = {"a": np.arange(3), "b": (np.float32(0.5), np.bool_(True)), "c": "text"}
    assert plain(value, "numbers") == {"a": [0, 1, 2], "b": [0.5, True], "c": "text"}


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    claim = Given()
    claim.numbers = {}
    with pytest.raises(PellucidError, match="no such folder"):
        run("given", claim).write(tmp_path / "none")
