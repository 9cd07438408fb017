"""Batches of what does not fit into memory, or is read piece by piece: tables of columns, arrays in files, folders."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_integer
from ..batches import shuffled
from ..errors import DataError, nearest
from .images import Size, class_folders, read_image

Batch = tuple[NDArray[Any], ...]


class Batches:
    """Batches (x, y), or (x, y, weights), for `Network.fit` and `Network.evaluate`, read when their turn comes.

        net.fit(Batches((x, y), batch_size=64, shuffle=True), epochs=3)            # arrays, also np.memmap
        net.fit(Batches(dataset, x="image", y="label"), epochs=3)                  # Hugging Face, Arrow, columns
        net.fit(Batches("animals/", size=(64, 64), shuffle=True), epochs=3)        # a folder of images for each class

    Every pass over them is an epoch. The order of an epoch comes from the seed and the epoch alone.

    Args:
        source: a tuple of arrays of equal lengths; a data set with named columns; or a folder with one folder of
            images for each class, whose classes are numbered in sorted order.
        x, y, weights: of a data set, the names of its columns; x may be several, which become a dict.
        shuffle: whether every epoch has its own order.
        transform: a function of x and y, called with every batch, that gives them changed.
        size, channels: of images, what they are brought to: (height, width), and 1 or 3.

    Raises:
        DataError: a source of another kind, or a column that it does not have.
    """

    def __init__(
        self,
        source: Any,
        *,
        x: str | Sequence[str] | None = None,
        y: str | None = None,
        weights: str | None = None,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        transform: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        size: Size | None = None,
        channels: int = 3,
    ) -> None:
        self.batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self.shuffle, self.seed, self.transform, self.epoch = shuffle, check_integer(seed, "seed"), transform, 0
        self.class_names: tuple[str, ...] | None = None
        """Of a folder of images, the names of its classes."""
        named = getattr(source, "column_names", None)
        if isinstance(source, str | os.PathLike):
            if size is None:
                raise DataError(f'"{source}" is a folder of images, expected the size to bring them to: size=(64, 64).')
            classes, files = class_folders(source)
            self.class_names = tuple(c.name for c in classes)
            paths = [path for of_class in files for path in of_class]
            labels = np.repeat(np.arange(len(classes)), [len(of_class) for of_class in files])
            self._length, self._rows = len(paths), _images(paths, labels, size, channels)
        elif isinstance(source, tuple) and len(source) in (2, 3):
            lengths = {len(array) for array in source}
            if len(lengths) != 1:
                raise DataError(f"expected arrays of one length, got {', '.join(map(str, sorted(lengths)))} examples.")
            self._length, self._rows = lengths.pop(), lambda rows: tuple(np.asarray(array[rows]) for array in source)
        elif named is not None or hasattr(source, "columns"):
            names = [str(name) for name in (named if named is not None else source.columns)]
            if x is None or y is None:
                raise DataError(f"expected the names of the columns for x and y, such as {_example(names)}.")
            wanted = [*([x] if isinstance(x, str) else x), y, *([] if weights is None else [weights])]
            for name in wanted:
                if name not in names:
                    raise DataError(f'there is no column "{name}", only {", ".join(names)}.{nearest(name, names)}')
            self._length, self._rows = len(source), _columns(source, x, [y] if weights is None else [y, weights])
        else:
            kind = type(source).__name__
            raise DataError(f"the source is {kind}, expected (x, y) of arrays, a data set with columns, or a folder.")
        if self._length < 1:
            raise DataError("the source has no example, expected at least one.")

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return math.ceil(self._length / self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next pass is, counted from 0."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batch]:
        order = shuffled(self._length, self.seed, self.epoch) if self.shuffle else None
        self.epoch += 1
        return self._pass(order)

    def _pass(self, order: NDArray[np.int64] | None) -> Iterator[Any]:
        for start in range(0, self._length, self.batch_size):
            end = min(start + self.batch_size, self._length)
            x, y, *weights = self._rows(np.arange(start, end) if order is None else order[start:end])
            if self.transform is not None:
                x, y = self.transform(x, y)
            yield (x, y, *weights)


def _images(paths: list[Path], labels: NDArray[np.int64], size: Size, channels: int) -> Callable[[Any], Batch]:
    def rows(index: NDArray[np.int64]) -> Batch:
        images = [read_image(paths[i], size=size, channels=channels) for i in index]
        return np.stack(images), labels[index]

    return rows


def _columns(source: Any, x: str | Sequence[str], others: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    names = [x] if isinstance(x, str) else list(x)

    def rows(index: NDArray[np.int64]) -> tuple[Any, ...]:
        if hasattr(source, "iloc"):  # pandas
            part = source.iloc[index]
        elif hasattr(source, "take") and not hasattr(source, "features"):  # Arrow
            part = source.take(index)
        else:  # Hugging Face, polars
            part = source[index.tolist()]
        arrays = {name: _array(part[name], name) for name in (*names, *others)}
        return (arrays[x] if isinstance(x, str) else {n: arrays[n] for n in names}, *(arrays[n] for n in others))

    return rows


def _array(values: Any, name: str) -> NDArray[Any]:
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    listed = values.to_pylist() if hasattr(values, "to_pylist") else values
    array = np.asarray(listed) if hasattr(listed, "__array__") else np.empty(0, dtype=object)
    if array.dtype == object:  # a list, an image or an array for each row
        array = np.asarray([np.asarray(value) for value in listed])
    if array.dtype.kind not in "biufU":  # texts are for networks that take them
        raise DataError(f'the column "{name}" holds {array.dtype}, expected texts, or numbers of one shape.')
    return array


def _example(names: list[str]) -> str:
    return f'x="{names[0]}", y="{names[-1]}"' if names else 'x="image", y="label"'
