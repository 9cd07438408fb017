"""The command as it is typed, with Pellucid alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import report
from benchmarks.command import command
from benchmarks.first_steps import FirstStep
from benchmarks.report import Report, remarks
from benchmarks.timing import Comparison, Patience, Times, compare
from benchmarks.workloads import WORKLOADS
from click.testing import CliRunner, Result

from pellucid.engines.llvm.run.native import available


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that measure nothing well."""
    monkeypatch.setattr(report, "PAUSES", {True: Patience(1, 0.001, tries=1)})


def run(tmp_path: Path, *args: str) -> tuple[Result, dict[str, Any]]:
    path = tmp_path / "b.json"
    result = CliRunner().invoke(command, ["--quick", "--peers", "none", "--json", str(path), *args])
    assert result.exception is None, result.output
    return result, json.loads(path.read_text(encoding="utf-8"))


def test_steps_epochs_and_first_steps(tmp_path: Path) -> None:
    target = "v3" if "v3" in available() else "native"
    args = ["--workload", "gru", "--part", "training,fit,compile", "--target", target]
    result, found = run(tmp_path, *args, "--plot", str(tmp_path / "b.png"))
    assert found["failures"] == []
    assert target == "native" or "x86-64-v3" in found["machine"]["target"]
    for part in ("training", "fit"):
        assert [row["workload"] for row in found[part]] == ["gru"]
        assert all(c["agrees"] and not c["notes"] for row in found[part] for c in row["contenders"])
    assert [row["workload"] for row in found["compile"]] == ["gru"]
    assert all(0 < row["prediction"] < 60 and 0 < row["warm"] < 60 for row in found["compile"])
    assert "1 of 3: gru, training" in result.stderr
    assert "first step, seconds" in result.stdout
    assert (tmp_path / "b.png").stat().st_size > 10_000


def test_growth_prints_its_exponents(tmp_path: Path) -> None:
    result, found = run(tmp_path, "--workload", "table32", "--part", "growth")
    (growth,) = found["growth"]
    assert growth["quantity"] == "batch" and len(growth["sizes"]) == len(growth["us"]) >= 3
    assert f"{growth['exponent']:.2f}" in result.stdout


def test_ctrl_c_keeps_the_rows_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.json"
    seen: list[Comparison] = []

    def interrupted(*args: Any) -> Any:
        if not seen:
            seen.append(compare(*args))
            return seen[0]
        assert len(json.loads(path.read_text(encoding="utf-8"))["training"]) == 1, "it is in the file already"
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "compare", interrupted)
    result, found = run(tmp_path, "--workload", "table32,mlp", "--part", "training")
    assert [row["workload"] for row in found["training"]] == ["table32"]
    assert found["failures"] == ["the rest: stopped by Ctrl-C"]
    assert "stopped by Ctrl-C" in result.stdout


def test_what_runs_in_no_native_code_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def noted(task: Any, field: Any, *args: Any) -> Any:
        found = compare(task, field, *args)
        own: Times = found.times[0]
        own.notes.append("some of it is computed by the reference engine")
        return found

    monkeypatch.setattr(report, "compare", noted)
    result, _ = run(tmp_path, "--workload", "table32", "--part", "training")
    assert "table32, training, Pellucid, 1 thr: some of it is computed by the reference engine" in result.stdout


def test_first_steps_above_the_aim_are_named() -> None:
    slow = [FirstStep("mlp", 3.5, 0.1, 0.1), FirstStep("gru", 2.5, 0.1, 0.1)]
    assert remarks(Report({}, first_steps=slow)) == ["mlp: the first step takes more than 3 s"]


def test_help_teaches() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert all(name in text for name in (*WORKLOADS, *report.PARTS))
    assert "an hour with all peers" in " ".join(text.split())
