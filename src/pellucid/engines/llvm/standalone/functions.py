"""Programs as functions over memory that the caller gives: where every array lies, and how much memory it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from pellucid.engines.base import Dtype
from pellucid.engines.llvm.emit.entries import Check, Entry, Memory, Place, write_entry
from pellucid.engines.llvm.emit.module import Module, write
from pellucid.engines.llvm.plan.layout import ALIGN, HEADER
from pellucid.engines.llvm.plan.nests import check_supported
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.plan.work import LANES, Unsupported
from pellucid.engines.llvm.run.cache import copies_of
from pellucid.engines.llvm.run.executable import SMALL_BATCH, indices
from pellucid.errors import PellucidError
from pellucid.formula.axes import BATCH
from pellucid.formula.expressions import Tensor
from pellucid.formula.program import Program


@dataclass(frozen=True)
class Field:
    """An array in memory that is kept between calls."""

    offset: int
    shape: tuple[int, ...]
    kind: str

    @property
    def bytes(self) -> int:
        return prod(self.shape) * np.dtype(self.kind).itemsize


@dataclass
class Block:
    """Memory that is kept between calls: arrays by name, one behind the other."""

    fields: dict[str, Field] = field(default_factory=dict)
    size: int = 0

    def add(self, name: str, shape: tuple[int, ...], kind: str) -> None:
        self.fields[name] = Field(self.size, shape, kind)
        self.size += rounded(self.fields[name].bytes)


@dataclass(frozen=True)
class Argument:
    """An array that a call reads or writes: its name in the program and in C, its shape with the batch."""

    name: str
    symbol: str
    shape: tuple[int, ...]
    kind: str

    @property
    def bytes(self) -> int:
        return prod(self.shape) * np.dtype(self.kind).itemsize


@dataclass(frozen=True)
class Function:
    """A program as a function of a fixed batch.

    Attributes:
        inputs, outputs: arrays that the caller gives, in order.
        numbers: real numbers that the caller gives: names in the program and in C.
        block: what is kept between calls, at the argument `state`; without one of that name (`constant`), at a symbol.
        counter: the name in it of the number of steps, which each call counts up.
        classes: by input that is no index, but holds the numbers of classes, how many there are.
    """

    name: str
    program: Program
    dtype: Dtype
    examples: int
    inputs: Sequence[Argument]
    outputs: Sequence[Argument]
    numbers: Mapping[str, str]
    block: Block
    constant: bool
    counter: str | None = None
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """A function's text, and how many bytes of workspace it needs."""

    texts: list[str]
    workspace: int


def rounded(size: int) -> int:
    """Bytes, to the next multiple of a cache line: every part begins with one."""
    return -(-size // ALIGN) * ALIGN


def write_function(function: Function, target: Target) -> Written:
    """The function as IR.

    Raises:
        PellucidError: the program has a statement for which no code is made.
    """
    program = function.program
    state = {name: name for name in program.outputs if name in function.block.fields and name in program.inputs}
    texts: list[str] = []
    try:
        check_supported(program)
        small = function.examples <= SMALL_BATCH
        try:
            module = _written(function, state, target, small, texts)
        except Unsupported:
            if not small:
                raise
            small = False
            module = _written(function, state, target, small, texts)
    except Unsupported as error:
        raise PellucidError(f"expected a network that the LLVM engine compiles whole; {error}") from None
    entry = _entry(function, module, small, state)
    return Written([*texts, write_entry(entry)], entry.memory.total)


def _written(function: Function, state: dict[str, str], target: Target, small: bool, texts: list[str]) -> Module:
    texts.clear()
    kind: Any = "float" if function.dtype.itemsize == 4 else "double"
    return write(
        function.program, kind, target=target, state=state, small_batch=small, threads=False, finished=texts.append
    )


def _entry(function: Function, module: Module, small: bool, state: Mapping[str, str]) -> Entry:
    layout, program = module.layout, function.program
    lanes = 1 if small else LANES
    shards = -(-function.examples // lanes)
    real = "float" if function.dtype.itemsize == 4 else "double"
    base = "@parameters" if function.constant else "%state"
    places: dict[tuple[str, str], Place] = {("in", n): Place(base, f.offset) for n, f in function.block.fields.items()}
    places |= {("in", a.name): Place(f"%{a.symbol}") for a in function.inputs}
    places |= {("out", a.name): Place(f"%{a.symbol}") for a in function.outputs}

    offsets, total = [], rounded((HEADER + len(layout.words)) * 8)
    for size in (layout.local_bytes, shards * layout.shard_bytes, layout.global_bytes):
        offsets.append(total)
        total += rounded(max(size, ALIGN))
    local, arena, shared = offsets
    values = []
    for name, symbol in function.numbers.items():
        places["in", name] = Place("%workspace", total)
        values.append((real, f"%{symbol}", places["in", name]))
        total += ALIGN
    copies = []
    known = copies_of(layout, module.state, small)
    for way, name in layout.words:
        if (way, name) in places or way == "in":
            continue
        size = _bytes(program.outputs[name], function)
        places[way, name] = Place("%workspace", total)
        total += rounded(size)
        if name in state:
            copies.append((places[way, name], places["in", name], size))
    copies = [
        (places[source], places["in" if name in state else "out", name], _bytes(program.outputs[name], function))
        for name, source in known.items()
    ] + copies
    bounds = [(name, axis.size) for name, _, axis in indices(program)] + list(function.classes.items())
    checks = [Check(places["in", n], prod(_shape(program.inputs[n], function)), bound) for n, bound in bounds]
    parameters = [f"ptr %{a.symbol}" for a in function.inputs]
    parameters += [f"{real} %{symbol}" for symbol in function.numbers.values()]
    parameters += [f"ptr %{a.symbol}" for a in function.outputs]
    parameters += ([] if function.constant else ["ptr %state"]) + ["ptr %workspace"]
    return Entry(
        function.name,
        parameters,
        function.examples,
        shards,
        layout.shard_bytes,
        Memory(local, arena, shared, total),
        [places[word] for word in layout.words],
        values,
        checks,
        Place(base, function.block.fields[function.counter].offset) if function.counter else None,
        copies,
    )


def _shape(tensor: Tensor, function: Function) -> tuple[int, ...]:
    return tuple(function.examples if e is BATCH else e for e in tensor.shape)


def _bytes(tensor: Tensor, function: Function) -> int:
    return prod(_shape(tensor, function)) * (4 if tensor.kind == "int" else function.dtype.itemsize)
