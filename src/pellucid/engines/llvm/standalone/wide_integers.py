"""Integers of 64 bits as real numbers, for CPUs of 32 bits, which call a function of their compiler's for that."""

from __future__ import annotations

import re
from typing import Final

FUNCTIONS: Final = {"__aeabi_l2f", "__aeabi_l2d", "__floatdisf", "__floatdidf"}
"""The functions that LLVM calls."""
_CONVERSION: Final = re.compile(r"sitofp (i64|<(\d+) x i64>) (\S+) to (?:<\d+ x )?(float|double)>?")


def in_halves(text: str) -> str:
    """The text with functions of its own in their place: h·2³² + l by the integer's halves.

    Of double that is exact below 2⁵³, as it is there; of float beyond 32 bits it is rounded twice.
    """
    kinds: set[tuple[int, str]] = set()

    def call(found: re.Match[str]) -> str:
        lanes, real = int(found[2] or 0), found[4]
        kinds.add((lanes, real))
        return f"call {_type(lanes, real)} {_name(lanes, real)}({found[1]} {found[3]})"

    changed = _CONVERSION.sub(call, text)
    return changed + "".join(_function(lanes, real) for lanes, real in sorted(kinds))


def _type(lanes: int, kind: str) -> str:
    return f"<{lanes} x {kind}>" if lanes else kind


def _name(lanes: int, real: str) -> str:
    return f"@pl.{real}.of.i64{f'.v{lanes}' if lanes else ''}"


def _function(lanes: int, real: str) -> str:
    wide, half, result = (_type(lanes, kind) for kind in ("i64", "i32", real))
    flag = _type(lanes, "i1")

    def everywhere(kind: str, value: str) -> str:
        return f"<{', '.join([f'{kind} {value}'] * lanes)}>" if lanes else value

    return f"""
define internal {result} {_name(lanes, real)}({wide} %x) nounwind {{
  %low = trunc {wide} %x to {half}
  %top = ashr {wide} %x, {everywhere("i64", "32")}
  %high = trunc {wide} %top to {half}
  %again = sext {half} %low to {wide}
  %small = icmp eq {wide} %again, %x
  %alone = sitofp {half} %low to {result}
  %h = sitofp {half} %high to {result}
  %l = uitofp {half} %low to {result}
  %scaled = fmul {result} %h, {everywhere(real, "4294967296.0")}
  %both = fadd {result} %scaled, %l
  %y = select {flag} %small, {result} %alone, {result} %both
  ret {result} %y
}}
"""
