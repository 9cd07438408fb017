"""A program prepared for calls that are so short that looking at every input again would take most of the time."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines.base import Array, real_or_integer
from pellucid.engines.llvm.plan.layout import HEADER, LEFT_OUT
from pellucid.engines.llvm.plan.work import batched
from pellucid.engines.llvm.run import buffers, finite
from pellucid.engines.llvm.run.buffers import address, converted, copied, suits
from pellucid.errors import ShapeError, nearest
from pellucid.formula.axes import BATCH
from pellucid.formula.expressions import Tensor

if TYPE_CHECKING:
    from pellucid.engines.llvm.run.executable import Executable

SMALL = 16 * 1024
"""Bytes of an array that are copied sooner than NumPy says where the array lies."""


class Prepared:
    """A program for one number of examples, most of its inputs fixed: `run = executable.prepare(parameters,
    examples=1); run({"x": x})`. Any number of threads may call it.

    The fixed arrays are copied: later changes to them do not show. Not so with `live`: they are read where they lie.
    """

    def __init__(
        self, executable: Executable, fixed: Mapping[str, Array], examples: int, *, live: bool = False
    ) -> None:
        finite.install()
        program = executable.program
        self._examples = examples
        self._dtype = executable.dtype
        parameters = {name for name, t in program.inputs.items() if not batched(t)}
        fixed_once = not live and parameters <= fixed.keys()
        self._compiled = compiled = executable.code_for(examples, fixed=fixed_once)
        metadata = compiled.code.metadata
        self._count = executable.threads or compiled.threads(examples)
        self._shapes = {t: self._shape(t) for t in (*program.inputs.values(), *program.outputs.values())}
        self._kept = {
            name: self._array(name, tensor, fixed[name]) for name, tensor in program.inputs.items() if name in fixed
        }
        if not live:
            self._kept = {name: copied(array) for name, array in self._kept.items()}
        self._inputs = {name: t for name, t in program.inputs.items() if name not in fixed}
        self._outputs = {name: t for name, t in program.outputs.items() if name not in metadata.copies}
        self._checked = any(name in self._inputs for name, _, _ in compiled.checks)
        self._reuses = (
            not live and bool(metadata.parameter_only) and all(name in fixed for name in metadata.parameter_only)
        )
        self._idle: list[_Call] = []
        self._memory = buffers.Recycled()

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs, for these values of the inputs that are not fixed."""
        try:
            call = self._idle.pop()  # one step for all threads: whoever gets it has it alone
        except IndexError:
            call = _Call(self)
        try:
            return self._run(call, inputs)
        finally:
            self._idle.append(call)

    def release(self) -> None:
        """Leave the memory of calls that have ended to others."""
        while self._idle:
            try:
                self._compiled.give_back(self._idle.pop().workspace)
            except IndexError:  # another thread took the last one
                return

    def _run(self, call: _Call, inputs: Mapping[str, Any]) -> dict[str, Array]:
        arrays: dict[str, Array] = {}
        for name, tensor in self._inputs.items():
            if name not in inputs:
                raise ShapeError(f"expected {name}, got {', '.join(inputs) or 'nothing'}.{nearest(name, inputs)}")
            buffer = call.inputs[name]
            if buffer is None:
                arrays[name] = self._array(name, tensor, inputs[name])
                call.put("in", name, arrays[name])
                continue
            value = real_or_integer(name, tensor, inputs[name])
            self._fits(name, value.shape, buffer.shape)
            _copy(value if tensor.kind == "float" else converted(name, value, tensor), buffer)
            arrays[name] = buffer
        if self._checked:
            self._compiled.check({**self._kept, **arrays})
        results: dict[str, Array] = {}
        for name, tensor in self._outputs.items():
            if call.outputs[name] is None:
                results[name] = self.empty(tensor)
                call.put("out", name, results[name])
        if buffers.POISON:
            call.poison()
        call.run()
        if self._reuses:  # what the first call makes of the parameters serves the others
            call.words[LEFT_OUT] = 1
        for name, buffer in call.outputs.items():
            if buffer is not None:
                results[name] = buffer.copy()
        for name, (way, source) in self._compiled.code.metadata.copies.items():
            array = ({**self._kept, **arrays} if way == "in" else results)[source]
            results[name] = array.reshape(self._shapes[self._compiled.program.outputs[name]]).copy()
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def takes(self, inputs: Mapping[str, Any]) -> bool:
        """Whether a call with all inputs is one of these: the very arrays that are fixed, and as many examples."""
        if not self.reads(inputs):
            return False
        for name, tensor in self._inputs.items():
            value = inputs.get(name)
            if type(value) is not np.ndarray or value.shape != self._shapes[tensor] or value.dtype.kind not in "iuf":
                return False
            if tensor.kind == "int" and value.dtype.kind == "f":
                return False
        return True

    def reads(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the arrays that are fixed are among these."""
        return all(inputs.get(name) is array for name, array in self._kept.items())

    def empty(self, tensor: Tensor) -> Array:
        return self._memory.empty(self._shapes[tensor], self._kind(tensor))

    def _shape(self, tensor: Tensor) -> tuple[int, ...]:
        return tuple(self._examples if e is BATCH else e for e in tensor.shape)

    def _kind(self, tensor: Tensor) -> np.dtype[Any]:
        return np.dtype(np.int32) if tensor.kind == "int" else self._dtype

    def _array(self, name: str, tensor: Tensor, value: Any) -> Array:
        kind = self._kind(tensor)
        if suits(value, kind) and value.shape == self._shapes[tensor]:
            return value  # type: ignore[no-any-return]
        array = real_or_integer(name, tensor, value)
        shape = array.shape
        self._fits(name, shape, self._shapes[tensor])
        array = converted(name, array, tensor) if tensor.kind == "int" else np.ascontiguousarray(array, dtype=kind)
        return array.reshape(shape)  # a number has become a row of one

    @staticmethod
    def _fits(name: str, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
        if given != expected:
            raise ShapeError(f"{name} has the shape {given}, expected {expected}")


def _copy(value: Array, buffer: Array) -> None:
    """Copy an array into another. NumPy would give the interpreter's lock away, which takes longer to get back."""
    if value.dtype == buffer.dtype and value.flags.c_contiguous and value.size:
        buffer.data.cast("B")[:] = value.data.cast("B")
    else:
        buffer[...] = value


class _Call:
    """All that a call of a prepared program writes, for one call at a time. What is small goes through arrays of its
    own (`inputs`, `outputs`), whose places are known."""

    def __init__(self, prepared: Prepared) -> None:
        compiled = prepared._compiled
        metadata = compiled.code.metadata
        self.inputs = {name: self._buffer(prepared, t) for name, t in prepared._inputs.items()}
        self.outputs = {name: self._buffer(prepared, t) for name, t in prepared._outputs.items()}
        pointers = dict.fromkeys(metadata.words, 0) | {("in", n): a.ctypes.data for n, a in prepared._kept.items()}
        for way, own in (("in", self.inputs), ("out", self.outputs)):
            pointers |= {(way, n): b.ctypes.data for n, b in own.items() if b is not None}
        self.workspace = compiled.borrow()
        self.words = self.workspace.words(pointers, prepared._examples, prepared._count)
        self.run = compiled.caller(self.words)
        first = self.words.ctypes.data + 8 * HEADER
        self._places = {word: ctypes.c_int64.from_address(first + 8 * k) for k, word in enumerate(metadata.words)}

    @staticmethod
    def _buffer(prepared: Prepared, tensor: Tensor) -> Array | None:
        array = prepared.empty(tensor)
        return array if array.nbytes <= SMALL else None

    def put(self, way: str, name: str, array: Array) -> None:
        """Say where one of the user's arrays lies."""
        word = self._places.get((way, name))
        if word is not None:
            word.value = address(array)

    def poison(self) -> None:
        self.workspace.poison(keep_shared=bool(self.words[LEFT_OUT]))
        for buffer in self.outputs.values():
            if buffer is not None:
                buffers.poison(buffer)
