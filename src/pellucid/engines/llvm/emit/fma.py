"""Multiply-adds with one rounding for CPUs that have none, to the bits of those that have.

In double precision a product of floats is exact. Its sum with a float is not, but its error is a double too: where
there is one, the sum's last bit is made odd, towards the exact value, and so tells the rounding to a float all that it
has to know. Source: Boldo & Melquiond, Emulation of FMA and correctly rounded sums, IEEE Transactions on Computers 57
(2008).

The C library would be asked for every float alone. For doubles it is: they are used in rare functions only.
"""

from __future__ import annotations

import re

from pellucid.engines.llvm.emit.math import Lanes, function
from pellucid.engines.llvm.plan.work import LANES

_DECLARATION = re.compile(r"^declare [^\n]*@llvm\.fma\.(?:v\d+)?f32\([^\n]*\n", re.MULTILINE)
_NAME = "@llvm.fma.{}("


def unfused(text: str) -> str:
    """The text with functions of its own for the multiply-adds of floats."""
    text = _DECLARATION.sub("", text)
    for lanes, suffix in ((LANES, f"v{LANES}f32"), (1, "f32")):
        if _NAME.format(suffix) in text:
            text = text.replace(_NAME.format(suffix), f"@pl.fma.{suffix}(")
            text += function(f"fma.{suffix}", 3, "f", lanes, _write, "nounwind")
    return text


def _write(f: Lanes, *floats: str) -> str:
    a, b, c = (f.cast("fpext", x, "d") for x in floats)
    product = f.mul(a, b)
    total = f.add(product, c)
    added = f.sub(total, product)
    error = f.add(f.sub(product, f.sub(total, added)), f.sub(c, added))
    bits = f.cast("bitcast", total, "l")
    away = f.op("or", f.op("ashr", f.op("xor", bits, f.cast("bitcast", error, "l")), 63), 1)
    even = f.op("sub", f.op("and", bits, 1), 1)
    odd = f.op("add", bits, f.op("and", away, even))
    rounded = f.select(f.compare("one", error, 0.0), f.cast("bitcast", odd, "d"), total)
    return f.cast("fptrunc", rounded, "f")
