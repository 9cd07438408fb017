from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.cli.output import check_writable, shorten, table
from pellucid.errors import DataError


def test_table_cuts_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "n" * 120
    table(["name", "value"], [[name, "1.5"], [":smile: [bold]", "10"]])
    text = capsys.readouterr().out
    assert name in text
    assert ":smile: [bold]" in text
    assert [line.rstrip()[-1] for line in text.splitlines() if "1.5" in line or " 10" in line] == ["5", "0"]


def test_shorten() -> None:
    assert shorten("short") == "short"
    assert shorten(["é", 1]) == '["é", 1]'
    assert len(shorten(list(range(1000)))) == 60


def test_results_do_not_overwrite_what_is_read_or_another_result(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    (tmp_path / "link.png").symlink_to(path)
    check_writable(path, sources=["iris", None])
    for other in (path, tmp_path / "x" / ".." / "a.png", tmp_path / "link.png"):
        with pytest.raises(DataError, match="it is what is read, give another name"):
            check_writable(other, sources=[str(path)])
    with pytest.raises(DataError, match="it is written already, give another name"):
        check_writable(path, None, path)


@pytest.mark.sample(2)
@pytest.mark.skipif(os.name == "nt", reason="closes a pipe as POSIX does")
@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (["filter", "--output", "out.png"], "out.png"),
        (["train", "iris", "--epochs", "3", "--output", "m.safetensors", "--plot", "m.png"], "m.png"),
        (["demo", "--epochs", "1", "--output", "m.safetensors"], "m.safetensors"),
        (["forecast", "synthetic", "--epochs", "1", "--folds", "1", "--plot", "f.png"], "f.png"),
        (["predict", "{model}", "iris", "--output", "out.csv"], "out.csv"),
        (["explain", "{model}", "dense_1", "--unit", "0", "--input", "iris", "--plot", "e.png"], "e.png"),
    ],
)
def test_results_are_written_though_nobody_reads_the_text(
    arguments: list[str], result: str, tmp_path: Path, iris_model: Path
) -> None:
    read, write = os.pipe()
    os.close(read)  # as `| head -0` does
    command = [argument.format(model=iris_model) for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "pellucid.cli", *command], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (tmp_path / result).stat().st_size > 0
    assert done.returncode == 0
    assert "Error" not in done.stderr and "Exception" not in done.stderr
