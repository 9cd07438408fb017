"""Functions that are called from outside: they fill in the context that a program's code reads, in memory that the
caller gives, and run it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.engines.llvm.emit.builder import ATTRIBUTES, Builder
from pellucid.engines.llvm.plan.layout import HEADER, THREADS


@dataclass(frozen=True)
class Place:
    """So many bytes behind a pointer: an argument (%input) or a symbol (@parameters)."""

    base: str
    offset: int = 0


@dataclass(frozen=True)
class Check:
    """Integers that name one of so many elements."""

    place: Place
    count: int
    bound: int


@dataclass(frozen=True)
class Memory:
    """Where in the workspace a program's memory lies, behind the context; the bytes of all of it."""

    local: int
    arena: int
    shared: int
    total: int


@dataclass(frozen=True)
class Entry:
    """A function with the C type int f(parameters): 0, or 1 if an integer names no element, and nothing is done.

    Attributes:
        parameters: with their types, as IR writes them; the last is the workspace.
        examples, shards, shard_bytes: of the batch.
        words: where the program's arrays are, in the order of its words.
        values: of IR's types, stored before the run.
        counter: an i32 that is counted up before it.
        copies: so many bytes from one place to another after it.
    """

    name: str
    parameters: Sequence[str]
    examples: int
    shards: int
    shard_bytes: int
    memory: Memory
    words: Sequence[Place]
    values: Sequence[tuple[str, str, Place]]
    checks: Sequence[Check]
    counter: Place | None
    copies: Sequence[tuple[Place, Place, int]]


def write_entry(entry: Entry) -> str:
    """The function as a module of its own."""
    b = Builder(entry.name, ", ".join(entry.parameters), result="i32", linkage="")
    bad = "false"
    for check in entry.checks:
        bad = _outside(b, check, bad)
    with b.when(b.here("xor i1 {}, true", bad)):
        _fill(b, entry)
        b.effect("call void @run(ptr %workspace)")
        for source, target, size in entry.copies:
            _copy(b, _address(b, source), _address(b, target), size)
    symbols = sorted({place.base for place in entry.words if place.base.startswith("@")})
    declared = ["declare hidden void @run(ptr)\n", *(f"{symbol} = external hidden constant i8\n" for symbol in symbols)]
    return "".join(declared) + b.text(f"i32 {b.here('zext i1 {} to i32', bad)}") + ATTRIBUTES


def write_start(name: str, size: int, total: int) -> str:
    """A function that copies the initial state and fills the rest of it with zeros."""
    b = Builder(name, "ptr %state", linkage="")
    _copy(b, "@parameters", "%state", size)
    if total > size:
        with b.loop(size // 4, total // 4) as k:
            b.store("i32", 0, b.at("i32", "%state", k))
    return "@parameters = external hidden constant i8\n" + b.text() + ATTRIBUTES


def write_wrapper(name: str, parameters: Sequence[str], inner: str, arguments: Sequence[str]) -> str:
    """A function that calls another with symbols instead of pointers."""
    b = Builder(name, ", ".join(parameters), result="i32", linkage="")
    types = ", ".join("ptr" if a.startswith("@") else a.split()[0] for a in arguments)
    given = ", ".join(f"ptr {a}" if a.startswith("@") else a for a in arguments)
    result = b.here(f"call i32 @{inner}({given})")
    symbols = [a for a in arguments if a.startswith("@")]
    declared = "".join(f"{symbol} = external hidden global i8\n" for symbol in symbols)
    return f"{declared}declare i32 @{inner}({types})\n" + b.text(f"i32 {result}") + ATTRIBUTES


def _fill(b: Builder, entry: Entry) -> None:
    """The context, and what it names beside the caller's arrays."""
    memory = entry.memory
    numbers = {
        0: entry.examples,
        1: entry.shards,
        3: entry.shard_bytes,
        5: 0,
        THREADS: 1,
        7: 0,
        8: 1,
        9: 0,
        10: 0,
        12: 0,
    }
    for word, number in numbers.items():
        b.store("i64", number, b.at("i64", "%workspace", word))
    for word, offset in {2: memory.arena, 4: memory.shared, 11: memory.local}.items():
        b.store("ptr", b.at("i8", "%workspace", offset), b.at("i64", "%workspace", word))
    for word, place in enumerate(entry.words, HEADER):
        b.store("ptr", _address(b, place), b.at("i64", "%workspace", word))
    for kind, value, place in entry.values:
        b.store(kind, value, _address(b, place))
    if entry.counter is not None:
        counter = _address(b, entry.counter)
        b.store("i32", b.here("add i32 {}, 1", b.load("i32", counter)), counter)


def _address(b: Builder, place: Place) -> str:
    return b.at("i8", place.base, place.offset)


def _outside(b: Builder, check: Check, bad: str) -> str:
    """Whether one of the integers, or what was looked at before, names nothing."""
    loop = b.open(0, check.count, carried=[("i1", bad)])
    value = b.load("i32", b.at("i32", _address(b, check.place), loop.counter))
    outside = b.here("icmp uge i32 {}, {}", value, check.bound)
    (result,) = b.close(loop, [b.here("or i1 {}, {}", loop.values[0], outside)])
    return result


def _copy(b: Builder, source: str, target: str, size: int) -> None:
    with b.loop(0, size // 4) as k:
        b.store("i32", b.load("i32", b.at("i32", source, k)), b.at("i32", target, k))
