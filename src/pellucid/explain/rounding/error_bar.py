"""`rounding`: how far a value may be from what it would be without rounding, and where on the way to it digits go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import number
from pellucid.explain.explanation import Explanation
from pellucid.explain.rounding.interval_run import IntervalRun
from pellucid.explain.trace import Trace, place_of, trace
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import LossLike

LONGEST = 200
"""How many values on the way are looked at."""
NOTABLE = 10.0
"""A sum whose terms are so many times as large as it is has lost a digit."""


@dataclass(frozen=True)
class RoundedStep:
    """A value on the way, with its error bar.

    Attributes:
        path, index, value: which value, and what the engine computed.
        low, high: what it may be.
        cancelled: the sum of its terms' absolute values over its own: 1 where all have one sign, 1000 where three
            digits are lost.
        terms: the two terms, of opposite signs, that cancel most; nothing where there is one sign.
    """

    path: str
    index: tuple[int, ...]
    value: float
    low: float
    high: float
    cancelled: float
    terms: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Rounding:
    """A value with its error bar.

    Attributes:
        path, index: which value.
        value: what the engine computed.
        exact: the same formulas in float64, from the same parameters and inputs.
        low, high: what the value may be, whatever the order in which the engine adds: from intervals, rounded outwards
            at every operation from the inputs on.
        steps: the way back from the value along the terms whose error bars weigh most.
        lost: "underflow" where the value is 0 in the engine and not in float64; "absorbed" where an update is too
            small to change its weight; else "".
    """

    path: str
    index: tuple[int, ...]
    value: float
    exact: float
    low: float
    high: float
    steps: tuple[RoundedStep, ...]
    lost: str = ""

    @property
    def error(self) -> float:
        """The engine's value minus that in float64."""
        return self.value - self.exact

    @property
    def bar(self) -> float:
        """By how much the value may be off at most."""
        return max(self.high - self.value, self.value - self.low)

    @property
    def digits(self) -> float:
        """How many decimal digits are sure."""
        if not self.bar:
            return math.inf
        return max(0.0, math.log10(abs(self.value) / self.bar)) if self.value and math.isfinite(self.bar) else 0.0

    @property
    def cancelled(self) -> RoundedStep | None:
        """The sum on the way in which most digits cancel; None where none loses one."""
        worst = max(self.steps, key=lambda step: step.cancelled, default=None)
        return worst if worst is not None and worst.cancelled >= NOTABLE else None

    def text(self) -> str:
        """The value, its error bar and what cancelled, as lines of text."""
        sure = "all" if math.isinf(self.digits) else f"{self.digits:.1f}"
        lines = [
            f"{_place(self.path, self.index)} = {self.value:.9g} ± {self.bar:.2g}".replace("-", "−"),
            f"  {self.exact:.12g} in float64, {_signed(self.error)} from it".replace("-", "−"),
            f"  between {self.low:.9g} and {self.high:.9g}: {sure} digits are sure".replace("-", "−"),
        ]
        if worst := self.cancelled:
            lines.append(
                f"  {_place(worst.path, worst.index)} = {number(worst.value)} cancelled: its terms are "
                f"{number(worst.cancelled)} times as large, {' and '.join(map(_signed, worst.terms))} among them"
            )
        if self.lost == "underflow":
            lines.append("  lost: too small for the engine's numbers, it became 0")
        if self.lost == "absorbed":
            lines.append("  lost: the update is below half a unit in the last place of the weight, which stays")
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """The error bar as data that JSON can carry; bounds that are infinite are None."""
        return {
            "value": self.value,
            "float64": self.exact,
            "low": _finite(self.low),
            "high": _finite(self.high),
            "lost": self.lost,
            "steps": [
                {
                    "path": step.path,
                    "index": list(step.index),
                    "value": step.value,
                    "low": _finite(step.low),
                    "high": _finite(step.high),
                    "cancelled": _finite(step.cancelled),
                    "terms": list(step.terms),
                }
                for step in self.steps
            ],
        }

    def __repr__(self) -> str:
        return self.text()


