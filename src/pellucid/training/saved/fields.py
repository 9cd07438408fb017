"""JSON from a file, read field by field: each has a type and a range, and an error names it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError

Array = NDArray[Any]
LARGEST = 2**53  # integers that every reader of JSON keeps


class Fields:
    """The fields of a record, by name; `place` is where in the file it stands, "state"."""

    def __init__(self, record: object, place: str = "", *, names: frozenset[str] | None = None) -> None:
        if not isinstance(record, Mapping):
            raise ModelFileError(f"{place or 'its content'} is {_shown(record)}, expected an object")
        self._record, self._place = record, place
        if names is not None and (odd := sorted(set(record) - names)):
            raise ModelFileError(f"{self._path(odd[0][:40])} has no meaning there")

    def __getitem__(self, name: str) -> Any:
        if name not in self._record:
            raise ModelFileError(f"{self._path(name)} is missing")
        return self._record[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def within(self, name: str, *, names: frozenset[str] | None = None) -> Fields:
        """The fields of a record in this one."""
        return Fields(self[name], self._path(name), names=names)

    def integer(self, name: str, *, low: int = 0, high: int = LARGEST) -> int:
        value = self[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._fail(name, f"an integer from {low} to {high}")
        return value

    def number(self, name: str, *, low: float = -math.inf, finite: bool = True, nan: bool = False) -> float:
        """A number of at least `low`; NaN and infinity where they are allowed."""
        value = self[name]
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 10**308
        if isinstance(value, float) and not math.isfinite(value):
            right = nan if math.isnan(value) else not finite
        if not right or value < low:
            kind = "a finite number" if finite else "a number"
            raise self._fail(name, kind if low == -math.inf else f"{kind} of at least {low:g}")
        return float(value)

    def text(self, name: str) -> str:
        value = self[name]
        if not isinstance(value, str):
            raise self._fail(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        value = self[name]
        if not isinstance(value, bool):
            raise self._fail(name, "true or false")
        return value

    def array(self, name: str) -> Array:
        value = self[name]
        if not isinstance(value, np.ndarray):
            raise self._fail(name, "an array")
        return value

    def arrays(self, name: str) -> dict[str, Array]:
        """Arrays by name."""
        inner = self.within(name)
        return {key: inner.array(key) for key in inner}

    def sequence(self, name: str) -> Fields:
        """The items of a list, by their places."""
        if not isinstance(self[name], list):
            raise self._fail(name, "a list")
        return Fields({str(place): item for place, item in enumerate(self[name])}, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def _fail(self, name: str, expected: str) -> ModelFileError:
        return ModelFileError(f"{self._path(name)} is {_shown(self[name])}, expected {expected}")


def _shown(value: object) -> str:
    """A value in short: it may be huge."""
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**30):
        return repr(value)
    return repr(value[:40]) if isinstance(value, str) else f"a {type(value).__name__}"
