"""Random numbers without hidden state: Philox4x32-10, a function of a key and a counter.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers:
As Easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]

# The multipliers and the increments of the key (golden ratio, √3 − 1) of the paper's section 4.3.
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox4x32(counter: tuple[ArrayLike, ...], key: tuple[ArrayLike, ...]) -> tuple[Words, Words, Words, Words]:
    """Ten rounds over a counter of four 32-bit words and a key of two, which broadcast; words are held in
    uint64.
    """
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = (np.asarray(k, dtype=np.uint64) for k in key)
    for _ in range(10):
        one, two = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (two >> _HALF) ^ c1 ^ k0, two & _LOW, (one >> _HALF) ^ c3 ^ k1, one & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1, c2, c3


def uniform(seed: ArrayLike, stream: ArrayLike, step: ArrayLike, index: ArrayLike) -> NDArray[Any]:
    """A number in [0, 1) for each index: the first word's upper 24 bits over 2²⁴, which float32 holds
    exactly.

    The key is (seed, stream), their lower 32 bits; the counter is (index, step), 64 bits each.
    The arguments broadcast.
    """
    keys = [_bits(k) & _LOW for k in (seed, stream)]
    places, steps = _bits(index), _bits(step)
    word = philox4x32((places & _LOW, places >> _HALF, steps & _LOW, steps >> _HALF), (keys[0], keys[1]))[0]
    return (word >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)


def _bits(value: ArrayLike) -> Words:
    """Integers as 64 bits; negative ones by their two's complement."""
    if isinstance(value, int):
        return np.asarray(value & 0xFFFFFFFFFFFFFFFF, dtype=np.uint64)
    return np.asarray(value).astype(np.int64).view(np.uint64)
