"""Fields of JSON from a file: each has a type and a range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid.errors import ModelFileError
from pellucid.training.saved.fields import Fields

READ: dict[str, tuple[Callable[[Fields], object], list[Any], list[Any]]] = {
    "integer": (
        lambda f: f.integer("x", low=0, high=9),
        [0, 9],
        [-1, 10, 1.0, True, None, "1", [1], math.nan, 10**400],
    ),
    "number": (lambda f: f.number("x"), [0, -1.5, 10**300], [math.nan, math.inf, True, None, "1", 10**400]),
    "positive": (lambda f: f.number("x", low=0), [0, 1e-320], [-1e-320, -1]),
    "infinite": (lambda f: f.number("x", finite=False), [math.inf, -math.inf, 1], [math.nan]),
    "any number": (lambda f: f.number("x", finite=False, nan=True), [math.nan, math.inf, 1], [None, "nan"]),
    "text": (lambda f: f.text("x"), ["", "é"], [None, 1, [], {}]),
    "flag": (lambda f: f.flag("x"), [True, False], [0, 1, None, "true"]),
    "array": (lambda f: f.array("x"), [np.zeros(2)], [[0.0], 0.0, None]),
    "arrays": (lambda f: f.arrays("x"), [{}, {"a": np.zeros(2)}], [{"a": 1}, [], None]),
    "list": (lambda f: [f.sequence("x").integer(k) for k in f.sequence("x")], [[], [1, 2]], [[1, "2"], {}, "ab", None]),
    "record": (lambda f: f.within("x", names=frozenset("ab")), [{}, {"a": 1}], [{"c": 1}, [], None]),
}


@pytest.mark.parametrize("kind", READ)
def test_what_is_taken_and_what_is_not(kind: str) -> None:
    read, good, bad = READ[kind]
    for value in good:
        read(Fields({"x": value}, "state"))
    for value in bad:
        with pytest.raises(ModelFileError, match=r"^state\.x"):
            read(Fields({"x": value}, "state"))
    with pytest.raises(ModelFileError, match=r"^state\.x is missing$"):
        read(Fields({}, "state"))


def test_a_huge_value_is_shown_shortly() -> None:
    for value in (10**400, "x" * 1000, [0] * 1000):
        with pytest.raises(ModelFileError) as error:
            Fields({"x": value}).integer("x")
        assert len(str(error.value)) < 200
