"""Learning rates that change: each schedule is a function of a count, of steps or of epochs, and keeps no state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pellucid.errors import DataError, PellucidError
from pellucid.functions.registry import check_options, find, named
from pellucid.habits import Spelled

Schedule = Callable[[int], float]
"""The learning rate after so many steps or epochs."""


@dataclass(frozen=True)
class StepDecay(metaclass=Spelled):
    """`initial · factor^⌊t / every⌋`: the rate drops after every so many counts."""

    initial: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _positive(self, "initial", "every", "factor")

    def __call__(self, at: int) -> float:
        return self.initial * self.factor ** (at // self.every)


@dataclass(frozen=True)
class ExponentialDecay(StepDecay):
    """`initial · factor^(t / every)`: the same, smoothly."""

    def __call__(self, at: int) -> float:
        return float(self.initial * self.factor ** (at / self.every))


@dataclass(frozen=True)
class CosineDecay(metaclass=Spelled):
    """Half a cosine from `initial` to `final` over `length` counts, `final` after them (Loshchilov and Hutter 2017)."""

    initial: float
    length: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _positive(self, "initial", "length")

    def __call__(self, at: int) -> float:
        part = min(at / self.length, 1.0)
        return self.final + (self.initial - self.final) * 0.5 * (1 + math.cos(math.pi * part))


@dataclass(frozen=True)
class WarmUp(metaclass=Spelled):
    """A straight line up to the first rate of `then`, over `length` counts; after that `then`, counted from there."""

    length: int
    then: Schedule

    def __post_init__(self) -> None:
        _positive(self, "length")

    def __call__(self, at: int) -> float:
        if at < self.length:
            return self.then(0) * (at + 1) / self.length
        return self.then(at - self.length)


def rate_at(schedule: Schedule, count: int, what: str) -> float:
    """The learning rate after so many steps or epochs (`what`).

    Raises:
        DataError: it is not a number of 0 or more.
    """
    rate = float(schedule(count))
    if not (math.isfinite(rate) and rate >= 0):
        raise DataError(
            f"the schedule gives the learning rate {rate} at {what} {count}, expected a number of 0 or more"
        )
    return rate


SCHEDULES: dict[str, type[Any]] = {
    "step_decay": StepDecay,
    "exponential_decay": ExponentialDecay,
    "cosine_decay": CosineDecay,
    "warm_up": WarmUp,
}


def config(schedule: Schedule) -> dict[str, Any]:
    """What JSON keeps of a schedule; `restored` reads that of those that stand here."""
    name = next((name for name, kind in SCHEDULES.items() if type(schedule) is kind), None)
    if name is None or not is_dataclass(schedule):
        return {"name": getattr(schedule, "__qualname__", type(schedule).__qualname__)}
    values = {f.name: getattr(schedule, f.name) for f in fields(schedule)}
    return {"name": name, **{key: config(v) if callable(v) else v for key, v in values.items()}}


def restored(spec: Mapping[str, object]) -> Schedule:
    """The schedule of a `config`.

    Raises:
        PellucidError: it was a function of the user, which no file keeps, or it is damaged.
    """
    name, options = named("schedule", spec)
    kind = find("schedule", name, SCHEDULES)
    check_options("schedule", name, {f.name: None for f in fields(kind)}, options)
    values = {key: restored(v) if isinstance(v, Mapping) else v for key, v in options.items()}
    try:
        schedule: Schedule = kind(**values)
    except TypeError as error:
        raise PellucidError(f"the schedule {name} cannot be made from {dict(spec)!r}: {error}") from None
    return schedule


def _positive(schedule: object, *names: str) -> None:
    for name in names:
        value = getattr(schedule, name)
        if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
            raise DataError(f"{name} of {type(schedule).__name__} is {value!r}, expected a number above 0")
