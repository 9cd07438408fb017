from __future__ import annotations

from pathlib import Path

import pytest

import pellucid as pl

from .conftest import Run


@pytest.fixture
def model(tmp_path: Path) -> str:
    net = pl.Network(pl.Dense(2, activation="tanh"), pl.Dense(1, activation="sigmoid"), input_shape=2, seed=3)
    net.save(tmp_path / "xor.safetensors")
    return "xor.safetensors"


def test_an_object_file_and_its_header(run: Run, tmp_path: Path, model: str) -> None:
    said = run("export", model, "xor.o", "--target", "aarch64-linux-gnu", "--batch", "2").output
    assert "wrote xor.o: " in said
    assert "wrote xor.h: " in said
    assert "for aarch64-unknown-linux-gnu; a call works in " in said
    assert "#define XOR_BATCH 2" in (tmp_path / "xor.h").read_text(encoding="utf-8")


def test_a_module_that_learns(run: Run, tmp_path: Path, model: str) -> None:
    said = run("export", model, "xor.wasm", "--training", "--optimizer", "sgd", "--loss", "mse").output
    assert "that training keeps" in said
    assert (tmp_path / "xor.wasm").read_bytes().startswith(b"\0asm\1\0\0\0")


@pytest.mark.parametrize(
    "args, said",
    [
        (["xor.txt"], "expected a path that ends in .o"),
        (["xor.o", "--target", "pdp11"], "expected a target that LLVM knows, such as x86_64-linux-gnu"),
        (["xor.o", "--exact"], "--exact is for WebAssembly, expected --target wasm32-unknown-unknown"),
        (["xor.o", "--batch", "0"], "--batch"),
        (["xor.o", "--loss", "mse"], "--loss mse belongs to a step of training: add --training"),
        (["nowhere/xor.o"], 'there is no folder "nowhere", create it first'),
        (["xor.safetensors"], "is what is read"),
    ],
)
def test_errors(run: Run, tmp_path: Path, model: str, args: list[str], said: str) -> None:
    result = run("export", model, *args, code=2)
    assert said in " ".join(result.output.split())
    assert sorted(file.name for file in tmp_path.iterdir()) == [model]
