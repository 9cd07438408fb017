"""The cache of compiled code: found again, never trusted."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import llvmlite.binding
import numpy as np
import pytest
from tests.engines.llvm.support import native

from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.run import cache
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


def test_another_programs_code_under_this_ones_name(folder: Path) -> None:
    """Whoever copies caches about gets his programs' own results."""
    assert result() == 20
    (file,) = folder.iterdir()
    content = file.read_bytes()
    other = Program({"y": define("y[n] = Σ[i] x[n,i]", x=Tensor.input("x", n=BATCH, i=5))})
    x = {"x": np.full((1, 5), 2.0)}
    assert native(other)(x)["y"][0] == 10
    (second,) = set(folder.iterdir()) - {file}
    second.write_bytes(content)
    assert native(other)(x)["y"][0] == 10 and second.read_bytes() != content


def test_a_damaged_file_is_compiled_again(folder: Path) -> None:
    assert result() == 20
    (file,) = folder.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert result() == 20
    assert file.read_bytes() == content


def test_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    assert result() == 20 and not folder.exists()


def test_a_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "file" / "code"))
    assert result() == 20


# What the key depends on


def imported(file: Path, top: Path) -> Iterator[Path]:
    """The project's files that a file imports, whenever it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = top.parent.joinpath(*name.split("."))
            yield from (p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists() and p.parent != top)


def test_the_key_depends_on_all_that_writes_code() -> None:
    top = Path(cache.__file__).parents[3]
    hashed = {file for pattern in cache.SOURCES for file in top.glob(pattern)}
    waiting, found = [Path(cache.__file__)], set[Path]()
    while waiting:
        file = waiting.pop()
        # what the reference engine does, no native code depends on
        if file not in found and "reference" not in file.parts:
            found.add(file)
            waiting += imported(file, top)
    assert len(found) > 30 and {f.parent.name for f in found} >= {"plan", "emit", "run", "formula"}
    assert found <= hashed | {top / "errors.py"}, "leave no source out of the key"


def test_the_key_changes_with_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = Path(cache.__file__).parents[3]
    for pattern in cache.SOURCES:
        for file in top.glob(pattern):
            copy = tmp_path / file.relative_to(top)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
            os.utime(copy, (1e9, 1e9))
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "engines" / "llvm" / "run" / "cache.py"))
    seen = {cache._sources.__wrapped__()}
    for name in ("formula/axes.py", "formula/notation/unicode.py", "engines/llvm/plan/tiles.py", "engines/base.py"):
        with open(tmp_path / name, "a", encoding="utf-8") as changed:  # a byte more, at the same time of change
            changed.write(" ")
        os.utime(tmp_path / name, (1e9, 1e9))
        seen.add(cache._sources.__wrapped__())
    assert len(seen) == 5 and None not in seen


def test_sources_that_changed_since_they_were_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is what they were, so it may be kept under no name of theirs."""
    monkeypatch.setattr(cache, "IMPORTED", 0.0)
    assert cache._sources.__wrapped__() is None
    monkeypatch.setattr(cache, "_sources", cache._sources.__wrapped__)
    assert result() == 20 and not folder.exists()


def test_the_key_depends_on_cpu_system_and_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Target("a", "+b", "c")
    keys = {cache._key(t) for t in (one, replace(one, cpu="b"), replace(one, features=""), replace(one, triple="d"))}
    monkeypatch.setattr(llvmlite.binding, "llvm_version_info", (1, 2, 3))
    keys.add(cache._key(one))
    monkeypatch.setattr(llvmlite, "__version__", "0")
    keys.add(cache._key(one))
    assert len(keys) == 6


def test_two_processes_at_once(folder: Path) -> None:
    code = "from tests.engines.llvm.test_cache import result; assert result() == 20"
    root = Path(__file__).parents[3]
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=root) for _ in range(2)]
    assert [p.wait() for p in running] == [0, 0]
    assert [p.suffix for p in folder.iterdir()] == [".code"]
