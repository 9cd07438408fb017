"""Memory for native code: it begins where a page or a line of the caches does."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.engines.base import Array
from pellucid.engines.llvm.work import LINE
from pellucid.errors import PellucidError

PAGE = 4096


def aligned(size: int, what: str, to: int = PAGE) -> Array:
    """Bytes that begin on a page, or at another multiple.

    Raises:
        PellucidError: the memory is not there.
    """
    try:
        raw = np.empty(size + to, dtype=np.uint8)
    except MemoryError:
        raise PellucidError(
            f"there is no memory for {what}: {size / 2**20:.0f} MiB are needed; take a smaller batch"
        ) from None
    start = -raw.ctypes.data % to
    return raw[start : start + size]


def suits(value: Any, kind: np.dtype[Any]) -> bool:
    """Whether native code can read a value where it lies: an array in C order, of this kind of number."""
    return type(value) is np.ndarray and value.dtype == kind and value.flags.c_contiguous


def copied(array: Array) -> Array:
    """A copy in C order that begins with a line: no vector of it lies in two. NumPy's own arrays begin anywhere."""
    copy: Array = aligned(array.nbytes, "parameters", LINE).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