def rounding(
    net: BaseNetwork,
    path: str,
    *,
    x: Any,
    y: Any = None,
    unit: int | None = None,
    index: int | Sequence[int] = (),
    at: int | Sequence[int] = (),
    time: int | None = None,
    example: int = 0,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: Optimizer | None = None,
    backward: bool = False,
) -> Rounding:
    """A value with its error bar: what the network's arithmetic leaves of it.

        print(net.rounding("dense_2", x=x[:1], unit=3))

    Args:
        path, x, y, unit, index, at, time, example, loss, optimizer, backward: which value, as in `explain`: also a
            gradient, and with `optimizer` the update of a parameter.

    Raises:
        PellucidError: no such value, an index outside it, or more terms on the way than can be looked at.
    """
    run = trace(net, x, y, loss=loss, optimizer=optimizer)
    weight = path if path in net.parameters and optimizer is not None else ""
    if weight:
        path = f"{path}′"
    elif backward or (path in net.parameters and y is not None):
        if y is None:
            raise PellucidError("a gradient needs the target too: give y")
        path = f"d({path})"
    name, fixed = run.split(path)
    tensor = run.tensor(name)
    place = place_of(name, tensor, run[name].shape, index, unit, at, time, example, fixed)
    values = {t: run[n] for n, t in run.program.tensors.items()}
    intervals = IntervalRun(run.program, values, run.batch, net.dtype)
    feeds = {n: np.asarray(run[n]) for n in run.program.inputs}
    exact_run = compile_program(run.program, engine="reference", dtype=np.float64).trace(feeds)
    exact = exact_run[run.program.names[tensor]] if tensor in run.program.names else exact_run[name]
    value, true = float(run[name][place]), float(exact[place])
    bar = intervals[tensor]
    lost = "underflow" if value == 0 and true != 0 else ""
    if weight:
        old = float(run[weight][place])
        lost = "absorbed" if value == old and true != old else ""
    low, high = float(bar.low[place]), float(bar.high[place])
    return Rounding(name, place, value, true, low, high, tuple(_way(run, intervals, name, place)), lost)


def _way(run: Trace, intervals: IntervalRun, path: str, place: tuple[int, ...]) -> list[RoundedStep]:
    """From a value back along the terms whose error bars weigh most."""
    steps: list[RoundedStep] = []
    seen: set[tuple[str, tuple[int, ...]]] = set()
    while len(steps) < LONGEST and (path, place) not in seen:
        seen.add((path, place))
        if run.program.definition(run.tensor(path)) is None:
            break
        explanation = run.explain(path, index=place)
        bar = intervals[run.tensor(path)]
        value = explanation.value
        parts = np.nan_to_num(explanation.terms.contributions)
        total = float(np.abs(parts).sum())
        factor = total / abs(value) if value else (math.inf if total else 1.0)
        opposite = (float(parts.max()), float(parts.min())) if len(parts) and parts.max() > 0 > parts.min() else ()
        low, high = float(bar.low[place]), float(bar.high[place])
        steps.append(RoundedStep(path, place, value, low, high, max(factor, 1.0) if opposite else 1.0, opposite))
        following = _widest(run, intervals, explanation)
        if following is None:
            break
        path, place = following
    return steps


def _widest(run: Trace, intervals: IntervalRun, explanation: Explanation) -> tuple[str, tuple[int, ...]] | None:
    """The element that was computed and gives a term the widest error bar."""
    best, where = 0.0, None
    for term in explanation.terms[:50]:
        for source in term.sources:
            if source.path not in run or run.program.definition(run.tensor(source.path)) is None:
                continue
            bar = intervals[run.tensor(source.path)]
            wide = float(bar.high[source.index] - bar.low[source.index])
            weight = abs(term.value / source.value) if source.value else 1.0
            if wide * weight > best:
                best, where = wide * weight, (source.path, source.index)
    return where


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _place(path: str, index: tuple[int, ...]) -> str:
    return f"{path}[{','.join(map(str, index))}]" if index else path


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−") if value else "0"
