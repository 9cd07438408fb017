"""Orthonormal vectors with the same bits on every machine, which libraries of linear algebra do not give: they add in
an order that suits the CPU."""

from __future__ import annotations

from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

BLOCK = 32
"""Vectors that are made orthogonal to all before them at once."""

LARGEST = 8.0
"""Numbers are smaller: a normal number that comes from one of 24 bits is, and so is what is left of it."""


def orthonormal(vectors: Reals) -> Reals:
    """The rows, made orthonormal one after the other: Gram and Schmidt's process, in blocks, each step done twice.

    Source: Giraud, Langou, Rozložník & van den Eshof, Rounding error analysis of the classical Gram-Schmidt
        orthogonalization process, Numerische Mathematik 101 (2005): twice is enough.
    """
    count, size = vectors.shape
    bits = (52 - ceil(log2(max(count, size, 2)))) // 2
    rows, parts = np.empty((count, size)), np.empty((3, count, size))
    for start in range(0, count, BLOCK):
        new = vectors[start : start + BLOCK].copy()
        for _ in range(2 if start else 0):
            along = _product(_split(new, bits), parts[:, :start].swapaxes(1, 2))
            new -= _product(_split(along, bits), parts[:, :start])
        for k, row in enumerate(new):
            for _ in range(2):
                row = row - ((new[:k] * row).sum(axis=1)[:, None] * new[:k]).sum(axis=0)
            new[k] = row / np.sqrt((row * row).sum())
        rows[start : start + BLOCK] = new
        parts[:, start : start + BLOCK] = _split(new, bits)
    return rows


def _split(values: Reals, bits: int) -> Reals:
    """Three arrays whose sum they are, nearly: each holds multiples of a power of two, so many bits long."""
    parts, unit = [], LARGEST / 2.0**bits
    for _ in range(3):
        parts.append(np.rint(values / unit) * unit)
        values = values - parts[-1]
        unit /= 2.0**bits
    return np.stack(parts)


def _product(one: Reals, other: Reals) -> Reals:
    """The matrix product of what was split, smallest parts first. Every sum of products of two parts is exact, in
    whatever order it is added up. Source: Ozaki, Ogita, Oishi & Rump, Error-free transformations of matrix
    multiplication, Numerical Algorithms 59 (2012)."""
    total: Reals = np.zeros((one.shape[1], other.shape[2]))
    for place in (2, 1, 0):
        for k in range(place + 1):
            total += one[k] @ other[place - k]
    return total
