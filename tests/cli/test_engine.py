"""`--engine` on the commands that read a saved network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pellucid import engines

from .conftest import Run

EXPLAINED = ("dense_1", "--unit", "1", "--input", "iris:3", "--json")


@pytest.mark.parametrize("engine", ["reference", "xla", "xla-bfloat16"])
def test_predictions_and_explanations(run: Run, iris_model: Path, engine: str) -> None:
    if engine.startswith("xla"):
        pytest.importorskip("jax")
    model, chosen = str(iris_model), ("--engine", engine)
    plain, other = (json.loads(run("predict", model, "iris", "--json", *e).stdout) for e in ((), chosen))
    close = 0.05 if "bfloat16" in engine else 1e-5
    assert [r["probability"] for r in other] == pytest.approx([r["probability"] for r in plain], rel=close)
    if "bfloat16" in engine:
        assert other != plain
        return
    plain, other = (json.loads(run("explain", model, *EXPLAINED, *e).stdout) for e in ((), chosen))
    assert other["value"] == pytest.approx(plain["value"], rel=1e-5)


def test_what_cannot_be(run: Run, iris_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--engine" in run("predict", str(iris_model), "iris", "--engine", "cuda", code=2).stderr
    assert "expected a model with --engine" in run("lab", "--engine", "reference", code=2).stderr
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    for command in (("predict", str(iris_model), "iris"), ("explain", str(iris_model), *EXPLAINED), ("train", "iris")):
        said = run(*command, "--engine", "xla", code=2).stderr
        assert 'needs JAX, which is not installed: pip install "pellucid[xla]"' in said
