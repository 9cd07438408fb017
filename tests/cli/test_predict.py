from __future__ import annotations

from pathlib import Path

import numpy as np

import pellucid as pl
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
