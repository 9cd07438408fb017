"""WebAssembly: from the relocatable object that LLVM writes to a module that browsers and other hosts load.

One object, with no function from elsewhere: functions, types and globals keep their numbers, and linking is to give
data their addresses. The formats are those of WebAssembly's core specification and of tool-conventions/Linking.md.

Memory, from below: the stack, which grows down from 65,536, the object's constants, the caller's places.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pellucid.errors import PellucidError

PAGE = 65536
STACK_TOP = 65536
_ALIGN = 64
_LARGEST = 1 << 31
_TYPE, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT, _CODE, _DATA = 1, 2, 3, 5, 6, 7, 10, 11
_MEMORY_RELOCATIONS = {3: "leb", 4: "sleb", 5: "i32"}
_UNCHANGED = {0, 6, 7}
"""Relocations of functions, types and globals, whose numbers stay."""
_I32 = 0x7F


@dataclass(frozen=True)
class Reserved:
    """Memory for a name: so many bytes, which begin with some content."""

    size: int
    content: bytes = b""


@dataclass
class _Symbol:
    kind: int
    name: str
    defined: bool
    index: int = 0
    offset: int = 0


@dataclass
class _Object:
    """What is read of an object file."""

    sections: dict[int, bytes] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    imports: list[tuple[int, str]] = field(default_factory=list)
    segments: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    alignments: list[int] = field(default_factory=list)
    symbols: list[_Symbol] = field(default_factory=list)
    relocations: dict[int, list[tuple[int, int, int, int]]] = field(default_factory=dict)


class _Reader:
    """Reads numbers and names one after the other."""

    def __init__(self, content: bytes, at: int = 0) -> None:
        self.content, self.at = content, at

    @property
    def more(self) -> bool:
        return self.at < len(self.content)

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def signed(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number - (1 << shift) if byte & 0x40 else number

    def take(self, size: int) -> bytes:
        self.at += size
        return self.content[self.at - size : self.at]

    def name(self) -> str:
        return self.take(self.unsigned()).decode()


def undefined(code: bytes) -> list[str]:
    """The functions that an object asks of others."""
    return [name for kind, name in _read(code).imports if kind == 0]


def link(code: bytes, *, exports: Sequence[str], places: Mapping[str, Reserved], custom: Mapping[str, bytes]) -> bytes:
    """The object as a module with its own memory, which is exported as `memory`.

    Args:
        exports: functions that the host may call.
        places: memory for the names that the object leaves open.
        custom: sections that the host reads itself, by name.

    Raises:
        PellucidError: the module would need more than 2 GiB.
    """
    read = _read(code)
    addresses, end = addresses_of(places, _data_end(read))
    if end > _LARGEST:
        raise PellucidError(
            f"expected a network that needs at most 2 GiB of memory, got {end / 2**30:.1f} GiB: take a smaller batch"
        )
    segments, at = [], STACK_TOP
    for content, align in zip(read.segments, read.alignments, strict=True):
        at = _up(at, 1 << align)
        segments.append(at)
        at += len(content)
    patched = bytearray(read.sections[_CODE])
    for relocation in read.relocations.get(_CODE, ()):
        _relocate(patched, relocation, read, segments, addresses)
    data = bytearray(read.sections.get(_DATA, b""))
    for relocation in read.relocations.get(_DATA, ()):
        _relocate(data, relocation, read, segments, addresses)
    pieces = [
        (where, bytes(data[start : start + len(content)]))
        for where, start, content in zip(segments, read.starts, read.segments, strict=True)
    ]
    pieces += [(addresses[name], place.content) for name, place in places.items() if place.content]
    numbers = {s.name: s.index for s in read.symbols if s.kind == 0 and s.defined}
    listed = [_text("memory") + b"\x02\x00"] + [_text(name) + b"\x00" + _leb(numbers[name]) for name in exports]
    stack = bytes([_I32, 1, 0x41]) + _sleb(STACK_TOP) + b"\x0b"
    has_stack = any(kind == 3 for kind, _ in read.imports)
    sections = [
        (_TYPE, read.sections[_TYPE]),
        (_FUNCTION, read.sections[_FUNCTION]),
        (_MEMORY, b"\x01\x00" + _leb(-(-end // PAGE))),
        *([(_GLOBAL, b"\x01" + stack)] if has_stack else []),
        (_EXPORT, _vector(listed)),
        (_CODE, bytes(patched)),
        (_DATA, _vector([b"\x00\x41" + _sleb(w) + b"\x0b" + _leb(len(c)) + c for w, c in pieces])),
        *((0, _text(name) + content) for name, content in custom.items()),
    ]
    return b"\0asm\x01\0\0\0" + b"".join(bytes([n]) + _leb(len(c)) + c for n, c in sections)


def addresses_for(code: bytes, places: Mapping[str, Reserved]) -> dict[str, int]:
    """Where `link` puts the places."""
    return addresses_of(places, _data_end(_read(code)))[0]


def addresses_of(places: Mapping[str, Reserved], start: int) -> tuple[dict[str, int], int]:
    """The places one behind the other, and where they end."""
    addresses, at = {}, _up(start, _ALIGN)
    for name, place in places.items():
        addresses[name] = at
        at = _up(at + place.size, _ALIGN)
    return addresses, at


def _data_end(read: _Object) -> int:
    at = STACK_TOP
    for content, align in zip(read.segments, read.alignments, strict=True):
        at = _up(at, 1 << align) + len(content)
    return at


def _relocate(
    content: bytearray,
    relocation: tuple[int, int, int, int],
    read: _Object,
    segments: Sequence[int],
    addresses: Mapping[str, int],
) -> None:
    kind, offset, index, addend = relocation
    if kind in _UNCHANGED:
        return
    symbol = read.symbols[index]
    start = segments[symbol.index] + symbol.offset if symbol.defined else addresses[symbol.name]
    value = start + addend
    form = _MEMORY_RELOCATIONS[kind]
    new = struct.pack("<I", value) if form == "i32" else _padded(value, signed=form == "sleb")
    content[offset : offset + len(new)] = new


def _read(code: bytes) -> _Object:
    reader, read = _Reader(code, 8), _Object()
    while reader.more:
        number, size = reader.byte(), reader.unsigned()
        content = reader.take(size)
        read.numbers.append(number)
        if number:
            read.sections[number] = content
        if number == _IMPORT:
            read.imports = list(_imports(_Reader(content)))
        elif number == _DATA:
            _read_data(_Reader(content), read)
        elif number == 0:
            part = _Reader(content)
            name = part.name()
            if name == "linking":
                _read_linking(part, read)
            elif name.startswith("reloc."):
                section = read.numbers[part.unsigned()]
                read.relocations[section] = list(_relocations(part))
    return read


def _imports(reader: _Reader) -> Iterator[tuple[int, str]]:
    for _ in range(reader.unsigned()):
        reader.name()
        name, kind = reader.name(), reader.byte()
        if kind == 0:
            reader.unsigned()
        elif kind == 3:
            reader.take(2)
        else:
            if kind == 1:
                reader.byte()
            flags = reader.byte()
            reader.unsigned()
            if flags & 1:
                reader.unsigned()
        yield kind, name


def _read_data(reader: _Reader, read: _Object) -> None:
    for _ in range(reader.unsigned()):
        reader.unsigned()  # always active, at an address that does not count
        reader.byte()
        reader.signed()
        reader.byte()
        size = reader.unsigned()
        read.starts.append(reader.at)
        read.segments.append(reader.take(size))


def _read_linking(reader: _Reader, read: _Object) -> None:
    reader.unsigned()
    while reader.more:
        kind, size = reader.byte(), reader.unsigned()
        part = _Reader(reader.take(size))
        if kind == 5:
            for _ in range(part.unsigned()):
                part.name()
                read.alignments.append(part.unsigned())
                part.unsigned()
        elif kind == 8:
            read.symbols = [_symbol(part, read) for _ in range(part.unsigned())]


def _symbol(reader: _Reader, read: _Object) -> _Symbol:
    kind, flags = reader.byte(), reader.unsigned()
    defined = not flags & 0x10
    if kind == 1:
        symbol = _Symbol(kind, reader.name(), defined)
        if defined:
            symbol.index, symbol.offset, _ = reader.unsigned(), reader.unsigned(), reader.unsigned()
        return symbol
    index = reader.unsigned()
    name = reader.name() if kind != 3 and (defined or flags & 0x40) else ""
    return _Symbol(kind, name, defined, index)


def _relocations(reader: _Reader) -> Iterator[tuple[int, int, int, int]]:
    for _ in range(reader.unsigned()):
        kind, offset, index = reader.byte(), reader.unsigned(), reader.unsigned()
        addend = reader.signed() if kind in (3, 4, 5, 8, 9) else 0
        if kind not in _MEMORY_RELOCATIONS and kind not in _UNCHANGED:
            raise PellucidError(f"expected no relocation of the type {kind} in what LLVM writes; take another llvmlite")
        yield kind, offset, index, addend


def _up(number: int, to: int) -> int:
    return -(-number // to) * to


def _leb(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _sleb(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        last = number == (-1 if low & 0x40 else 0)
        out.append(low | (0 if last else 0x80))
        if last:
            return bytes(out)


def _padded(number: int, *, signed: bool) -> bytes:
    """In five bytes, as many as LLVM left room for."""
    bits = [(number >> 7 * k) & 0x7F for k in range(5)]
    return bytes(b | 0x80 for b in bits[:4]) + bytes([bits[4] & (0x7F if signed else 0x0F)])


def _text(name: str) -> bytes:
    return _leb(len(name.encode())) + name.encode()


def _vector(items: Sequence[bytes]) -> bytes:
    return _leb(len(items)) + b"".join(items)
