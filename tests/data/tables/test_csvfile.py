from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.data import Dataset, Preparation, read_csv
from pellucid.data.tables import features, table
from pellucid.errors import DataError

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "sp500"

PETS = """age, colour, weight, kind
3, red, 4.5, cat
1, blue, 30, dog
7, red, 3.5, cat
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def test_a_table_with_classes(path: Path) -> None:
    path.write_text(PETS)
    data = read_csv(path, "kind")
    assert data.name == "table" and data.x.dtype == np.float32
    assert data.feature_names == ("age", "colour=blue", "colour=red", "weight")
    np.testing.assert_array_equal(data.x, [[3, 0, 1, 4.5], [1, 1, 0, 30], [7, 0, 1, 3.5]])
    assert data.class_names == ("cat", "dog") and data.y.tolist() == [0, 1, 0]
    assert data.y.dtype == np.int64


def test_a_table_to_predict_a_number(path: Path) -> None:
    path.write_text(PETS)
    data = read_csv(path, "weight", drop=["colour", "kind"])
    assert data.class_names is None and data.y.dtype == np.float32
    assert data.y.tolist() == [4.5, 30, 3.5] and data.feature_names == ("age",)


def test_without_a_target_y_is_x(path: Path) -> None:
    path.write_text(PETS)
    data = read_csv(path)
    assert data.y is data.x and data.x.shape == (3, 6) and data.class_names is None


@pytest.mark.parametrize(
    ("target", "task", "names", "y"),
    [
        (["1", "2", "1"], None, ("1", "2"), [0, 1, 0]),
        (["-1", "1.0", "-1.0"], None, ("-1", "1"), [0, 1, 0]),
        (["10", "9", "10"], None, ("9", "10"), [1, 0, 1]),
        (["1", "2", "1"], "regression", None, [1, 2, 1]),
        (["1990", "2000", "1990"], None, None, [1990, 2000, 1990]),
        (["1990", "2000", "1990"], "classification", ("1990", "2000"), [0, 1, 0]),
        (["0.5", "1", "2"], None, None, [0.5, 1, 2]),
        (["3", "4+", "3"], None, ("3", "4+"), [0, 1, 0]),
    ],
)
def test_the_kind_of_target(path: Path, target: list[str], task: Any, names: Any, y: list[float]) -> None:
    path.write_text("x,y\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(target)))
    data = read_csv(path, "y", task=task)
    assert data.class_names == names and data.y.tolist() == y


def test_many_whole_numbers_are_no_classes(path: Path) -> None:
    path.write_text("x,y\n" + "".join(f"0,{i}\n" for i in range(20)))
    assert read_csv(path, "y").class_names is not None
    path.write_text("x,y\n" + "".join(f"0,{i}\n" for i in range(21)))
    assert read_csv(path, "y").class_names is None


def test_a_slip_in_a_target_of_numbers_does_not_make_it_classes(path: Path) -> None:
    path.write_text("x,y\n" + "".join(f"0,{i}.5\n" for i in range(30)) + "0,3O.5\n")
    with pytest.raises(DataError, match=r'line 32, column "y": "3O\.5" is text'):
        read_csv(path, "y")
    path.write_text("x,y\n" + "".join(f"0,city {i}\n" for i in range(30)))
    names = read_csv(path, "y").class_names
    assert names is not None and len(names) == 30


def test_a_later_file_is_encoded_as_the_first(path: Path) -> None:
    path.write_text(PETS)
    first = read_csv(path, "kind")
    path.write_text("kind,extra,weight,colour,age\ndog,0,2,red,5\n")
    later = read_csv(path, "kind", like=first)
    assert later.feature_names == first.feature_names and later.class_names == first.class_names
    np.testing.assert_array_equal(later.x, [[5, 0, 1, 2]])
    assert later.y.tolist() == [1]
    path.write_text("weight,colour,age\n2,green,5\n")
    with pytest.raises(DataError, match=r'line 2, column "colour": "green" is not one of .* blue, red'):
        read_csv(path, like=first)
    path.write_text("weight,age\n2,5\n")
    with pytest.raises(DataError, match='has no column "colour"'):
        read_csv(path, like=first)
    path.write_text("weight,colour,age\nheavy,red,5\n")
    with pytest.raises(DataError, match='column "weight": "heavy" is text, expected a number'):
        read_csv(path, like=first)
    path.write_text("weight,colour,age,kind\n2,red,5,cow\n")
    with pytest.raises(DataError, match='"cow" is not one of the known values cat, dog'):
        read_csv(path, "kind", like=first)


def test_missing_values_are_named_or_filled(path: Path) -> None:
    path.write_text("a,b,y\n1,red,0.5\n,red,1.5\n3,NA,2.5\n5,blue,3.5\n")
    with pytest.raises(DataError, match=r'table.csv, line 3, column "a": the value is missing.*fill="mean"'):
        read_csv(path, "y")
    data = read_csv(path, "y", fill="mean")
    assert data.feature_names == ("a", "b=blue", "b=red")
    # (1 + 3 + 5) / 3 = 3; of three known colours one is blue, two are red
    filled = np.array([[1, 0, 1], [3, 0, 1], [3, 1 / 3, 2 / 3], [5, 1, 0]], dtype=np.float32)
    np.testing.assert_allclose(data.x, filled, rtol=1e-6)
    path.write_text("a,y\n1,2\n2,?\n3,\n")
    with pytest.raises(DataError, match=r'line 3, column "y": .* \(and in 1 more line\).*must be known'):
        read_csv(path, "y", fill="mean")
    path.write_text("a,y\n,2\nNaN,3\n")
    with pytest.raises(DataError, match='column "a" holds no value at all'):
        read_csv(path, "y", fill="mean")


def test_the_means_of_the_first_table_fill_the_later_one(path: Path) -> None:
    path.write_text("a,b,y\n1,red,0.5\n,red,1.5\n3,blue,2.5\n")
    first = read_csv(path, "y", fill="mean")
    assert first.feature_means == pytest.approx((2, 1 / 3, 2 / 3))
    unfilled = read_csv(path, "y", drop=["a"])
    path.write_text("b,a\n#N/A,100\nred,\n")
    kept = Preparation.of(Preparation.of(first).metadata())
    sources: list[Dataset | Preparation | dict[str, Any]] = [first, kept, kept.metadata()]
    for like in sources:
        expected: list[list[float]] = [[100, 1 / 3, 2 / 3], [2, 0, 1]]
        np.testing.assert_allclose(read_csv(path, like=like).x, expected, rtol=1e-6)
    with pytest.raises(DataError, match=r'line 2, column "b": the value is missing \("#N/A"\): correct it, or train'):
        read_csv(path, like=unfilled)
    with pytest.raises(DataError, match="the earlier table was read without it"):
        read_csv(path, like=unfilled, fill="mean")


def test_a_later_quantity_is_no_class(path: Path) -> None:
    path.write_text("a,y\n1,0.5\n2,3\n")
    first = read_csv(path, "y")
    path.write_text("a,y\n1,2\n2,3\n")
    assert read_csv(path, "y", like=first).class_names is None


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,234.50", "999.50"], [1234.5, 999.5]),
        (["1,234,567", "250,000"], [1234567, 250000]),
        (["250,000", "999.5"], [250000, 999.5]),
        (["$12.50", "-$1,000", "13"], [12.5, -1000, 13]),
        (["12.5 €", "7"], [12.5, 7]),
        (["USD 12.50", "USD 3"], [12.5, 3]),
        (["12%", "0.5%"], [0.12, 0.005]),
        (["12%", "0"], [0.12, 0]),
        (["(1,234.50)", "−5"], [-1234.5, -5]),
        (["1 234", "1\u202f234.5", "1'234"], [1234, 1234.5, 1234]),
        (["12,34,567", "1"], [1234567, 1]),
    ],
)
def test_numbers_in_their_usual_dress(path: Path, cells: list[str], numbers: list[float]) -> None:
    path.write_text("x;y\n" + "".join(f"{cell};0.5\n" for cell in cells), encoding="utf-8")
    data = read_csv(path, "y")
    assert data.feature_names == ("x",)
    np.testing.assert_allclose(data.x[:, 0], numbers, rtol=1e-6)
    path.write_text("y;x\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells)), encoding="utf-8")
    target = read_csv(path, "y", task="regression")
    np.testing.assert_allclose(target.y, numbers, rtol=1e-6)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["250,000", "1"], r'"250,000" may be 250000 or 250\.000: use decimal="\." for the first or decimal=","'),
        (["1.234,56", "2"], r'"1\.234,56" has a decimal comma, expected a decimal point: use decimal=","'),
        (["1.234.567", "1"], "has a decimal comma"),
        (["0,942", "2,207", "11,328"], '"0,942" has a decimal comma'),
        (["2,207", "-0,942 €"], '"-0,942 €" has a decimal comma'),
        (["12,5", "3,25", "none at all"], "has a decimal comma"),
        (["12%", "12"], '"12" has another unit than "12%"'),
        (["$12", "12 €"], r'"12 €" has another unit than "\$12"'),
        (["1.25M", "310.5K"], '"1.25M" is a number with a unit, .* drop=\\["a"\\]'),
        (["3.5 kg", "2.0 kg"], '"3.5 kg" is a number with a unit'),
    ],
)
@pytest.mark.parametrize("target", ["a", "y"])
def test_numbers_that_may_mean_something_else_are_refused(path: Path, cells: list[str], said: str, target: str) -> None:
    path.write_text("a;y\n" + "".join(f"{cell};{i}.5\n" for i, cell in enumerate(cells)), encoding="utf-8")
    with pytest.raises(DataError, match=f'column "a": .*{said}'):
        read_csv(path, target)


def test_the_decimal_mark_may_be_said(path: Path) -> None:
    path.write_text("a;y\n1.234,56;250,000\n1.234;2\n")
    data = read_csv(path, "y", decimal=",", task="regression")
    np.testing.assert_allclose(data.x[:, 0], [1234.56, 1234], rtol=1e-6)
    assert data.y.tolist() == [250, 2]
    path.write_text("a;y\n250,000;1\n1;2\n")
    assert read_csv(path, "y", decimal=".").x[:, 0].tolist() == [250000, 1]
    path.write_text("a;y\n12.5;1\n1;2\n")
    with pytest.raises(DataError, match=r'"12\.5" has a decimal point, expected a decimal comma'):
        read_csv(path, "y", decimal=",")
    path.write_text("a;y\n0.942;1.5\n2.207;2.5\n")
    with pytest.raises(DataError, match=r'"0\.942" has a decimal point, expected a decimal comma'):
        read_csv(path, "y", decimal=",")
    with pytest.raises(DataError, match='decimal is ";", expected'):
        read_csv(path, "y", decimal=";")


@pytest.mark.parametrize("word", ["", "#N/A", "<NA>", "-", "None", ".", "NULL", "N/A", "nan", "#DIV/0!", "NaT"])
def test_words_for_a_missing_value(path: Path, word: str) -> None:
    path.write_text(f"a,b,y\n1,red,0.5\n{word},{word},1.5\n3,blue,2.5\n")
    data = read_csv(path, "y", fill="mean")
    assert data.feature_names == ("a", "b=blue", "b=red")
    np.testing.assert_array_equal(data.x[1], [2, 0.5, 0.5])
    with pytest.raises(DataError, match='line 3, column "a": the value is missing'):
        read_csv(path, "y")


def test_a_word_for_a_missing_value_may_be_a_class(path: Path) -> None:
    path.write_text("a,b,kind\n1,None,None\n2,mild,severe\n,None,None\n")
    with pytest.raises(DataError, match=r'\("None"\).* say which words stand for no value \(missing=\["NA"\]\)'):
        read_csv(path, "kind", fill="mean")
    first = read_csv(path, "kind", fill="mean", missing=["NA"])
    assert first.class_names == ("None", "severe") and first.feature_names == ("a", "b=None", "b=mild")
    path.write_text("a,b,kind\n1,None,None\n,NA,severe\n")
    later = read_csv(path, "kind", like=first)
    expected: list[list[float]] = [[1, 1, 0], [1.5, 2 / 3, 1 / 3]]
    np.testing.assert_allclose(later.x, expected, rtol=1e-6)
    assert later.y.tolist() == [0, 1]
    with pytest.raises(DataError, match="expected a list of words"):
        read_csv(path, missing="NA")


def test_a_message_stays_a_short_line_whatever_a_cell_holds(path: Path) -> None:
    path.write_text('a,y\n1,2\n2,3\n"two\nlines' + "x" * 5000 + '",4\n')
    with pytest.raises(DataError, match=r'line 4, column "a": "two linesx+…" is text') as caught:
        read_csv(path, "y")
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_columns_without_a_name(path: Path) -> None:
    path.write_text(",a,y\n0,1,0.5\n1,5,1.5\n")
    assert read_csv(path, "y").feature_names == ("a",), "an index is no feature"
    path.write_text(",a,y\n10,1,0.5\n12,5,1.5\n")
    assert read_csv(path, "y").feature_names == ("Unnamed: 0", "a")
    assert read_csv(path, "y", drop=["Unnamed: 0"]).feature_names == ("a",)
    path.write_text("a,y,\n1,0.5,\n5,1.5,\n")
    assert read_csv(path, "y").feature_names == ("a",), "lines that end in a comma"


def test_many_categories_are_written_where_they_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"c{i % 100},{i}.5\n" for i in range(20_000))
    path.write_text("a,y\n" + lines)
    tracemalloc.start()
    data = read_csv(path, "y")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.x.shape == (20_000, 100)
    assert peak < 2.5 * data.x.nbytes
    monkeypatch.setattr(features, "_MAX_ENCODED", 1_000_000)
    with pytest.raises(DataError, match=r'20000 lines become .* "a" has 100, leave the column out with drop'):
        read_csv(path, "y")


def test_the_delimiter_is_found_in_one_pass(path: Path) -> None:
    header = ",".join(["a", *(f"'{i}" for i in range(4000))])
    assert header.count(",'") == 4000
    calls = sum(1 for _ in csv.reader([header]))
    assert calls == 1 and table._sniff(header) == ","
    assert table._sniff("a;b\n1,5;2\n") == ";"
    assert table._sniff('a,b\n"1;2;3",5\n') == ","
    assert table._sniff("a b\tc\n1 2\t3\n") == "\t"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, expected a header"),
        (b"\n\n  \n", "is empty"),
        (b"a,b\n", "holds a header only"),
        (b"1,2\n3,4\n", r"begins with numbers \(1, 2\)"),
        (b"a,a,y\n1,2,3\n", 'the header names "a" 2 times'),
        (b",,\n1,2,3\n", "begins with a line without names"),
        (b"a,y\n1,2\n\n1,2,3\n", "line 4 has 3 cells, expected 2"),
        (b'a,y\n"1\n",2\n1\n', "line 4 has 1 cells"),
        (b'a,y\n"1,2\n', "line 2 is not valid CSV .*check its quotes"),
        (b"a,y\n1,\xff\n", r"not utf-8.* text at byte 6: say how it is written"),
        (b"a,y\n1,\0\n", "zero bytes"),
        (b"\x89PNG\r\n\x1a\n\0", "not utf-8"),
        (b"a,y\n1,2\n1,2\nx,2\n", 'line 4, column "a": "x" is text, expected a number as in most lines'),
        (b"a,y\n1e39,2\n", "1e39 is outside the range of float32"),
        (b"a,y\n1,2\n,3\n-inf,2\n", 'line 3, column "a": the value is missing'),
        (b"a,y\n1,2\n-inf,2\n", 'line 3, column "a": -inf is outside the range of float32'),
        (b"a,y\ninf,2\n", "inf is outside the range"),
        (b"a;y\n1,5;2\n", '"1,5" has a decimal comma'),
        (b"b,y\n" + b"".join(b"n%d,2\n" % i for i in range(101)), "holds 101 different texts"),
        (b"y\n1\n", "no column for the features"),
        (b"a,z\n1,2\n", 'no column "y", its columns are a, z'),
    ],
)
def test_bad_files(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_csv(path, "y")
    assert "\n" not in str(caught.value)


def test_bad_requests(path: Path) -> None:
    path.write_text("Close,Open\n1.5,cat\n2.5,dog\n")
    for options, message in (
        ({"target": "close"}, r'no column "close", .* Did you mean "Close"\?'),
        ({"drop": ["Opn"]}, r'Did you mean "Open"\?'),
        ({"target": "Open", "task": "regression"}, '"cat" is text, expected a number for the regression'),
        ({"target": "Close", "task": "classification"}, "1.5 is a fraction, expected a class"),
        ({"task": "classify"}, r'task is "classify", .* Did you mean "classification"\?'),
        ({"fill": "median"}, 'fill is "median", expected "mean"'),
        ({"delimiter": ",,"}, "delimiter is ',,', expected one character"),
        ({"encoding": "utf-9"}, 'no encoding "utf-9"'),
    ):
        with pytest.raises(DataError, match=message):
            read_csv(path, **options)
    with pytest.raises(DataError, match=r"cannot read .*No such file"):
        read_csv(path.parent / "none.csv")


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffname,y\nä,1\nb,2\n".encode(),
        "name,y\r\nä,1\r\nb,2\r\n".encode(),
        "name;y\rä;1\rb;2\r".encode(),
        "name\ty\nä\t1\nb\t2\n".encode("utf-16"),
        b'"name"|"y"\n"\xc3\xa4"|"1"\n"b"|2\n',
        "\ufeffsep=:\r\nname:y\r\nä:1\r\nb:2\r\n".encode(),
    ],
)
def test_encodings_line_ends_and_delimiters(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    data = read_csv(path, "y")
    assert data.feature_names == ("name=b", "name=ä") and data.y.tolist() == [0, 1]


def test_another_encoding_is_said(path: Path) -> None:
    path.write_bytes("name,y\nä,1\nb,2\n".encode("cp1252"))
    assert read_csv(path, "y", encoding="cp1252").feature_names == ("name=b", "name=ä")


cells = st.floats(-1e6, 1e6, width=32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.text("abcÄ ,;'\"\t|\n", min_size=1, max_size=6), min_size=1, max_size=4),
    st.lists(st.lists(cells, min_size=4, max_size=4), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
)
def test_numbers_come_back(path: Path, names: list[str], rows: list[list[float]], delimiter: str) -> None:
    header = [f"{i}{name.strip()}x" for i, name in enumerate(names)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(row[: len(header)] for row in rows)
    path.write_bytes(out.getvalue().encode())
    data = read_csv(path, delimiter=delimiter)
    assert data.feature_names == tuple(header)
    np.testing.assert_array_equal(data.x, np.array(rows, dtype=np.float32)[:, : len(header)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.text("ab1.,;\n\"' ", max_size=60).map(str.encode))
def test_any_bytes_give_a_table_or_a_data_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        data = read_csv(path)
    except DataError:
        return
    assert np.isfinite(data.x).all() and data.x.shape[1] == len(data.feature_names)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_real_prices() -> None:
    data = read_csv(SHARED / "daily-2000-2020.csv", "close", drop=["date"])
    assert data.x.shape == (5105, 5) and data.class_names is None
    assert data.y[0] == pytest.approx(1455.219971)
    assert read_csv(SHARED / "daily-2000-2020.csv", "close").feature_names[:2] == ("date:days", "date:month sin")
