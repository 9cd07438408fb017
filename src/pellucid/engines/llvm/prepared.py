"""A program prepared for calls that are so short that looking at every input again would take most of the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines.base import Array
from pellucid.engines.llvm.layout import HEADER
from pellucid.errors import ShapeError
from pellucid.formula.axes import BATCH

if TYPE_CHECKING:
    from pellucid.engines.llvm.runtime import Executable


class Prepared:
    """A program for one number of examples, most of its inputs fixed: `run = executable.prepare(parameters,
    examples=1); run({"x": x})`.

    The fixed arrays are copied: later changes to them do not show.
    """

    def __init__(self, executable: Executable, fixed: Mapping[str, Array], examples: int) -> None:
        program = executable.program
        self._executable = executable
        self._examples = examples
        self._compiled = executable.code_for(examples)
        self._kept = {name: self._array(name, fixed[name]).copy() for name in program.inputs if name in fixed}
        self._free = [name for name in program.inputs if name not in fixed]
        self._checked = [check for check in self._compiled.checks if check[0] in self._free]
        facts = self._compiled.code.facts
        pointers = {word: 0 for word in facts.words} | {("in", n): a.ctypes.data for n, a in self._kept.items()}
        self._words = self._compiled.context(pointers, examples, executable.threads or self._compiled.threads(examples))
        self._places = {word: HEADER + k for k, word in enumerate(facts.words)}

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs, for these values of the inputs that are not fixed."""
        executable, words = self._executable, self._words
        arrays = {name: self._array(name, inputs[name]) for name in self._free}
        for name, array in arrays.items():
            if ("in", name) in self._places:
                words[self._places["in", name]] = array.ctypes.data
        if self._checked:
            self._compiled.check({**self._kept, **arrays})
        results = {n: executable.empty(t, self._examples) for n, t in executable.program.outputs.items()}
        for name, array in results.items():
            if ("out", name) in self._places:
                words[self._places["out", name]] = array.ctypes.data
        self._compiled.run(words)
        for name, (way, source) in self._compiled.code.facts.copies.items():
            found = ({**self._kept, **arrays} if way == "in" else results)[source]
            results[name][...] = found.reshape(results[name].shape)
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def _array(self, name: str, value: Any) -> Array:
        tensor = self._executable.program.inputs[name]
        kind: Any = np.int32 if tensor.kind == "int" else self._executable.dtype
        array: Array = np.ascontiguousarray(value, dtype=kind).reshape(np.shape(value))
        expected = tuple(self._examples if e is BATCH else e for e in tensor.shape)
        if array.shape != expected:
            raise ShapeError(f"{name} has the shape {expected} here, but {array.shape} came")
        return array
