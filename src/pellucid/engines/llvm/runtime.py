"""Running compiled programs: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from pellucid.engines.base import Array, Dtype, bind
from pellucid.engines.llvm import threads
from pellucid.engines.llvm.cache import compiled
from pellucid.engines.llvm.crew import SYNC
from pellucid.engines.llvm.layout import HEADER, THREADS
from pellucid.engines.llvm.math import LANES
from pellucid.engines.llvm.memory import aligned, suits
from pellucid.engines.llvm.native import Target, host
from pellucid.engines.llvm.prepared import Prepared
from pellucid.engines.llvm.schedule import schedule
from pellucid.engines.llvm.session import Session
from pellucid.engines.llvm.work import Unsupported, batched
from pellucid.errors import PellucidError
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Read, Tensor, reads
from pellucid.formula.program import Loop, Program

FEW = 4
"""Up to how many examples they are not worth lanes of their own."""


class Compiled:
    """A program's code and the memory that it works in."""

    def __init__(
        self,
        program: Program,
        dtype: Dtype,
        *,
        state: Mapping[str, str] | None = None,
        target: Target | None = None,
        few: bool = False,
        shared: bool = False,
    ) -> None:
        self.program = program
        self.lanes = 1 if few else LANES
        self.code = compiled(program, dtype, dict(state or {}), target or host(), few=few, shared=shared)
        self.examples = -1
        self.places = 0
        self.fixed = self.memory()
        self.sync = aligned((self.code.facts.phases + 2) * SYNC * 8, "threads")
        self.sync[:] = 0
        self.checks = list(_indices(program))

    def memory(self) -> Array:
        """Memory for the values that belong to no example."""
        return aligned(max(self.code.facts.global_bytes, 64), "gradients")

    def check(self, arrays: Mapping[str, Array]) -> None:
        """Whole numbers that name an element have to name one that exists: native code would read what is not there.

        Raises:
            PellucidError: one does not.
        """
        for name, tensor, axis in self.checks:
            array = arrays[name]
            if int(array.view(np.uint32).max()) < axis.size:  # what is below 0 is large without its sign
                continue
            low, high = int(array.min()), int(array.max())
            if low < 0 or high >= axis.size:
                raise PellucidError(
                    f"{name} holds {low if low < 0 else high}, but {tensor.name} has {axis.size} along {axis.name}: "
                    f"0 to {axis.size - 1} exist"
                )

    def context(self, pointers: Mapping[tuple[str, str], int], examples: int, count: int) -> Array:
        """The words that the code reads. The arena grows with the batch and is kept."""
        code = self.code.facts
        shards = -(-examples // self.lanes)
        if examples > self.examples:
            size = max(shards * code.shard_bytes, 64)
            self.arena = aligned(size, f"a batch of {examples} examples")
            self.examples = examples
        crew = min(count, max(shards * code.pieces, 1))
        if crew > self.places:
            self.local = aligned(max(crew * code.local_bytes, 64), f"{crew} threads")
            self.places = crew
        words = np.zeros(HEADER + len(code.words), dtype=np.int64)
        words[:5] = (examples, shards, self.arena.ctypes.data, code.shard_bytes, self.fixed.ctypes.data)
        words[6:9] = (crew, self.sync.ctypes.data, 1)
        words[11] = self.local.ctypes.data
        for place, word in enumerate(code.words):
            words[HEADER + place] = pointers[word]
        return words

    def threads(self, examples: int, steps: int = 1) -> int:
        """How many threads a call of so many examples and steps deserves."""
        return threads.wanted(
            -(-examples // self.lanes) * self.code.facts.pieces, self.code.facts.work * examples, steps
        )

    def caller(self, words: Array) -> Callable[[], None]:
        """A call with the words of `context`, to be done again and again."""
        work = self.code.facts.work * float(words[0] * words[8])
        return partial(threads.run, self.code.entry, words.ctypes.data, int(words[THREADS]), work)

    def run(self, words: Array) -> None:
        """A call with the words of `context`."""
        self.caller(words)()


class Executable:
    """A program in native code. It changes none of its inputs, and what it returns shares no memory with them.

    Args:
        target: the CPU to make code for; this one, if not given.
        threads: how many threads run a call; as many as there are CPUs, if not given.
    """

    def __init__(
        self, program: Program, dtype: Dtype, *, target: Target | None = None, threads: int | None = None
    ) -> None:
        self.program = program
        self.dtype = dtype
        self.target = target
        self.threads = threads
        schedule(program)  # what cannot be compiled shows now; the rest when it is needed
        self._compiled: Compiled | None = None
        self._few: Compiled | None = None
        self._all: Compiled | None = None
        self._again: Prepared | None = None

    @property
    def compiled(self) -> Compiled:
        """The program's code, made when it is first asked for: a session has code of its own."""
        if self._compiled is None:
            self._compiled = Compiled(self.program, self.dtype, target=self.target)
        return self._compiled

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The program's outputs by name; inputs that the program does not read are ignored."""
        if self._again is not None and self._again.takes(inputs):
            return self._again(inputs)
        results = self._run(None, inputs)
        self._remember(inputs)
        return results

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Every tensor of the program by name, in the program's order."""
        if self._all is None:
            everything: Any = Everything(self.program)
            self._all = Compiled(everything, self.dtype, target=self.target)
        found = self._run(self._all, inputs)
        return {name: found[name] for name in self.program.tensors}

    def session(self, state: Mapping[str, Array]) -> Session:
        """The program with arrays that it changes in place from step to step; see `Session`."""
        return Session(self, state)

    def prepare(self, fixed: Mapping[str, Array], *, examples: int) -> Prepared:
        """The program for so many examples, with these inputs fixed: little is left to do in a call."""
        return Prepared(self, fixed, examples)

    def _remember(self, inputs: Mapping[str, Array]) -> None:
        """Most calls follow one with the same parameters. What has a batch axis may change; what has none is read where
        it lies, so it has to be what native code takes as it is."""
        fixed = {name: inputs[name] for name, t in self.program.inputs.items() if not batched(t) and t.rank}
        batches = [len(inputs[name]) for name, t in self.program.inputs.items() if batched(t)]
        if batches and all(suits(a, self.dtype) for a in fixed.values()):
            self._again = Prepared(self, fixed, batches[0], live=True)

    def code_for(self, examples: int) -> Compiled:
        """The code for so many examples: a few have other things than examples in the lanes, if the program allows
        it."""
        if examples > FEW:
            return self.compiled
        if self._few is None:
            try:
                shared = (self.threads or threads.available()) > 1
                self._few = Compiled(self.program, self.dtype, target=self.target, few=True, shared=shared)
            except Unsupported:
                self._few = self.compiled
        return self._few

    def _run(self, compiled: Compiled | None, inputs: Mapping[str, Array]) -> dict[str, Array]:
        bound, examples = bind(self.program, inputs, self.dtype)
        if compiled is None:
            compiled = self.code_for(examples)
        arrays = {name: converted(bound[tensor], tensor) for name, tensor in self.program.inputs.items()}
        results = {name: self.empty(tensor, examples) for name, tensor in compiled.program.outputs.items()}
        compiled.check(arrays)
        pointers = {("in", name): a.ctypes.data for name, a in arrays.items()}
        pointers |= {("out", name): a.ctypes.data for name, a in results.items()}
        compiled.run(compiled.context(pointers, examples, self.threads or compiled.threads(examples)))
        for name, (way, source) in compiled.code.facts.copies.items():
            results[name][...] = (arrays if way == "in" else results)[source].reshape(results[name].shape)
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def empty(self, tensor: Tensor, examples: int, *more: int) -> Array:
        shape = tuple(examples if e is BATCH else e for e in tensor.shape)
        return np.empty(more + shape, dtype=np.int32 if tensor.kind == "int" else self.dtype)


def _indices(program: Program) -> Iterator[tuple[str, Tensor, Axis]]:
    """Every input that is an index of a tensor, with the axis that it indexes."""
    names = {t: name for name, t in program.inputs.items()}
    found: dict[tuple[str, Axis], Tensor] = {}
    for stage in program.stages:
        for statement in stage.statements if isinstance(stage, Loop) else (stage,):
            for read in reads(statement.expression):
                for index, axis in zip(read.indices, read.tensor.axes, strict=True):
                    if isinstance(index, Read) and index.tensor in names and read.outside is None:
                        found[names[index.tensor], axis] = read.tensor
    for (name, axis), tensor in found.items():
        yield name, tensor, axis


class Everything:
    """A program that gives all its tensors."""

    def __init__(self, program: Program) -> None:
        self.inputs = program.inputs
        self.stages = program.stages
        self.statements = program.statements
        self.outputs: dict[str, Tensor] = dict(program.tensors)


def converted(array: Array, tensor: Tensor) -> Array:
    """Contiguous, whole numbers in 32 bits (the code knows no others)."""
    if tensor.kind == "int":
        return np.ascontiguousarray(array.astype(np.int32, copy=False))
    return np.ascontiguousarray(array)
