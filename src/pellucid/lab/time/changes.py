"""What a branch changes at the step at which it leaves its parent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError, nearest
from pellucid.explain.arithmetic import number as number_text
from pellucid.lab.checks import is_integer, number, shown
from pellucid.lab.task import Words
from pellucid.messages import gettext, words
from pellucid.training.running.state import State

Array = NDArray[Any]


class Change(ABC):
    """A change of the state between two steps."""

    @property
    @abstractmethod
    def words(self) -> Words:
        """What it is, for people."""

    @abstractmethod
    def applied(self, state: State) -> State:
        """The state with the change; the given one stays as it is."""

    @abstractmethod
    def call(self) -> str:
        """The Python that makes a `Run` called `run` branch with it."""


@dataclass(frozen=True)
class Rate(Change):
    """Another learning rate."""

    learning_rate: float

    @property
    def words(self) -> Words:
        rate = number_text(self.learning_rate)
        return words(gettext("learning rate {rate}", rate=rate))

    def applied(self, state: State) -> State:
        return replace(state, learning_rate=self.learning_rate)

    def call(self) -> str:
        return f'run.repeat({{"do": "branch", "change": {{"learning_rate": {self.learning_rate!r}}}}})'


@dataclass(frozen=True)
class Element(Change):
    """Another value of one element of a parameter."""

    parameter: str
    index: tuple[int, ...]
    value: float

    @property
    def words(self) -> Words:
        return words(f"{self.parameter}[{', '.join(map(str, self.index))}] = {number_text(self.value)}")

    def applied(self, state: State) -> State:
        array = state.parameters[self.parameter].copy()
        array[self.index] = self.value
        return replace(state, parameters={**state.parameters, self.parameter: array})

    def call(self) -> str:
        change = f'{{"parameter": "{self.parameter}", "index": {list(self.index)}, "value": {self.value!r}}}'
        return f'run.repeat({{"do": "branch", "change": {change}}})'


@dataclass(frozen=True, eq=False)
class Adopted(Change):
    """Other values of whole parameters."""

    parameters: Mapping[str, Array]

    @property
    def words(self) -> Words:
        return words(gettext("given weights"))

    def applied(self, state: State) -> State:
        return replace(state, parameters={**state.parameters, **self.parameters})

    def call(self) -> str:
        # A float32 as a Python number is exact, and so is the way back.
        values = ", ".join(f'"{path}": {array.tolist()}' for path, array in self.parameters.items())
        return f"run.adopt({{{values}}})"


def rate(value: object) -> float:
    """A learning rate, checked.

    Raises:
        PellucidError: not a number that the network can count with.
    """
    return number("learning_rate", value, 0.0, float(np.finfo(np.float32).max))


def change(spec: object, parameters: Mapping[str, Array]) -> Change:
    """The change that the page asks for: {"learning_rate": 0.01} or {"parameter": "…", "index": […], "value": 0.5}.

    Raises:
        PellucidError: something else, or what the network does not have.
    """
    keys = set(spec) if isinstance(spec, Mapping) else set()
    if isinstance(spec, Mapping) and keys == {"learning_rate"}:
        return Rate(rate(spec["learning_rate"]))
    if isinstance(spec, Mapping) and keys == {"parameter", "index", "value"}:
        path = _known(spec["parameter"], parameters)
        array = parameters[path]
        index = spec["index"]
        if not isinstance(index, (list, tuple)) or len(index) != array.ndim or not all(map(is_integer, index)):
            raise PellucidError(f"index is {shown(index)}, but {path} has {array.ndim} axes: give a place in each")
        if not all(0 <= i < size for i, size in zip(index, array.shape, strict=True)):
            raise PellucidError(f"index is {list(index)}, but {path} has the shape {array.shape}: count from 0")
        most = float(np.finfo(array.dtype).max)
        return Element(path, tuple(int(i) for i in index), number("value", spec["value"], -most, most))
    raise PellucidError(
        f'the change is {shown(spec)}, expected {{"learning_rate": …}} or {{"parameter": …, "index": …, "value": …}}'
    )


def adopted(values: object, parameters: Mapping[str, Array]) -> Adopted:
    """Whole parameters by path, checked and copied.

    Raises:
        PellucidError: none, unknown ones, another shape, numbers that are not finite.
    """
    if not isinstance(values, Mapping) or not values:
        raise PellucidError(f"expected parameters as arrays by path, at least one, got {type(values).__name__}")
    found: dict[str, Array] = {}
    for name, value in values.items():
        path = _known(name, parameters)
        kept = parameters[path]
        try:
            with np.errstate(over="ignore"):
                array = np.array(value, dtype=kept.dtype)
        except (TypeError, ValueError, OverflowError):
            raise PellucidError(f"{path}: expected numbers, got {type(value).__name__}") from None
        if array.shape != kept.shape:
            raise PellucidError(f"{path}: expected the shape {kept.shape}, got {array.shape}")
        if not np.isfinite(array).all():
            raise PellucidError(f"{path}: expected finite numbers of {kept.dtype}, got some that are not finite")
        found[path] = array
    return Adopted(found)


def _known(path: object, parameters: Mapping[str, Array]) -> str:
    if not isinstance(path, str) or path not in parameters:
        hint = nearest(path, parameters) if isinstance(path, str) else ""
        raise PellucidError(f"there is no parameter {shown(path)}.{hint}")
    return path
