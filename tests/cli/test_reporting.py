"""--json, --quiet, --force and the exit codes: what a script can rely on, whatever the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.cli import COMMANDS
from pellucid.cli.reporting import json_text
from pellucid.exercises import exercise

from .conftest import Run

REPORTS: dict[str, tuple[list[str], set[str]]] = {
    "train": (["moons", "--epochs", "2"], {"examples", "history", "validation", "model", "epochs"}),
    "inspect": (["{model}"], {"layers", "parameters", "metadata"}),
    "inspect --watch": (["{model}", "--watch", "iris"], {"loss", "layers", "findings"}),
    "forecast": (["synthetic", "--epochs", "1", "--folds", "1", "--plot", "f.png"], {"columns", "tested", "plot"}),
    "filter": (["--pixel", "3,4"], {"kernel", "pixel", "image", "formula"}),
    "demo": (["--epochs", "1"], {"test", "explanation", "model"}),
    "export": (["{model}", "iris.o"], {"files", "target", "workspace"}),
    "sheet": (["{model}", "iris.xlsx"], {"cells", "formulas", "file"}),
    "exercise": (["backprop"], {"text", "exercises"}),
    "exercise list": (["list"], {"topics"}),
}
WRITES = {"train", "forecast", "filter", "demo", "export", "sheet"}


def spelled(name: str, iris_model: Path) -> list[str]:
    arguments, _ = REPORTS[name]
    return [name.split()[0], *(argument.format(model=iris_model) for argument in arguments)]


@pytest.mark.parametrize("name", REPORTS)
def test_json_stands_alone_on_the_standard_output(run: Run, iris_model: Path, name: str) -> None:
    result = run(*spelled(name, iris_model), "--json")
    found = json.loads(result.stdout)
    assert REPORTS[name][1] <= found.keys()
    assert (result.stderr != "") == (name in ("train", "forecast", "demo")), "only what takes its time is told of"
    if name in WRITES:
        again = run(*spelled(name, iris_model), "--json", code=2)
        assert "already: --force replaces" in again.stderr and again.stdout == ""
        silent = run(*spelled(name, iris_model), "--quiet", "--force")
        assert silent.output == ""


def test_a_text_that_is_generated_as_json(run: Run) -> None:
    Path("t.txt").write_text("to be or not to be, that is the question. " * 60, encoding="utf-8")
    trained = run("train", "t.txt", "--epochs", "1", "--length", "8", "--units", "8", "--json")
    assert json.loads(trained.stdout)["test"]["trigram_perplexity"] > 1
    found = json.loads(run("generate", "model.safetensors", "--length", "5", "--show", "2", "--json").stdout)
    assert len(found["steps"]) == 5 and len(found["steps"][0]["candidates"]) == 2
    assert found["text"].endswith("".join(step["token"] for step in found["steps"]))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_reports_has_json(run: Run, name: str) -> None:
    assert "--json" in run(name, "--help").output or name in ("lab", "completion"), "these report nothing"


def test_json_has_no_nan_and_keeps_float32() -> None:
    value = {"a": np.array([0.1, np.nan], np.float32), "b": (np.float64(0.25), np.int64(3)), "c": float("inf")}
    found: dict[str, Any] = json.loads(json_text(value))
    assert found == {"a": [0.1, None], "b": [0.25, 3], "c": None}


@pytest.mark.skipif(os.name == "nt", reason="a terminal as POSIX has it")
@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2)])
def test_on_a_terminal_a_person_is_asked(iris_model: Path, tmp_path: Path, answer: str, code: int) -> None:
    import pty

    (tmp_path / "filtered.png").write_bytes(b"")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid.cli", "filter"],
        cwd=tmp_path,
        stdin=follower,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.write(leader, answer.encode())
    assert process.wait(60) == code
    assert "filtered.png exists already. Replace it? [y/N]" in os.read(leader, 4096).decode()
    assert (tmp_path / "filtered.png").stat().st_size == 0 or code == 0
    os.close(follower)
    os.close(leader)


def test_what_resumes_replaces_what_it_wrote(run: Run) -> None:
    run("train", "moons", "--epochs", "1", "--checkpoint", "run.ckpt")
    assert "exist already" in run("train", "moons", "--epochs", "2", "--checkpoint", "run.ckpt", code=2).stderr
    run("train", "moons", "--epochs", "2", "--checkpoint", "run.ckpt", "--resume")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["exercise", "neuron", "--check", "99999"], 1),
        (["exercise", "neuron", "--check", str(exercise("neuron").answer), "--json"], 0),
        (["train", "irsi"], 2),
        (["train", "iris", "--epochs", "none"], 2),
        (["nothing"], 2),
    ],
)
def test_exit_codes(run: Run, arguments: Sequence[str], code: int) -> None:
    run(*arguments, code=code)


def test_the_help_states_the_exit_codes(run: Run) -> None:
    text = run("--help").output
    assert all(f"\n    {code} " in text for code in (0, 1, 2, 130))
