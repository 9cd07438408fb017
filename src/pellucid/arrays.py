"""The user's arrays, taken by protocol and checked before they reach a network.

Rows, columns and indices in messages count from 0, as NumPy does.
"""

from __future__ import annotations

import importlib
import math
import numbers
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import DataError
from .messages import gettext

all_finite: Callable[[NDArray[Any]], bool] | None = None
"""Whether the numbers of an array in C order, of 4 or 8 bytes, are finite: native code, where an engine has put it."""

_NATIVE = 1 << 16  # elements that it looks at while other threads wait
_CHUNK = 1 << 20  # elements looked at together: an array mapped from a file need not fit into memory
_FAILURES = (TypeError, ValueError, RuntimeError, BufferError, AttributeError, NotImplementedError)


def as_array(value: Any, *, what: str = "x", dtype: DTypeLike | None = None) -> NDArray[Any]:
    """``value`` as a NumPy array of finite numbers.

    Takes NumPy arrays, nested lists, and whatever has ``__array__``, ``__dlpack__`` or
    ``__arrow_c_stream__``: pandas, polars, JAX, torch (also tensors that require a gradient).
    Nothing is copied that need not be: an array mapped from a file stays mapped.

    Args:
        what: the name by which messages call the array.
        dtype: the type to return; by default the one it has. An integer type accepts integers alone.

    Raises:
        DataError: text, objects, ragged lists, no values, NaN, infinity, a value that ``dtype`` cannot hold.
    """
    names = _column_names(value)
    array = _to_numpy(value, what)
    if array.dtype.kind == "O":
        array = _from_objects(array, value, what, names)
    if array.dtype.kind in "UST":
        raise DataError(_text_message(array, what, names))
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} holds values of dtype {array.dtype}, expected real numbers: convert them.")
    if array.size == 0:
        raise DataError(f"{what} is empty (shape {array.shape}), expected at least one value.")
    _check_finite(array, what, names)
    if dtype is None:
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    return _cast(array, np.dtype(dtype), what, names)


def as_labels(value: Any, classes: int | None = None, *, what: str = "y") -> NDArray[np.int64]:
    """Class labels of any rank (one an example, or one a step) as int64, from 0 to ``classes`` - 1.

    Integers stored as floats, and booleans, are taken too.

    Raises:
        DataError: text, fractions, negative labels, labels out of range, and all that ``as_array`` refuses.
    """
    array = _to_numpy(value, what)
    if array.size and (array.dtype.kind in "UST" or isinstance(array.flat[0], str)):
        raise DataError(
            f'{what} holds text ("{array.flat[0]}"), expected integers from 0:'
            f" encode it with names, {what} = np.unique({what}, return_inverse=True)."
        )
    array = as_array(value, what=what)
    if array.dtype.kind == "f":
        odd = array != np.floor(array)
        if odd.any():
            where = _first(odd)
            raise DataError(
                f"{what} holds {array[where]:g} at {_place(where)}, expected integers as class labels:"
                " a target of real numbers needs a regression loss."
            )
    smallest, largest = int(array.min()), int(array.max())
    top = (1 << 63) - 1 if classes is None else classes - 1
    if smallest < 0 or largest > top:
        where = _first(array < 0 if smallest < 0 else array > top)
        expected = "labels from 0" if classes is None else f"labels from 0 to {top}"
        if {smallest, largest} == {-1, 1} and np.abs(array).all():
            fix = f"turn -1 and 1 into 0 and 1 with {what} > 0"
        elif smallest == 1 and largest == classes:
            fix = f"count from 0 with {what} - 1"
        elif smallest < 0:
            fix = f"number the classes with names, {what} = np.unique({what}, return_inverse=True)"
        else:
            fix = f"give the network at least {largest + 1} outputs, or correct the labels"
        label = f"the label {int(array[where])} at {_place(where)}"
        raise DataError(f"{what} holds {label}, expected {expected}: {fix}.")
    return array.astype(np.int64, copy=False)


