"""What the article walks through, on the command line: a neuron, pooling, an unrolled layer, one update."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import pellucid as pl
from pellucid.cli import cli
from pellucid.cli.pooled import pooled
from pellucid.data.images import sample_image

from .conftest import Run


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("step", 1.0), ("linear", 1.5), ("relu", 1.5), ("sigmoid", 0.817574), ("leaky_relu:slope=0.3", 1.5)],
)
def test_a_neuron(run: Run, activation: str, expected: float) -> None:
    args = ["neuron", "--weights", "2,-1", "--bias", "0.5", "--input", "1,1", "--activation", activation]
    assert "A sum of 3 terms" in run(*args).output
    (example,) = json.loads(run(*args, "--json").stdout)["examples"]
    assert example["output"] == pytest.approx(expected, abs=1e-5)


def test_a_neuron_on_several_inputs_drawn(run: Run) -> None:
    args = ["neuron", "--weights", "1,1", "--bias", "-1.5", "--activation", "step", "--plot", "and.png"]
    inputs = [part for x in ("0,0", "0,1", "1,0", "1,1") for part in ("--input", x)]
    found = json.loads(run(*args, *inputs, "--json").stdout)
    assert [example["output"] for example in found["examples"]] == [0, 0, 0, 1]
    assert Path("and.png").stat().st_size > 1000


def test_one_update_of_a_neuron(run: Run) -> None:
    args = ["neuron", "--weights", "2,-1", "--bias", "0.5", "--input", "1,3", "--target", "0", "--learning-rate", "0.1"]
    text = run(*args).output
    assert "one update: dense_1.kernel[1,0]: −1 + 0.1·3 = −0.7" in text  # y = −0.5, the gradient of y² is −1 times x
    update = json.loads(run(*args, "--json").stdout)["update"]
    assert [p["after"] for p in update["parameters"]] == pytest.approx([2.1, -0.7, 0.6])
    assert update["loss"] == pytest.approx(0.25) and update["loss_after"] == pytest.approx(0.36)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--weights", "2,x", "--input", "1,1"], "expected numbers such as 2,-1"),
        (["--weights", "2,1", "--input", "1"], "--input has 1 numbers, expected 2"),
        (["--weights", "1", "--input", "1", "--activation", "rleu"], 'Did you mean "relu"?'),
        (["--weights", "1", "--input", "1", "--activation", "relu:3"], "leaky_relu:slope=0.3"),
        (["--weights", "1", "--input", "1", "--input", "2", "--target", "1"], "give --input once"),
    ],
)
def test_a_neuron_that_cannot_be(run: Run, args: list[str], said: str) -> None:
    assert said in run("neuron", *args, code=2).stderr


@pytest.mark.parametrize(("pool", "numpy_pool"), [("max", np.max), ("min", np.min), ("average", np.mean)])
def test_pooling(run: Run, pool: str, numpy_pool: Any) -> None:
    x = sample_image("flower")[:9, :8]
    y, formula = pooled(x, pool, size=2, stride=3, padding="valid")
    expected = [[numpy_pool(x[i : i + 2, j : j + 2], axis=(0, 1)) for j in (0, 3, 6)] for i in (0, 3, 6)]
    np.testing.assert_allclose(y, expected, rtol=1e-6)
    assert formula.startswith("y[n,i,j,c] =")
    found = json.loads(run("filter", "flower", "--pool", pool, "--pixel", "1,1", "--json").stdout)
    assert len(found["pixel"]["window"]) == 4
    assert found["pixel"]["value"] == pytest.approx(numpy_pool([w["value"] for w in found["pixel"]["window"]]))


def test_pooling_takes_no_kernel(run: Run) -> None:
    for more in (["--kernel", "box"], ["--sigma", "2"], ["--correlate"]):
        assert "--pool takes no kernel" in run("filter", "--pool", "max", *more, code=2).stderr
    assert "--padding same" in run("filter", "--pool", "max", "--size", "900", code=2).stderr


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    (folder / "t.txt").write_text("to be or not to be, that is the question. " * 60, encoding="utf-8")
    args = ["train", str(folder / "t.txt"), "--epochs", "1", "--length", "8", "--units", "5"]
    result = CliRunner().invoke(cli, [*args, "--output", str(folder / "t.safetensors")])
    assert result.exit_code == 0, result.output
    return folder / "t.safetensors"


def test_a_recurrent_layer_unrolled(run: Run, reader: Path) -> None:
    text = str(reader.with_suffix(".txt"))
    said = run("explain", str(reader), "lstm_1", "--unit", "3", "--input", f"{text}:2", "--plot", "gates.png").output
    assert "lstm_1, unrolled over 8 steps: unit 3 of 5" in said and "forget gate" in said
    assert re.findall(r"^ +\d +(\S)", said, re.MULTILINE) == list("␣be␣or␣n")
    assert Path("gates.png").stat().st_size > 1000
    found = json.loads(run("explain", str(reader), "lstm_1", "--unit", "3", "--input", f"{text}:2", "--json").stdout)
    at = ["--unit", "3", "--time", "5", "--input", f"{text}:2", "--json"]
    one = json.loads(run("explain", str(reader), "lstm_1.gate.forget", *at).stdout)
    assert found["steps"][5]["gate.forget"] == pytest.approx(one["value"], rel=1e-5)
    assert "the means over its 5 units" in run("explain", str(reader), "lstm_1", "--input", f"{text}:2").output
    wrong = run("explain", str(reader), "lstm_1", "--unit", "9", "--input", f"{text}:2", code=2)
    assert "--unit is 9, and lstm_1 has the units 0 to 4." in wrong.stderr


def test_one_update_of_any_parameter(run: Run, iris_model: Path) -> None:
    args = [
        "explain",
        str(iris_model),
        "dense_1.kernel",
        "--index",
        "2,3",
        "--input",
        "iris:7",
        "--learning-rate",
        "0.1",
    ]
    assert re.search(r"one update: dense_1\.kernel\[2,3\]: \S+ [−+] 0\.1·\S+ = ", run(*args).output)
    update = json.loads(run(*args, "--json").stdout)["update"]
    assert update["before"] == pytest.approx(float(pl.load(iris_model).parameters["dense_1.kernel"][2, 3]))
    assert update["after"] == pytest.approx(update["before"] - 0.1 * update["gradient"], rel=1e-5)
    args[2] = "dense_1"
    assert "updates a parameter, such as dense_1.kernel" in run(*args, code=2).stderr
