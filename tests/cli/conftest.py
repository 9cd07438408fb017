from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pellucid.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in an empty folder; what a user would see as a traceback fails the test."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, args, prog_name="pellucid")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture(scope="session")
def iris_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained on iris for two epochs: enough to be read."""
    path = tmp_path_factory.mktemp("model") / "iris.safetensors"
    result = CliRunner().invoke(cli, ["train", "iris", "--epochs", "2", "--output", str(path)])
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture
def flats(tmp_path: Path) -> Path:
    """A table with numbers, a text column and a target: price = 100·rooms + 50·(city is north) + 20."""
    path = tmp_path / "flats.csv"
    rows = [(i % 5 + 1, ("north", "south")[i % 2]) for i in range(60)]
    lines = [f"{rooms},{city},{100 * rooms + 50 * (city == 'north') + 20}.5" for rooms, city in rows]
    path.write_text("\n".join(["rooms,city,price", *lines]) + "\n", encoding="utf-8")
    return path
