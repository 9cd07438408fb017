from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid as pl

from .conftest import Run


def figure(text: str, name: str) -> float:
    match = re.search(rf"^{name}: ([\d.e+-]+)", text, re.MULTILINE)
    assert match is not None, text
    return float(match[1])


def test_embedded_set(run: Run, tmp_path: Path) -> None:
    text = run("train", "iris", "--output", "iris.safetensors").output
    assert figure(text, "validation accuracy") >= 0.8
    net = pl.load(tmp_path / "iris.safetensors")
    assert net.metadata["preparation"]["classes"] == ["setosa", "versicolor", "virginica"]


def test_regression_on_a_table_travels_with_the_model(run: Run, flats: Path) -> None:
    text = run("train", flats.name, "--target", "price", "--epochs", "200", "--plot", "history.png").output
    assert figure(text, "validation mean absolute error") < 20  # of prices from 120 to 570
    assert (flats.parent / "history.png").read_bytes().startswith(b"\x89PNG")
    # columns in another order, none to learn: price is about 100·4 + 50 + 20
    (flats.parent / "new.csv").write_text("city,rooms\nnorth,4\nsouth,1\n", encoding="utf-8")
    run("predict", "model.safetensors", "new.csv", "--output", "out.csv")
    header, *rows = (flats.parent / "out.csv").read_text(encoding="utf-8").split()
    assert header == "row,price"
    assert [float(row.split(",")[1]) for row in rows] == pytest.approx([470.5, 120.5], abs=40)


def test_toy_without_hidden_layer(run: Run, tmp_path: Path) -> None:
    run("train", "blobs", "--hidden", "none", "--epochs", "1")
    net = pl.load(tmp_path / "model.safetensors")
    assert net.parameters.trainable == ("dense_1.kernel", "dense_1.bias")


def test_optimizer_and_learning_rate(run: Run) -> None:
    run("train", "moons", "--epochs", "1", "--optimizer", "SGD", "--learning-rate", "0.1")


def test_idx_folder(run: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    for part, n in (("train", 40), ("t10k", 10)):
        labels = random.integers(2, size=n).astype(np.uint8)
        images = np.broadcast_to(labels[:, None, None] * 200, (n, 4, 4)).astype(np.uint8)
        _write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        _write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
    text = run("train", "images", "--epochs", "60", "--hidden", "8").output
    assert figure(text, "test accuracy") == 1


def _write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def test_resume_ends_with_the_same_bits(run: Run, tmp_path: Path) -> None:
    run("train", "wine", "--epochs", "4", "--output", "whole.safetensors")
    run("train", "wine", "--epochs", "2", "--checkpoint", "run.ckpt")
    resume = ["--checkpoint", "run.ckpt", "--resume", "--output", "parts.safetensors"]
    run("train", "wine", "--epochs", "4", *resume)
    whole, parts = (pl.load(tmp_path / f"{name}.safetensors").parameters for name in ("whole", "parts"))
    for path in whole:
        np.testing.assert_array_equal(parts[path], whole[path])


def test_interrupted_training_is_saved(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Network, "fit", lambda *args, **options: SimpleNamespace(interrupted=True))
    said = run("train", "iris", code=130).stderr
    assert "the best weights so far are in model.safetensors" in said
    assert (tmp_path / "model.safetensors").is_file()


def test_watch_shows_the_flow_after_every_epoch(run: Run) -> None:
    text = run("train", "iris", "--epochs", "2", "--watch").output
    assert text.count("update/weight") >= 2
    assert "dense_1" in text


def test_patience_class_weights_and_an_activation_for_each_layer(run: Run, tmp_path: Path) -> None:
    args = ("train", "blobs", "--force", "--hidden", "8,4", "--activation", "relu,tanh")
    text = run(
        *args, "--class-weight", "balanced", "--patience", "1", "--epochs", "60", "--learning-rate", "0.5"
    ).output
    assert "epoch 60/60" not in text
    net = pl.load(tmp_path / "model.safetensors")
    assert [net.trace(np.zeros((1, 2))).explain(p, unit=0).formula[-12:] for p in ("dense_1", "dense_2")] == [
        "relu(z[n,o])",
        "tanh(z[n,o])",
    ]
    for more, said in {
        ("--hidden", "8,4,2"): "names 2 activations, and there are 3 hidden layers",
        ("--patience", "2", "--validation", "0"): "--patience watches the validation loss",
    }.items():
        assert said in run(*args, *more, code=2).stderr
    assert (
        "only classes take --class-weight"
        in run("train", "diabetes", "--force", "--class-weight", "balanced", code=2).stderr
    )
    assert "takes no --class-weight" in run("train", "topics", "--force", "--class-weight", "balanced", code=2).stderr


def test_quiet_prints_nothing(run: Run, tmp_path: Path) -> None:
    assert run("train", "moons", "--epochs", "1", "--quiet").output == ""
    assert (tmp_path / "model.safetensors").is_file()
    assert "--watch prints tables" in run("train", "moons", "--force", "--quiet", "--watch", code=2).stderr
