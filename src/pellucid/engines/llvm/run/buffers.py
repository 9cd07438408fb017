"""Memory for native code: it begins where a page or a cache line does, and holds NaN where that is asked for."""

from __future__ import annotations

import ctypes
import os
import weakref
from math import prod
from typing import Any

import numpy as np

from pellucid.engines.base import Array, real_or_integer
from pellucid.engines.llvm.plan.work import CACHE_LINE
from pellucid.errors import PellucidError
from pellucid.formula.expressions import Tensor

PAGE = 4096

LARGE = 1 << 20
"""Bytes of a result from which on its memory is kept for the next: the system fills fresh memory with zeros, page by
page, which is 6 % of a prediction of 64 texts of 20 words among 10,000."""

POISON = os.environ.get("PELLUCID_POISON", "0") not in ("", "0")
"""Whether all memory that a call may write is filled with NaN before it: what is read before it was written shows."""


def poison(memory: Array) -> None:
    """Fill an array with bytes that are NaN as real numbers, and −1 as integers."""
    if memory.size:
        memory.reshape(-1).view(np.uint8)[...] = 0xFF


def aligned(size: int, what: str, to: int = PAGE, *, advice: str = "take a smaller batch") -> Array:
    """Bytes that begin on a page, or at another multiple.

    Raises:
        PellucidError: the memory is not there.
    """
    try:
        raw = np.empty(size + to, dtype=np.uint8)
    except MemoryError:
        raise PellucidError(f"there is no memory for {what}: {size / 2**20:.0f} MiB are needed; {advice}") from None
    start = -raw.ctypes.data % to
    return raw[start : start + size]


def empty(shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    """An array for what a call gives.

    Raises:
        PellucidError: the memory is not there.
    """
    try:
        array: Array = np.empty(shape, kind)
    except MemoryError as error:
        raise PellucidError(f"there is not enough memory ({error}): take a smaller batch") from None
    if POISON:
        poison(array)
    return array


class Recycled:
    """Memory for results, which is given out again when nobody has the array that lay in it, nor a view of that, any
    more. Of each size one piece waits; any number of threads may ask."""

    def __init__(self) -> None:
        self._waiting: dict[int, Array] = {}

    def empty(self, shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
        """An array for what a call gives; raises as `empty` does."""
        size = prod(shape) * kind.itemsize
        if size < LARGE:
            return empty(shape, kind)
        memory = self._waiting.pop(size, None)  # one step for all threads
        if memory is None:
            memory = empty((size,), np.dtype(np.uint8))
        # A view may refer to the array, or past it to what the array lies in: both end only with the last of them.
        lent = (ctypes.c_char * size).from_buffer(memory)  # type: ignore[arg-type]
        weakref.finalize(lent, self._waiting.__setitem__, size, memory).atexit = False
        array: Array = np.ndarray(shape, kind, lent)  # type: ignore[arg-type]
        if POISON:
            poison(array)
        return array


def address(array: Array) -> int:
    """Where an array lies; a buffer says so in a fifth of the time that NumPy takes, if it may be written."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return int(array.ctypes.data)


def suits(value: Any, kind: np.dtype[Any]) -> bool:
    """Whether native code can read a value where it lies: an array in C order, of this kind of number."""
    return type(value) is np.ndarray and value.dtype == kind and value.flags.c_contiguous


def copied(array: Array) -> Array:
    """A copy in C order that begins with a cache line: no vector of it lies in two. NumPy's own arrays begin
    anywhere."""
    memory = aligned(array.nbytes, "parameters", CACHE_LINE, advice="the network is too large for this machine")
    copy: Array = memory.view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def converted(name: str, value: Any, tensor: Tensor) -> Array:
    """A value of one of the program's inputs, contiguous; integers in 32 bits, as the code knows no others.

    Raises:
        PellucidError: an integer that 32 bits, with a sign or without, do not hold.
    """
    array = real_or_integer(name, tensor, value)
    if tensor.kind != "int" or array.dtype == np.int32:
        return np.ascontiguousarray(array)
    if array.dtype.itemsize > 4 and array.size:
        low, high = int(array.min()), int(array.max())
        if low < -(2**31) or high >= 2**32:
            raise PellucidError(f"{name} holds {low if low < -(2**31) else high}, expected an integer of 32 bits")
    return np.ascontiguousarray(array.astype(np.int32, copy=False))
