"""Batches of arrays in an order that depends on the seed and the epoch alone.

There is no hidden state: an order can be asked for again, from any thread, at any time. So a run that was
interrupted continues with exactly the batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import check_integer
from .errors import DataError


def permutation(n: int, bits: np.random.Philox) -> NDArray[np.int64]:
    """0 … n-1 in the order of n raw 64-bit draws, equal draws in order.

    NumPy promises that a bit generator's stream stays as it is; of ``Generator.permutation`` it does not.
    """
    return np.argsort(bits.random_raw(n), kind="stable").astype(np.int64, copy=False)


def shuffled(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of n examples in one epoch: shape (n,), from Philox with the key (seed, epoch)."""
    n = check_integer(n, "n", below=1 << 63)
    key = np.array([check_integer(seed, "seed"), check_integer(epoch, "epoch")], dtype=np.uint64)
    return permutation(n, np.random.Philox(key=key))


def batches(
    *arrays: NDArray[Any], batch_size: int, seed: int | None = None, epoch: int = 0, start: int = 0
) -> Iterator[tuple[NDArray[Any], ...]]:
    """The arrays cut into batches along their first axis, one tuple a batch; the last may be smaller.

    Only the rows of one batch are read at a time, so arrays may be ``np.memmap`` of files larger than memory.

    Args:
        seed: shuffle by ``shuffled(n, seed, epoch)``; None keeps the order, and then the batches are views.
        start: the first batch to give, to continue in the middle of an epoch.

    Raises:
        DataError: no arrays, arrays of different lengths, or a batch size below 1.
    """
    if not arrays:
        raise DataError("expected at least one array to cut into batches, got none.")
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        counts = ", ".join(str(len(array)) for array in arrays)
        raise DataError(f"expected equally many examples in each array, got {counts}.")
    n = lengths.pop()
    size = check_integer(batch_size, "batch_size", minimum=1)
    first = check_integer(start, "start") * size
    order = None if seed is None else shuffled(n, seed, epoch)

    def rows(at: int) -> slice | NDArray[np.int64]:
        return slice(at, at + size) if order is None else order[at : at + size]

    return (tuple(np.asarray(array[rows(at)]) for array in arrays) for at in range(first, n, size))
