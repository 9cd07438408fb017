"""The names in an object file: what it defines, and what it asks of others. ELF, Mach-O and COFF are read as far as
that needs; WebAssembly is in `wasm_module.py`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from pellucid.engines.llvm.standalone import wasm_module
from pellucid.errors import PellucidError

LINKERS = {"_GLOBAL_OFFSET_TABLE_", ".TOC.", "_fltused"}
"""What linkers define themselves, or on Windows every program that has real numbers."""


@dataclass
class Symbols:
    """Names that other objects can use, and those that others have to define."""

    defined: list[str] = field(default_factory=list)
    undefined: list[str] = field(default_factory=list)


def symbols_of(code: bytes) -> Symbols:
    """The symbols of an object file, without those that are always there.

    Raises:
        PellucidError: it is of another format.
    """
    symbols = _read(code)
    symbols.undefined = [name for name in symbols.undefined if name not in LINKERS]
    return symbols


def _read(code: bytes) -> Symbols:
    if code[:4] == b"\0asm":
        return Symbols(undefined=wasm_module.undefined(code))
    if code[:4] == b"\x7fELF":
        return _elf(code)
    if code[:4] == b"\xcf\xfa\xed\xfe":
        return _macho(code)
    if code[:2] in (b"\x64\x86", b"\x64\xaa", b"\x4c\x01"):
        return _coff(code)
    raise PellucidError(
        "expected a target with object files of the formats ELF, Mach-O, COFF or WebAssembly, got another"
    )


def _text(code: bytes, start: int) -> str:
    return code[start : code.index(b"\0", start)].decode()


def _elf(code: bytes) -> Symbols:
    wide = code[4] == 2
    table, size, count = (
        (struct.unpack_from("<Q", code, 40)[0], *struct.unpack_from("<HH", code, 58))
        if wide
        else (struct.unpack_from("<I", code, 32)[0], *struct.unpack_from("<HH", code, 46))
    )
    form = "<IIQQQQIIQQ" if wide else "<IIIIIIIIII"
    sections = [struct.unpack_from(form, code, table + k * size) for k in range(count)]
    symbols = Symbols()
    for section in sections:
        if section[1] != 2:  # SHT_SYMTAB
            continue
        names = sections[section[6]][4]
        step = 24 if wide else 16
        for at in range(section[4] + step, section[4] + section[5], step):
            name, info, home = (
                (*struct.unpack_from("<IB", code, at), struct.unpack_from("<H", code, at + 6)[0])
                if wide
                else (struct.unpack_from("<I", code, at)[0], code[at + 12], struct.unpack_from("<H", code, at + 14)[0])
            )
            if info >> 4:  # not local
                (symbols.defined if home else symbols.undefined).append(_text(code, names + name))
    return symbols


def _macho(code: bytes) -> Symbols:
    symbols = Symbols()
    commands, at = struct.unpack_from("<I", code, 16)[0], 32
    for _ in range(commands):
        kind, size = struct.unpack_from("<II", code, at)
        if kind == 2:  # LC_SYMTAB
            first, count, names = struct.unpack_from("<III", code, at + 8)
            for k in range(count):
                name, flags = struct.unpack_from("<IB", code, first + 16 * k)
                if flags & 1 and not flags & 0xE0:  # external, not of a debugger
                    target = symbols.defined if flags & 0x0E else symbols.undefined
                    target.append(_text(code, names + name).removeprefix("_"))
        at += size
    return symbols


def _coff(code: bytes) -> Symbols:
    symbols = Symbols()
    first, count = struct.unpack_from("<II", code, 8)
    names, k = first + 18 * count, 0
    while k < count:
        at = first + 18 * k
        raw, (value, section), (storage, more) = (
            code[at : at + 8],
            struct.unpack_from("<Ih", code, at + 8),
            code[at + 16 : at + 18],
        )
        if storage == 2:  # external
            name = (
                raw.rstrip(b"\0").decode()
                if raw[:4] != b"\0" * 4
                else _text(code, names + int.from_bytes(raw[4:], "little"))
            )
            if section or not value:
                (symbols.defined if section else symbols.undefined).append(name)
        k += 1 + more
    return symbols
