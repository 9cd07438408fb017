"""What to do where native code cannot be had: the reference engine, for a statement or for everything, with one
warning."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.engines import reference
from pellucid.engines.base import Array, Dtype, bind
from pellucid.engines.llvm.plan.work import Unsupported, batched
from pellucid.engines.session import PlainSession
from pellucid.formula.expressions import Statement, Tensor, reads
from pellucid.formula.program import Loop, Program, Stage

_warned: set[str] = set()


def warn(message: str) -> None:
    """Say it once in a process."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, RuntimeWarning, stacklevel=3)


class Part:
    """Some stages of a program, with what they read from outside as inputs: it looks like a program to the engines."""

    def __init__(self, whole: Program, stages: Sequence[Stage], wanted: set[Tensor]) -> None:
        self.stages = tuple(stages)
        self.statements = tuple(s for stage in stages for s in statements_of(stage))
        self._definitions = {s.target: s for s in self.statements}
        used = [r.tensor for s in self.statements for r in reads(s.expression)]
        self.inputs = {whole.names[t]: t for t in dict.fromkeys(used) if t not in self._definitions}
        if not any(map(batched, self.inputs.values())):  # something has to tell the extent of the batch
            self.inputs |= dict([(name, t) for name, t in whole.inputs.items() if batched(t)][:1])
        self.outputs = {whole.names[t]: t for t in self._definitions if t in wanted}
        self.names = {t: whole.names[t] for t in (*self.inputs.values(), *self._definitions)}
        self.tensors = {name: t for t, name in self.names.items()}


def statements_of(stage: Stage) -> tuple[Statement, ...]:
    return stage.statements if isinstance(stage, Loop) else (stage,)


class Mixed:
    """A program of which some stages run natively and some by the reference engine, one part after the other."""

    def __init__(self, program: Program, dtype: Dtype, unsupported: Sequence[Stage]) -> None:
        from pellucid.engines.llvm.run.executable import Executable

        self.program, self.dtype = program, dtype
        groups: list[tuple[bool, list[Stage]]] = []
        for stage in program.stages:
            native = stage not in unsupported
            if not groups or groups[-1][0] != native:
                groups.append((native, []))
            groups[-1][1].append(stage)
        self.parts: list[tuple[Any, Part]] = []
        for place, (native, stages) in enumerate(groups):
            later = [s for _, more in groups[place + 1 :] for stage in more for s in statements_of(stage)]
            wanted = {r.tensor for s in later for r in reads(s.expression)} | set(program.outputs.values())
            part: Any = Part(program, stages, wanted)
            self.parts.append((Executable(part, dtype) if native else reference.executable(part, dtype), part))
        self._all = reference.executable(program, dtype)

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        bound, _ = bind(self.program, inputs, self.dtype)
        values: dict[str, Array] = {self.program.names[t]: a for t, a in bound.items()}
        for run, part in self.parts:
            values.update(run({name: values[name] for name in part.inputs}))
        return {name: values[self.program.names[t]].copy() for name, t in self.program.outputs.items()}

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return self._all.trace(inputs)

    def session(self, state: Mapping[str, Array]) -> PlainSession:
        return PlainSession(self, state)


def executable(program: Program, dtype: Dtype) -> Any:
    """The program in native code, as far as it can be had."""
    try:
        from pellucid.engines.llvm.run.executable import Executable
        from pellucid.engines.llvm.run.native import ready

        ready()
    except (RuntimeError, OSError) as error:
        warn(f"LLVM refuses ({error}); programs run by the reference engine, which is slower")
        return reference.executable(program, dtype)
    except ImportError as error:
        warn(f"llvmlite cannot be used ({error}); programs run by the reference engine, which is slower")
        return reference.executable(program, dtype)
    unsupported: list[Stage] = []
    while True:
        try:
            return Mixed(program, dtype, unsupported) if unsupported else Executable(program, dtype)
        except Unsupported as error:
            stage = next(
                (s for s in program.stages if error.statement.target in (t.target for t in statements_of(s))), None
            )
            if stage is None or stage in unsupported:
                return reference.executable(program, dtype)
            warn(f"no native code for {error}; the reference engine computes it")
            unsupported.append(stage)
