"""What holds for every command: help that teaches, errors in one line, a quick start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.cli import COMMANDS

from .conftest import Run

PELLUCID = [sys.executable, "-m", "pellucid.cli"]


def test_help_lists_every_command_in_order(run: Run) -> None:
    text = run("--help").output
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "Examples:" in text
    lines = text[places[0] : text.index("Examples:")].split("\n")
    assert not any(line.endswith("...") for line in lines), "a first sentence is too long for the list"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_an_example(run: Run, name: str) -> None:
    assert f"\n    pellucid {name}" in run(name, "--help").output


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_no_command_and_no_library_but_click(option: str) -> None:
    code = (
        "import sys; from pellucid.cli import cli, COMMANDS\n"
        f"try: cli(['{option}'])\n"
        "except SystemExit: pass\n"
        "heavy = {f'pellucid.cli.{name}' for name in COMMANDS} | {'numpy', 'matplotlib', 'rich', 'pellucid.data'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_begins_with_its_line_in_the_list(run: Run, name: str) -> None:
    usage, first, *_ = (part.strip() for part in run(name, "--help").output.split("\n\n"))
    assert usage.startswith("Usage:") and first == COMMANDS[name]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["trian"], 'Did you mean "train"?'),
        (["train", "irsi"], 'Did you mean "iris"?'),
        (["train", "iris", "--activation", "rleu"], 'Did you mean "relu"?'),
        (["train", "iris", "--hidden", "64,x"], 'got "64,x"'),
        (["train", "iris", "--hidden", "0"], 'got "0"'),
        (["train", "iris", "--target", "species"], "is not a table file"),
        (["train", "iris", "--task", "regression"], "is a task of classification"),
        (["train", "iris", "--resume"], "--checkpoint FILE"),
        (["train", "iris", "--output", "nowhere/m.safetensors"], 'no folder "nowhere"'),
        (["train", "iris", "--output", "."], "is a folder"),
        (["train", "iris", "--plot", "history.docx"], "expected it to end in"),
        (["train", "table.csv"], "--target COLUMN"),
        (["train", "table.csv", "--target", "b"], 'Did you mean "bb"?'),
        (["predict", "none.safetensors", "iris"], "none.safetensors"),
        (["inspect", "none.safetensors"], "none.safetensors"),
        (["inspect", "table.csv"], "table.csv"),
    ],
)
def test_errors_are_one_sentence_and_exit_2(run: Run, tmp_path: Path, args: list[str], said: str) -> None:
    (tmp_path / "table.csv").write_text("aa,bb\n1,2.5\n2,3.5\n3,4.5\n", encoding="utf-8")
    result = run(*args, code=2)
    assert said in result.stderr
    assert "Traceback" not in result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(("pellucid: error: ", "Error: "))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"], "nothing half-written remains"


def test_the_script_exits_2_without_a_traceback() -> None:
    done = subprocess.run([*PELLUCID, "train", "irsi"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pellucid: error: ")
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_error(iris_model: Path) -> None:
    command = f'"{sys.executable}" -m pellucid.cli predict "{iris_model}" iris | true'
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""


def test_control_c_exits_130_and_says_what_was_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pellucid.cli.train.training_data", interrupt)
    assert "nothing was saved" in run("train", "iris", code=130).stderr


def test_an_error_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,\x1b[2Jb\n1,2\n\x1b[31mred,3\n5,6\n7,8\n", encoding="utf-8")
    said = run("train", "t.csv", "--target", "\x1b[2Jb", code=2).stderr
    assert "red" in said and "\x1b" not in said
