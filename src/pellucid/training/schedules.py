"""Learning rates that change: each schedule is a function of a count, of steps or of epochs, and keeps no state."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pellucid.errors import DataError

Schedule = Callable[[int], float]
"""The learning rate after so many steps or epochs."""


@dataclass(frozen=True)
class StepDecay:
    """`initial · factor^⌊t / every⌋`: the rate drops after every so many counts."""

    initial: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _positive(self, "initial", "every", "factor")

    def __call__(self, at: int) -> float:
        return self.initial * self.factor ** (at // self.every)


@dataclass(frozen=True)
class ExponentialDecay:
    """`initial · factor^(t / every)`: the same, smoothly."""

    initial: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _positive(self, "initial", "every", "factor")

    def __call__(self, at: int) -> float:
        return float(self.initial * self.factor ** (at / self.every))


@dataclass(frozen=True)
class CosineDecay:
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
class WarmUp:
    """A straight line up to the first rate of `then`, over `length` counts; after that `then`, counted from there."""

    length: int
    then: Schedule

    def __post_init__(self) -> None:
        _positive(self, "length")

    def __call__(self, at: int) -> float:
        if at < self.length:
            return self.then(0) * (at + 1) / self.length
        return self.then(at - self.length)


def _positive(schedule: object, *names: str) -> None:
    for name in names:
        value = getattr(schedule, name)
        if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
            raise DataError(f"{name} of {type(schedule).__name__} is {value!r}, expected a number above 0")
