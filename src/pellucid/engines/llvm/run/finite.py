"""Whether all numbers of an array are finite, found by native code that keeps the interpreter's lock.

NumPy gives the lock away in every operation on more than 500 elements, and to get it back from another thread takes
longer than the look itself: several threads that predict would spend their time on that.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

from pellucid import arrays
from pellucid.engines.base import Array
from pellucid.engines.llvm.emit.builder import ATTRIBUTES, Builder
from pellucid.engines.llvm.plan.work import LANES
from pellucid.engines.llvm.run import cache as code_cache
from pellucid.engines.llvm.run.buffers import address

EXPONENTS = {4: 0x7F800000, 8: 0x7FF0000000000000}
"""The bits of the exponent, of an IEEE number of so many bytes: all are set in NaN and infinity, and in no other."""

_look_type = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)


def _function(size: int) -> str:
    """Give 1 if so many numbers of `size` bytes are finite, else 0."""
    bits, exponent = size * 8, EXPONENTS[size]
    many = f"<{LANES} x i{bits}>"
    b = Builder(f"finite_{size}", "ptr %numbers, i64 %count", result="i64", linkage="")
    whole = b.pure(f"and i64 {{}}, {-LANES}", "%count")
    mask = f"splat (i{bits} {exponent})"

    def bad(kind: str, mask: object, at: str | int) -> str:
        number = b.here(f"load {kind}, ptr {{}}, align {size}", b.at(f"i{bits}", "%numbers", at))
        return b.pure(f"icmp eq {kind} {{}}, {mask}", b.pure(f"and {kind} {{}}, {mask}", number))

    loop = b.open(0, whole, LANES, carried=[(f"<{LANES} x i1>", "zeroinitializer")])
    (lanes,) = b.close(loop, [b.pure(f"or <{LANES} x i1> {{}}, {{}}", loop.values[0], bad(many, mask, loop.counter))])
    start = b.here(f"call i1 @llvm.vector.reduce.or.v{LANES}i1(<{LANES} x i1> {{}})", lanes)
    loop = b.open(whole, "%count", carried=[("i1", start)])
    (found,) = b.close(loop, [b.pure("or i1 {}, {}", loop.values[0], bad(f"i{bits}", exponent, loop.counter))])
    return b.text(f"i64 {b.pure('zext i1 {} to i64', b.pure('xor i1 {}, true', found))}")


def text() -> str:
    """The functions as IR."""
    declared = f"declare i1 @llvm.vector.reduce.or.v{LANES}i1(<{LANES} x i1>)\n"
    return declared + "".join(map(_function, EXPONENTS)) + ATTRIBUTES


def native() -> Callable[[Array], bool]:
    """What tells whether the numbers of an array in C order, of 4 or 8 bytes, are finite."""
    library = code_cache.library(text())
    functions: dict[int, Callable[[int, int], int]] = {s: _look_type(library.address(f"finite_{s}")) for s in EXPONENTS}

    def all_finite(array: Array, library: object = library) -> bool:  # the code lasts as long as its library
        return bool(functions[array.itemsize](address(array), array.size))

    return all_finite


@cache
def install() -> None:
    """Let `arrays` look with native code, from now on."""
    arrays.all_finite = native()
