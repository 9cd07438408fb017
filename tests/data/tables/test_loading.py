from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from pellucid.data import Preparation, read_csv
from pellucid.errors import DataError

TABLE = """id,age,sex,y
1,22,male,0
2,,female,1
3,26.5,female,1
4,35,,0
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_a_frame_is_read_like_the_file_that_it_came_from(path: Path) -> None:
    from_file = Preparation.fit(path, "y")
    assert from_file.features == ("age", "sex=female", "sex=male")
    frame = pd.read_csv(path)
    columns = {str(name): frame[name].tolist() for name in frame}
    for table in (frame, pl.read_csv(path), pa.Table.from_pandas(frame), columns):
        assert Preparation.fit(table, "y") == from_file
        np.testing.assert_array_equal(from_file.transform(table), from_file.transform(path))
        np.testing.assert_array_equal(from_file.targets(table), [0, 1, 1, 0])
    dated = pd.DataFrame({"when": pd.to_datetime(["2024-01-01", None]), "n": pd.array([1, None], dtype="Int64")})
    assert Preparation.fit(dated).means is not None


def test_compressed_files_and_parquet(path: Path, tmp_path: Path) -> None:
    plain = read_csv(path, "y", fill="mean")
    with gzip.open(tmp_path / "t.csv.gz", "wb") as file:
        file.write(path.read_bytes())
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.write(path, "t.csv")
    parquet.write_table(pa.Table.from_pandas(pd.read_csv(path)), tmp_path / "t.parquet")
    for name in ("t.csv.gz", "t.zip", "t.parquet"):
        data = read_csv(tmp_path / name, "y", fill="mean")
        np.testing.assert_array_equal(data.x, plain.x)
        assert (data.feature_names, data.class_names) == (plain.feature_names, plain.class_names)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b damaged", "damaged or cannot be unpacked"),
        (b"PK\3\4 damaged", "damaged or cannot be unpacked"),
        (b"PAR1 damaged", "damaged or no Parquet file"),
    ],
)
def test_damaged_files_are_errors(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_csv(tmp_path / "t", "y")


def test_an_archive_of_several_tables_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", TABLE)
        archive.writestr("b.csv", TABLE)
    with pytest.raises(DataError, match="holds 2 files, expected one table"):
        read_csv(tmp_path / "t.zip", "y")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (3, "the table is a int, expected a file's name, a data frame or a dict"),
        ({}, "the table is a dict"),
        ({"a": [1, 2], "y": [1]}, r"columns of \[1, 2\] rows"),
        ({"a": ["x", 1, 2, 3], "y": [1, 0, 1, 0]}, 'the table, row 0, column "a": "x" is text'),
    ],
)
def test_what_is_no_table(table: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Preparation.fit(table, "y")


def test_unseen_categories() -> None:
    table = {"c": ["a", "b"] * 3, "y": [1.5, 2.5] * 3}
    strict, lenient = Preparation.fit(table, "y"), Preparation.fit(table, "y", unseen="ignore")
    with pytest.raises(DataError, match='row 1, column "c": "z" is not one of the known values a, b'):
        strict.transform({"c": ["a", "z"]})
    np.testing.assert_array_equal(lenient.transform({"c": ["a", "z", None]}), [[1, 0], [0, 0], [0.5, 0.5]])
    assert strict.targets(table).shape == (6, 1)
    with pytest.raises(DataError, match="no target"):
        Preparation.fit({"c": [1.0, 2.0]}).targets(table)
