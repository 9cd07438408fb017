"""A table as people bring it: missing values, categories, names, an index column. Train, predict, explain."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.data import Preparation

from .conftest import Run


@pytest.fixture
def titanic(tmp_path: Path) -> Path:
    draw = random.Random(1)
    with open(tmp_path / "titanic.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "Ticket", "Embarked"])
        for i in range(1, 151):
            sex, port = draw.choice(["male", "female"]), draw.choice(["S", "C", "Q", ""])
            age = draw.choice(["", f"{draw.uniform(1, 70):.1f}"])
            ticket = f"A/5 {i}" if i % 4 == 0 else str(100_000 + i)
            name = f"Doe, Mr. {i} J."
            writer.writerow([i, int(sex == "female"), draw.randint(1, 3), name, sex, age, ticket, port])
    return tmp_path / "titanic.csv"


def test_three_commands_and_python(run: Run, titanic: Path, tmp_path: Path) -> None:
    said = run("train", "titanic.csv", "--target", "Survived", "--epochs", "20").output
    assert "left out, as they only tell the rows apart: PassengerId (it numbers the rows), Name (150 different" in said
    assert "missing values filled: Age" in said and "--fill none makes them an error" in said
    run("predict", "model.safetensors", "titanic.csv", "--output", "out.csv")
    explained = run("explain", "model.safetensors", "normalization_1", "--unit", "1", "--input", "titanic.csv:7").output
    assert "x[0,Sex=female]" in explained and "x[0,1]" not in explained

    net = pl.load("model.safetensors")
    preparation = Preparation.of(net)
    assert preparation.left_out == ("PassengerId", "Name", "Ticket")
    for table in ("titanic.csv", pd.read_csv("titanic.csv")):
        answers = net.predict(preparation.transform(table))
        written = pd.read_csv("out.csv", dtype=np.float32, usecols=["probability of 0", "probability of 1"])
        np.testing.assert_array_equal(written.to_numpy(), answers)
    in_python = net.explain("normalization_1", x=preparation.transform("titanic.csv")[7:8], unit=1)
    assert "x[0,Sex=female]" in in_python.text() and "x[0,Sex=female]" in in_python._repr_html_()


def test_what_is_left_out_filled_and_unseen_may_be_said(run: Run, titanic: Path) -> None:
    assert (
        "--fill mean" in run("train", "titanic.csv", "--target", "Survived", "--force", "--fill", "none", code=2).stderr
    )
    run(
        "train",
        "titanic.csv",
        "--target",
        "Survived",
        "--force",
        "--epochs",
        "1",
        "--keep",
        "PassengerId",
        "--drop",
        "Age",
    )
    assert Preparation.of(pl.load("model.safetensors")).features[0] == "PassengerId"
    Path("new.csv").write_text("PassengerId,Pclass,Sex,Embarked\n1,2,other,S\n", encoding="utf-8")
    assert "or use --unseen ignore." in run("predict", "model.safetensors", "new.csv", code=2).stderr
    run("predict", "model.safetensors", "new.csv", "--unseen", "ignore")
    run(
        "train",
        "titanic.csv",
        "--target",
        "Survived",
        "--force",
        "--epochs",
        "1",
        "--keep",
        "PassengerId",
        "--unseen",
        "ignore",
    )
    run("predict", "model.safetensors", "new.csv", code=2)  # Age is missing as a column
    said = run("train", "iris", "--force", "--unseen", "ignore", code=2).stderr
    assert '"iris" is not a table file, and only these take --unseen' in said


def test_dates_and_texts_beside_gaps_categories_and_an_index(run: Run, tmp_path: Path) -> None:
    draw, likes, other = random.Random(2), ["a great film", "great fun, loved it"], ["what a bore", "dull and long"]
    with open("films.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "liked", "genre", "seen", "price", "review"])
        for i in range(120):
            liked, day = draw.random() < 0.5, f"{draw.randint(1, 12):02d}/{draw.randint(1, 12):02d}/2023"
            row = [draw.choice(["drama", "comedy", ""]), day, draw.choice(["9.50", "NA"])]
            writer.writerow([i + 1, liked, *row, f"{draw.choice(likes if liked else other)} {i}"])
    args = ("train", "films.csv", "--target", "liked", "--epochs", "12", "--date-format", "%d/%m/%Y")
    said = run(*args, "--text-column", "review").output
    assert "left out, as they only tell the rows apart: id (it numbers the rows); --keep COLUMN takes one" in said
    assert "read: seen (dates, days since 2023-01-" in said and "review (a text, 0 or 1 for each of 11 words)" in said
    assert "validation accuracy: 1.000" in said
    run("predict", "model.safetensors", "films.csv", "--output", "out.csv")
    shares = run(
        "explain", "model.safetensors", "dense_3", "--unit", "1", "--input", "films.csv:0", "--attribute", "gradient"
    ).output
    assert "review:" in shares
    net = pl.load("model.safetensors")
    frame = pd.read_csv("films.csv")
    for table in ("films.csv", frame, frame[::-1][::-1]):
        written = pd.read_csv("out.csv", dtype=np.float32, usecols=["probability of False", "probability of True"])
        np.testing.assert_array_equal(written, net.predict(Preparation.of(net).transform(table)))
    assert "use --date-format %d/%m/%Y or --date-format %m/%d/%Y" in run(*args[:4], "--force", code=2).stderr
    assert 'Did you mean "review"?' in run(*args, "--text-column", "revue", "--force", code=2).stderr
