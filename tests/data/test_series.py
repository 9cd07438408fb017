from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import Series, after, choose_changes, levels, load_series, read_series, series_windows, walk_forward
from pellucid.data.series import SERIES
from pellucid.errors import DataError

PRICES = "Date,Open,Close\n2024-01-05,1,10\n2024-01-08,2,11\n2024-01-09,3,12.5\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "prices.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_by_date(tmp_path: Path) -> None:
    series = read_series(write(tmp_path, PRICES), ["Close", "Open"])
    assert series.columns == ("Close", "Open")
    np.testing.assert_array_equal(series.values, [[10, 1], [11, 2], [12.5, 3]])
    assert [series.day(row) for row in range(3)] == ["2024-01-05", "2024-01-08", "2024-01-09"]
    assert (series.name, len(series)) == ("prices", 3)


@pytest.mark.parametrize(
    ("first", "cell", "day"),
    [
        ("2024/1/5", "2024/01/31", "2024-01-31"),
        ("2024/10/15", "2024/11/5", "2024-11-05"),
        ("20240105", "20240131", "2024-01-31"),
        ("2024-01", "2024-02", "2024-02-01"),
        ("2024-01-01", "2024-01-31 16:30", "2024-01-31 16:30:00"),
        ("2024-01-01 00:00:00-05:00", "2024-07-01 00:00:00-04:00", "2024-07-01"),
        ("2024-01-01T00:00:00Z", "2024-01-31T00:00:00Z", "2024-01-31"),
        ("08/28/2025", "08/29/2025", "2025-08-29"),
        ("8/28/25 4:00 PM", "8/29/25 4:00 PM", "2025-08-29 16:00:00"),
        ("28/08/2025", "29/08/2025", "2025-08-29"),
        ("31.03.2021", "01.04.2021", "2021-04-01"),
        ("01.04.2021", "02.04.2021", "2021-04-02"),
        ("Nov 28, 2017", "Dec 01, 2017", "2017-12-01"),
        ("November 28, 2017", "December 1, 2017", "2017-12-01"),
        ("28-Nov-17", "1-Dec-17", "2017-12-01"),
        ("Jan 2020", "Feb 2020", "2020-02-01"),
        ("1999", "2000", "2000-01-01"),
        ("1704070800000", "1704157200000", "2024-01-02 01:00:00"),
        ("1704070800", "1704157200", "2024-01-02 01:00:00"),
    ],
)
def test_forms_of_dates(tmp_path: Path, first: str, cell: str, day: str) -> None:
    assert read_series(write(tmp_path, f'day,p\n"{first}",1\n"{cell}",2\n'), "p").day(1) == day


def test_the_order_of_the_lines_tells_day_from_month(tmp_path: Path) -> None:
    days = "".join(f"{day:02}/02/2024,{day}\n" for day in (9, 12, 5))
    with pytest.raises(DataError, match=r"may begin with the day or the month: use date_format=.* or date_format="):
        read_series(write(tmp_path, "date,p\n05/02/2024,1\n06/02/2024,2\n"), "p")
    ascending = "date,p\n" + "".join(f"{date},1\n" for date in ("11/12/2023", "10/01/2024", "09/02/2024"))
    assert read_series(write(tmp_path, ascending), "p").day(0) == "2023-12-11"
    with pytest.raises(DataError, match="may begin with the day"):
        read_series(write(tmp_path, "date,p\n" + days), "p")
    given = read_series(write(tmp_path, "date,p\n05/02/2024,1\n06/02/2024,2\n"), "p", date_format="%m/%d/%Y")
    assert given.day(1) == "2024-06-02"
    with pytest.raises(DataError, match='line 2, column "date": "05/02/2024" is no date, expected "%Y"'):
        read_series(write(tmp_path, "date,p\n05/02/2024,1\n"), "p", date_format="%Y")
    with pytest.raises(DataError, match='the format of the dates is "%Q"'):
        read_series(write(tmp_path, "date,p\n05/02/2024,1\n"), "p", date_format="%Q")


def test_moments_with_offsets_are_ordered_as_they_were(tmp_path: Path) -> None:
    mixed = "time,p\n2024-01-01T23:00+00:00,1\n2024-01-02T00:30+02:00,2\n2024-01-03T00:00+00:00,3\n"
    with pytest.raises(DataError, match=r"line 3, .*00:30\+02:00 comes after"):
        read_series(write(tmp_path, mixed), "p")
    autumn = "time,p\n2024-11-03 01:30-04:00,1\n2024-11-03 01:30-05:00,2\n"
    assert read_series(write(tmp_path, autumn), "p").day(1) == "2024-11-03 06:30:00"
    with pytest.raises(DataError, match=r"line 3, .* lacks an offset"):
        read_series(write(tmp_path, "time,p\n2024-01-01T23:00+00:00,1\n2024-01-02T00:30,2\n"), "p")


def test_a_moment_that_utc_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no date"):
        read_series(write(tmp_path, "time,p\n0001-01-01T00:00:00+14:00,1\n"), "p")


def test_prices_in_their_usual_dress(tmp_path: Path) -> None:
    text = 'Date,Price\n"Nov 27, 2017","$1,224.93"\n"Nov 28, 2017",$224.93\n'
    np.testing.assert_array_equal(read_series(write(tmp_path, text), "Price").values[:, 0], [1224.93, 224.93])
    comma = "Datum;Kurs\n31.03.2021;1.234,56\n01.04.2021;12,5\n"
    with pytest.raises(DataError, match=r'"1\.234,56" has a decimal comma, .* use decimal=","'):
        read_series(write(tmp_path, comma), "Kurs", date="Datum")
    series = read_series(write(tmp_path, comma), "Kurs", date="Datum", decimal=",")
    np.testing.assert_array_equal(series.values[:, 0], [1234.56, 12.5])


