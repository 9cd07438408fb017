from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pellucid.cli.bench import CHECKOUT, command, command_of
from pellucid.errors import PellucidError

from .conftest import Run


def test_measures_without_peers(run: Run, tmp_path: Path) -> None:
    parts = "training,inference,start"
    run(*f"bench --quick --workload mlp --part {parts} --peers none --json b.json --plot b.png".split())
    found = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert found["failures"] == []
    (training,) = found["training"]
    assert training["ratio"] is None
    assert 0 < training["percent_of_floor"] < 110
    assert all(len(c["runs_us"]) == 3 and c["agrees"] for c in training["contenders"])
    assert [row["batch"] for row in found["inference"]] == [1, 64]
    starts = {row["what"]: row for row in found["start"]}
    assert 0 < starts["import pellucid"]["seconds"] < 10
    assert all(10 < row["mebibytes"] < 1000 for row in starts.values())
    assert (tmp_path / "b.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--workload", "mpl"], 'Did you mean "mlp"?'),
        (["--part", "traning"], 'Did you mean "training"?'),
        (["--peers", "trch"], 'Did you mean "torch"?'),
        (["--json", "nowhere/b.json"], 'no folder "nowhere"'),
        (["--plot", "b.docx"], "expected it to end in"),
    ],
)
def test_errors_come_before_the_measurement(run: Run, args: list[str], said: str) -> None:
    result = run("bench", *args, code=2)
    assert said in result.stderr
    assert "…" not in result.stderr


def test_an_installation_without_the_measurements_says_where_they_are(tmp_path: Path) -> None:
    result = CliRunner().invoke(command_of(tmp_path), ["--quick", "--json", "b.json"])
    assert isinstance(result.exception, PellucidError)
    assert "make bench" in str(result.exception)
    assert command_of(CHECKOUT) is command
