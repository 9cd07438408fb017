"""Messages as bytes: JSON for what is small, and behind it the arrays as they lie in memory.

A frame is `PLF1`, the length of the JSON (uint32, little-endian), the JSON in UTF-8 padded with spaces to a multiple
of 8, and the arrays' bytes, each array aligned to 8 so that the browser can lay a Float64Array over it. In the JSON an
array stands as `{"$": [dtype, offset, length]}`, the offset in bytes from the end of the JSON; a number that JSON has
no word for stands as `{"$": "nan"}`, `"inf"` or `"-inf"`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.messages import gettext

MAGIC = b"PLF1"
LARGEST = 1 << 26
"""How many bytes a frame may have."""
DTYPES = {"f4": "<f4", "f8": "<f8", "i4": "<i4", "u1": "u1"}


def _too_large() -> DataError:
    return DataError(gettext("the answer has more than {size} MiB: ask for less of it", size=LARGEST >> 20))


def encode(message: Any) -> bytes:
    """A message of None, booleans, numbers, texts, lists, dicts and NumPy arrays as a frame.

    Raises:
        DataError: the frame would be larger than `LARGEST`.
    """
    arrays: list[bytes] = []
    size = 0

    def put(array: NDArray[Any]) -> dict[str, Any]:
        nonlocal size
        code, flat = flattened(array)
        data = flat.tobytes()
        place, gap = size, -len(data) % 8
        arrays.append(data + bytes(gap))
        size += len(data) + gap
        if size > LARGEST:
            raise _too_large()
        return {"$": [code, place, flat.size]}

    header = json.dumps(jsonable(message, put), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # half of a pair (JavaScript cuts texts in the middle of one) has no bytes in UTF-8, but an escape in JSON
    text = header.encode(errors="backslashreplace")
    text += b" " * (-len(text) % 8)
    if len(text) + size > LARGEST:
        raise _too_large()
    return b"".join([MAGIC, struct.pack("<I", len(text)), text, *arrays])


def jsonable(value: Any, put: Callable[[NDArray[Any]], Any]) -> Any:
    """`value` as JSON can carry it; `put` says what stands for an array."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item, put) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return put(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"$": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, (list, tuple)):
        return [jsonable(item, put) for item in value]
    if isinstance(value, (str, bool, int)):  # a NumPy number unwrapped
        return value
    raise TypeError(f"a {type(value).__name__} cannot be put into a frame")


def flattened(array: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    """The code of a dtype that the browser knows, and the array in it, in row-major order."""
    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        code = "f8" if width > 4 else "f4"
    elif kind == "b" or (kind == "u" and width == 1):
        code = "u1"
    elif kind in "iu":
        info = np.iinfo(np.int32)
        fits = not array.size or (array.min() >= info.min and array.max() <= info.max)
        code = "i4" if fits else "f8"
    else:
        raise TypeError(f"an array of {array.dtype} cannot be put into a frame")
    return code, np.ascontiguousarray(array, dtype=DTYPES[code]).reshape(-1)