def check_examples(x: NDArray[Any], shape: Sequence[int | None], what: str = "x") -> None:
    """Verify that ``x`` has the shape (n, *shape) with n ≥ 1; ``shape`` is that of one example, with None for an axis
    of any length from 1.

    Raises:
        DataError: another rank or another extent; the message suggests the fix.
    """
    shape = _as_long_as(x, shape, what)
    if x.ndim > 0 and x.shape[1:] == shape:
        if len(x) == 0:
            raise DataError(f"{what} has shape {x.shape}, expected at least one example.")
        return
    if x.shape == shape:
        raise DataError(f"expected a batch, got one example of shape {x.shape}: use {what}[None].")
    expected = f"(n, {', '.join(map(str, shape))})" if shape else "(n,)"
    raise DataError(f"{what} has shape {x.shape}, expected {expected}: {_suggestion(x.shape, shape, what)}.")


def _as_long_as(x: NDArray[Any], shape: Sequence[int | None], what: str) -> tuple[int, ...]:
    """The shape, with the lengths of ``x`` along axes of any length."""
    if not len(shape) <= x.ndim <= len(shape) + 1 and None in shape:
        expected = ", ".join("any length" if extent is None else str(extent) for extent in shape)
        raise DataError(
            f"{what} has shape {x.shape}, expected (n, {expected}): give an array of rank {len(shape) + 1}, the "
            "examples along the first axis."
        )
    like = x.shape[x.ndim - len(shape) :] if None in shape else shape
    return tuple(given if extent is None else extent for extent, given in zip(shape, like, strict=True))


