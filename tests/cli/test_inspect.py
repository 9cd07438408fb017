from __future__ import annotations

from pathlib import Path

import numpy as np

import pellucid as pl

from .conftest import Run


def test_shows_layers_metadata_and_parameters(run: Run, iris_model: Path) -> None:
    text = run("inspect", str(iris_model)).output
    classes = '["setosa", "versicolor", "virginica"]'
    for said in ("dense_3", "preparation.classes", classes, "dense_1.kernel", "4 × 64"):
        assert said in text


def test_counts_what_is_not_finite(run: Run, tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(3), input_shape=(2,), seed=0)
    net.parameters["dense_1.bias"] = np.array([1.0, np.nan, 3.0], dtype=np.float32)
    net.save(tmp_path / "odd.safetensors")
    lines = run("inspect", "odd.safetensors").output.splitlines()
    line = [line for line in lines if "dense_1.bias" in line][-1]
    assert line.split() == ["dense_1.bias", "3", "2", "1", "1", "3", "1"]


def test_control_characters_do_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(1), input_shape=(1,), seed=0)
    net.metadata["note"] = "\x1b[2Jgone [red]\n"
    net.save(tmp_path / "odd.safetensors")
    text = run("inspect", "odd.safetensors").output
    assert "\x1b" not in text
    assert "[red]" in text
