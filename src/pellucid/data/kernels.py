"""Kernels for images: some that have names, and those that a person writes down.

All are written for convolution, which turns them by 180° before they slide: so ``sobel-x`` gives positive values where
an image gets lighter to the right, ``sobel-y`` where it gets lighter downwards.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_integer
from ..errors import DataError, nearest

Kernel = NDArray[np.float64]

_FIXED = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "sobel-x": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "sobel-y": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "emboss": [[2, 1, 0], [1, 1, -1], [0, -1, -2]],
}
_SIZED = ("box", "gaussian")
MAX_SIZE = 1023
KERNELS = ("identity", *_SIZED, *(name for name in _FIXED if name != "identity"))


def kernel(text: str, *, size: int | None = None, sigma: float | None = None) -> Kernel:
    """A kernel by name, or written as rows of numbers, "1 0 -1; 2 0 -2; 1 0 -1": (u, v) float64.

    Args:
        size: rows and columns of box and gaussian, an odd number, by default 5, or for gaussian what covers 3 sigma.
        sigma: the standard deviation of gaussian in pixels, by default size/5.

    Raises:
        DataError: an unknown name, rows of different lengths, no numbers, a size or sigma for another kernel.
    """
    name = text.strip().lower().replace("_", "-")
    if size is not None and name not in _SIZED:
        raise DataError(f'expected a size for box or gaussian alone, got one for the kernel "{text}": leave it out.')
    if sigma is not None and name != "gaussian":
        raise DataError(f'expected a sigma for gaussian alone, got one for the kernel "{text}": leave it out.')
    if name in _FIXED:
        return np.array(_FIXED[name], dtype=np.float64)
    if name in _SIZED:
        return _sized(name, size, sigma)
    if any(c.isalpha() for c in name.replace("e", "")):  # 1e-3 is a number
        raise DataError(
            f'there is no kernel "{text}", expected one of {", ".join(KERNELS)}, or rows such as "1 0 -1; 2 0 -2".'
            f"{nearest(name, KERNELS)}"
        )
    return _written(text)


def _sized(name: str, size: int | None, sigma: float | None) -> Kernel:
    if sigma is not None and not 0 < sigma < math.inf:
        raise DataError(f"sigma is {sigma!r}, expected a number of pixels above 0.")
    if size is None:
        size = 5 if sigma is None else 2 * math.ceil(3 * sigma) + 1
        if size > MAX_SIZE:
            raise DataError(
                f"sigma is {sigma:g}, expected at most {MAX_SIZE // 6}: a kernel has up to {MAX_SIZE} rows."
            )
    size = check_integer(size, "size", minimum=1, below=MAX_SIZE + 1)
    if size % 2 == 0:
        raise DataError(f"the size is {size}, expected an odd number: an even kernel has no middle.")
    if name == "box":
        return np.full((size, size), 1 / size**2)
    steps = np.arange(size) - size // 2
    bell = np.exp(-((steps / (sigma or size / 5)) ** 2) / 2)
    return np.asarray(np.outer(bell, bell) / bell.sum() ** 2)


def _written(text: str) -> Kernel:
    rows = [row.replace(",", " ").split() for row in text.strip().strip(";").split(";")]
    try:
        numbers = [[float(cell) for cell in row] for row in rows]
    except ValueError as error:
        raise DataError(f'the kernel "{text}" holds something other than numbers: {error}.') from None
    lengths = {len(row) for row in numbers}
    if lengths == {0} or len(lengths) > 1:
        counts = ", ".join(str(len(row)) for row in numbers)
        raise DataError(f'expected rows of equal length in the kernel "{text}", got {counts} numbers.')
    values = np.array(numbers)
    if not np.isfinite(values).all():
        raise DataError(f'the kernel "{text}" holds NaN or infinity, expected finite numbers.')
    if np.abs(values).max() > np.finfo(np.float32).max / values.size:
        raise DataError(f'the kernel "{text}" adds up to more than float32 can hold, expected smaller numbers.')
    return values
