"""Running compiled programs: arrays in, arrays out."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from pellucid.engines.base import Array, Dtype, bind
from pellucid.engines.llvm.plan.layout import THREADS
from pellucid.engines.llvm.plan.nests import check_supported
from pellucid.engines.llvm.plan.split_reductions import CACHED
from pellucid.engines.llvm.plan.work import LANES, Unsupported, batched
from pellucid.engines.llvm.run import buffers, worker_pool
from pellucid.engines.llvm.run.buffers import converted, suits
from pellucid.engines.llvm.run.cache import compiled
from pellucid.engines.llvm.run.native import Target, host
from pellucid.engines.llvm.run.prepared import Prepared
from pellucid.engines.llvm.run.session import Session
from pellucid.engines.llvm.run.workspace import Workspace
from pellucid.errors import PellucidError
from pellucid.formula.axes import BATCH, Axis
from pellucid.formula.expressions import Read, Tensor, reads
from pellucid.formula.program import Loop, Program
from pellucid.once import Once

SMALL_BATCH = 4
"""Up to how many examples they are not worth lanes of their own."""

KEPT = 4
"""Workspaces that are kept between calls, and sizes of batches that are prepared for: more callers at once are rare,
and their memory may be large."""


class Compiled:
    """A program's code, and the workspaces that no call is using. Nothing else changes: any number of threads may call
    it."""

    def __init__(
        self,
        program: Program,
        dtype: Dtype,
        *,
        state: Mapping[str, str] | None = None,
        target: Target | None = None,
        small_batch: bool = False,
        shared: bool = False,
        fixed: bool = False,
    ) -> None:
        self.program = program
        self.lanes = 1 if small_batch else LANES
        self.code = compiled(
            program, dtype, dict(state or {}), target or host(), small_batch=small_batch, shared=shared, fixed=fixed
        )
        self.checks = list(indices(program))
        self._entry = worker_pool.Entry(self.code.entry)
        self._idle: list[Workspace] = []

    def borrow(self) -> Workspace:
        """A workspace that nobody else has until it is given back."""
        try:
            return self._idle.pop()  # one step for all threads: who gets it has it alone
        except IndexError:
            return Workspace(self.code.metadata, self.lanes)

    def give_back(self, workspace: Workspace) -> None:
        if len(self._idle) < KEPT:
            self._idle.append(workspace)

    def check(self, arrays: Mapping[str, Array]) -> None:
        """Integers that name an element have to name one that exists: native code would read what is not there.

        Raises:
            PellucidError: one does not.
        """
        for name, tensor, axis in self.checks:
            array = arrays[name]
            if not array.size:
                continue
            if int(array.view(np.uint32).max()) < axis.size:  # what is below 0 is large without its sign
                continue
            low, high = int(array.min()), int(array.max())
            if low < 0 or high >= axis.size:
                raise PellucidError(
                    f"{name} holds {low if low < 0 else high}, but {tensor.name} has {axis.size} along {axis.name}: "
                    f"0 to {axis.size - 1} exist"
                )

    def threads(self, examples: int, steps: int = 1) -> int:
        """How many threads a call of so many examples and steps deserves."""
        return worker_pool.wanted(
            -(-examples // self.lanes) * self.code.metadata.pieces, self.code.metadata.work * examples, steps
        )

    def caller(self, words: Array) -> Callable[[], None]:
        """A call with the words of a workspace, to be done again and again, by one thread at a time."""
        work = self.code.metadata.work * float(words[0] * words[8])
        return self._entry.caller(words.ctypes.data, int(words[THREADS]), work)

    def run(self, pointers: Mapping[tuple[str, str], int], examples: int, count: int) -> None:
        """One call, on so many threads at most; the pointers are the addresses of the user's arrays."""
        workspace = self.borrow()
        try:
            words = workspace.words(pointers, examples, count)
            if buffers.POISON:
                workspace.poison()
            self.caller(words)()
        finally:
            self.give_back(workspace)


