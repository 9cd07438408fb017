"""Multiply-adds on CPUs that have none, against exact arithmetic."""

from __future__ import annotations

import ctypes
from fractions import Fraction

import numpy as np
import pytest

from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.plan.work import LANES
from pellucid.engines.llvm.run.native import Library, host, object_code

V = f"<{LANES} x float>"
TEXT = f"""declare {V} @llvm.fma.v{LANES}f32({V}, {V}, {V})
declare float @llvm.fma.f32(float, float, float)
define void @vectors(ptr %a, ptr %b, ptr %c, ptr %r) {{
  %x = load {V}, ptr %a, align 4
  %y = load {V}, ptr %b, align 4
  %z = load {V}, ptr %c, align 4
  %f = call {V} @llvm.fma.v{LANES}f32({V} %x, {V} %y, {V} %z)
  store {V} %f, ptr %r, align 4
  ret void
}}
define void @scalars(ptr %a, ptr %b, ptr %c, ptr %r) {{
  %x = load float, ptr %a
  %y = load float, ptr %b
  %z = load float, ptr %c
  %f = call float @llvm.fma.f32(float %x, float %y, float %z)
  store float %f, ptr %r
  ret void
}}
"""
OLD = Target("x86-64-v2", "", host().triple)
pytestmark = pytest.mark.skipif(host().architecture != "x86-64", reason="every 64-bit ARM has multiply-adds")


def numbers(count: int) -> np.ndarray:
    """Three numbers a row of which the third nearly cancels the product, or reaches just beyond its last bit."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, (count, 3), dtype=np.uint64).astype(np.uint32)
    wild = bits.view(np.float32)
    plain = rng.normal(size=(count, 3)).astype(np.float32)
    near = plain.copy()
    near[:, 2] = -near[:, 0] * near[:, 1]
    short = (rng.integers(-(2**12), 2**12, (count, 3)) * 2.0**-11).astype(np.float32)
    ties = short.copy()
    ties[:, 2] *= np.float32(2.0) ** rng.integers(-40, 40, count).astype(np.float32)
    tiny = plain * np.float32(2.0**-70)
    tiny[:, 2] = (rng.integers(-40, 40, count) * 2.0**-149).astype(np.float32)
    halves = np.full((count, 3), 2.0**-75, np.float32)
    halves[:, 1] *= rng.choice([1, -1, 1 + 2.0**-23, 1 - 2.0**-24], count)
    halves[:, 2] = (rng.integers(-3, 3, count) * 2.0**-149).astype(np.float32)
    special = rng.choice(np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 3.4e38, 1e-45], np.float32), (count, 3))
    return np.concatenate([wild, plain, near, short, ties, tiny, halves, special])


def called(to: Target, name: str, rows: np.ndarray, at_once: int) -> np.ndarray:
    library = Library([object_code(TEXT, to)], to)
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(library.address(name))
    a, b, c = (np.ascontiguousarray(rows[:, k]) for k in range(3))
    found = np.empty(len(rows), np.float32)
    for k in range(0, len(rows), at_once):
        run(*(x.ctypes.data + 4 * k for x in (a, b, c, found)))
    return found


@pytest.mark.parametrize(("name", "at_once"), [("vectors", LANES), ("scalars", 1)])
def test_the_bits_of_exact_arithmetic(name: str, at_once: int) -> None:
    rows = numbers(LANES * 100)
    found = called(OLD, name, rows, at_once)
    for (a, b, c), r in zip(rows.tolist(), found, strict=True):
        if not np.isfinite([a, b, c]).all():
            continue
        exact = Fraction(a) * Fraction(b) + Fraction(c)
        if np.isinf(r):
            assert abs(exact) >= Fraction(2) ** 128 - Fraction(2) ** 103
            continue
        error = abs(Fraction(float(r)) - exact)
        for end in (-np.inf, np.inf):
            neighbour = np.nextafter(r, np.float32(end))
            if np.isfinite(neighbour):
                other = abs(Fraction(float(neighbour)) - exact)
                assert error < other or (error == other and r.view(np.uint32) % 2 == 0), "ties go to the even number"


@pytest.mark.skipif(not host().fused, reason="this CPU has no multiply-adds")
@pytest.mark.parametrize(("name", "at_once"), [("vectors", LANES), ("scalars", 1)])
def test_the_bits_of_a_cpu_that_has_them(name: str, at_once: int) -> None:
    rows = numbers(LANES * 2000 if at_once > 1 else LANES * 200)
    found, expected = (called(to, name, rows, at_once) for to in (OLD, host()))
    same = (found.view(np.uint32) == expected.view(np.uint32)) | (np.isnan(found) & np.isnan(expected))
    assert same.all(), rows[~same][:5]
