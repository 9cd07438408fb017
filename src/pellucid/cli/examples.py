"""Examples for a saved network: pictures, tables, arrays, named sets."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import as_array, read_csv, read_picture
from ..data.images import SUFFIXES
from ..errors import DataError
from ..files import open_regular, reason
from .preparation import BRIGHTNESS, Preparation, reshaped
from .sources import by_name, unknown


def picture(source: str, shape: tuple[int, ...], brightness: Any, *, invert: bool) -> NDArray[Any]:
    """A picture as the network takes it; a flat network of as many inputs as a square has pixels gets a square."""
    side = math.isqrt(shape[0])
    if len(shape) == 1 and side * side == shape[0]:
        height, width, channels = side, side, 1
    elif len(shape) == 3 and shape[2] in (1, 3):
        height, width, channels = shape
    else:
        raise DataError(
            f'"{source}" is a picture, but the model takes examples of shape {shape}, expected (h, w, 1 or 3).'
        )
    x = read_picture(source, size=(height, width), channels=channels, invert=invert)
    mean = float(x.mean())
    if isinstance(brightness, float) and abs(mean - brightness) > abs(1 - mean - brightness) + 0.2:
        mend = "leave --invert out" if invert else "try --invert"
        click.echo(f"The picture's mean is {mean:.2f}, that of the images learned {brightness:.2f}: {mend}.")
    return x.reshape(1, *shape)


def examples(source: str, preparation: Preparation) -> NDArray[Any]:
    """The rows of a table, of a .npy file, or of a named set."""
    path = Path(source)
    if (named := by_name(source)) is not None:
        return named.x
    if not path.is_file():
        raise unknown(source)
    if path.suffix != ".npy":
        return read_csv(path, features=preparation.features or None).x
    try:
        with open_regular(path) as file:  # np.load would also take archives and pickles
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error
    except (ValueError, MemoryError) as error:
        raise DataError(f"{path.name} is no NumPy array of numbers ({error}).") from error
    return as_array(array, what=path.name)


def one_example(
    source: str, net: pl.Network, preparation: Preparation, *, invert: bool = False
) -> tuple[NDArray[Any], Any]:
    """One example as the network takes it, and its target where the source has one, else None.

    `source` is a picture, or a table, a .npy file or a named set with the number of its row, from 0: digits:7,
    new.csv:3.
    """
    if len(net.input_shapes) != 1 or len(net.output_shapes) != 1:
        raise DataError("the model has several inputs or outputs, expected one: use Network.explain.")
    (shape,) = net.input_shapes.values()
    if Path(source).suffix.lower() in SUFFIXES:
        return picture(source, shape, net.metadata.get(BRIGHTNESS), invert=invert)[0], None
    if invert:
        raise DataError(f'"{source}" is no picture, which alone takes --invert: leave it out.')
    name, _, number = source.rpartition(":")
    if not name or not number.isdecimal():
        name, number = source, "0"
    x = reshaped(preparation.x(examples(name, preparation)), shape)
    if int(number) >= len(x):
        raise DataError(f'"{name}" has {len(x)} rows, from 0, but row {number} came.')
    named = by_name(name)
    target = None if named is None else preparation.y(named.y)[int(number)]
    return x[int(number)], target


def target_of(label: str, net: pl.Network, preparation: Preparation) -> Any:
    """What --label says, as the loss takes it: the name or number of a class, or a quantity in the units of the
    training.
    """
    if preparation.classes is not None and label in preparation.classes:
        return np.int64(preparation.classes.index(label))
    try:
        value = float(label)
    except ValueError:
        known = ", ".join(preparation.classes or ()) or "a number"
        raise DataError(f'--label is "{label}", expected {known}.') from None
    if preparation.outputs is not None:
        return preparation.y(np.array([value]))[0]
    return np.int64(value) if value == int(value) and preparation.classes is not None else np.float32(value)
