"""A program prepared for calls that are so short that looking at every input again would take most of the time."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines.base import Array
from pellucid.engines.llvm.layout import HEADER, LEFT_OUT
from pellucid.engines.llvm.memory import copied, suits
from pellucid.errors import ShapeError
from pellucid.formula.axes import BATCH
from pellucid.formula.expressions import Tensor

if TYPE_CHECKING:
    from pellucid.engines.llvm.runtime import Executable

SMALL = 16 * 1024
"""Bytes of an array that are copied sooner than NumPy says where the array lies."""


class Prepared:
    """A program for one number of examples, most of its inputs fixed: `run = executable.prepare(parameters,
    examples=1); run({"x": x})`.

    The fixed arrays are copied: later changes to them do not show. Not so with `live`: they are read where they lie.
    """

    def __init__(
        self, executable: Executable, fixed: Mapping[str, Array], examples: int, *, live: bool = False
    ) -> None:
        program = executable.program
        self._examples = examples
        self._dtype = executable.dtype
        self._compiled = compiled = executable.code_for(examples)
        facts = compiled.code.facts
        self._shapes = {t: self._shape(t) for t in (*program.inputs.values(), *program.outputs.values())}
        self._kept = {
            name: self._array(name, tensor, fixed[name]) for name, tensor in program.inputs.items() if name in fixed
        }
        if not live:
            self._kept = {name: copied(array) for name, array in self._kept.items()}
        # What is small goes through arrays of its own, whose places are known.
        self._inputs = {name: (t, self._buffer(t)) for name, t in program.inputs.items() if name not in fixed}
        self._outputs = {name: (t, self._buffer(t)) for name, t in program.outputs.items() if name not in facts.copies}
        self._checked = any(name in self._inputs for name, _, _ in compiled.checks)
        pointers = {word: 0 for word in facts.words} | {("in", n): a.ctypes.data for n, a in self._kept.items()}
        for way, buffers in (("in", self._inputs), ("out", self._outputs)):
            pointers |= {(way, n): b.ctypes.data for n, (_, b) in buffers.items() if b is not None}
        self._words = compiled.context(pointers, examples, executable.threads or compiled.threads(examples))
        self._memory = compiled.arena, compiled.local, compiled.fixed  # a larger batch gives the program others
        self._once = not live and bool(facts.ahead) and all(name in fixed for name in facts.ahead)
        if self._once:  # what the first call makes of the parameters serves the others
            self._memory = compiled.arena, compiled.local, compiled.memory()
            self._words[4] = self._memory[2].ctypes.data
        first = self._words.ctypes.data + 8 * HEADER
        self._places = {word: ctypes.c_int64.from_address(first + 8 * k) for k, word in enumerate(facts.words)}
        self._run = compiled.caller(self._words)

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs, for these values of the inputs that are not fixed."""
        arrays: dict[str, Array] = {}
        for name, (tensor, buffer) in self._inputs.items():
            if buffer is None:
                arrays[name] = self._array(name, tensor, inputs[name])
                self._at("in", name, arrays[name])
                continue
            value = inputs[name]
            self._fits(name, np.shape(value), buffer.shape)
            buffer[...] = value
            arrays[name] = buffer
        if self._checked:
            self._compiled.check({**self._kept, **arrays})
        results: dict[str, Array] = {}
        for name, (tensor, buffer) in self._outputs.items():
            if buffer is None:
                results[name] = self._empty(tensor)
                self._at("out", name, results[name])
        self._run()
        if self._once:
            self._words[LEFT_OUT] = 1
        for name, (_, buffer) in self._outputs.items():
            if buffer is not None:
                results[name] = buffer.copy()
        for name, (way, source) in self._compiled.code.facts.copies.items():
            found = ({**self._kept, **arrays} if way == "in" else results)[source]
            results[name] = found.reshape(self._shapes[self._compiled.program.outputs[name]]).copy()
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def takes(self, inputs: Mapping[str, Any]) -> bool:
        """Whether a call with all inputs is one of these: the very arrays that are fixed, and as many examples."""
        for name, array in self._kept.items():
            if inputs.get(name) is not array:
                return False
        for name, (tensor, _) in self._inputs.items():
            value = inputs.get(name)
            if type(value) is not np.ndarray or value.shape != self._shapes[tensor] or value.dtype.kind not in "iuf":
                return False
            if tensor.kind == "int" and value.dtype.kind == "f":
                return False
        return True

    def _at(self, way: str, name: str, array: Array) -> None:
        word = self._places.get((way, name))
        if word is not None:
            word.value = _address(array)

    def _shape(self, tensor: Tensor) -> tuple[int, ...]:
        return tuple(self._examples if e is BATCH else e for e in tensor.shape)

    def _kind(self, tensor: Tensor) -> np.dtype[Any]:
        return np.dtype(np.int32) if tensor.kind == "int" else self._dtype

    def _empty(self, tensor: Tensor) -> Array:
        return np.empty(self._shapes[tensor], self._kind(tensor))

    def _buffer(self, tensor: Tensor) -> Array | None:
        array = self._empty(tensor)
        return array if array.nbytes <= SMALL else None

    def _array(self, name: str, tensor: Tensor, value: Any) -> Array:
        kind = self._kind(tensor)
        if suits(value, kind) and value.shape == self._shapes[tensor]:
            return value  # type: ignore[no-any-return]
        array: Array = np.ascontiguousarray(value, dtype=kind)
        shape = np.shape(value)
        self._fits(name, shape, self._shapes[tensor])
        return array.reshape(shape) if array.shape != shape else array  # a number has become a row of one

    @staticmethod
    def _fits(name: str, came: tuple[int, ...], expected: tuple[int, ...]) -> None:
        if came != expected:
            raise ShapeError(f"{name} has the shape {expected} here, but {came} came")


def _address(array: Array) -> int:
    """Where an array lies; a buffer says so in a fifth of the time that NumPy takes, if it may be written."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return int(array.ctypes.data)
