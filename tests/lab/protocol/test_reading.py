"""What came, read as what was declared."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pellucid.errors import DataError
from pellucid.lab.protocol import requests
from pellucid.lab.protocol.reading import checked, shown

PLACE = {"input": "test:0", "path": "dense_1", "index": [1]}


def test_what_fits_is_given_as_declared() -> None:
    read = checked({**PLACE, "limit": 3}, requests.ExplainParams)
    assert isinstance(read, requests.ExplainParams)
    assert (read.index, read.limit) == ([1], 3)
    assert checked(PLACE, requests.ExplainParams).limit == 100
    assert checked({"do": "step", "count": 2}, requests.Action) == requests.TakeSteps(count=2)
    assert checked({"text": "half a pair \ud83d"}, requests.OwnParams).text == "half a pair \ud83d"


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        (
            {**PLACE, "index": [0, -1]},
            requests.ElementParams,
            '"index[1]" is -1, expected an integer from 0 to 2147483647',
        ),
        ({**PLACE, "index": [True]}, requests.ElementParams, '"index[0]" is true, expected an integer'),
        ({**PLACE, "index": [1.0]}, requests.ElementParams, '"index[0]" is 1, expected an integer'),
        ({**PLACE, "index": [10**30]}, requests.ElementParams, '"index[0]" is a very large number, expected'),
        (
            {**PLACE, "index": [0] * 9},
            requests.ElementParams,
            '"index" is a list of 9, expected a list of at most 8 int',
        ),
        (
            {**PLACE, "inptu": 1},
            requests.ElementParams,
            'no parameter "inptu", expected input, path, index. Did you mean',
        ),
        ({**PLACE, "\ud83d": 1}, requests.ElementParams, 'no parameter "?", expected input, path, index'),
        (dict[Any, Any]({**PLACE}) | {3: 1}, requests.ElementParams, "no parameter 3, expected input, path, index"),
        ({"set": "\ud83d"}, requests.ConfusionParams, '"set" is "?", expected "test" or "train"'),
        ({"set": None}, requests.ConfusionParams, '"set" is null, expected "test" or "train"'),
        ({"size": math.nan}, requests.BoundaryParams, '"size" is nan, expected an integer from 2 to 200'),
        ({"x": [math.nan]}, requests.OwnParams, '"x[0]" is nan, expected a number from -3.4e+38 to 3.4e+38'),
        ({"x": [1, math.inf]}, requests.OwnParams, '"x[1]" is inf, expected a number'),
        ({"x": [10**400]}, requests.OwnParams, '"x[0]" is a very large number, expected a number'),
        ({"x": None}, requests.OwnParams, '"x" is null, expected a list of 1 to 262144 numbers'),
        ({"do": "\ud83d"}, requests.Action, '"do" is "?", expected "play" or "pause" or'),
        ({"do": ["play"]}, requests.Action, '"do" is a list of 1, expected "play" or'),
        (7, requests.Action, "the parameters are 7, expected an object with do"),
        ({"a": 1}, requests.Params, 'no parameter "a", expected none'),
    ],
)
def test_what_does_not_is_said(value: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        checked(value, kind, "method: ")
    assert str(caught.value).startswith("method: ")
    assert sentence in str(caught.value)


def test_what_came_is_shown_in_short() -> None:
    assert shown("x" * 99) == '"' + "x" * 40 + '…"'
    assert shown("a\nb") == '"a�b"'
    assert shown({"a": 1}) == "an object"
