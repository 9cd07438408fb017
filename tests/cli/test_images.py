"""`train` on images, `predict` on an image."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pellucid as pl

from .conftest import Run


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Light bars on dark, lying or standing, in noise: 40 images of 10×12 pixels."""
    random = np.random.default_rng(0)
    for name in ("lying", "standing"):
        folder = tmp_path / "shapes" / name
        folder.mkdir(parents=True)
        for i in range(20):
            pixels = random.integers(60, size=(10, 12)).astype(np.uint8)
            at = random.integers(2, 8)
            if name == "lying":
                pixels[at, 1:-1] = 250
            else:
                pixels[1:-1, at] = 250
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path


def test_a_folder_by_class_and_an_image(run: Run, shapes: Path) -> None:
    args = ["--epochs", "12", "--batch-size", "8", "--shift", "1", "--flip"]
    text = run("train", "shapes", *args).output
    assert float(re.search(r"validation accuracy: ([\d.]+)", text)[1]) >= 0.8  # type: ignore[index]
    net = pl.load(shapes / "model.safetensors")
    assert [layer.kind for layer in net.layers[:2]] == ["conv2d", "max_pool2d"]
    # another size, in colour, dark on light
    pixels = np.full((40, 48, 3), 230, dtype=np.uint8)
    pixels[18:22, 4:-4] = 10
    Image.fromarray(pixels).save(shapes / "new.png")
    assert "try --invert" in run("predict", "model.safetensors", "new.png").output
    said = run("predict", "model.safetensors", "new.png", "--invert").output
    assert "lying" in said and "--invert" not in said


def test_size_and_grey(run: Run, shapes: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(shapes / "shapes" / "lying" / "red.png")
    error = run("train", "shapes", code=2).stderr
    assert "use --size 10x12" in error
    run("train", "shapes", "--size", "8x6", "--grey", "--epochs", "1", "--model", "mlp")
    assert pl.load(shapes / "model.safetensors").input_shapes == {"input_1": (8, 6, 1)}


def test_augmented_training_repeats_to_the_bit(run: Run, shapes: Path) -> None:
    args = ["train", "shapes", "--epochs", "4", "--rotate", "10", "--shift", "1"]
    run(*args, "--output", "whole.safetensors")
    run(*args[:3], "2", *args[4:], "--checkpoint", "run.ckpt")
    run(*args, "--checkpoint", "run.ckpt", "--resume", "--output", "parts.safetensors")
    whole, parts = (pl.load(shapes / f"{name}.safetensors").parameters for name in ("whole", "parts"))
    for path in whole:
        np.testing.assert_array_equal(parts[path], whole[path])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["train", "iris", "--flip"], "has no images"),
        (["train", "iris", "--model", "cnn"], "has no images"),
        (["train", "iris", "--units", "3"], "is not a text"),
        (["train", "digits", "--size", "4"], "is not a folder of images"),
        (["train", "shapes", "--size", "4y5"], 'got "4y5"'),
        (["predict", "IMAGES", "none.png"], "there is no file"),
        (["predict", "IMAGES", "text.png"], "no image"),
        (["predict", "MODEL", "shapes/lying/0.png"], "learned from a table"),
        (["predict", "MODEL", "iris", "--invert"], "is not an image"),
    ],
)
def test_errors_are_one_line(run: Run, shapes: Path, iris_model: Path, args: list[str], said: str) -> None:
    (shapes / "text.png").write_text("no image")
    if "IMAGES" in args:
        run("train", "shapes", "--epochs", "1", "--hidden", "none")
    models = {"MODEL": str(iris_model), "IMAGES": "model.safetensors"}
    error = run(*(models.get(arg, arg) for arg in args), code=2).stderr
    assert said in error
    assert error.strip().splitlines()[-1].startswith(("pellucid: error: ", "Error: "))
