"""A program on XLA: compiled for each extent of the batch, when it is first called with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pellucid.engines.base import Array, Dtype, bind
from pellucid.engines.xla.lowering import Context, Held
from pellucid.engines.xla.scans import scanned, stepped
from pellucid.engines.xla.sessions import XlaSession
from pellucid.errors import PellucidError
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Read, Tensor, reads
from pellucid.formula.program import Loop, Program


class Compiled:
    """A program run by XLA."""

    def __init__(self, program: Program, dtype: Dtype, *, factors: Any = None) -> None:
        self.program = program
        self.dtype = dtype
        self.factors = dtype if factors is None else factors
        self._bounds = looked_up(program)

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self._run(self._outputs, inputs)

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self._run(self._trace, inputs)

    def session(self, state: Mapping[str, Array]) -> XlaSession:
        return XlaSession(self, state)

    def __reduce__(self) -> Any:
        return partial(Compiled, factors=self.factors), (self.program, self.dtype)

    def check(self, arrays: Mapping[str, Array]) -> None:
        """Look at integers that choose elements: what XLA does with those that do not exist is no error.

        Raises:
            PellucidError: one of them does not exist.
        """
        for name, tensor, axis, size in self._bounds:
            array = arrays[name]
            low, high = array.min(), array.max()
            if low < 0 or high >= size:
                bad = low if low < 0 else high
                raise PellucidError(f"{name} holds {bad}, but {tensor} has {size} along {axis}: 0 to {size - 1} exist")

    @cached_property
    def _outputs(self) -> Any:
        return jax.jit(lowered(self, self.program.outputs, self.factors))

    @cached_property
    def _trace(self) -> Any:
        return jax.jit(lowered(self, self.program.tensors, self.dtype))

    def _run(self, function: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with np.errstate(invalid="ignore"):
            arrays, _ = bind(self.program, inputs, self.dtype)
        given = {name: arrays[tensor] for name, tensor in self.program.inputs.items()}
        self.check(given)
        with jax.enable_x64(True), no_memory():
            return {name: np.array(array) for name, array in function(given).items()}


class no_memory:
    """Errors of XLA about memory, in words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error):
            raise PellucidError("there is not enough memory on the device: take a smaller batch or network") from None


def lowered(run: Compiled, wanted: Mapping[str, Tensor], factors: Any) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """A function of JAX from the program's inputs to the tensors that are wanted; `factors` as in `Context`."""
    program = run.program
    first: dict[Tensor, Axis] = {}
    for stage in program.stages:
        if isinstance(stage, Loop):
            first |= stepped(stage)
    read_by: dict[Tensor, set[int]] = {}
    for number, stage in enumerate(program.stages):
        for s in stage.statements if isinstance(stage, Loop) else (stage,):
            for r in reads(s.expression):
                read_by.setdefault(r.tensor, set()).add(number)

    def function(inputs: Mapping[str, Any]) -> dict[str, Any]:
        sizes = [
            extent
            for name, tensor in program.inputs.items()
            for axis, extent in zip(tensor.axes, inputs[name].shape, strict=True)
            if axis.extent is BATCH
        ]
        c = Context(sizes[0] if sizes else 1, run.dtype, factors)
        for name, tensor in program.inputs.items():
            kind = jnp.int64 if tensor.kind == "int" else run.dtype
            c.values[tensor] = Held(jnp.asarray(inputs[name]).astype(kind), tuple(range(tensor.rank)))
        asked = set(wanted.values())
        for number, stage in enumerate(program.stages):
            if isinstance(stage, Loop):
                kept = {s.target for s in stage.statements}
                scanned(c, stage, {t for t in kept if t in asked or read_by.get(t, set()) - {number}})
            else:
                c.values[stage.target] = c.statement(stage, first=first.get(stage.target))
        return {name: _declared(c.values[tensor]) for name, tensor in wanted.items()}

    return function


def _declared(held: Held) -> Any:
    """The array with its dimensions in the tensor's order."""
    return jnp.transpose(held.array, [held.order.index(d) for d in range(len(held.order))])


def looked_up(program: Program) -> list[tuple[str, str, str, int]]:
    """The inputs that choose elements where nothing is said of what lies outside: name, tensor, axis and its extent."""
    names = {tensor: name for name, tensor in program.inputs.items()}
    found: dict[tuple[str, str, str, int], None] = {}
    for s in program.statements:
        for read in reads(s.expression):
            if read.outside is not None:
                continue
            for index, axis in zip(read.indices, read.tensor.axes, strict=True):
                if not isinstance(index, Read) or index.outside is not None or not isinstance(axis.extent, int):
                    continue
                if index.tensor in names:
                    found[names[index.tensor], read.tensor.name, axis.name, axis.extent] = None
    return list(found)
