from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

import pellucid as pl
from pellucid.cli import cli
from pellucid.data import load

from .conftest import Run


def test_classes_with_their_probability(run: Run, iris_model: Path, tmp_path: Path) -> None:
    text = run("predict", str(iris_model), "iris", "--output", "out.csv").output
    assert "and 130 more rows" in text
    header, *rows = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    known = ("setosa", "versicolor", "virginica")
    assert header.split(",") == ["row", "class", "probability", *(f"probability of {name}" for name in known)]
    outputs = pl.load(iris_model).predict(load("iris").x)
    for i, (cells, p) in enumerate(zip(rows, outputs, strict=True)):
        row, name, best, *all_of_them = cells.split(",")
        assert (int(row), name) == (i, known[p.argmax()])
        np.testing.assert_array_equal(np.array(all_of_them, dtype=np.float32), p)
        assert np.float32(best) == p.max()


def test_npy_gives_what_the_embedded_set_gives(run: Run, iris_model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", load("iris").x)
    assert run("predict", str(iris_model), "x.npy").output == run("predict", str(iris_model), "iris").output


def test_a_missing_column_is_named(run: Run, iris_model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("sepal length (cm)\n1\n", encoding="utf-8")
    assert '"sepal width (cm)"' in run("predict", str(iris_model), "x.csv", code=2).stderr


def test_bad_arrays_are_errors(run: Run, iris_model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.zeros((3, 5)))
    np.save(tmp_path / "nan.npy", np.full((3, 4), np.nan))
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "foreign.npy").write_bytes(b"PK\3\4 not an array")
    (tmp_path / "empty.npy").write_bytes(b"")
    for name in ("wide", "nan", "text", "objects", "foreign", "empty"):
        error = run("predict", str(iris_model), f"{name}.npy", code=2).stderr
        assert error.startswith("pellucid: error: ")
        assert error.count("\n") == 1


def test_a_model_without_preparation_gives_its_outputs(run: Run, tmp_path: Path) -> None:
    pl.Network(pl.Dense(2), input_shape=(3,), seed=0).save(tmp_path / "plain.safetensors")
    np.save(tmp_path / "x.npy", np.zeros((1, 3)))
    run("predict", "plain.safetensors", "x.npy", "--output", "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "row,output[0],output[1]\n0,0.0,0.0\n"


HEAD = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),flower\n"


def test_streams_json_and_an_id_column(run: Run, iris_model: Path) -> None:
    Path("x.csv").write_text(HEAD + "5.1,3.5,1.4,0.2,a1\n6.7,3.1,4.7,1.5,b2\n", encoding="utf-8")
    run("predict", str(iris_model), "x.csv", "--id", "flower", "--output", "out.csv")
    written = Path("out.csv").read_text(encoding="utf-8")
    assert written.startswith("row,flower,class,probability,probability of setosa") and "\n1,b2," in written
    args = ["predict", str(iris_model), "-", "--id", "flower", "--output", "-"]
    piped = CliRunner().invoke(cli, args, input=Path("x.csv").read_bytes())
    assert piped.stdout == written, (piped.output, piped.exception)
    records = json.loads(run("predict", str(iris_model), "x.csv", "--id", "flower", "--json").stdout)
    outputs = pl.load(iris_model).predict(np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 4.7, 1.5]], np.float32))
    assert [record["flower"] for record in records] == ["a1", "b2"]
    for record, p in zip(records, outputs, strict=True):
        np.testing.assert_array_equal(np.array(list(record["probabilities"].values()), np.float32), p)
    for args in (["--id", "flowr"], ["--output", "-", "--json"], ["--id", "flower", "iris"], ["-", "-"]):
        assert run("predict", str(iris_model), "x.csv", *args, code=2).stderr.count("\n") == 1


def test_several_inputs_and_folders(run: Run, iris_model: Path) -> None:
    Path("new").mkdir()
    for name in ("b", "a"):
        Path(f"new/{name}.csv").write_text(HEAD + "5.1,3.5,1.4,0.2,a1\n", encoding="utf-8")
    run("predict", str(iris_model), "new", "new/b.csv", "--output", "out.csv")
    lines = Path("out.csv").read_text(encoding="utf-8").splitlines()
    files = [str(Path("new") / name) for name in ("a.csv", "b.csv")] + ["new/b.csv"]
    assert [line.split(",")[0] for line in lines] == ["file", *files]
    Path("empty").mkdir()
    assert "holds no file" in run("predict", str(iris_model), "empty", code=2).stderr


def test_the_lines_of_a_text_for_a_network_that_takes_texts(run: Run) -> None:
    words = pl.TextVectorization(output_sequence_length=4).adapt(["a great film", "what a bore"])
    net = pl.Network(words, pl.Embedding(words.vocabulary_size(), 4), pl.Flatten(), pl.Dense(2))
    net.save("films.safetensors")
    Path("new.txt").write_text("a great film\n\nwhat a long film\n", encoding="utf-8")
    found = json.loads(run("predict", "films.safetensors", "new.txt", "--json").stdout)
    answers = net.predict(["a great film", "what a long film"])
    written = np.array([[row["output[0]"], row["output[1]"]] for row in found], np.float32)
    np.testing.assert_array_equal(written, answers)
    said = run(
        "explain", "films.safetensors", "embedding_1", "--time", "1", "--unit", "2", "--input", "new.txt:0"
    ).output
    assert "E[great,2]" in said
    assert "it takes the numbers of texts" in run("export", "films.safetensors", "films.o").output
