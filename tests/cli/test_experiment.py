from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.experiments.support import MINE

from pellucid.experiments import NAMES

from .conftest import Run


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "my_claim.py"
    path.write_text(MINE, encoding="utf-8")
    return path


def test_the_list_names_every_claim(run: Run) -> None:
    text = run("experiment", "list").output
    assert [name for name in NAMES if name in text] == list(NAMES)
    assert run("experiment").output == text
    listed = json.loads(run("experiment", "list", "--json").output)
    assert [each["experiment"] for each in listed] == list(NAMES)
    assert all(each["refuted_if"] for each in listed)


def test_an_experiment_shows_writes_and_says_what_it_replaces(run: Run, tmp_path: Path) -> None:
    text = run("experiment", "sigmoid_range").output
    assert "refuted if:" in text and "0.1966119332" in text and "Verdict: supported:" in text
    assert "wrote pellucid-experiments/sigmoid-range.json and" in text.replace("\\", "/")
    folder = tmp_path / "pellucid-experiments"
    assert sorted(path.name for path in folder.iterdir()) == ["sigmoid-range.json", "sigmoid-range.png"]
    assert "and 1 more exist already: --force" in run("experiment", "sigmoid-range", code=2).output
    assert "replaced pellucid" in run("experiment", "sigmoid-range", "--force").output
    record = json.loads((folder / "sigmoid-range.json").read_text(encoding="utf-8"))
    assert record["verdict"]["word"] == "supported" and len(record["digest"]) == 64


def test_a_claim_in_a_file_of_one_s_own(run: Run, mine: Path, tmp_path: Path) -> None:
    assert "Verdict: supported: the least is 0.5." in run("experiment", "./my_claim.py", "--quick").output
    printed = json.loads(run("experiment", mine.name, "--json", "--output", "there").output)
    assert printed == json.loads((tmp_path / "there" / "my-claim.json").read_text(encoding="utf-8"))
    assert printed["seeds"] == [0, 1, 2]


def test_a_terminal_sees_a_bar_beside_the_results(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    result = run("experiment", "./my_claim.py", "--json")
    assert "my-claim" in result.stderr and "3/3" in result.stderr
    assert json.loads(result.stdout)["experiment"] == "my-claim"


def test_all_are_run_one_after_the_other(run: Run, monkeypatch: pytest.MonkeyPatch, mine: Path) -> None:
    from pellucid.experiments import claim_in

    monkeypatch.setattr("pellucid.experiments.NAMES", ("one", "two"))
    monkeypatch.setattr("pellucid.experiments.claim_named", lambda name: claim_in(mine))
    text = run("experiment", "all", "--quick").output
    assert "1/2 one" in text and "2/2 two" in text and "2 experiments in 0.0 minutes" in text
    assert [r["experiment"] for r in json.loads(run("experiment", "all", "--json", "--force").output)] == ["one", "two"]


def test_ctrl_c_keeps_what_is_done(run: Run, monkeypatch: pytest.MonkeyPatch, mine: Path) -> None:
    from pellucid.experiments import Claim, claim_in

    claims = {"one": claim_in(mine), "two": claim_in(mine)}

    def interrupt(trial: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(claims["two"], "measure", interrupt, raising=False)

    def named(name: str) -> Claim:
        return claims[name]

    monkeypatch.setattr("pellucid.experiments.NAMES", tuple(claims))
    monkeypatch.setattr("pellucid.experiments.claim_named", named)
    assert "pellucid-experiments holds one." in run("experiment", "all", code=130).stderr
    assert (mine.parent / "pellucid-experiments" / "one.json").is_file()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["sigmoid-rnage"], 'Did you mean "sigmoid-range"?'),
        (["./none.py"], '"none.py" cannot be read: No such file'),
        (["empty.py"], "got none"),
        (["my_claim.py", "--output", "my_claim.py"], "is a file, expected a folder"),
        (["my_claim.py", "--output", "a/b"], 'there is no folder "a", create it first'),
        (["my_claim.py", "--csv", "p.csv", "--column", "Close"], "my-claim takes no --csv: leave it out"),
        (["stock-prices", "--csv", "p.csv"], "expected the column to forecast: --column COLUMN"),
        (["stock-prices", "--csv", "p.csv", "--column", "Close"], "p.csv"),
        (["stock-prices", "--column", "Close"], "expected --csv FILE with --column"),
    ],
)
def test_errors_are_one_line_and_come_first(run: Run, mine: Path, args: list[str], said: str) -> None:
    (mine.parent / "empty.py").write_text("", encoding="utf-8")
    error = run("experiment", *args, code=2).stderr
    assert said in error and error.count("\n") == 1
    assert sorted(path.name for path in mine.parent.iterdir()) == ["empty.py", "my_claim.py"]


def test_a_series_of_one_s_own_reaches_the_claims_that_look_at_one(run: Run, mine: Path) -> None:
    text = MINE.replace('setup = "two seeds"', 'setup = "two seeds"\n    takes_series = True')
    mine.write_text(text.replace('"none": None', '"none": trial.series.columns[0]'), encoding="utf-8")
    rows = "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 29))
    (mine.parent / "p.csv").write_text(f"Day,Close\n{rows}", encoding="utf-8")
    args = ("experiment", "my_claim.py", "--json", "--csv", "p.csv", "--column")
    assert json.loads(run(*args, "Close").output)["numbers"]["none"] == "Close"
    assert 'Did you mean "Close"' in run(*args, "Clse", code=2).stderr


def test_an_unwritable_folder_is_said_first(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine.parent / "closed").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)  # root may write everywhere
    error = run("experiment", "my_claim.py", "--output", "closed", code=2).stderr
    assert error.startswith("pellucid: error: cannot write") and "permission denied" in error


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(
    run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = run("experiment", "my_claim.py", "--output", "my_claim.py/there", code=2).stderr
    assert '"my_claim.py" is a file, choose another place' in error

    def full(self: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    error = run("experiment", "my_claim.py", "--output", "there", code=2).stderr
    assert 'cannot make the folder "there": No space left on device, give another --output.' in error


def test_a_claim_is_told_in_chinese(run: Run, mine: Path) -> None:
    assert "阶跃单元的隐藏层" in run("experiment", "list", "--language", "zh").output
    text = run("experiment", "sigmoid-range", "--language", "zh").output
    for said in ("论断：", "推翻条件：", "最小的导数", "结论：支持：", "0 处的 0.2500", "已写入 pellucid-experiments"):
        assert said in text
    record = json.loads((mine.parent / "pellucid-experiments" / "sigmoid-range.json").read_text(encoding="utf-8"))
    assert record["verdict"]["word"] == "supported" and record["statement"].startswith("The sigmoid runs")
    assert "Verdict" not in run("experiment", "my_claim.py", "--language", "zh").output


@pytest.mark.parametrize("language", ["en", "zh"])
def test_lines_of_text_are_as_wide_as_a_page(run: Run, mine: Path, language: str) -> None:
    text = run("experiment", "sigmoid-range", "--language", language).output
    lines = [line for line in text.splitlines() if not set(line) & set("─")]
    assert max(map(cell_len, (line for line in lines if line[:2] == "  "))) in range(100, 111)
    assert not [line for line in lines if line.lstrip()[:1] in tuple("，。；：、）”")]