def test_an_index_of_dates_without_a_name(tmp_path: Path) -> None:
    assert read_series(write(tmp_path, ",Close\n2024-01-05,1\n2024-01-08,2\n"), "Close").day(1) == "2024-01-08"


def test_newest_first_is_turned_round(tmp_path: Path) -> None:
    series = read_series(write(tmp_path, "date,p\n2024-01-03,3\n2024-01-02,\n2024-01-01,1\n"), "p", fill="previous")
    assert series.values[:, 0].tolist() == [1, 1, 3]
    assert "newest first, turned round; 1 missing values filled" in series.description


def test_the_longest_gap_is_told(tmp_path: Path) -> None:
    days = "".join(f"2024-01-{day:02},{day}\n" for day in (*range(1, 9), 20))
    assert "12 days, from 2024-01-08 to 2024-01-20" in read_series(write(tmp_path, "date,p\n" + days), "p").description


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (PRICES, {"columns": "close"}, 'no column "close", .* Did you mean "Close"'),
        (PRICES.replace("Date", "When"), {}, "no column called date, its columns are When, Open, Close"),
        (PRICES, {"date": "Open"}, 'line 2, column "Open": "1" is no date'),
        (PRICES.replace("11\n", "n/k\n"), {}, 'line 3, column "Close": "n/k" is text, expected a number'),
        (PRICES.replace("11\n", "\n"), {}, 'line 3, .*the value is missing: correct it or use fill="previous"'),
        (PRICES.replace("10\n", "\n"), {"fill": "previous"}, 'line 2, column "Close": the first value is missing'),
        (PRICES.replace("2024-01-08", "31.1.24"), {}, 'line 3, column "Date": "31.1.24" is no date'),
        (PRICES.replace("2024-01-08", "2023-01-08"), {}, "line 3, .* 2023-01-08 comes after 2024-01-05, .* sort"),
        (PRICES.replace("2024-01-08", "2024-01-05"), {}, "line 3, .* 2024-01-05 stands there twice"),
        (PRICES, {"columns": ["Close", "Close"]}, "several different names"),
        (PRICES, {"fill": "mean"}, 'fill is "mean", expected "previous"'),
        ("Date,Close\n", {}, "header only"),
    ],
)
def test_what_it_refuses_is_one_sentence(tmp_path: Path, text: str, options: dict[str, str], said: str) -> None:
    options = {"columns": "Close", **options}
    with pytest.raises(DataError, match=said) as caught:
        read_series(write(tmp_path, text), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SERIES)
def test_embedded_series(name: str) -> None:
    series = load_series(name)
    assert isinstance(series, Series)
    assert len(series) > 1000
    assert (series.values > 0).all()
    assert (np.diff(series.dates) > np.timedelta64(0, "s")).all()
    assert ("no real prices" in series.description) == (name == "synthetic")


def test_an_unknown_series() -> None:
    with pytest.raises(DataError, match='Did you mean "google"'):
        load_series("gogle")


def test_changes_of_prices_and_of_rates() -> None:
    values = np.array([[100.0, -1.0], [110.0, 0.5]])
    changes = choose_changes(values)
    assert changes == ("log", "difference")
    by = np.diff(levels(values, changes), axis=0)
    np.testing.assert_allclose(by, [[np.log(1.1), 1.5]])
    np.testing.assert_allclose(after(values[:1], by, changes), values[1:])
    with pytest.raises(DataError, match="row 0, column 1 holds -1, which has no logarithm"):
        levels(values, ("log", "log"))


def test_windows_by_hand() -> None:
    level = np.array([[0.0], [1], [3], [6], [10], [15]])  # changes 1, 2, 3, 4, 5
    found = series_windows(level, window=2, horizon=2)
    assert found.x[..., 0].tolist() == [[1, 2], [2, 3]]
    assert found.y[:, 0].tolist() == [4 + 3, 5 + 4]  # from 3 to 10, from 6 to 15
    assert found.origins.tolist() == [2, 3]
    with pytest.raises(DataError, match="has 6 rows, expected at least 8"):
        series_windows(level, window=5, horizon=2)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(40, 80))
def test_no_fold_learns_what_its_test_does_not_know_yet(window: int, horizon: int, folds: int, rows: int) -> None:
    level = np.arange(rows, dtype=float)[:, None]
    found = series_windows(level, window=window, horizon=horizon)
    tested = []
    for train, test in walk_forward(found, test_size=0.2, folds=folds):
        assert train[0] == 0
        assert found.origins[train].max() + horizon == found.origins[test].min()  # the last outcome learned is today's
        tested += test.tolist()
    assert tested == list(range(len(found) - round(0.2 * len(found)), len(found)))


def test_a_future_row_changes_no_earlier_window() -> None:
    random = np.random.default_rng(0)
    level = random.standard_normal((50, 2)).cumsum(axis=0)
    other = level.copy()
    other[40:] += 1000
    one, two = (series_windows(values, window=5).x for values in (level, other))
    np.testing.assert_array_equal(one[:35], two[:35])  # origins 5 … 39


def test_too_few_windows_for_the_folds() -> None:
    found = series_windows(np.arange(12.0)[:, None], window=2)
    for options, said in (({"folds": 5}, "enough windows to test 5 times"), ({"test_size": 1.0}, "between 0 and 1")):
        with pytest.raises(DataError, match=said):
            walk_forward(found, **options)
