"""What the topics draw from: numbers to be worked by hand, small networks, and the engine's arithmetic as steps."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines import compile_program
from pellucid.exercises.problem import Exercise, Slip
from pellucid.exercises.rendering import Block, Formula, Grid, mathematics
from pellucid.explain.arithmetic import added, number
from pellucid.explain.trace import Trace
from pellucid.formula import Program, Tensor
from pellucid.messages import Message
from pellucid.model import Network

_subscript = re.compile("([A-Za-z])₀")
ENGINE = "reference"
"""The reference engine, in float64: its numbers are what one gets by hand, and nothing has to be compiled."""


@dataclass(frozen=True)
class Draft:
    """An exercise as it was drawn; numbers that slips give may still be those of the answer."""

    question: Sequence[Block]
    answer: float
    slips: Sequence[tuple[float, Message]]
    steps: Sequence[Block]
    digits: int = 3


class Draw(random.Random):
    """Random numbers with few digits."""

    def tenths(self, low: float, high: float) -> float:
        """A number of one decimal that is not 0."""
        return next(v for v in iter(lambda: self.randint(round(10 * low), round(10 * high)) / 10, None) if v)

    def array(self, *shape: int, low: float = -1, high: float = 1) -> np.ndarray[Any, Any]:
        return np.array([self.tenths(low, high) for _ in range(int(np.prod(shape)))]).reshape(shape)

    def integers(self, *shape: int, low: int, high: int) -> np.ndarray[Any, Any]:
        return np.array([self.randint(low, high) for _ in range(int(np.prod(shape)))], float).reshape(shape)


def draw(topic: str, make: Callable[[Draw], Draft], seed: int) -> Exercise:
    """The exercise of a topic and a seed: the first that is drawn whose slips can be told from its answer."""
    chance = Draw(f"{topic} {seed}")
    while True:
        draft = make(chance)
        unit = 10.0**-draft.digits
        taken = [draft.answer]
        slips: list[Slip] = []
        for value, reason in draft.slips:
            if not draft.digits and value % 1:
                continue
            # three units of the last decimal: whoever rounds on the way is off by one
            if all(abs(value - other) >= (3 if draft.digits else 1) * unit - 1e-9 for other in taken):
                taken.append(value)
                slips.append(Slip(float(value), reason))
        tie = abs(draft.answer / unit - np.floor(draft.answer / unit) - 0.5) < 1e-3
        if len(slips) >= min(3, len(draft.slips)) and not tie and abs(draft.answer) < 1000:
            return Exercise(
                topic, seed, tuple(draft.question), float(draft.answer), draft.digits, tuple(slips), tuple(draft.steps)
            )


def network(*layers: Any, values: Mapping[str, Any] | None = None, **options: Any) -> Network:
    """A network in float64 with these parameters."""
    net = Network(*layers, engine=ENGINE, dtype=np.float64, **options)
    net.parameters.replace(values or {})
    return net


def run_of(outputs: Mapping[str, Tensor], **values: Any) -> Trace:
    """A run of formulas that are no network, kept like one."""
    program = Program(outputs)
    arrays = {name: np.asarray(values[name]) for name in program.inputs}
    kept = compile_program(program, engine=ENGINE, dtype=np.float64).trace(arrays)
    return Trace(program, kept, [next(iter(program.inputs))])


def shown(value: float) -> str:
    """A given number, by as few digits as it has."""
    return number(round(float(value), 6))


def grid(name: str, array: Any) -> Grid:
    """A vector or a matrix as a table."""
    rows = np.atleast_2d(np.asarray(array))
    return Grid(name, tuple(tuple(shown(v) for v in row) for row in rows))


def step(run: Trace, path: str, *index: int) -> list[Block]:
    """One value of a run: its formula, and the same with its numbers."""
    told = run.explain(path, index=index)
    terms = list(told.terms)
    order = sorted(range(len(terms)), key=lambda k: (len(terms[k].factors), [s.index for s in terms[k].sources]))
    texts, _, equals = told.terms.equation(order, told.value)
    text = added(texts)
    name = f"{path}[{','.join(map(str, index))}]" if index else path
    text = re.sub(r"stop\(([^()]*)\)", r"\1", text)  # what passes no gradient is a number like others here
    value = number(told.value)
    line = f"{name} = {text}" if text == value else f"{name} = {text} {equals} {value}"
    return [Formula(told.formula, _subscript.sub(r"{\1_0}", told.latex())), Formula(line, mathematics(line))]


def steps(run: Trace, *places: tuple[Any, ...]) -> list[Block]:
    """Several values in turn: (path, index, …); a formula that was shown just before is not shown again."""
    blocks: list[Block] = []
    formulas: set[Block] = set()
    for path, *index in places:
        formula, line = step(run, path, *index)
        blocks += [line] if formula in formulas else [formula, line]
        formulas.add(formula)
    return blocks
