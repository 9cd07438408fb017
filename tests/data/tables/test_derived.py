"""Columns of dates and of texts: what they become, and that a later table is read like the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pellucid.data import Preparation, read_csv
from pellucid.errors import DataError, ModelFileError

REVIEWS = ["a great film", "what a bore", "great fun", "a bore, and long", "a great cast", "fun, what fun"] * 4


def test_dates_are_days_and_cycles() -> None:
    table = {"sold": ["2024-01-01", "2024-04-01", "", "2025-01-01"], "p": [1, 2, 3, 4]}
    preparation = Preparation.fit(table, "p", task="regression")
    assert preparation.features == (
        *("sold:days", "sold:month sin", "sold:month cos"),
        *("sold:weekday sin", "sold:weekday cos"),
    )
    x = preparation.transform(table)
    np.testing.assert_allclose(x[[0, 1, 3], 0], [0, 91, 366])
    np.testing.assert_allclose(x[1, 1:3], [1, 0], atol=1e-6)  # a quarter of the year
    np.testing.assert_allclose(x[2], x[[0, 1, 3]].mean(axis=0), rtol=1e-6)  # filled
    np.testing.assert_allclose(x[0, 3:], [0, 1], atol=1e-6)  # a Monday
    after = Preparation.of(json.loads(json.dumps(preparation.metadata())))
    assert after == preparation
    np.testing.assert_array_equal(after.transform({"sold": ["2024-04-01"]}), x[1:2])


def test_a_clock_makes_a_cycle_of_the_day() -> None:
    table = {"at": ["2024-01-01 06:00", "2024-01-01 18:00"]}
    preparation = Preparation.fit(table)
    assert preparation.features == ("at:days", "at:hour sin", "at:hour cos")
    np.testing.assert_allclose(preparation.transform(table), np.array([[0, 1, 0], [0.5, -1, 0]]), atol=1e-6)


def test_the_day_or_the_month_first_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("d,p\n01/02/2024,1\n05/03/2024,2\n07/04/2024,3.5\n", encoding="utf-8")
    with pytest.raises(DataError, match='"01/02/2024" may begin with the day or the month: use date_format='):
        read_csv(path, "p")
    days = {f: read_csv(path, "p", date_format=f).x[:, 0].tolist() for f in ("%d/%m/%Y", "%m/%d/%Y")}
    assert days == {"%d/%m/%Y": [0, 33, 66], "%m/%d/%Y": [0, 122, 184]}
    later = Preparation.fit(path, "p", date_format="%d/%m/%Y")
    assert later.transform({"d": ["03/02/2024"]})[0, 0] == 2, "it stays as it was said"
    assert later.transform({"d": ["2024-02-03"]}, date_format="%Y-%m-%d")[0, 0] == 2
    with pytest.raises(DataError, match=r'"2024-02-03" is no date, expected "%d/%m/%Y", as in the table'):
        later.transform({"d": ["2024-02-03"]})


def test_a_format_reads_what_it_fits_and_other_dates_as_they_are() -> None:
    table = {"a": ["20240131", "20240229"], "b": ["2024-01-31", "2024-02-02"], "n": [1, 2]}
    assert Preparation.fit(table, date_format="%Y%m%d").derived.keys() == {"a", "b"}
    assert Preparation.fit(table).derived.keys() == {"b"}
    with pytest.raises(DataError, match='the format of the dates is "%Q"'):
        Preparation.fit(table, date_format="%Q")


def test_dates_from_data_frames_and_arrays_are_those_of_a_file(tmp_path: Path) -> None:
    days = np.datetime64("2024-01-30") + np.arange(150) * 9
    frame = pd.DataFrame({"when": days, "p": np.arange(150.0)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    x = read_csv(tmp_path / "t.csv", "p", identifiers="drop").x
    assert x.shape == (150, 5)
    for table in (frame, {"when": days.astype("datetime64[ns]"), "p": np.arange(150.0)}):
        np.testing.assert_array_equal(Preparation.fit(table, "p").transform(table), x)


def test_the_words_of_a_column() -> None:
    table = {"liked": [1, 0, 1, 0, 1, 1] * 4, "year": list(range(1990, 2014)), "review": REVIEWS}
    preparation = Preparation.fit(table, "liked", text_columns=["review"], words=4)
    assert preparation.features == ("year", "review:a", "review:fun", "review:great", "review:bore")
    x = preparation.transform({"year": [2000, 2001], "review": ["What? A FUN film", ""]})
    np.testing.assert_array_equal(x, [[2000, 1, 1, 0, 0], [2001, 0, 0, 0, 0]])
    assert Preparation.of(json.loads(json.dumps(preparation.metadata()))) == preparation


def test_the_only_column_is_read_by_its_words() -> None:
    table = {"liked": [1, 0] * 60, "review": [f"{text} {i}" for i, text in enumerate(REVIEWS * 5)]}
    assert "review:great" in Preparation.fit(table, "liked").features
    codes = {"liked": [1, 0] * 60, "code": [f"a{i}" for i in range(120)]}
    with pytest.raises(DataError, match=r'120 different texts.* text_columns=\["code"\]'):
        Preparation.fit(codes, "liked")
    with pytest.raises(DataError, match="no word comes twice"):
        Preparation.fit(codes, "liked", text_columns=["code"])


@pytest.mark.parametrize(
    "entry",
    [
        [],
        {"a": {}},
        {"a": {"kind": "pickle"}},
        {"a": {"kind": "date", "format": "%d", "first": "yesterday", "cycles": []}},
        {"a": {"kind": "date", "format": "%d", "first": "2024-01-01", "cycles": ["year"]}},
        {"a": {"kind": "text"}},
        {"a": {"kind": "text", "text_vectorization": {"vocabulary": 3}}},
    ],
)
def test_damaged_metadata_is_an_error(entry: Any) -> None:
    with pytest.raises(ModelFileError, match="damaged"):
        Preparation.of({"preparation": {"derived": entry}})
