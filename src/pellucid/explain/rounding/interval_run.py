"""A program run in intervals, from numbers that are exact: its inputs as they were given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.explain.rounding.intervals import Arithmetic, Interval
from pellucid.formula import Affine, Axis, Expression, Program, Statement, Tensor
from pellucid.formula.expressions import Constant, Index, Operation, Read, Reduction, Size, substitute
from pellucid.formula.program import Loop

Array = NDArray[Any]
LARGEST = 50_000_000
"""How many terms one statement may have."""


class IntervalRun:
    """The intervals of a program's values, each computed when it is first asked for.

    Args:
        values: what a run gave, by tensor: inputs are exact, and integers (which element won a maximum) are what they
            were.
    """

    def __init__(self, program: Program, values: Mapping[Tensor, Array], batch: int, dtype: np.dtype[Any]) -> None:
        self.arithmetic = Arithmetic(dtype)
        self._values, self._batch = values, batch
        self._known: dict[Tensor, Interval] = {}
        self._stages = {
            s.target: stage
            for stage in program.stages
            for s in (stage.statements if isinstance(stage, Loop) else (stage,))
        }

    def __getitem__(self, tensor: Tensor) -> Interval:
        if tensor not in self._known:
            stage = self._stages.get(tensor)
            if stage is None or tensor.kind == "int":
                self._known[tensor] = Interval.of(self._values[tensor])
            elif isinstance(stage, Loop):
                self._run(stage)
            else:
                self._known[tensor] = self._statement(stage)
        return self._known[tensor]

    def _extent(self, axis: Axis) -> int:
        return axis.extent if isinstance(axis.extent, int) else self._batch

    def _statement(self, statement: Statement, expression: Expression | None = None, fixed: Axis | None = None) -> Any:
        axes = tuple(a for a in statement.axes if a is not fixed)
        value = self._evaluate(statement.expression if expression is None else expression, axes)
        shape = tuple(self._extent(a) for a in axes)
        return Interval(np.broadcast_to(value.low, shape), np.broadcast_to(value.high, shape))

    def _run(self, loop: Loop) -> None:
        for statement in loop.statements:
            shape = tuple(self._extent(a) for a in statement.axes)
            whole = self._values[statement.target] if statement.target.kind == "int" else np.zeros(shape)
            self._known[statement.target] = Interval(np.array(whole, np.float64), np.array(whole, np.float64))
        steps = range(loop.extent)
        for step in reversed(steps) if loop.reverse else steps:
            for statement in loop.statements:
                if statement.target.kind == "int":
                    continue
                axis = loop.axes[statement.target]
                at: Any = tuple(step if a is axis else slice(None) for a in statement.axes)
                here = self._statement(statement, substitute(statement.expression, {axis: Affine.of(step)}), fixed=axis)
                known = self._known[statement.target]
                known.low[at], known.high[at] = here.low, here.high

    def _evaluate(self, e: Expression, frame: tuple[Axis, ...]) -> Interval:
        """An expression over axes: arrays with a dimension for each, of length 1 where it does not depend on it."""
        do = self.arithmetic
        match e:
            case Constant(value):
                return do.number(float(value))
            case Size(axis):
                return Interval.of(self._extent(axis))
            case Index(affine):
                index, _ = self._index(affine, frame)
                return Interval.of(index)
            case Read():
                return self._read(e, frame)
            case Reduction(name, axes, body):
                return self._reduced(name, axes, body, frame)
            case Operation("where", args):
                condition, yes, no = (self._evaluate(a, frame) for a in args)
                return do.choose(condition, yes, no)
            case Operation("uniform"):
                return Interval(np.zeros(()), np.ones(()))
        assert isinstance(e, Operation)
        parts = [self._evaluate(a, frame) for a in e.args]
        match e.name:
            case "add":
                return do.add(parts)
            case "mul":
                product = parts[0]
                for place, part in enumerate(parts[1:], 1):
                    # the square of a number is not negative
                    same = e.args[place] == e.args[place - 1] and len(parts) == 2
                    product = do.power(product, Interval.of(2.0)) if same else do.multiply(product, part)
                return product
            case "div":
                return do.divide(*parts)
            case "pow":
                return do.power(*parts)
            case "max":
                return Interval(np.maximum(parts[0].low, parts[1].low), np.maximum(parts[0].high, parts[1].high))
            case "min":
                return Interval(np.minimum(parts[0].low, parts[1].low), np.minimum(parts[0].high, parts[1].high))
            case "lt" | "le" | "eq" | "and":
                return do.compare(e.name, *parts)
            case "stop":
                return parts[0]
        return do.function(e.name, parts[0])

    def _reduced(self, name: str, axes: tuple[Axis, ...], body: Expression, frame: tuple[Axis, ...]) -> Interval:
        within = (*frame, *axes)
        if np.prod([float(self._extent(a)) for a in within]) > LARGEST:
            raise PellucidError(
                "an error bar takes every term of every sum on the way, and these are too many: give one example, or a "
                "value of an earlier layer"
            )
        part = self._evaluate(body, within)
        shape = tuple(self._extent(a) for a in axes)
        lead = part.low.ndim - len(axes) if part.low.ndim else 0
        own = part.low.shape[:lead] if part.low.ndim else ()
        low, high = (np.broadcast_to(x, (*own, *shape)) for x in (part.low, part.high))
        whole, last = Interval(low, high), tuple(range(lead, lead + len(axes)))
        if name == "sum":
            return self.arithmetic.total(whole, last)
        if name == "max":
            return Interval(low.max(axis=last), high.max(axis=last))
        middle = ((low + high) / 2).reshape(*own, -1)
        return Interval.of(middle.argmax(axis=-1))

    def _index(self, affine: Affine, frame: tuple[Axis, ...]) -> tuple[Any, Any]:
        """An index at every place, and whether there is one."""
        value: Any = np.asarray(affine.constant)
        for axis, by in affine.terms:
            place = frame.index(axis)
            along = np.arange(self._extent(axis)).reshape([-1 if k == place else 1 for k in range(len(frame))])
            value = value + by.value * along
        over = affine.divisor.value
        return value // over, value % over == 0

    def _read(self, e: Read, frame: tuple[Axis, ...]) -> Interval:
        source = self[e.tensor]
        inside: Any = np.asarray(True)
        places = []
        for index, extent in zip(e.indices, source.low.shape, strict=True):
            if isinstance(index, Affine):
                at, exists = self._index(index, frame)
            else:
                at, exists = self._evaluate(index, frame).low.astype(np.int64), True
            inside = inside & exists & (at >= 0) & (at < extent)
            places.append(np.clip(at, 0, extent - 1))
        low, high = (x[tuple(places)] if places else x for x in (source.low, source.high))
        if np.all(inside):
            return Interval(np.asarray(low), np.asarray(high))
        outside = Interval.of(0.0) if e.outside is None else self._evaluate(e.outside, frame)
        return Interval(np.where(inside, low, outside.low), np.where(inside, high, outside.high))
