"""What commands read: tables as people write them, arrays, IDX files, texts; and what they say of what they cannot."""

from __future__ import annotations

import json
import os
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.cli import cli
from pellucid.data import Preparation, load, read_csv

from .conftest import Run


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """A table as spreadsheets write it: an index, thousands, a currency, gaps, names, and the price to learn."""
    rows = ['0,1,north,a,"$1,120.50"', "1,2,south,b,$220.50", "2,,north,c,$320.50", "3,4,<NA>,d,$420.50"]
    rows += [f"{i},{i + 1},{('north', 'south')[i % 2]},n{i},${i}20.50" for i in range(4, 40)]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([",rooms,city,note,price", *rows]) + "\n", encoding="utf-8")
    return path


def train(run: Run, *more: str) -> str:
    return run("train", "prices.csv", "--target", "price", "--drop", "note", "--epochs", "2", *more).output


def test_python_takes_the_rows_that_the_command_line_takes(run: Run, tmp_path: Path) -> None:
    text = run("train", "iris", "--epochs", "30").output
    net, iris = pl.load(tmp_path / "model.safetensors"), load("iris")
    _, (x, y) = iris.split(test_size=0.2)
    accuracy = net.evaluate(x, y, metrics=["accuracy"])["accuracy"]
    assert f"validation accuracy: {accuracy:.3f}" in text
    assert accuracy > 0.8
    assert net.explain("normalization_1", x=iris.x[:1], unit=0).sources[0].value == iris.x[0, 0]


def test_python_gets_the_units_of_the_target(run: Run, prices: Path) -> None:
    text = train(run, "--fill", "mean", "--epochs", "40")
    net = pl.load("model.safetensors")
    table = read_csv(prices, "price", like=net.metadata)
    assert table.feature_names == ("rooms", "city=north", "city=south")
    _, (x, y) = table.split(test_size=0.2)
    error = np.abs(net.predict(x)[:, 0] - y).mean()
    assert f"validation mean absolute error: {error:.4g} " in text
    assert 200 < net.predict(table.x).mean() < 4000


def test_gaps_are_filled_by_the_means_of_the_training(run: Run, prices: Path) -> None:
    train(run, "--fill", "mean")
    means = Preparation.of(pl.load("model.safetensors").metadata).means
    assert means is not None
    (prices.parent / "new.csv").write_text("rooms,city\n#N/A,-\n", encoding="utf-8")
    np.save("means.npy", np.array([means], dtype=np.float32))
    by_hand = run("predict", "model.safetensors", "means.npy").output
    assert run("predict", "model.safetensors", "new.csv").output == by_hand
    run("explain", "model.safetensors", "dense_1", "--unit", "0", "--input", "prices.csv:2")
    assert "update/weight" in run("inspect", "model.safetensors", "--watch", "prices.csv").output


def test_without_fill_a_gap_is_an_error_in_the_words_of_the_command(run: Run, prices: Path) -> None:
    said = run("train", "prices.csv", "--target", "price", "--drop", "note", "--fill", "none", code=2).stderr
    assert "or use --fill mean." in said
    iris = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n1,2,,4\n"
    prices.write_text(iris, encoding="utf-8")
    run("train", "iris", "--epochs", "1")
    said = run("predict", "model.safetensors", "prices.csv", code=2).stderr
    assert "or train with missing values filled by means" in said and "--fill" not in said


def test_a_table_explains_itself(run: Run, prices: Path) -> None:
    train(run, "--fill", "mean")
    text = run("explain", "model.safetensors", "dense_1.sum", "--unit", "0", "--input", "prices.csv:5").output
    assert re.search(r"x\[0,rooms\]·w\[0,0\]", text) and "x[0,city=south]" in text
    scaled = ("explain", "model.safetensors", "normalization_1", "--unit", "0", "--json", "--input")
    assert "x[0,rooms]" in json.loads(run(*scaled, "prices.csv:5").stdout)["terms"][0]["text"]
    args = ("explain", "model.safetensors", "loss", "--json", "--input")
    found = json.loads(run(*args, "prices.csv:5").stdout)
    assert json.loads(run(*args, "prices.csv:5", "--label", "520.5").stdout) == found, "the target stands in the table"
    net, table = pl.load("model.safetensors"), read_csv(prices, "price", drop=["note"], fill="mean")
    assert found["value"] == pytest.approx(float((net.predict(table.x[5:6])[0, 0] - 520.5) ** 2), rel=1e-4)


