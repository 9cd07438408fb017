"""Many steps of one program, its state kept in place between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines.base import Array
from pellucid.engines.llvm.plan.layout import HEADER
from pellucid.engines.llvm.run import buffers
from pellucid.engines.llvm.run.buffers import converted, copied
from pellucid.engines.session import Given, checked
from pellucid.errors import ShapeError
from pellucid.once import Lock

if TYPE_CHECKING:
    from pellucid.engines.llvm.run.executable import Executable


class Session:
    """A program whose outputs of an input's name are that input's next value.

        session = executable.session({"dense_1.kernel": kernel, "dense_1.kernel:first_moment": moment, …})
        outputs = session.run(data, rows=rows, each={"step": steps, "learning_rate": rates})

    See `engines/session.py` for its attributes and for `run`.
    """

    def __init__(self, executable: Executable, state: Mapping[str, Array]) -> None:
        from pellucid.engines.llvm.run.executable import Compiled

        self._executable = executable
        self._lock = Lock()
        program = executable.program
        wanted = {name: name for name in program.outputs if name in state and name in program.inputs}
        self._compiled = Compiled(program, executable.dtype, state=wanted, target=executable.target)
        self._in_place = set(self._compiled.code.metadata.state)
        self.state: dict[str, Array] = {}
        for name, array in state.items():
            if name in program.inputs:
                self.state[name] = copied(self._array(name, array).reshape(np.shape(array)))
                expected = program.inputs[name].shape
                if self.state[name].shape != expected:
                    raise ShapeError(f"{name} has the shape {self.state[name].shape}, expected {expected}")
        self._turned = {name: copied(self.state[name]) for name in wanted if name not in self._in_place}

    def share(self, batch: int, back: Collection[str] = ()) -> slice:
        """All of them: there is no other process."""
        return slice(0, batch)

    def assign(self, arrays: Mapping[str, Array]) -> None:
        """Give arrays of the state other values."""
        with self._lock:
            for name, array in arrays.items():
                self.state[name][...] = array

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Steps, one after the other, in one call of native code.

        Args:
            data: the inputs with a batch axis, by name: all examples.
            rows: (steps, batch) integers: which examples each step takes. Without it there is one step, of all
            examples.
            each: the other inputs that are not state, by name: a value for each step, along the first axis.

        Returns:
            The outputs that are not state, a value for each step along the first axis.

        Raises:
            ShapeError: an input is missing, or has another shape, length or kind of number than the others ask for.
        """
        program = self._executable.program
        with self._lock:
            given = checked(program, self.state, data, rows, each or {})
            arrays = {**self.state, **{n: self._array(n, a) for n, a in {**given.data, **given.each}.items()}}
            self._compiled.check(arrays)
            moves = {("in", name): arrays[name].nbytes // given.steps for name in given.each}
            results: dict[str, Array] = {}
            for name, tensor in program.outputs.items():
                if name not in self._in_place and name not in self._turned:
                    results[name] = self._executable.empty(tensor, given.examples, given.steps)
                    moves["out", name] = results[name].nbytes // given.steps
            at_once = 1 if self._turned or self._compiled.code.metadata.copies else given.steps
            for start in range(0, given.steps, at_once):
                self._call(arrays, results, moves, given, start, at_once)
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def _call(
        self,
        arrays: dict[str, Array],
        results: dict[str, Array],
        moves: Mapping[tuple[str, str], int],
        given: Given,
        start: int,
        count: int,
    ) -> None:
        code = self._compiled.code.metadata
        pointers = {}
        for way, name in code.words:
            array = arrays[name] if way == "in" else self._turned[name] if name in self._turned else results[name]
            pointers[way, name] = array.ctypes.data + start * moves.get((way, name), 0)
            if buffers.POISON and way == "out" and name in self._turned:
                buffers.poison(array)
        wanted = self._executable.threads or self._compiled.threads(given.examples, count)
        workspace = self._compiled.borrow()
        try:
            words = workspace.words(pointers, given.examples, wanted)
            table = [(HEADER + code.words.index(w), by) for w, by in moves.items() if w in code.words]
            if given.rows is not None:
                words[5] = given.rows.ctypes.data + start * given.examples * 8
                table.append((5, given.examples * 8))
            listed = np.array(table, dtype=np.int64).reshape(-1, 2)
            words[8:11] = (count, len(listed), listed.ctypes.data)
            if buffers.POISON:
                workspace.poison()
            self._compiled.caller(words)()
        finally:
            self._compiled.give_back(workspace)
        for name, (way, source) in code.copies.items():
            if name in results:
                array = arrays[source] if way == "in" else results[source][start]
                results[name][start] = array.reshape(results[name][start].shape)
        for name in self._turned:
            self._turned[name], self.state[name] = self.state[name], self._turned[name]
            arrays[name] = self.state[name]

    def _array(self, name: str, value: Any) -> Array:
        """Contiguous and in the code's dtype."""
        tensor = self._executable.program.inputs[name]
        if tensor.kind == "int":
            return converted(name, value, tensor)
        return np.ascontiguousarray(value, dtype=self._executable.dtype)
