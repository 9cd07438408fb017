"""Many steps of one program, its state kept in place between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines.base import Array
from pellucid.engines.llvm.layout import HEADER
from pellucid.engines.llvm.memory import copied
from pellucid.errors import ShapeError
from pellucid.formula.axes import BATCH

if TYPE_CHECKING:
    from pellucid.engines.llvm.runtime import Executable


class Session:
    """A program whose outputs of an input's name are that input's next value.

        session = executable.session({"dense_1.kernel": kernel, "dense_1.kernel:first_moment": moment, …})
        outputs = session.run(data, rows=rows, each={"step": steps, "learning_rate": rates})

    See `engines/session.py` for its attributes and for `run`.
    """

    def __init__(self, executable: Executable, state: Mapping[str, Array]) -> None:
        from pellucid.engines.llvm.runtime import Compiled

        self._executable = executable
        program = executable.program
        wanted = {name: name for name in program.outputs if name in state and name in program.inputs}
        self._compiled = Compiled(program, executable.dtype, state=wanted, target=executable.target)
        self._in_place = set(self._compiled.code.facts.state)
        self.state: dict[str, Array] = {}
        for name, array in state.items():
            if name in program.inputs:
                tensor = program.inputs[name]
                kind = np.dtype(np.int32) if tensor.kind == "int" else executable.dtype
                self.state[name] = copied(np.asarray(array, dtype=kind))
                if self.state[name].shape != tensor.shape:
                    raise ShapeError(f"{name} has the shape {tensor.shape}, but {self.state[name].shape} came")
        self._turned = {name: copied(self.state[name]) for name in wanted if name not in self._in_place}
        self._data: dict[str, tuple[Any, Array]] = {}
        self._checked: dict[str, Array] = {}

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Steps, one after the other, in one call of native code.

        Args:
            data: the inputs with a batch axis, by name: all examples.
            rows: (steps, batch) whole numbers: which examples each step takes. Without it there is one step, of
            all examples.
            each: the other inputs that are not state, by name: a value for each step, along the first axis.

        Returns:
            The outputs that are not state, a value for each step along the first axis.
        """
        program = self._executable.program
        each = each or {}
        arrays: dict[str, Array] = {}
        moves: dict[tuple[str, str], int] = {}
        total = 0
        for name, tensor in program.inputs.items():
            if name in self.state:
                arrays[name] = self.state[name]
                continue
            if tensor.axes and tensor.axes[0].extent is BATCH:
                arrays[name] = self._array(name, data[name], tensor.kind)
                total = len(arrays[name])
                if arrays[name].shape[1:] != tensor.shape[1:]:
                    raise ShapeError(f"{name} has the shape (n, {tensor.shape[1:]}), but {arrays[name].shape} came")
                continue
            arrays[name] = self._array(name, each[name], tensor.kind, keep=False)
            moves["in", name] = arrays[name].nbytes // len(arrays[name])
        self._check(arrays)
        steps, examples = (1, max(total, 1)) if rows is None else rows.shape
        if rows is not None:
            rows = np.ascontiguousarray(rows, dtype=np.int64)
            if rows.size and total and (rows.min() < 0 or rows.max() >= total):
                raise ShapeError(f"rows go from {rows.min()} to {rows.max()}, but there are {total} examples")
        results: dict[str, Array] = {}
        for name, tensor in program.outputs.items():
            if name not in self._in_place and name not in self._turned:
                results[name] = self._executable.empty(tensor, examples, steps)
                moves["out", name] = results[name].nbytes // steps
        at_once = 1 if self._turned or self._compiled.code.facts.copies else steps
        for start in range(0, steps, at_once):
            self._call(arrays, results, moves, rows, start, at_once, examples)
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def _call(
        self,
        arrays: dict[str, Array],
        results: dict[str, Array],
        moves: Mapping[tuple[str, str], int],
        rows: Array | None,
        start: int,
        count: int,
        examples: int,
    ) -> None:
        code = self._compiled.code.facts
        pointers = {}
        for way, name in code.words:
            array = arrays[name] if way == "in" else self._turned[name] if name in self._turned else results[name]
            pointers[way, name] = array.ctypes.data + start * moves.get((way, name), 0)
        wanted = self._executable.threads or self._compiled.threads(examples, count)
        words = self._compiled.context(pointers, examples, wanted)
        table = [(HEADER + code.words.index(w), by) for w, by in moves.items() if w in code.words]
        if rows is not None:
            words[5] = rows.ctypes.data + start * examples * 8
            table.append((5, examples * 8))
        listed = np.array(table, dtype=np.int64).reshape(-1, 2)
        words[8:11] = (count, len(listed), listed.ctypes.data)
        self._compiled.run(words)
        for name, (way, source) in code.copies.items():
            if name in results:
                found = arrays[source] if way == "in" else results[source][start]
                results[name][start] = found.reshape(results[name][start].shape)
        for name in self._turned:
            self._turned[name], self.state[name] = self.state[name], self._turned[name]
            arrays[name] = self.state[name]

    def _check(self, arrays: Mapping[str, Array]) -> None:
        """Look at the indices among the data, once for each array."""
        names = {name for name, _, _ in self._compiled.checks}
        if any(arrays[n] is not self._checked.get(n) for n in names):
            self._compiled.check(arrays)
            self._checked = {n: arrays[n] for n in names}

    def _array(self, name: str, value: Any, kind: str, *, keep: bool = True) -> Array:
        """Contiguous and in the code's dtype; what had to be converted is kept, as long as the same object comes."""
        known = self._data.get(name)
        if known is not None and known[0] is value:
            return known[1]
        dtype: Any = np.int32 if kind == "int" else self._executable.dtype
        array = np.ascontiguousarray(value, dtype=dtype)
        if keep and array is not value:
            self._data[name] = (value, array)
        return array