def mean_and_deviation(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each column, over all axes but the last (of one column (n,), over it), in float64.

    The deviation of a column that never changes is 1: what is divided by it stays 0.
    """
    columns = x.shape[-1:] if x.ndim > 1 else ()
    rows = x.reshape(-1, *columns)
    step = max(1, _CHUNK // math.prod(columns))
    parts = [rows[start : start + step] for start in range(0, len(rows), step)]
    mean = np.asarray(sum(part.sum(axis=0, dtype=np.float64) for part in parts) / len(rows))
    squares = sum(np.square(part - mean).sum(axis=0) for part in parts)
    deviation = np.sqrt(squares / len(rows))
    # rounding leaves a constant column a deviation of a few units in the last place of its mean
    constant = deviation <= 1e-12 * np.abs(mean)
    return mean, np.where(constant, 1.0, deviation)


def holds_text(value: Any) -> bool:
    """Whether a value is a text, or an array, a column or a list of texts, as its first element shows."""
    for _ in range(4):
        if isinstance(value, str | np.str_ | bytes):
            return True
        if isinstance(value, Mapping) or hasattr(value, "columns") or hasattr(value, "column_names"):  # tables
            return False
        if hasattr(value, "as_py"):  # Arrow's
            return isinstance(value.as_py(), str)
        if not hasattr(value, "__len__") or not len(value):
            return False
        dtype = getattr(value, "dtype", None)
        if isinstance(dtype, np.dtype) and dtype.kind not in "OUST":
            return False
        try:
            value = next(iter(value))
        except TypeError:
            return False
    return False


def check_range(array: NDArray[Any], dtype: DTypeLike, *, what: str = "x") -> None:
    """Verify that ``dtype`` can hold the numbers of an array, which is not copied.

    Raises:
        DataError: one is beyond its range.
    """
    for at in (array.argmin(), array.argmax()):
        with np.errstate(over="ignore"):
            if not np.isfinite(array.flat[at].astype(dtype)):
                raise _beyond(array, tuple(map(int, np.unravel_index(at, array.shape))), dtype, what)


def is_integer(value: object, *, minimum: int = 0, below: int = 1 << 64) -> bool:
    """Whether ``value`` is an integer, of Python or NumPy and no bool, with ``minimum`` ≤ value < ``below``."""
    try:
        return not isinstance(value, bool) and minimum <= operator.index(value) < below  # type: ignore[arg-type]
    except TypeError:
        return False


def check_integer(value: Any, what: object, *, minimum: int = 0, below: int = 1 << 64) -> int:
    """``value`` as an int with ``minimum`` ≤ value < ``below``; a DataError names it ``what`` otherwise."""
    if not is_integer(value, minimum=minimum, below=below):
        if below == 1 << 64:
            text = gettext("{what} is {value!r}, expected an integer from {minimum}.")
        else:
            text = gettext("{what} is {value!r}, expected an integer from {minimum} to {maximum}.")
        raise DataError(text.filled(what=what, value=value, minimum=minimum, maximum=below - 1))
    return operator.index(value)


def _suggestion(given: tuple[int, ...], shape: tuple[int, ...], what: str) -> str:
    example = given[1:]
    if (*example, 1) == shape:
        return f"add a {'channel' if len(shape) == 3 else 'last'} axis with {what}[..., None]"
    if example == (*shape, 1):
        return f"drop the last axis with {what}[..., 0]"
    if (*given, 1) == shape:
        return f"for one example use {what}[None, ..., None]"
    if len(shape) > 1 and example == (shape[-1], *shape[:-1]):
        return f"move the channels to the last axis with np.moveaxis({what}, 1, -1)"
    if len(given) == 2 and given[:1] == shape:
        return f"its rows and columns are swapped, use {what}.T"
    if len(example) != len(shape) and example and math.prod(example) == math.prod(shape):
        return f"give each example that shape with {what}.reshape(-1, {', '.join(map(str, shape))})"
    if len(example) != len(shape):
        return f"give an array of rank {len(shape) + 1}, the examples along the first axis"
    if len(shape) == 1:
        return f"give {shape[0]} columns, or build the network with input_shape={example}"
    return f"give examples of that size, or build the network with input_shape={example}"


def _to_numpy(value: Any, what: str) -> NDArray[Any]:
    masks = sys.modules.get("numpy.ma")  # which takes a while to import; who has a masked array has it imported
    if masks is not None and isinstance(value, masks.MaskedArray):
        if masked := int(masks.getmaskarray(value).sum()):
            raise DataError(f"{what} has {masked} masked values, expected none: fill them or leave them out.")
        return np.asarray(value.data)
    if isinstance(value, (list, tuple)) and any(hasattr(part, "detach") for part in value):
        value = [_to_numpy(part, what) for part in value]  # np.asarray refuses a gradient within
    try:
        if hasattr(value, "detach"):
            return _from_torch(value)
        if hasattr(value, "__array__"):
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
        if hasattr(value, "__arrow_c_stream__"):
            return _from_arrow(value, what)
        if hasattr(value, "toarray"):
            raise DataError(f"{what} is a sparse array, expected a full one: use {what}.toarray().")
        return np.asarray(value)
    except DataError:
        raise
    except _FAILURES as error:
        if "inhomogeneous" in str(error):
            raise DataError(
                f"{what} is ragged, its rows have different lengths: pad or cut them to one length."
            ) from error
        reason = str(error).strip().split("\n")[0].rstrip(".")
        kind = type(value).__name__
        raise DataError(f"{what} is a {kind} that does not become an array ({reason}).") from error


def _from_torch(tensor: Any) -> NDArray[Any]:
    tensor = tensor.detach().cpu()
    try:
        return np.asarray(tensor)
    except TypeError:  # bfloat16 and smaller floats, which NumPy lacks
        return np.asarray(tensor.float())


def _from_arrow(value: Any, what: str) -> NDArray[Any]:
    for library, reader in (("pyarrow", "table"), ("polars", "DataFrame")):
        try:
            table = getattr(importlib.import_module(library), reader)(value)
        except ImportError:
            continue
        return np.asarray(table)
    raise DataError(f"{what} is a {type(value).__name__}, which only Arrow reads: install pyarrow or polars.")


def _from_objects(array: NDArray[Any], value: Any, what: str, names: list[str] | None) -> NDArray[Any]:
    """Objects that are all numbers become float64: a frame of integers and booleans comes this way."""
    from decimal import Decimal  # seldom needed

    if array.ndim == 0:
        fix = ": use list()" if isinstance(value, Iterator) else ""
        raise DataError(f"{what} is a {type(value).__name__}, expected an array of numbers{fix}.")
    missing = 0
    first: tuple[int, ...] = ()
    for index, item in np.ndenumerate(array):
        if isinstance(item, (numbers.Real, Decimal, np.bool_)):
            continue
        place = _place(index, names)
        if isinstance(item, (str, bytes)):
            raise DataError(f"{what} holds text ({item!r} at {place}), expected numbers: encode or drop it.")
        if item is None or type(item).__name__ in ("NAType", "NaTType"):
            first = first if missing else index
            missing += 1
            continue
        if isinstance(item, (list, tuple, np.ndarray)):
            raise DataError(f"{what} holds a {type(item).__name__} at {place}, expected rows of one length.")
        raise DataError(f"{what} holds a {type(item).__name__} at {place}, expected numbers.")
    if missing:
        raise DataError(_count_message(what, f"{missing} missing", missing, _place(first, names)))
    try:
        return array.astype(np.float64)
    except (OverflowError, ValueError) as error:
        raise DataError(f"{what} holds a number that float64 cannot hold.") from error


def _check_finite(array: NDArray[Any], what: str, names: list[str] | None) -> None:
    if array.dtype.kind != "f":
        return
    rows = np.atleast_1d(array)
    step = max(1, _CHUNK // max(1, math.prod(rows.shape[1:])))
    nans = infinite = 0
    first: tuple[int, ...] = ()
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        if _surely_finite(part):
            continue
        bad = ~np.isfinite(part)
        if not bad.any():
            continue
        if not nans + infinite:
            row, *rest = _first(bad)
            first = (start + row, *rest)
        nans += int(np.isnan(part).sum())
        infinite += int(np.isinf(part).sum())
    if nans + infinite:
        counts = [f"{nans} NaN"] * bool(nans) + [f"{infinite} infinite"] * bool(infinite)
        raise DataError(_count_message(what, " and ".join(counts), nans + infinite, _place(first, names)))


def _surely_finite(part: NDArray[Any]) -> bool:
    """Whether all are finite, found quickly; False where that takes a closer look."""
    flags, kind = part.flags, part.dtype
    if not flags.c_contiguous or not flags.aligned or kind.itemsize not in (4, 8) or not kind.isnative:
        return False
    if all_finite is not None and part.size <= _NATIVE:
        return all_finite(part)
    flat = part.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):  # a square that float32 cannot hold is looked at again
        return math.isfinite(flat.dot(flat))


def _count_message(what: str, counts: str, total: int, place: str) -> str:
    first = "" if total == 1 else "the first "
    return f"{what} holds {counts} value{'s' * (total != 1)}, {first}at {place}: fill or remove them."


def _cast(array: NDArray[Any], dtype: np.dtype[Any], what: str, names: list[str] | None) -> NDArray[Any]:
    if np.can_cast(array.dtype, dtype, "safe"):
        return array.astype(dtype, copy=False)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            cast = array.astype(dtype)
        lost = np.isinf(cast)
    elif dtype.kind in "iu":
        bounds = np.iinfo(dtype)  # compared before the cast, which is undefined out of range
        lost = (array < bounds.min) | (array >= bounds.max + 1)
        if array.dtype.kind == "f":
            lost |= array != np.floor(array)
        cast = np.where(lost, 0, array).astype(dtype)
    else:
        raise DataError(f"dtype is {dtype}, expected a type of real numbers.")
    if lost.any():
        raise _beyond(array, _first(lost), dtype, what, names)
    return cast


def _beyond(
    array: NDArray[Any], where: tuple[int, ...], dtype: DTypeLike, what: str, names: list[str] | None = None
) -> DataError:
    place = _place(where, names)
    return DataError(f"{what} holds {array[where]} at {place}, which {np.dtype(dtype)} cannot hold.")


def _text_message(array: NDArray[Any], what: str, names: list[str] | None) -> str:
    for index, item in np.ndenumerate(array):
        try:
            float(item)
        except ValueError:
            text = item.decode("latin-1") if isinstance(item, bytes) else item
            place = f" at {_place(index, names)}" if index else ""
            return f'{what} holds text ("{text}"{place}), expected numbers: encode or drop it.'
    return f"{what} holds numbers written as text, expected numbers: convert with {what}.astype(float)."


def _first(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _place(index: tuple[int, ...], names: list[str] | None = None) -> str:
    if len(index) == 2:
        column = f'"{names[index[1]]}"' if names and len(names) > index[1] else str(index[1])
        return f"row {index[0]}, column {column}"
    return f"index {index[0] if len(index) == 1 else index}"


def _column_names(value: Any) -> list[str] | None:
    """The column names of a data frame, for messages."""
    if hasattr(value, "__arrow_c_stream__") and hasattr(value, "columns"):
        return [str(name) for name in value.columns]
    return None


def rounded(array: NDArray[Any], dtype: np.dtype[Any]) -> int | None:
    """The first integer of an array that a type of real numbers does not have; None where it has all of them."""
    if array.dtype.kind not in "iuf":
        return None
    large = np.abs(array.reshape(-1).astype(np.float64)) > 2.0 ** (np.finfo(dtype).nmant + 1)
    held = (int(value) for value in array.reshape(-1)[large])
    return next((value for value in held if int(dtype.type(value)) != value), None)
