"""The standard input is data like any other, and an autoencoder is a network like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import pellucid as pl
from pellucid.cli import cli
from pellucid.data import Preparation, load

from .conftest import Run

TABLE = "a,b,c\n" + "".join(f"{i},{2 * i},{i * i % 7}\n" for i in range(40))
PRICES = "day,price\n" + "".join(f"2024-{1 + i // 28:02}-{1 + i % 28:02},{100 + i % 5}\n" for i in range(60))


def piped(*args: str, text: str) -> Result:
    result = CliRunner().invoke(cli, args, input=text, prog_name="pellucid")
    assert result.exit_code == 0, result.output
    return result


def test_every_command_that_reads_data_reads_the_standard_input(run: Run) -> None:
    Path("t.csv").write_text(TABLE, encoding="utf-8")
    run("train", "t.csv", "--target", "b", "--epochs", "1", "--output", "file.safetensors")
    found = json.loads(piped("train", "-", "--target", "b", "--epochs", "1", "--json", text=TABLE).stdout)
    assert found["data"] == "-"
    one, other = (pl.load(name).parameters for name in ("file.safetensors", "model.safetensors"))
    assert all(np.array_equal(one[path], other[path]) for path in one)
    args = ["explain", "model.safetensors", "dense_1", "--unit", "0", "--input", "-:2"]
    assert "dense_1[0,0]" in piped(*args, text=TABLE).stdout
    assert "update/weight" in piped("inspect", "model.safetensors", "--watch", "-", text=TABLE).stdout
    args = ["forecast", "-", "--column", "price", "--epochs", "1", "--folds", "1", "--window", "3"]
    assert "stdin" in piped(*args, text=PRICES).stdout
    text = "to be or not to be, that is the question. " * 60
    args = ["train", "-", "--text", "--epochs", "1", "--length", "8", "--units", "4", "--force"]
    assert piped(*args, text=text).stdout.startswith("stdin: ")


@pytest.mark.parametrize("data", ["digits", "t.csv"])
def test_an_autoencoder(run: Run, data: str) -> None:
    Path("t.csv").write_text(TABLE, encoding="utf-8")
    args = ["train", data, "--model", "autoencoder", "--hidden", "16,3", "--epochs", "40" if data == "t.csv" else "5"]
    found = json.loads(run(*args, "--learning-rate", "0.01", "--json").stdout)
    part = found["validation"]
    assert part["mean_squared_error"] < part["mean_squared_error_of_the_mean"] and found["code"] == "dense_2"
    rows = json.loads(run("predict", "model.safetensors", data, "--json").stdout)
    assert list(rows[0]) == ["row", "error", "code[0]", "code[1]", "code[2]"]
    net = pl.load("model.safetensors")
    images = data == "digits"
    x = load("digits").x if images else Preparation.of(net).transform(data)
    code = net.trace(x[:3])["dense_2"]
    np.testing.assert_allclose([[r[f"code[{k}]"] for k in range(3)] for r in rows[:3]], code, rtol=1e-4, atol=1e-5)
    scale = 1 if images else net.parameters["normalization_1.deviation"]
    error = np.square((net.predict(x) - x) / scale).reshape(len(x), -1).mean(axis=1)
    np.testing.assert_allclose([r["error"] for r in rows], error, rtol=1e-3)
    one = ["--unit", "1", "--input", f"{data}:3"]
    assert "dense_2[0,1]" in run("explain", "model.safetensors", "dense_2", *one).output
    assert "loss = " in run("explain", "model.safetensors", "loss", "--input", f"{data}:3").output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--hidden", "none"], "an autoencoder has a bottleneck"),
        (["--flip"], "takes no --flip"),
        (["--class-weight", "balanced"], "takes no"),
        (["--activation", "relu,tanh"], "takes one --activation"),
    ],
)
def test_an_autoencoder_that_cannot_be(run: Run, more: list[str], said: str) -> None:
    assert said in run("train", "digits", "--model", "autoencoder", *more, code=2).stderr
