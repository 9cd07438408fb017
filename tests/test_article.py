"""The table of the article's items: what it names is there, and each command gives the figure beside it."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from pellucid.cli import cli
from pellucid.lab.gallery import TASKS

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"
NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?%?")
SLOW = {"pellucid generate"}
"""What takes a quarter of a minute and more: run by whoever changes what it shows."""


@dataclass(frozen=True)
class Row:
    number: str
    item: str
    chapter: str
    shown: str
    command: str
    figure: str
    lab: str


def rows() -> list[Row]:
    lines = (GUIDE / "article.md").read_text(encoding="utf-8").splitlines()
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines if re.match(r"\| \d+ ", line)]


ROWS = rows()


def test_there_is_a_row_for_each_item() -> None:
    assert [row.number for row in ROWS] == [str(k) for k in range(1, 22)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)
def test_chapter_and_lab_are_there(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    links = re.findall(r"\]\(([^)]+)\)", row.chapter)
    assert links and all((GUIDE / link).is_file() for link in links)
    labs = set(re.findall(r"`(\w+)`", row.lab))
    tasks = set(re.findall(r"--task (\w+)", row.lab))
    source = (GUIDE / "labs.py").read_text(encoding="utf-8")
    assert labs <= set(re.findall(r"^@lab\ndef (\w+)\(", source, re.MULTILINE))
    assert tasks <= set(TASKS)
    assert labs or tasks or "`mixed.lab(" in row.lab


def said_by(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command of the table prints; of an experiment, the verdict of its full run."""
    program, *arguments = shlex.split(command)
    if arguments[0] == "experiment":
        stored = ROOT / "docs" / "verdicts" / f"{arguments[1]}.json"
        return str(json.loads(stored.read_text(encoding="utf-8"))["verdict"]["because"])
    if program == "pellucid":
        result = CliRunner().invoke(cli, arguments, prog_name="pellucid")
        assert result.exit_code == 0, result.output
        return result.output
    runpy.run_path(str(ROOT / arguments[0]), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.parametrize("row", [row for row in ROWS if row.command.strip("`") not in SLOW], ids=lambda row: row.number)
def test_the_command_gives_the_figure(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "\n".join(said_by(command, capsys) for command in re.findall(r"`([^`]+)`", row.command))
    given = {number.lstrip("+") for number in NUMBER.findall(text.replace("−", "-"))}
    named = [number.lstrip("+") for number in NUMBER.findall(row.figure.replace("−", "-"))]
    assert named
    assert [number for number in named if number not in given and not number.isdigit()] == []
