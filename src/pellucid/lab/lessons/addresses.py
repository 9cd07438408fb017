"""Places of the lab as its addresses write them: "#/conv2d_1/filter/3/at/4,5?input=test:17", and numbers: "dense_2[3]".

The page reads them too (web/src/model/place/route.ts), and leaves out what it cannot read; here that is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from pellucid.errors import DataError

_ELEMENTS = re.compile(
    r"unit/(?P<u>\d+)|filter/(?P<f>\d+)/at/(?P<at>\d+,\d+)|time/(?P<t>\d+)/unit/(?P<tu>\d+)|index/(?P<i>(\d+(,\d+)*)?)"
)
_VALUE = re.compile(r"(?P<path>[^\[\]\s]+)(\[(?P<index>\d+(\s*,\s*\d+)*)\])?")
EXAMPLE = "#/conv2d_1/filter/3/at/4,5?input=test:17"


@dataclass(frozen=True)
class Address:
    """A place: `path` and `index` of an element, one `term` of it, or a `view`, on the example `input`, at a `step` of
    the training.
    """

    path: str | None = None
    index: tuple[int, ...] | None = None
    term: int | None = None
    view: str | None = None
    input: str | None = None
    step: int | None = None


def read_address(text: str) -> Address:
    """The place that an address names.

    Raises:
        DataError: a part of it cannot be read.
    """
    if not text.startswith("#/"):
        raise DataError(f'expected a view such as "{EXAMPLE}", got "{text}"')
    path, _, query = text[2:].partition("?")
    given, step = None, None
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name == "input":
            given = unquote(value) or None
        elif name == "step" and re.fullmatch(r"\d{1,6}", value):
            step = int(value)
        elif name == "step":
            raise DataError(f'expected a number of steps, got "{value}" in "{text}"')
        else:
            raise DataError(f'a lesson\'s view takes "input" and "step" alone, got "{name}" in "{text}"')
    words = path.split("/")
    if path == "":
        return Address(input=given, step=step)
    if words[0] == "view" and len(words) == 2 and words[1]:
        return Address(view=unquote(words[1]), input=given, step=step)
    place = Address(path=unquote(words[0]), input=given, step=step)
    if len(words) == 1:
        return place
    rest = "/".join(words[1:])
    element = _ELEMENTS.match(rest)
    if element is None:
        raise DataError(
            f'cannot read "{rest}" in "{text}", expected unit/3, filter/3/at/4,5, time/2/unit/3 or index/0,3'
        )
    index, behind = _index(element), rest[element.end() :]
    term = re.fullmatch(r"/term/(\d+)(/product)?", behind)
    if behind and term is None:
        raise DataError(f'cannot read "{behind}" in "{text}", expected /term/0 or /term/0/product')
    return Address(place.path, index, int(term[1]) if term else None, None, given, step)


def _index(element: re.Match[str]) -> tuple[int, ...]:
    if element["u"] is not None:
        return (int(element["u"]),)
    if element["f"] is not None:
        return (*_integers(element["at"]), int(element["f"]))
    if element["t"] is not None:
        return (int(element["t"]), int(element["tu"]))
    return _integers(element["i"])


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def read_value(text: str) -> tuple[str, tuple[int, ...]]:
    """The path and the index, without the example's, of a number: "dense_2[3]", or of one that has none, "loss".

    Raises:
        DataError: it is written otherwise.
    """
    value = _VALUE.fullmatch(text)
    if value is None:
        raise DataError(f'expected a number of the run such as dense_2[3] or conv2d_1[4,5,3], got "{text}"')
    return value["path"], _integers(value["index"] or "")
