"""The cache of compiled code: found again, never trusted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.engines.llvm.support import native

from pellucid.engines.llvm import cache
from pellucid.formula import BATCH, Program, Tensor, define


def program() -> Program:
    return Program({"y": define("y[n] = Σ[i] x[n,i]²", x=Tensor.input("x", n=BATCH, i=5))})


def result() -> float:
    return float(native(program())({"x": np.full((1, 5), 2.0)})["y"][0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "code"))
    return tmp_path / "code"


def test_code_is_kept_and_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert result() == 20
    (file,) = folder.iterdir()
    monkeypatch.setattr(cache, "Compiler", lambda *_: pytest.fail("compiled again"))
    assert result() == 20 and list(folder.iterdir()) == [file]


@pytest.mark.parametrize("damage", ["empty", "short", "turned", "foreign"])
def test_a_damaged_file_is_compiled_again(folder: Path, damage: str) -> None:
    assert result() == 20
    (file,) = folder.iterdir()
    content = file.read_bytes()
    middle = len(content) // 2
    wrong = {
        "empty": b"",
        "short": content[:middle],
        "turned": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "foreign": b"#!/bin/sh\n",
    }
    file.write_bytes(wrong[damage])
    assert result() == 20
    assert file.read_bytes() == content


def test_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    assert result() == 20 and not folder.exists()


def test_a_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "file" / "code"))
    assert result() == 20


def test_two_processes_at_once(folder: Path) -> None:
    code = "from tests.engines.llvm.test_cache import result; assert result() == 20"
    root = Path(__file__).parents[3]
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(2)]
    assert [p.wait() for p in running] == [0, 0]
    assert [p.suffix for p in folder.iterdir()] == [".o"]
