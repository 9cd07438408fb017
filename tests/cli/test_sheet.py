from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest

import pellucid as pl

from .conftest import Run


def values(path: Path) -> list[object]:
    book = openpyxl.load_workbook(path, data_only=True)
    return [c.value for row in book["Network"].iter_rows() for c in row if c.value is not None]


@pytest.fixture
def xor(tmp_path: Path) -> str:
    net = pl.Network(pl.Dense(2, activation="tanh"), pl.Dense(1, activation="sigmoid"), input_shape=2, seed=3)
    net.save(tmp_path / "xor.safetensors")
    return "xor.safetensors"


def test_numbers_of_the_command_line_become_cells(run: Run, tmp_path: Path, xor: str) -> None:
    text = run("sheet", xor, "xor.xlsx", "--input", "1, -0.5", "--target", "1", "--learning-rate", "0.3").output
    assert text == "wrote xor.xlsx: 45 cells, 32 of them formulas\n"
    found = values(tmp_path / "xor.xlsx")
    assert {1, -0.5, 0.3, "input_1", "dense_2.bias′", "Backward"} <= set(found)
    net = pl.load(tmp_path / xor)
    run_ = net.trace(np.array([[1, -0.5]]), np.ones(1), optimizer=pl.SGD(0.3))
    assert pytest.approx(float(run_["loss"])) in [v for v in found if isinstance(v, float)]


def test_an_example_of_a_data_set_brings_its_target_and_names(run: Run, tmp_path: Path, iris_model: Path) -> None:
    run("sheet", str(iris_model), "iris.xlsx", "--input", "iris:7", "--language", "zh", "--optimizer", "adam")
    found = values(tmp_path / "iris.xlsx")
    assert {"损失", "petal length (cm)", "dense_1.kernel:first_moment′"} <= set(found)


def test_without_a_target_it_goes_forward_alone(run: Run, tmp_path: Path, xor: str) -> None:
    assert "give --target" in run("sheet", xor, "xor.xlsx", "--input", "1 0").output
    assert "Backward" not in values(tmp_path / "xor.xlsx")


def test_without_an_example_it_is_made_up(run: Run, tmp_path: Path, xor: str) -> None:
    assert "made up" in run("sheet", xor, "xor.xlsx").output
    assert "Backward" in values(tmp_path / "xor.xlsx")
    net = pl.Network(
        pl.Embedding(4, 2), pl.LSTM(2, return_sequences=True), pl.Dense(3, activation="softmax"), input_shape=3
    )
    net.save(tmp_path / "words.safetensors")
    run("sheet", "words.safetensors", "words.xlsx")
    assert "lstm_1.gate.forget" in values(tmp_path / "words.xlsx")


@pytest.mark.parametrize(
    "args, said",
    [
        (("net.csv",), '"net.csv" is not the name of a spreadsheet, expected it to end in .xlsx'),
        (("net.xlsx", "--input", "1,2,3"), '--input "1,2,3" holds 3 numbers, expected 2, which the model takes'),
        (("net.xlsx", "--input", "nothing:3"), 'there is no file, folder or data set "nothing"'),
        (("net.xlsx", "--target", "1,2"), '--target "1,2" holds 2 numbers, expected 1'),
        (("net.xlsx", "--target", "one"), '--target is "one", expected a number'),
        (("net.xlsx", "--cells", "20"), "would have 45 cells, expected at most 20: take fewer examples or a smaller "
         "network or --cells 45"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said(run: Run, tmp_path: Path, xor: str, args: tuple[str, ...], said: str) -> None:
    assert said in run("sheet", xor, *args, code=2).output
    assert sorted(p.name for p in tmp_path.iterdir()) == [xor]
