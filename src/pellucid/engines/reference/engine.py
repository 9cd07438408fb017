"""The reference engine: a program's stages as closures over NumPy, prepared once for each extent of the
batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines.base import Array, Dtype, bind
from pellucid.engines.reference.node import STEP, Context, Frame, Node, Run, State, constant, hard
from pellucid.engines.reference.operations import operation
from pellucid.engines.reference.reads import read
from pellucid.engines.reference.reductions import reduction
from pellucid.engines.session import PlainSession
from pellucid.errors import PellucidError
from pellucid.formula.axes import Affine
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
    reads,
)
from pellucid.formula.program import Loop, Program

_PLANS = 8
"""So many extents of the batch are kept prepared: those of training, of its last batch, of evaluation."""


def executable(program: Program, dtype: Dtype, *, portable: bool = False) -> Reference:
    """The program, run by NumPy.

    Args:
        portable: whether results have the same bits on every machine: of sums of one order, of arithmetic and of
            functions in `portable.py`.
    """
    return Reference(program, dtype, portable=portable)


class Reference:
    """A program run by NumPy."""

    def __init__(self, program: Program, dtype: Dtype, *, portable: bool = False) -> None:
        self.portable = portable
        self.program = program
        self.dtype = dtype
        tensors = dict.fromkeys([*program.inputs.values(), *(s.target for s in program.statements)])
        self._slots = {tensor: slot for slot, tensor in enumerate(tensors, start=STEP + 1)}
        self._plans: dict[int, Plan] = {}

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self._run(inputs, self.program.outputs, keep=False)

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self._run(inputs, self.program.tensors, keep=True)

    def session(self, state: Mapping[str, Array]) -> PlainSession:
        return PlainSession(self, state)

    def _run(self, inputs: Mapping[str, Array], wanted: Mapping[str, Tensor], *, keep: bool) -> dict[str, Array]:
        with np.errstate(invalid="ignore"):  # a signalling NaN from a file becomes a quiet one
            arrays, batch = bind(self.program, inputs, self.dtype)
        plan = self._plans.get(batch)
        if plan is None:
            while len(self._plans) >= _PLANS:
                del self._plans[next(iter(self._plans))]
            plan = self._plans[batch] = prepare(self.program, batch, self.dtype, self._slots, self.portable)
        values: State = [None] * (len(self._slots) + 1)
        for tensor, array in arrays.items():
            values[self._slots[tensor]] = array
        # Infinities and NaNs are values like others here; who trains looks for them.
        try:
            with np.errstate(all="ignore"):
                for run, done in plan.stages:
                    run(values)
                    if not keep:
                        for slot in done:
                            values[slot] = None
        except MemoryError as error:
            raise PellucidError(f"there is not enough memory ({error}): take a smaller batch or network") from None
        taken: set[int] = set()
        result = {}
        for name, tensor in wanted.items():
            slot = self._slots[tensor]
            array = values[slot]
            result[name] = array if slot in plan.owned and slot not in taken else array.copy()
            taken.add(slot)
        return result


@dataclass(frozen=True, slots=True)
class Plan:
    """Each stage with the slots that nobody reads after it, and the slots whose arrays share no memory with
    others.
    """

    stages: list[tuple[Any, tuple[int, ...]]]
    owned: frozenset[int]


def prepare(program: Program, batch: int, dtype: Dtype, slots: Mapping[Tensor, int], portable: bool) -> Plan:
    """The program's stages for one extent of the batch."""
    context = Context(batch, dtype, slots, build, portable=portable)
    runs: list[Any] = []
    owned: set[int] = set()
    last: dict[int, int] = {}
    for number, stage in enumerate(program.stages):
        statements = stage.statements if isinstance(stage, Loop) else (stage,)
        if isinstance(stage, Loop):
            runs.append(_loop(context, stage))
            owned |= {slots[s.target] for s in statements}
        else:
            run, own = _statement(context, stage)
            runs.append(run)
            owned |= {slots[stage.target]} if own else set()
        for s in statements:
            last[slots[s.target]] = number
            last.update((slots[r.tensor], number) for r in reads(s.expression))
    kept = {slots[t] for t in program.outputs.values()}
    done: list[list[int]] = [[] for _ in runs]
    for slot, number in last.items():
        if slot not in kept:
            done[number].append(slot)
    return Plan([(run, tuple(d)) for run, d in zip(runs, done, strict=True)], frozenset(owned))


def _kind(c: Context, tensor: Tensor) -> np.dtype[Any]:
    return np.dtype(np.int64) if tensor.kind == "int" else c.dtype


def _statement(c: Context, statement: Statement) -> tuple[Any, bool]:
    """A function that computes the target, and whether the target's array is its own."""
    frame = statement.axes
    node = c.build(statement.expression, frame)
    get = hard(c, node, frame)
    slot, shape, dtype = c.slots[statement.target], c.shape(frame, frame), _kind(c, statement.target)

    def run(v: State) -> None:
        array = get(v)
        if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
            own = np.empty(shape, dtype=dtype)
            own[...] = array
            array = own
        v[slot] = array

    return run, node.fresh


def _loop(c: Context, loop: Loop) -> Any:
    """A function that runs the statements at every step, each writing its slice."""
    arrays = []
    body: list[tuple[int, tuple[slice, ...], Run]] = []
    for s in loop.statements:
        axis = loop.axes[s.target]
        frame: Frame = tuple(a for a in s.axes if a is not axis)
        node = c.pin(axis).build(s.expression, frame)
        slot = c.slots[s.target]
        arrays.append((slot, c.shape(s.axes, s.axes), _kind(c, s.target)))
        body.append((slot, (slice(None),) * s.axes.index(axis), node.run))
    steps = range(loop.extent - 1, -1, -1) if loop.reverse else range(loop.extent)

    def run(v: State) -> None:
        for slot, shape, dtype in arrays:
            v[slot] = np.empty(shape, dtype=dtype)
        for step in steps:
            v[STEP] = step
            for slot, before, get in body:
                v[slot][(*before, step)] = get(v)

    return run


def build(c: Context, e: Expression, frame: Frame) -> Node:
    """The node of an expression."""
    match e:
        case Constant(value):
            return constant(value)
        case Size(axis):
            return constant(c.extent(axis))
        case Index(affine):
            return _index(c, affine, frame)
        case Read():
            return read(c, e, frame)
        case Operation():
            return operation(c, e, frame)
        case Reduction():
            return reduction(c, e, frame)
    raise TypeError(f"{e} is no expression")


def _index(c: Context, index: Affine, frame: Frame) -> Node:
    """The value of an index: an array of integers over its axes, plus the step of the loop."""
    axes = frozenset(a for a in index.axes if a not in c.pinned)
    step = sum(k.value for a, k in index.terms if a in c.pinned)
    fixed: Any = index.constant
    for a, k in index.terms:
        if a in axes:
            fixed = fixed + k.value * np.arange(c.extent(a)).reshape(c.shape((a,), frame))
    divisor = index.divisor.value
    if not axes:
        if divisor == 1:
            return Node(axes, "whole", lambda v: fixed + step * v[STEP]) if step else constant(fixed)
        return Node(axes, "number", lambda v: (fixed + step * (v[STEP] or 0)) / divisor)
    if divisor == 1:
        return Node(axes, "int", (lambda v: fixed + step * v[STEP]) if step else (lambda v: fixed))
    return Node(axes, "float", lambda v: (fixed + step * (v[STEP] or 0)) / divisor)