def test_a_class_that_stands_in_the_table(run: Run, tmp_path: Path) -> None:
    lines = "".join(f"{i},{'1.0' if i % 2 else '2'}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("a,kind\n" + lines, encoding="utf-8")
    run("train", "t.csv", "--target", "kind", "--epochs", "1")
    losses = [
        json.loads(run("explain", "model.safetensors", "loss", "--json", "--input", f"t.csv:{row}").stdout)["value"]
        for row in (3, 4)
    ]
    p = pl.load("model.safetensors").predict(np.array([[3.0], [4.0]]))
    assert losses == pytest.approx([-np.log(p[0, 0]), -np.log(p[1, 1])], rel=1e-4)
    (tmp_path / "t.csv").write_text("a,kind\n1,\n", encoding="utf-8")
    args = ("explain", "model.safetensors", "loss", "--input", "t.csv")
    assert "give --label" in run(*args, code=2).stderr
    (tmp_path / "t.csv").write_text("a,kind\n1,7\n", encoding="utf-8")
    assert '"7" is not one of the known values 1, 2' in run(*args, code=2).stderr


def test_a_text_is_explained_and_watched(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the cat sat on the mat.\n" * 60, encoding="utf-8")
    run("train", "t.txt", "--epochs", "1", "--length", "16", "--units", "8", "--validation", "0")
    gate = ("explain", "model.safetensors", "lstm_1.gate.forget", "--unit", "3", "--time", "5", "--input")
    assert run(*gate, "t.txt:24").output == run(*gate, "t.txt:0").output == run(*gate, "t.txt").output
    assert run(*gate, "topics:100").output.startswith("lstm_1.gate.forget[0,5,3] = ")
    assert run("explain", "model.safetensors", "loss", "--input", "t.txt:3").output.startswith("loss = ")
    assert "beginning from 0 to 1424, got 2000" in run(*gate, "t.txt:2000", code=2).stderr
    assert "got -1" in run(*gate, "t.txt:-1", code=2).stderr
    assert "a text contains its own targets" in run(*gate, "t.txt", "--label", "3", code=2).stderr
    (tmp_path / "short.txt").write_text("the cat", encoding="utf-8")
    assert "has 7 characters, expected 16" in run(*gate, "short.txt", code=2).stderr
    assert "update/weight" in run("inspect", "model.safetensors", "--watch", "topics").output


def test_no_validation(run: Run) -> None:
    text = run("train", "iris", "--epochs", "1", "--validation", "0").output
    assert "150 examples to train, 0 to validate" in text
    assert "training accuracy" in text and "val_loss" not in text


def test_options_for_how_a_table_is_written(run: Run, tmp_path: Path) -> None:
    lines = "".join(f"{i},5;größe{i % 2};{1000 + i}\n" for i in range(20))
    (tmp_path / "t.csv").write_bytes(("a;b;y\n" + lines).encode("cp1252"))
    args = ["train", "t.csv", "--target", "y", "--epochs", "1"]
    assert "such as --encoding cp1252" in run(*args, code=2).stderr
    assert "use --decimal ,." in run(*args, "--encoding", "cp1252", code=2).stderr
    written = ["--encoding", "cp1252", "--decimal", ",", "--delimiter", ";"]
    run(*args, *written)
    net = pl.load(tmp_path / "model.safetensors")
    assert net.metadata["preparation"]["features"] == ["a", "b=größe0", "b=größe1"]
    run("predict", "model.safetensors", "t.csv", *written)
    run("explain", "model.safetensors", "dense_1", "--unit", "0", "--input", "t.csv:3", *written)
    run("inspect", "model.safetensors", "--watch", "t.csv", *written)
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i},{('None', 'mild')[i % 2]}\n" for i in range(20)))
    args = ["train", "t.csv", "--target", "b", "--epochs", "1", "--force"]
    assert "say which words stand for no value (--missing NA)" in run(*args, code=2).stderr
    run(*args, "--na", "NA")
    run("explain", "model.safetensors", "loss", "--input", "t.csv:0")


def test_dates_and_an_index_without_a_name(run: Run, tmp_path: Path) -> None:
    lines = "".join(f"{1 + i % 28:02}.{1 + i // 28:02}.2024;1{i % 7},5\n" for i in range(120))
    (tmp_path / "kurse.csv").write_text(";Kurs\n" + lines, encoding="utf-8")
    quick = ["--units", "2", "--window", "3", "--epochs", "1", "--folds", "1"]
    args = ["forecast", "kurse.csv", "--column", "Kurs", *quick]
    assert "use --decimal ," in run(*args, code=2).stderr
    told = run(*args, "--decimal", ",").output
    assert "120 rows from 2024-01-01 to 2024-05-08" in told
    assert run(*args, "--decimal", ",", "--date", "Unnamed: 0", "--date-format", "%d.%m.%Y").output == told
    assert "leave --date-format out" in run("forecast", "google", "--date-format", "%Y", code=2).stderr
    either = "".join(f"{1 + i // 12:02}/{1 + i % 12:02}/2024;1{i}\n" for i in range(24))
    (tmp_path / "kurse.csv").write_text("date;Kurs\n" + either, encoding="utf-8")
    run("forecast", "kurse.csv", "--column", "Kurs", *quick, "--date-format", "%m/%d/%Y")


def test_an_idx_file_and_an_array(run: Run, tmp_path: Path) -> None:
    digits = load("digits")
    run("train", "digits", "--epochs", "1", "--hidden", "none")
    pixels = np.round(digits.x[:5, ..., 0] * 255).astype(np.uint8)
    (tmp_path / "five.idx").write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, *pixels.shape) + pixels.tobytes())
    np.save(tmp_path / "five.npy", pixels / np.float32(255))
    assert (
        run("predict", "model.safetensors", "five.idx").output == run("predict", "model.safetensors", "five.npy").output
    )
    run("explain", "model.safetensors", "dense_1", "--unit", "0", "--input", "five.idx:4")
    assert "a single IDX file, expected the folder" in run("train", "five.idx", "--force", code=2).stderr
    assert "an array without targets" in run("train", "five.npy", "--force", code=2).stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none.csv", 'there is no file, folder or data set "none.csv"'),
        ("iris:-1", '"iris" has 150 rows, expected one from 0 to 149, got row -1'),
        ("wide.npy", '"wide.npy" holds 3 examples of 5 numbers, expected examples of 4 numbers'),
        ("flat.npy", '"flat.npy" holds an array of shape (3,), expected examples of 4 numbers'),
        pytest.param(
            "pipe",
            "it is a pipe, expected a regular file",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes"),
        ),
    ],
)
def test_what_cannot_be_read_is_called_what_it_is(
    run: Run, iris_model: Path, tmp_path: Path, source: str, said: str
) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((3, 5)))
    np.save(tmp_path / "flat.npy", np.zeros(3))
    if source == "pipe":
        os.mkfifo(tmp_path / "pipe")
    commands = [["explain", str(iris_model), "dense_1", "--unit", "0", "--input", source]]
    if ":" not in source:
        commands.append(["predict", str(iris_model), source])
    for command in commands:
        assert said in run(*command, code=2).stderr


