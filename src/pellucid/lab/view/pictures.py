"""A value's numbers as the page gets them: of an example, and no more than were asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.formula import Tensor
from pellucid.lab.protocol import answers
from pellucid.lab.view.samples import numbers
from pellucid.messages import gettext

Array = NDArray[Any]


def checked_index(tensor: Tensor, path: str, shape: tuple[int, ...], index: Sequence[int]) -> tuple[int, ...]:
    """An index with the example's place put in, checked."""
    place = batch_axis(tensor)
    given = list(index)
    if not all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in given):
        raise DataError(gettext("{path}: expected an index of integers, got {index}", path=path, index=given))
    if place is not None and len(given) == len(shape) - 1:
        given.insert(place, 0)
    if len(given) != len(shape) or not all(0 <= i < n for i, n in zip(given, shape, strict=True)):
        there = [n for k, n in enumerate(shape) if k != place]
        raise DataError(
            gettext(
                "{path} has the shape {shape}, so there is nothing at {index}",
                path=path,
                shape=tuple(there),
                index=list(index),
            )
        )
    return tuple(int(i) for i in given)


def batch_axis(tensor: Tensor) -> int | None:
    """Where the examples stand among a tensor's axes."""
    return next((k for k, a in enumerate(tensor.axes) if not isinstance(a.extent, int)), None)


def picture(tensor: Tensor, array: Array, limit: int) -> answers.Picture:
    """Of a value the first example, at most `limit` numbers."""
    place = batch_axis(tensor)
    whole = np.asarray(array if place is None else array.take(0, axis=place))
    maps = whole.ndim in (3, 4) and not any(a.name == "t" for a in tensor.axes)
    first = whole[tuple(slice(n) for n in block(whole.shape, max(0, limit), maps=maps))]
    return {**numbers(first), "full": list(whole.shape), "stats": statistics(whole)}


def block(shape: tuple[int, ...], limit: int, *, maps: bool = False) -> tuple[int, ...]:
    """The extents of the first block of at most `limit` numbers: of maps as many whole ones as fit, of anything else
    the longest axes are cut first.
    """
    if not shape or math.prod(shape) <= limit:
        return shape
    if maps and math.prod(shape[:-1]) <= limit:
        return (*shape[:-1], limit // math.prod(shape[:-1]))
    low, high = 0, max(shape)
    while low < high:  # the largest side of a block that fits
        side = (low + high + 1) // 2
        low, high = (side, high) if math.prod(min(n, side) for n in shape) <= limit else (low, side - 1)
    return tuple(min(n, low) for n in shape)


def statistics(array: Array) -> answers.Statistics:
    """Over the finite numbers of a value; NaN where there are none."""
    values = array.astype(np.float64).reshape(-1)
    there = values[np.isfinite(values)]
    if not len(there):
        return {"min": math.nan, "max": math.nan, "mean": math.nan, "std": math.nan, "zeros": 0.0}
    return {
        "min": float(there.min()),
        "max": float(there.max()),
        "mean": float(there.mean()),
        "std": float(there.std()),
        "zeros": float((values == 0).mean()),
    }
