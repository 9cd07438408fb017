"""What a branch changes at the step at which it leaves its parent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from msgspec import UnsetType
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import number as number_text
from pellucid.lab.protocol import requests
from pellucid.lab.protocol.reading import shown
from pellucid.lab.task import Words
from pellucid.messages import gettext, suggestion, words
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


def change(wanted: requests.Change, parameters: Mapping[str, Array]) -> Change:
    """The change that a page asks for.

    Raises:
        PellucidError: neither of the two, or what the network does not have.
    """
    match wanted:
        case requests.Change(learning_rate=float(rate), parameter=UnsetType(), index=UnsetType(), value=UnsetType()):
            return Rate(rate)
        case requests.Change(learning_rate=UnsetType(), parameter=str(name), index=list(index), value=float(value)):
            path = _known(name, parameters)
            array = parameters[path]
            if len(index) != array.ndim:
                raise PellucidError(
                    gettext(
                        "index is {index}, but {path} has {count} axes: give a place in each",
                        index=index,
                        path=path,
                        count=array.ndim,
                    )
                )
            if not all(i < size for i, size in zip(index, array.shape, strict=True)):
                raise PellucidError(
                    gettext(
                        "index is {index}, but {path} has the shape {shape}: count from 0",
                        index=index,
                        path=path,
                        shape=array.shape,
                    )
                )
            largest = float(np.finfo(array.dtype).max)
            if abs(value) > largest:
                raise PellucidError(
                    gettext(
                        "value is {value:g}, expected a number from {low:g} to {high:g}",
                        value=value,
                        low=-largest,
                        high=largest,
                    )
                )
            return Element(path, tuple(index), value)
    one, other = '{"learning_rate": …}', '{"parameter": …, "index": …, "value": …}'
    raise PellucidError(gettext("expected {one} or {other}, got another change", one=one, other=other))


def adopted(values: object, parameters: Mapping[str, Array]) -> Adopted:
    """Whole parameters by path, checked and copied.

    Raises:
        PellucidError: none, unknown ones, another shape, numbers that are not finite.
    """
    if not isinstance(values, Mapping) or not values:
        raise PellucidError(
            gettext("expected parameters as arrays by path, at least one, got {kind}", kind=type(values).__name__)
        )
    checked: dict[str, Array] = {}
    for name, value in values.items():
        path = _known(name, parameters)
        kept = parameters[path]
        try:
            with np.errstate(over="ignore"):
                array = np.array(value, dtype=kept.dtype)
        except (TypeError, ValueError, OverflowError):
            raise PellucidError(
                gettext("{path}: expected numbers, got {kind}", path=path, kind=type(value).__name__)
            ) from None
        if array.shape != kept.shape:
            raise PellucidError(
                gettext("{path}: expected the shape {shape}, got {came}", path=path, shape=kept.shape, came=array.shape)
            )
        if not np.isfinite(array).all():
            raise PellucidError(
                gettext(
                    "{path}: expected finite numbers of {kind}, got some that are not finite",
                    path=path,
                    kind=kept.dtype,
                )
            )
        checked[path] = array
    return Adopted(checked)


def _known(path: object, parameters: Mapping[str, Array]) -> str:
    if not isinstance(path, str) or path not in parameters:
        hint = suggestion(path, parameters) if isinstance(path, str) else ""
        raise PellucidError(gettext("there is no parameter {name}.{hint}", name=shown(path), hint=hint))
    return path
