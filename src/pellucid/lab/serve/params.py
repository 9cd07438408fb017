"""The parameters of a request, checked: whatever a page sends, it is one sentence or what the method expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, nearest
from pellucid.lab import checks
from pellucid.lab.checks import is_integer, is_number, shown

_MISSING: Any = object()
LARGEST = 3.4e38


class Params:
    """The parameters of one request. Each is taken once; `done` refuses what nobody took."""

    def __init__(self, method: str, given: Any) -> None:
        if not isinstance(given, Mapping):
            raise DataError(f"{method}: the parameters are {shown(given)}, expected an object")
        self.method = method
        self._given = dict(given)
        self._known: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def take(self, name: str, expected: str, default: Any = _MISSING) -> Any:
        self._known.append(name)
        value = self._given.pop(name, default)
        if value is _MISSING:
            raise DataError(f'{self.method}: "{name}" is missing, expected {expected}')
        return value

    def integer(self, name: str, low: int, high: int, default: Any = _MISSING) -> int:
        value = self.take(name, f"an integer from {low} to {high}", default)
        return checks.integer(f'{self.method}: "{name}"', value, low, high)

    def number(self, name: str, low: float, high: float) -> float:
        value = self.take(name, f"a number from {low:g} to {high:g}")
        return checks.number(f'{self.method}: "{name}"', value, low, high)

    def text(self, name: str, longest: int = 500) -> str:
        expected = f"a text of at most {longest} characters"
        value = self.take(name, expected)
        if not isinstance(value, str) or len(value) > longest:
            raise self._wrong(name, value, expected)
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        expected = " or ".join(f'"{choice}"' for choice in choices)
        value = self.take(name, expected)
        if value not in choices:
            raise self._wrong(name, value, expected)
        return str(value)

    def index(self, name: str = "index") -> tuple[int, ...]:
        expected = "a list of at most 8 integers"
        value = self.take(name, expected)
        if not isinstance(value, list) or len(value) > 8 or not all(is_integer(v) and 0 <= v < 1 << 31 for v in value):
            raise self._wrong(name, value, expected)
        return tuple(int(v) for v in value)

    def numbers(self, name: str, max_count: int) -> NDArray[np.float64]:
        expected = f"a list of 1 to {max_count} numbers that a float32 can hold"
        value = self.take(name, expected)
        fits = isinstance(value, list) and 0 < len(value) <= max_count
        if not fits or not all(is_number(v, -LARGEST, LARGEST) for v in value):
            raise self._wrong(name, value, expected)
        return np.array(value, np.float64)

    def list(self, name: str, max_count: int) -> list[Any]:
        expected = f"a list of at most {max_count}"
        value = self.take(name, expected)
        if not isinstance(value, list) or len(value) > max_count:
            raise self._wrong(name, value, expected)
        return value

    def object(self, name: str) -> Params | None:
        """The parameters inside a parameter; None for null."""
        value = self.take(name, "an object or null")
        return None if value is None else Params(f"{self.method}: {name}", value)

    def rest(self) -> dict[str, Any]:
        """All that was not taken."""
        given, self._given = self._given, {}
        return given

    def done(self) -> None:
        for name in self._given:
            hint = nearest(name[:100], self._known)
            known = ", ".join(self._known) or "none"
            raise DataError(f"{self.method}: there is no parameter {shown(name)}, expected {known}.{hint}")

    def _wrong(self, name: str, value: Any, expected: str) -> DataError:
        return DataError(f'{self.method}: "{name}" is {shown(value)}, expected {expected}')


def read_message(text: str | bytes) -> tuple[int | None, str, Any]:
    """The id, the method and the parameters of a request.

    Raises:
        Malformed: something else came; `id` is that of the request where it could be read.
    """
    try:
        message = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        example = '{"id": 1, "method": "describe", "params": {}}'
        raise Malformed(None, f"the message is no JSON, expected such as {example}") from None
    if not isinstance(message, dict):
        raise Malformed(None, f"the message is {shown(message)}, expected an object with id, method and params")
    number: Any = message.get("id")
    if not is_integer(number) or not 0 <= number < 1 << 53:
        raise Malformed(None, f'"id" is {shown(number)}, expected an integer from 0 to 2**53')
    method = message.get("method")
    if not isinstance(method, str):
        raise Malformed(int(number), f'"method" is {shown(method)}, expected the name of a method')
    return int(number), method, message.get("params", {})


class Malformed(DataError):
    """A message that is no request."""

    def __init__(self, number: int | None, sentence: str) -> None:
        super().__init__(sentence)
        self.number = number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
