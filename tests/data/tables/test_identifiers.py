from __future__ import annotations

from typing import Any

import pytest

from pellucid.data import Preparation
from pellucid.errors import DataError

ROWS = 40


def left_out(name: str, values: list[Any], **given: Any) -> bool:
    table = {"a": [i * i % 7 for i in range(ROWS)], name: values, "y": [i % 2 for i in range(ROWS)]}
    return name in Preparation.fit(table, "y", **given).left_out


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("PassengerId", range(1, ROWS + 1)),
        ("id", range(ROWS)),
        ("customer_id", [7919 * i % 1000 for i in range(ROWS)]),
        ("Row Number", range(ROWS)),
        ("Name", [f"Doe, Mr. {i}" for i in range(ROWS)]),
        ("Ticket", [f"A/{i}" if i % 3 == 0 else str(1000 + i) for i in range(ROWS)]),
        ("Cabin", [f"C{i}" if i % 2 else None for i in range(ROWS)]),
        ("key", [f"{i:x}-{i * 7919:x}g" for i in range(ROWS)]),
    ],
)
def test_columns_that_tell_the_rows_apart_are_left_out(name: str, values: Any) -> None:
    assert left_out(name, list(values))
    if name != "Ticket":
        assert not left_out(name, list(values), keep=[name])
    assert not left_out("other", [i % 5 for i in range(ROWS)])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("paid", range(1, ROWS + 1)),  # no name of an identifier, and not the first
        ("weight", [i + 0.5 for i in range(ROWS)]),
        ("store_id", [i % 4 for i in range(ROWS)]),
        ("Sex", ["male", "female"] * (ROWS // 2)),
        ("squid", [7919 * i % 1000 for i in range(ROWS)]),
    ],
)
def test_other_columns_stay(name: str, values: Any) -> None:
    assert not left_out(name, list(values))


def test_a_first_column_that_counts_is_an_index() -> None:
    y = [i % 2 for i in range(ROWS)]
    b = [i % 5 for i in range(ROWS)]
    assert Preparation.fit({"n": list(range(ROWS)), "b": b, "y": y}, "y").left_out == ("n",)
    assert Preparation.fit({"n": list(range(ROWS)), "b": b, "y": y}, "y", keep=["n"]).features == ("n", "b")
    assert Preparation.fit({"n": list(range(ROWS)), "y": y}, "y").features == ("n",), "the only feature is kept"
    assert Preparation.fit({"n": list(range(ROWS)), "b": b, "y": y}, "y", identifiers="keep").left_out == ()
    with pytest.raises(DataError, match='identifiers is "kep", expected "keep" or "drop"'):
        Preparation.fit({"n": [1, 2], "y": [0, 1]}, "y", identifiers="kep")
