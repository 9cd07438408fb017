"""What came, read as what was declared."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid.lab
from pellucid.errors import DataError
from pellucid.lab.protocol import requests
from pellucid.lab.protocol.reading import checked, shown
from pellucid.messages import Message

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
        (7, requests.Action, "the request is 7, expected an object with do"),
        ({"a": 1}, requests.Params, 'no parameter "a", expected none'),
    ],
)
def test_what_does_not_is_said(value: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        checked(value, kind, "method: ")
    assert str(caught.value).startswith("method: ")
    assert sentence in str(caught.value)
    assert isinstance(caught.value.message, Message)
    chinese = caught.value.message.text("zh")
    assert re.search(r"应为|没有", chinese)
    assert not re.search(r"expected|there is|Did you|parameter|\b(list|text|number|integer|object)\b", chinese)


def test_what_came_is_shown_in_short() -> None:
    assert shown("x" * 99) == '"' + "x" * 40 + '…"'
    assert shown("a\nb") == '"a�b"'
    assert str(shown({"a": 1})) == "an object"


def english_alone(file: Path) -> Iterator[str]:
    """Where a text that is no message is raised."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            error, said = ast.unparse(node.exc.func), node.exc.args[0]
            text = isinstance(said, ast.JoinedStr) or (isinstance(said, ast.Constant) and isinstance(said.value, str))
            if text and error.endswith("Error") and error not in {"AssertionError", "TypeError", "ValueError"}:
                yield f"{file.name}:{node.lineno}"


def test_what_reaches_the_page_is_said_in_its_language() -> None:
    """All that the page's questions lead to; what only who starts the lab can meet is not among it."""
    lab = Path(pellucid.lab.__file__).parent
    starting = {"server.py", "page.py", "site.py", "document.py"}
    folders = [lab / name for name in ("protocol", "serve", "view", "edit", "own_data")]
    files = [file for folder in folders for file in folder.glob("*.py") if file.name not in starting]
    assert len(files) > 30
    assert [place for file in [*files, lab / "time" / "changes.py"] for place in english_alone(file)] == []
