"""Examples for a saved network: images, tables, arrays, texts, named sets."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Preparation, as_array, read_idx, read_image, read_text
from ..data.tables.csvfile import dataset
from ..data.tables.loading import read_table, table_in
from ..data.tables.table import Column
from ..errors import DataError
from ..files import MAX_BYTES, open_regular, reason
from .language import KEY, UNITS, Reader
from .output import STREAM
from .sources import by_name, check_writing, kind_of, text_of, unknown

BRIGHTNESS = "brightness"
"""The entry of a network's metadata with the mean of the images learned, from 0 to 1: an image far from it may need to
be inverted."""


def the_shape(net: pl.Network, file: str) -> tuple[int, ...]:
    """The shape of one example of a network with one input and one output.

    Raises:
        DataError: it has several.
    """
    if len(net.input_shapes) != 1 or len(net.output_shapes) != 1:
        raise DataError(
            f"{file} has {len(net.input_shapes)} inputs and {len(net.output_shapes)} outputs, expected one of each:"
            " use it in Python, pellucid.load."
        )
    (shape,) = net.input_shapes.values()
    if net.open:
        raise DataError(f"{file} takes examples of any length, {shape}: use it in Python, pellucid.load.")
    return shape


def image(source: str, net: pl.Network, file: str, shape: tuple[int, ...], *, invert: bool) -> NDArray[Any]:
    """An image as the network takes it; a flat network of as many inputs as a square has pixels gets a square."""
    if any(isinstance(layer, pl.Normalization) for layer in net.layers):
        raise DataError(f'"{source}" is an image, but {file} learned from a table, expected a CSV file.')
    brightness = net.metadata.get(BRIGHTNESS)
    side = math.isqrt(shape[0])
    if len(shape) == 1 and side * side == shape[0]:
        height, width, channels = side, side, 1
    elif len(shape) == 3 and shape[2] in (1, 3):
        height, width, channels = shape
    else:
        raise DataError(
            f'"{source}" is an image, but the model takes examples of shape {shape}, expected (h, w, 1 or 3).'
        )
    x = read_image(source, size=(height, width), channels=channels, invert=invert)
    mean = float(x.mean())
    if isinstance(brightness, float) and abs(mean - brightness) > abs(1 - mean - brightness) + 0.2:
        fix = "leave --invert out" if invert else "try --invert"
        click.echo(f"The image's mean is {mean:.2f}, that of the training images {brightness:.2f}: {fix}.")
    return x.reshape(1, *shape)


def is_image(source: str) -> bool:
    """Whether the source is the file of an image."""
    path = Path(source)
    return by_name(source) is None and path.exists() and not path.is_dir() and kind_of(path) == "image"


def examples(
    source: str, preparation: Preparation, writing: Mapping[str, Any], net: pl.Network
) -> tuple[NDArray[Any], dict[str, Column] | None]:
    """The rows of a table, an array, an IDX file or a named set; the lines of a text, for a network that takes texts;
    and a table's columns.
    """
    path = Path(source)
    words = pl.TextVectorization.of(net)
    if words is not None and (source == STREAM or path.suffix.lower() == ".txt"):
        check_writing(source, writing)
        text = sys.stdin.buffer.read(MAX_BYTES).decode(errors="replace") if source == STREAM else read_text(path)
        return words([line for line in text.splitlines() if line.strip()]), None
    if source == STREAM:
        columns = table_in(sys.stdin.buffer.read(MAX_BYTES), "the standard input", **writing)
        return dataset(columns, Path("the standard input"), like=preparation).x, columns
    named = by_name(source)
    if named is None and path.is_dir():
        raise DataError(f'"{source}" is a folder, expected a file (CSV, .npy, IDX, an image) or the name of a set.')
    if named is None and not path.exists():
        raise unknown(source)
    kind = "named" if named is not None else kind_of(path)
    if kind == "table":
        columns = read_table(path, **writing)
        return dataset(columns, path, like=preparation).x, columns
    check_writing(source, writing)
    if named is not None:
        return named.x, None
    if kind == "idx":
        array = read_idx(path)
        return (array / np.float32(255) if array.dtype == np.uint8 else array), None
    try:
        with open_regular(path) as file:  # np.load would also take archives and pickles
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error
    except Exception as error:  # a damaged header makes NumPy's parser raise whatever comes
        raise DataError(f"{path.name} is not a NumPy array of numbers ({error}).") from error
    return as_array(array, what=path.name), None


def one_example(
    source: str,
    net: pl.Network,
    file: str,
    preparation: Preparation,
    writing: Mapping[str, Any],
    *,
    invert: bool = False,
) -> tuple[NDArray[Any], Any]:
    """One example as the network takes it, and its target where the source has one, else None.

    `source` is an image, or a table, an array, a named set or a text with the number of its row or token, from 0:
    digits:7, new.csv:3, book.txt:100.
    """
    shape = the_shape(net, file)
    if is_image(source):
        return image(source, net, file, shape, invert=invert)[0], None
    if invert:
        raise DataError(f'"{source}" is not an image, and only images take --invert: leave it out.')
    name, row = _placed(source)
    if KEY in net.metadata:
        check_writing(name, writing)
        return _stretch(name, row, Reader.read(net, file))
    given, columns = examples(name, preparation, writing, net)
    x = fitted(name, given, shape)
    if not 0 <= row < len(x):
        raise DataError(f'"{name}" has {len(x)} rows, expected one from 0 to {len(x) - 1}, got row {row}.')
    if columns is not None:
        return x[row], _cell(columns.get(preparation.target or ""), row, preparation)
    named = by_name(name)
    return x[row], None if named is None else as_targets(named.y, preparation)[row]


def _placed(source: str) -> tuple[str, int]:
    """The source and the number after its last colon, 0 if there is none."""
    match = re.fullmatch(r"(.+):(-?\d+)", source)
    return (source, 0) if match is None or Path(source).exists() else (match[1], int(match[2]))


def _stretch(name: str, start: int, reader: Reader) -> tuple[NDArray[Any], Any]:
    """As many tokens as the network reads, from one on; and those that follow each of them, where there are any."""
    ids = reader.vocabulary.encode(text_of(name))
    last = len(ids) - reader.length
    if not 0 <= start <= last:
        units = UNITS[reader.vocabulary.by]
        begin = f", beginning from 0 to {last}, got {start}" if last >= 0 else ""
        raise DataError(f'"{name}" has {len(ids)} {units}, expected {reader.length} to read at a time{begin}.')
    after = ids[start + 1 : start + reader.length + 1]
    return ids[start : start + reader.length], after if len(after) == reader.length else None


def _cell(column: Column | None, row: int, preparation: Preparation) -> Any:
    """The target that stands in a row of a table; None where there is none."""
    if column is None:
        return None
    cell = column.cells[row]
    if preparation.classes is not None:
        number = column.writing.number(cell)
        known = {*preparation.classes}
        for name in (cell, str(int(number.value)) if number is not None and number.value.is_integer() else cell):
            if name in known:
                return np.int64(preparation.classes.index(name))
        if column.missing[row]:
            return None
        raise column.fail(row, f'"{cell}" is not one of the known values {", ".join(preparation.classes)}')
    if column.missing[row]:
        return None
    return np.array([column.demand_numbers()[row]], dtype=np.float32)


def as_targets(y: NDArray[Any], preparation: Preparation) -> NDArray[Any]:
    """Targets as the loss takes them: labels (n,), or quantities (n, 1)."""
    return y if preparation.classes is not None or y.ndim > 1 else y[:, None]


def target_of(label: str, net: pl.Network, preparation: Preparation, *, option: str = "--label") -> Any:
    """The value of an option, as the loss takes it: the name or number of a class, or a quantity."""
    if preparation.classes is not None and label in preparation.classes:
        return np.int64(preparation.classes.index(label))
    try:
        value = float(label)
    except ValueError:
        known = ", ".join(preparation.classes or ()) or "a number"
        raise DataError(f'{option} is "{label}", expected {known}.') from None
    (shape,) = net.output_shapes.values()
    if preparation.classes is None and shape == (1,):
        return np.array([value], dtype=np.float32)
    return np.int64(value) if value.is_integer() else np.float32(value)


def fitted(source: str, x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Examples of as many numbers brought to ``shape``: 64 in a row are an image of 8 × 8.

    Raises:
        DataError: another number of numbers.
    """
    if x.ndim > 1 and math.prod(x.shape[1:]) == math.prod(shape):
        return x.reshape(-1, *shape)
    shapes = f"{len(x)} examples of {_shown(x.shape[1:])}" if x.ndim > 1 else f"an array of shape {x.shape}"
    raise DataError(f'"{source}" holds {shapes}, expected examples of {_shown(shape)}, which the model takes.')


def _shown(shape: tuple[int, ...]) -> str:
    return f"{' × '.join(map(str, shape))} number{'s' * (math.prod(shape) != 1)}"
