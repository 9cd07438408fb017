"""IDX files, the format of MNIST: plain or gzipped, distinguished by their content.

Layout: two zero bytes, a byte for the type, a byte for the rank, each extent as a big-endian uint32, values.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import list_folder, open_regular, reason
from .dataset import Dataset

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_RANK = 8
_MAX_CLASSES = 1 << 16
_GZIP_RATIO = 1032  # deflate cannot do better: a match of 258 bytes costs at least 2 bits
_NAME = re.compile(r"(?:^|[-_.])(train|t10k|test)[-_.](images|labels)(?![a-z])", re.IGNORECASE)

Source = str | os.PathLike[str]


def read_idx(path: Source, *, max_bytes: int = 1 << 30) -> NDArray[Any]:
    """The array of one IDX file, in this machine's byte order.

    Args:
        max_bytes: the maximum that the values may take; the size declared is checked before any of it is read.

    Raises:
        DataError: a file that cannot be read, is no IDX file, is truncated, or holds more than it declares.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return _read(file, path, max_size=size, max_bytes=max_bytes)
            with gzip.GzipFile(fileobj=file) as stream:
                return _read(stream, path, max_size=size * _GZIP_RATIO, max_bytes=max_bytes)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f'"{path}" is a damaged gzip file ({str(error).rstrip(".")}): fetch it again.') from error
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error


def load_idx(images: Source, labels: Source, *, name: str = "idx") -> Dataset:
    """Images and their labels: x (n, h, w, 1) float32 scaled from 0..255 to 0..1, y (n,) int64.

    Colour images of rank 4 (n, h, w, c) are taken too. Classes are named by their numbers.

    Raises:
        DataError: what ``read_idx`` refuses, no images or no labels, or not as many of each.
    """
    pixels, marks = read_idx(images), read_idx(labels)
    if pixels.ndim == 1 and marks.ndim >= 3:
        raise DataError(f'"{images}" holds labels and "{labels}" images: swap the two.')
    if pixels.ndim not in (3, 4) or pixels.dtype != np.uint8:
        raise DataError(f'"{images}" holds {_kind(pixels)}, expected images (n, h, w) of uint8.')
    if marks.ndim != 1 or marks.dtype.kind not in "iu":
        raise DataError(f'"{labels}" holds {_kind(marks)}, expected labels (n,) of integers.')
    if len(pixels) != len(marks):
        raise DataError(f'"{images}" holds {len(pixels)} images, "{labels}" {len(marks)} labels, not as many.')
    if marks.min() < 0 or marks.max() >= _MAX_CLASSES:
        wrong = marks.min() if marks.min() < 0 else marks.max()
        raise DataError(f'"{labels}" holds the label {wrong}, expected labels from 0 to {_MAX_CLASSES - 1}.')
    y = marks.astype(np.int64)
    x = pixels[..., None] if pixels.ndim == 3 else pixels
    return Dataset(
        name=name,
        x=np.divide(x, np.float32(255), dtype=np.float32),
        y=y,
        class_names=tuple(map(str, range(int(y.max()) + 1))),
        description=f"{len(x)} images of {x.shape[1]}×{x.shape[2]} from {Path(images).name}",
    )


def load_idx_folder(folder: Source) -> tuple[Dataset, Dataset]:
    """The training and the test set of a folder with MNIST's file names, plain or gzipped:
    train-images…, train-labels…, and t10k-images…, t10k-labels… (or test-…).

    Raises:
        DataError: a file is missing or there are several for one part, and what ``load_idx`` refuses.
    """
    try:
        paths = [path for path in list_folder(folder) if path.is_file()]
    except OSError as error:
        raise DataError(f'cannot read the folder "{folder}": {reason(error)}.') from error
    parts: dict[tuple[str, str], dict[str, Path]] = {}
    for path in paths:
        if match := _NAME.search(path.name):
            part, kind = match[1].lower(), match[2].lower()
            # a file and its gzipped twin are one: the plain one sorts first and is faster to read
            twins = parts.setdefault(("train" if part == "train" else "t10k", kind), {})
            twins.setdefault(path.name.removesuffix(".gz"), path)

    def only(part: str, kind: str) -> Path:
        files = list(parts.get((part, kind), {}).values())
        if len(files) == 1:
            return files[0]
        names = " and ".join(path.name for path in files) if files else f"no {part}-{kind} file"
        raise DataError(f'"{folder}" holds {names}, expected one {part}-{kind}-idx… file, plain or gzipped.')

    name = Path(folder).resolve().name
    train = load_idx(only("train", "images"), only("train", "labels"), name=name)
    test = load_idx(only("t10k", "images"), only("t10k", "labels"), name=f"{name} test")
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f'"{folder}" holds images of {train.x.shape[1:]} to train and of {test.x.shape[1:]} to test,'
            " expected one size."
        )
    return train, test


def _read(stream: IO[bytes] | gzip.GzipFile, path: Source, *, max_size: int, max_bytes: int) -> NDArray[Any]:
    """Read one array; ``max_size`` bounds the bytes that this file can hold when unpacked."""
    magic = stream.read(4)
    if not magic:
        raise DataError(f'"{path}" is empty, expected an IDX file.')
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= _MAX_RANK:
        raise DataError(f'"{path}" begins with the bytes {magic.hex(" ")}, which is no IDX file.')
    dtype, rank = np.dtype(_TYPES[magic[2]]), magic[3]
    header = stream.read(4 * rank)
    if len(header) < 4 * rank:
        raise DataError(f'"{path}" is truncated in its header: fetch it again.')
    shape = struct.unpack(f">{rank}I", header)
    declared = math.prod(shape) * dtype.itemsize
    if declared == 0:
        raise DataError(f'"{path}" declares the shape {shape}, expected at least one value.')
    if declared > max_bytes:
        raise DataError(f'"{path}" declares {declared:,} bytes of values, expected at most {max_bytes:,}.')
    if declared > max_size:  # before allocating: a header alone must not cost memory
        raise DataError(f'"{path}" is truncated: it declares {declared:,} bytes and is too small for them.')
    array = np.empty(shape, dtype)
    view = array.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < declared:
        part = stream.read(min(1 << 20, declared - filled))
        if not part:
            raise DataError(f'"{path}" is truncated: it holds {filled:,} of {declared:,} bytes declared.')
        view[filled : filled + len(part)] = part
        filled += len(part)
    if stream.read(1):  # at the end of a gzip file this also verifies its checksum
        raise DataError(f'"{path}" holds more than the {declared:,} bytes of values that it declares.')
    return array.astype(dtype.newbyteorder("="), copy=False)


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"
