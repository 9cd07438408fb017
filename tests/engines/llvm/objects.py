"""The symbols of object files: what they define and what they need from elsewhere."""

from __future__ import annotations

from struct import unpack_from
from typing import NamedTuple


class Symbols(NamedTuple):
    defined: set[str]
    needed: set[str]


def symbols(code: bytes) -> Symbols:
    """Of an ELF, a Mach-O or a COFF file, little-endian with 64 bits."""
    if code[:4] == b"\x7fELF":
        return _elf(code)
    return _mach_o(code) if code[:4] == b"\xcf\xfa\xed\xfe" else _coff(code)


def _sorted_out(entries: list[tuple[str, bool]]) -> Symbols:
    return Symbols({name for name, here in entries if here}, {name for name, here in entries if not here})


def _text(code: bytes, start: int) -> str:
    return code[start : code.index(b"\0", start)].decode()


def _elf(code: bytes) -> Symbols:
    start, size, count = unpack_from("<Q", code, 40)[0], *unpack_from("<HH", code, 58)
    sections = [unpack_from("<IIQQQQIIQQ", code, start + k * size) for k in range(count)]
    found: list[tuple[str, bool]] = []
    for _, kind, _, _, at, length, link, _, _, each in sections:
        if kind == 2:
            names = sections[link][4]
            for place in range(at + each, at + length, each):
                name, _, _, section = unpack_from("<IBBH", code, place)
                if name:
                    found.append((_text(code, names + name), section != 0))
    return _sorted_out(found)


def _mach_o(code: bytes) -> Symbols:
    place, found = 32, []
    for _ in range(unpack_from("<I", code, 16)[0]):
        command, size = unpack_from("<II", code, place)
        if command == 2:
            at, count, names, _ = unpack_from("<IIII", code, place + 8)
            for k in range(count):
                name, kind = unpack_from("<IB", code, at + 16 * k)
                found.append((_text(code, names + name).removeprefix("_"), kind & 0x0E != 0))
        place += size
    return _sorted_out(found)


def _coff(code: bytes) -> Symbols:
    at, count = unpack_from("<II", code, 8)
    names, k, found = at + 18 * count, 0, []
    while k < count:
        name, _, section, _, kind, more = unpack_from("<8sIhHBB", code, at + 18 * k)
        text = (
            _text(code, names + unpack_from("<I", name, 4)[0]) if name[:4] == bytes(4) else name.rstrip(b"\0").decode()
        )
        if kind == 2:
            found.append((text, section != 0))
        k += 1 + more
    return _sorted_out(found)