class Executable:
    """A program in native code. It changes none of its inputs, and what it returns shares no memory with them. Any
    number of threads may call it.

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
        check_supported(program)
        self._code = Once()
        self._batched = [name for name, tensor in program.inputs.items() if batched(tensor)]
        self._again: dict[int, Prepared] = {}
        self._seen: dict[int, dict[str, weakref.ref[Array]]] = {}

    @property
    def compiled(self) -> Compiled:
        """The program's code, made when it is first asked for: a session has code of its own."""
        compiled: Compiled = self._code.get("many", lambda: Compiled(self.program, self.dtype, target=self.target))
        return compiled

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The program's outputs by name; inputs that the program does not read are ignored."""
        first = inputs.get(self._batched[0]) if self._batched else None
        if type(first) is np.ndarray and first.ndim:
            again = self._again.get(len(first))
            if again is not None and again.takes(inputs):
                return again(inputs)
        results = self._run(None, inputs)
        self._remember(inputs)
        return results

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Every tensor of the program by name, in the program's order."""
        values = self._code.get("everything", self._of_everything)._run(None, inputs)
        return {name: values[name] for name in self.program.tensors}

    def _of_everything(self) -> Executable:
        """The program with all its tensors as outputs: their bits are those of an ordinary call."""
        everything: Any = Everything(self.program)
        return Executable(everything, self.dtype, target=self.target, threads=self.threads)

    def session(self, state: Mapping[str, Array]) -> Session:
        """The program with arrays that it changes in place from step to step; see `Session`."""
        return Session(self, state)

    def prepare(self, fixed: Mapping[str, Array], *, examples: int) -> Prepared:
        """The program for so many examples, with these inputs fixed: little is left to do in a call."""
        return Prepared(self, fixed, examples)

    def _remember(self, inputs: Mapping[str, Array]) -> None:
        """A call that is like the last of so many examples is likely to be followed by more. What has a batch axis may
        change, and what has none and did change; the rest is read where it lies, so it has to be what native code takes
        as it is."""
        fixed = {name: inputs[name] for name, t in self.program.inputs.items() if not batched(t) and t.rank}
        if not self._batched or not all(suits(a, self.dtype) for a in fixed.values()):
            return
        batch = len(inputs[self._batched[0]])
        before = self._seen.pop(batch, None)
        self._seen[batch] = {name: weakref.ref(a) for name, a in fixed.items()}
        if len(self._seen) > KEPT:
            self._seen.pop(next(iter(list(self._seen))), None)
        same = {name: a for name, a in fixed.items() if before is not None and before[name]() is a}
        if before is None or (fixed and not same):
            return
        # Of what is fixed one set is kept at a time: an older one may need its memory back.
        for other, prepared in list(self._again.items()):
            if other == batch or len(self._again) >= KEPT or not prepared.reads(fixed):
                dropped = self._again.pop(other, None)
                if dropped is not None:
                    dropped.release()
        self._again[batch] = Prepared(self, same, batch, live=True)

    def code_for(self, examples: int, *, fixed: bool = False) -> Compiled:
        """The code for so many examples: a few have other things than examples in the lanes, if the program allows
        it. With `fixed` parameters large kernels are packed in the first call, for all others."""
        small, fixed = examples <= SMALL_BATCH, fixed and self._large
        if not small and not fixed:
            return self.compiled
        made: Compiled = self._code.get((small, fixed), lambda: self._made_for(small, fixed))
        return made

    @property
    def _large(self) -> bool:
        """Whether a kernel may be too large for a core's cache."""
        kernels = [t for t in self.program.inputs.values() if t.rank == 2 and not batched(t)]
        return any(prod(a.size for a in t.axes) * self.dtype.itemsize > CACHED for t in kernels)

    def _made_for(self, small: bool, fixed: bool) -> Compiled:
        shared = small and (self.threads or worker_pool.available()) > 1
        try:
            return Compiled(self.program, self.dtype, target=self.target, small_batch=small, shared=shared, fixed=fixed)
        except Unsupported:
            return self.code_for(SMALL_BATCH + 1, fixed=fixed)

    def _run(self, compiled: Compiled | None, inputs: Mapping[str, Array]) -> dict[str, Array]:
        bound, examples = bind(self.program, inputs, self.dtype)
        if compiled is None:
            compiled = self.code_for(examples)
        arrays = {name: converted(name, bound[tensor], tensor) for name, tensor in self.program.inputs.items()}
        results = {name: self.empty(tensor, examples) for name, tensor in compiled.program.outputs.items()}
        compiled.check(arrays)
        pointers = {("in", name): a.ctypes.data for name, a in arrays.items()}
        pointers |= {("out", name): a.ctypes.data for name, a in results.items()}
        compiled.run(pointers, examples, self.threads or compiled.threads(examples))
        for name, (way, source) in compiled.code.metadata.copies.items():
            results[name][...] = (arrays if way == "in" else results)[source].reshape(results[name].shape)
        return {name: a.astype(np.int64) if a.dtype == np.int32 else a for name, a in results.items()}

    def empty(self, tensor: Tensor, examples: int, *more: int) -> Array:
        """An array for one of the program's outputs."""
        shape = tuple(examples if e is BATCH else e for e in tensor.shape)
        return buffers.empty(more + shape, np.dtype(np.int32) if tensor.kind == "int" else self.dtype)


def indices(program: Program) -> Iterator[tuple[str, Tensor, Axis]]:
    """Every input that is an index of a tensor, with the axis that it indexes."""
    names = {t: name for name, t in program.inputs.items()}
    tensors: dict[tuple[str, Axis], Tensor] = {}
    for stage in program.stages:
        for statement in stage.statements if isinstance(stage, Loop) else (stage,):
            for read in reads(statement.expression):
                for index, axis in zip(read.indices, read.tensor.axes, strict=True):
                    if isinstance(index, Read) and index.tensor in names and read.outside is None:
                        tensors[names[index.tensor], axis] = read.tensor
    for (name, axis), tensor in tensors.items():
        yield name, tensor, axis


class Everything:
    """A program that gives all its tensors."""

    def __init__(self, program: Program) -> None:
        self.inputs = program.inputs
        self.stages = program.stages
        self.statements = program.statements
        self.tensors = program.tensors
        self.outputs: dict[str, Tensor] = dict(program.tensors)