def test_classes_that_come_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,cat\n2,dog\n")
    said = run("train", "t.csv", "--target", "y", code=2).stderr
    assert "one example of each class: give more examples of them." in said


def test_one_class_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "1,cat\n" * 20)
    assert 'has one class, "cat", expected at least two' in run("train", "t.csv", "--target", "y", code=2).stderr


def test_a_warning_is_a_sentence(run: Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        said = run("train", "iris", "--activation", "step", "--epochs", "1").stderr
    assert said.startswith("pellucid: warning: dense_1 and dense_2 cannot learn")
    assert ".py" not in said and said.count("\n") == 1


def test_a_checkpoint_of_another_training_says_so_in_words(run: Run) -> None:
    run("train", "iris", "--epochs", "1", "--checkpoint", "run.ckpt")
    args = ["train", "iris", "--checkpoint", "run.ckpt", "--resume"]
    for more, expected in (
        (["--hidden", "8"], "it ends in dense_3, expected dense_2; build the one"),
        (["--hidden", "8,8"], "dense_1.kernel differs"),
        (["--optimizer", "sgd"], "its optimizer is adam (learning rate 0.001"),
        (["--clip-norm", "1"], "its clipping is none, none, got 1.0, none"),
        (["--batch-size", "7"], "its batch size is 32, got 7; give what it had, or start without --resume"),
    ):
        said = run(*args, *more, code=2).stderr
        assert expected in said
        assert "[" not in said and "{" not in said


def test_no_message_of_the_command_line_speaks_of_arguments() -> None:
    """Advice to people in Python, in calls of `argument`, becomes an option here or is left out."""
    from pellucid.cli.options import spelling
    from pellucid.errors import argument, spelled

    command = cli.get_command(None, "train")  # type: ignore[arg-type]
    assert command is not None
    assert argument("fill", "mean") == 'fill="mean"'
    assert argument("drop", ["a b"]) == 'drop=["a b"]'
    assert argument("size", (4, 6)) == "size=(4, 6)"
    with command.make_context("train", ["iris"]), spelled(spelling):
        assert argument("fill", "mean") == "--fill mean"
        assert argument("drop", ["a b", "c"]) == '--drop "a b" --drop c'
        assert argument("size", (4, 6)) == "--size 4x6"
        assert argument("resume", "run.ckpt") == "--resume"
        assert argument("clip_norm", 1.0) == "--clip-norm 1.0"
        assert argument("date_format", "%d") == "--date-format %d"
