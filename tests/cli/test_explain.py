from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.data.images import write_image

from .conftest import Run


def test_the_text_is_the_explanations_own(run: Run, iris_model: Path) -> None:
    from pellucid.data import load

    net = pl.load(iris_model)
    x = load("iris").x[7]
    text = run("explain", str(iris_model), "dense_2.sum", "--unit", "3", "--input", "iris:7").output
    first, formula, said, *_ = text.splitlines()
    assert first.split(" = ")[0] == "dense_2.sum[0,3]"
    assert formula.strip() == net.explain("dense_2.sum", unit=3, x=x).formula
    assert said.strip().startswith("A sum of 65 terms")
    assert "55 more terms" in text
    chinese = run(
        "explain",
        str(iris_model),
        "dense_2.sum",
        "--unit",
        "3",
        "--input",
        "iris:7",
        "--language",
        "zh",
        "--terms",
        "2",
    ).output
    assert "65 项之和" in chinese and "其余 63 项" in chinese


def test_json_closes(run: Run, iris_model: Path) -> None:
    args = ("explain", str(iris_model), "dense_3.bias", "--index", "1", "--input", "iris:60", "--backward", "--json")
    found = json.loads(run(*args).stdout)
    assert found["path"] == "d(dense_3.bias)" and found["index"] == [1]
    total = sum(t["value"] for t in found["terms"]) + found["rest"]["sum"]
    assert total == pytest.approx(found["value"], abs=1e-6)
    other = json.loads(run(*args, "--label", "setosa").stdout)
    assert other["value"] != found["value"], "the label counts"
    assert json.loads(run(*args, "--label", "1").stdout) == found, "classes go by name or number"


def test_a_image_and_a_figure(run: Run, tmp_path: Path) -> None:
    net = pl.Network(
        pl.Conv2D(2, 3, activation="relu"), pl.Flatten(), pl.Dense(3, activation="softmax"), input_shape=(8, 8, 1)
    )
    net.save(tmp_path / "net.safetensors")
    write_image(tmp_path / "seven.png", np.random.default_rng(0).random((20, 20, 1)).astype(np.float32))
    text = run(
        "explain",
        "net.safetensors",
        "conv2d_1",
        "--at",
        "2,3",
        "--unit",
        "1",
        "--input",
        "seven.png",
        "--plot",
        "u.png",
    ).output
    assert "conv2d_1[0,2,3,1]" in text and "drew u.png" in text
    assert (tmp_path / "u.png").stat().st_size > 5000


def test_a_image_for_a_network_that_scales_a_table(run: Run, tmp_path: Path) -> None:
    net = pl.Network(pl.Normalization().adapt(np.random.default_rng(0).random((9, 64))), pl.Dense(2), input_shape=(64,))
    net.save(tmp_path / "table.safetensors")
    write_image(tmp_path / "seven.png", np.zeros((8, 8, 1), dtype=np.float32))
    explain = ["explain", "table.safetensors", "dense_1", "--unit", "0", "--input", "seven.png"]
    for args in (["predict", "table.safetensors", "seven.png"], explain):
        assert "learned from a table" in run(*args, code=2).stderr


def test_a_row_of_a_table(run: Run, flats: Path) -> None:
    run("train", "flats.csv", "--target", "price", "--epochs", "1", "--output", "flats.safetensors")
    text = run("explain", "flats.safetensors", "loss", "--input", "flats.csv:3", "--label", "370").output
    assert text.startswith("loss = ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["dense_9", "--unit", "0", "--input", "iris"], 'no value "dense_9"'),
        (["dense_1", "--unit", "99", "--input", "iris"], "so there is no 99"),
        (["dense_1", "--unit", "0", "--input", "iris:150"], "150 rows, expected one from 0 to 149, got row 150"),
        (["dense_1", "--unit", "0", "--input", "irsi"], 'Did you mean "iris"?'),
        (["loss", "--input", "iris", "--label", "rose"], "expected setosa, versicolor, virginica"),
        (["dense_1", "--index", "x", "--input", "iris"], "expected integers such as 4,5"),
        (["dense_1", "--unit", "0", "--input", "iris", "--plot", "u.docx"], "expected it to end in"),
        (["dense_1", "--unit", "0", "--input", "iris", "--invert"], "is not an image"),
    ],
)
def test_errors(run: Run, iris_model: Path, args: list[str], said: str) -> None:
    assert said in run("explain", str(iris_model), *args, code=2).stderr


def test_a_gradient_without_a_target(run: Run, iris_model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, 4)))
    said = run("explain", str(iris_model), "dense_1", "--unit", "0", "--input", "x.npy:1", "--backward", code=2).stderr
    assert "give --label" in said


def test_inspect_watches_data(run: Run, iris_model: Path, tmp_path: Path) -> None:
    text = run("inspect", str(iris_model), "--watch", "iris").output
    for said in ("step 0: loss", "update/weight", "dense_3", "Nothing wrong was found."):
        assert said in text
    net = pl.load(iris_model)
    net.parameters["dense_1.bias"] = np.full(64, -50.0)
    net.save(tmp_path / "dead.safetensors")
    assert "dense_1 is dead for the most part" in run("inspect", "dead.safetensors", "--watch", "iris").output
    assert "大部分单元已死亡" in run("inspect", "dead.safetensors", "--watch", "iris", "--language", "zh").output


def test_what_the_columns_account_for(run: Run, iris_model: Path, tmp_path: Path) -> None:
    args = ("explain", str(iris_model), "dense_2.sum", "--unit", "3", "--input", "iris:7", "--attribute", "deeplift")
    text = run(*args, "--plot", str(tmp_path / "why.png")).output
    assert "deeplift: Σ scores = " in text and "petal" in text
    assert (tmp_path / "why.png").stat().st_size > 1000
    found = json.loads(run(*args, "--json").stdout)
    assert found["total"] == pytest.approx(found["output"] - found["baseline"], rel=1e-9)
    assert "leave out --backward and --label" in run(*args, "--backward", code=2).stderr


def test_a_value_with_its_error_bar(run: Run, iris_model: Path) -> None:
    args = ("explain", str(iris_model), "dense_2", "--unit", "1", "--input", "iris:7", "--rounding")
    text = run(*args).output
    assert " ± " in text and "digits are sure" in text
    bar = json.loads(run(*args, "--json").stdout)["rounding"]
    assert bar["low"] <= bar["value"] <= bar["high"] and bar["steps"][0]["path"] == "dense_2"
    assert "leave out --attribute" in run(*args, "--attribute", "deeplift", code=2).stderr
