"""Multiply-adds with one rounding for CPUs that have none, to the bits of those that have.

In double precision a product of floats is exact. Its sum with a float is not, but its error is a double too: where
there is one, the sum's last bit is made odd, towards the exact value, and so tells the rounding to a float all that it
has to know. Source: Boldo & Melquiond, Emulation of FMA and correctly rounded sums, IEEE Transactions on Computers 57
(2008).

The C library would be asked for every float alone. For doubles it is: they are used in rare functions only. Where there
is no C library, doubles have a function of their own too: Dekker's product in two parts, then the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pellucid.engines.llvm.emit.math import Lanes, function
from pellucid.engines.llvm.plan.work import FEW, LANES

_DECLARATION = re.compile(r"^declare [^\n]*@llvm\.fma\.(?:v\d+)?(f32|f64)\([^\n]*\n", re.MULTILINE)
_NAME = "@llvm.fma.{}("


def unfused(text: str, *, doubles: bool = False) -> str:
    """The text with functions of its own for the multiply-adds of floats; of doubles too, if asked for."""
    kinds = {"f32": ("f", _write)} | ({"f64": ("d", _write_double)} if doubles else {})
    return _with_functions(text, kinds)


def split(text: str) -> str:
    """The text with products that are rounded before they are added, of floats: for CPUs on which the others are slow.
    Doubles keep one rounding, with functions of their own: they are used where nothing may be lost."""
    return _with_functions(text, {"f64": ("d", _write_double)}).replace("@llvm.fma.", "@llvm.fmuladd.")


def _with_functions(text: str, kinds: Mapping[str, tuple[str, Callable[..., str]]]) -> str:
    text = _DECLARATION.sub(lambda found: "" if found[1] in kinds else found[0], text)
    for size, (kind, write) in kinds.items():
        for lanes in (LANES, FEW, 1):
            suffix = f"v{lanes}{size}" if lanes > 1 else size
            if _NAME.format(suffix) in text:
                text = text.replace(_NAME.format(suffix), f"@pl.fma.{suffix}(")
                text += function(f"fma.{suffix}", 3, kind, lanes, write, "nounwind")
    return text


def _write(f: Lanes, *floats: str) -> str:
    a, b, c = (f.cast("fpext", x, "d") for x in floats)
    product = f.mul(a, b)
    total = f.add(product, c)
    error = _error(f, product, c, total)
    return f.cast("fptrunc", _odd(f, total, error), "f")


def _write_double(f: Lanes, *doubles: str) -> str:
    """Of what is neither tiny nor huge: the product's second part has to be a double too."""
    a, b, c = doubles
    f.know("d", *doubles)
    high = f.mul(a, b)
    (a_high, a_low), (b_high, b_low) = _halves(f, a), _halves(f, b)
    low = f.sub(
        f.mul(a_low, b_low),
        f.sub(f.sub(f.sub(high, f.mul(a_high, b_high)), f.mul(a_low, b_high)), f.mul(a_high, b_low)),
    )
    small = f.add(c, low)
    rest = _error(f, c, low, small)
    total = f.add(high, small)
    error = _error(f, high, small, total)
    tail = f.add(error, rest)
    exact = f.add(total, _odd(f, tail, _error(f, error, rest, tail)))
    return f.select(f.compare("ord", exact, exact), exact, f.add(high, c))  # what is not finite


def _halves(f: Lanes, x: str) -> tuple[str, str]:
    """A double as two of 26 bits."""
    scaled = f.mul(x, 134217729.0)  # 2²⁷ + 1
    high = f.sub(scaled, f.sub(scaled, x))
    return high, f.sub(x, high)


def _error(f: Lanes, a: str, b: str, total: str) -> str:
    """What rounding a + b to the total lost."""
    added = f.sub(total, a)
    return f.add(f.sub(a, f.sub(total, added)), f.sub(b, added))


def _odd(f: Lanes, total: str, error: str) -> str:
    """A double whose last bit is odd where something was lost."""
    bits = f.cast("bitcast", total, "l")
    away = f.op("or", f.op("ashr", f.op("xor", bits, f.cast("bitcast", error, "l")), 63), 1)
    even = f.op("sub", f.op("and", bits, 1), 1)
    odd = f.op("add", bits, f.op("and", away, even))
    return f.select(f.compare("one", error, 0.0), f.cast("bitcast", odd, "d"), total)
