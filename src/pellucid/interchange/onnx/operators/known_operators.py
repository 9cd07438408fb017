"""Operators that no formula says: they round, look at bits, or give as much as the data have. They take known numbers.

They stand in the arithmetic of shapes, and in what ONNX's backends are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from pellucid.interchange.onnx.operators.base import (
    MAX_ELEMENTS,
    Array,
    Node,
    UnsupportedError,
    Value,
    axis_of,
    broadcast_shapes,
    check_size,
    constant,
    operator,
)


def _mod(node: Node, x: Array, z: Array) -> Any:
    return np.fmod(x, z) if node.attr("fmod") else np.mod(x, z)


def _shift(node: Node, x: Array, z: Array) -> Any:
    """Bits that are pushed out are gone, also all of them."""
    bits = 8 * x.dtype.itemsize
    if (z.astype(np.int64) < 0).any():
        raise UnsupportedError("BitShift by a negative number")
    inside = np.minimum(z.astype(np.int64), bits - 1).astype(x.dtype)
    if node.attr("direction") == "LEFT":
        return np.where(z.astype(np.int64) >= bits, x.dtype.type(0), x << inside)
    gone = x.dtype.type(0) if x.dtype.kind == "u" else x >> x.dtype.type(bits - 1)
    return np.where(z.astype(np.int64) >= bits, gone, x >> inside)


_ONE: Final[dict[str, Callable[[Array], Any]]] = {"Floor": np.floor, "Ceil": np.ceil, "Round": np.rint}
_TWO: Final[dict[str, Callable[[Node, Array, Array], Any]]] = {
    "Mod": _mod,
    "BitShift": _shift,
    "BitwiseAnd": lambda node, x, z: x & z,
    "BitwiseOr": lambda node, x, z: x | z,
    "BitwiseXor": lambda node, x, z: x ^ z,
}


def _arrays(node: Node, count: int) -> list[Array]:
    """The numbers of the inputs.

    Raises:
        UnsupportedError: one comes from the data.
    """
    values = [node.input(place) for place in range(count)]
    arrays = [v.array for v in values if v.array is not None]
    if len(arrays) < count:
        raise UnsupportedError(f"{node.operator} has no formula, so it is read only where its inputs are known")
    check_size(broadcast_shapes(*(a.shape for a in arrays)))
    return arrays


@operator(*_ONE)
def _rounded(node: Node) -> Value:
    (x,) = _arrays(node, 1)
    return constant(np.asarray(_ONE[node.operator](x), x.dtype))


@operator(*_TWO)
def _of_bits(node: Node) -> Value:
    x, z = _arrays(node, 2)
    with np.errstate(all="ignore"):
        return constant(np.asarray(_TWO[node.operator](node, x, z), x.dtype))


@operator("NonZero")
def _nonzero(node: Node) -> Value:
    (x,) = _arrays(node, 1)
    return _some(np.array(np.nonzero(x), np.int64))


@operator("Compress")
def _compress(node: Node) -> Value:
    x, chosen = node.input(0).array, node.input(1).array
    if x is None or chosen is None:
        raise UnsupportedError("Compress has no formula, so it is read only where its inputs are known")
    axis = node.attr("axis")
    return _some(np.compress(chosen, x, None if axis is None else axis_of(int(axis), x.ndim)))


@operator("Unique")
def _unique(node: Node) -> list[Value]:
    (x,) = _arrays(node, 1)
    axis = node.attr("axis")
    values, first, inverse, counts = np.unique(
        x, True, True, True, None if axis is None else axis_of(int(axis), x.ndim)
    )
    if not node.attr("sorted", 1):
        order = np.argsort(first)
        place = np.argsort(order)
        first, counts, inverse = first[order], counts[order], place[inverse]
        values = np.take(values, order, 0 if axis is None else int(axis))
    return [_some(values), *(_some(np.asarray(a, np.int64).reshape(-1)) for a in (first, inverse, counts))]


@operator("CumProd")
def _products(node: Node) -> Value:
    (x,) = _arrays(node, 1)
    axis = axis_of(int(node.known(1).reshape(-1)[0]), x.ndim)
    given = np.flip(x, axis) if node.attr("reverse") else x
    result = np.cumprod(given, axis, dtype=x.dtype)
    if node.attr("exclusive"):
        result = np.roll(result, 1, axis)
        result[(slice(None),) * axis + (0,)] = 1
    return constant(np.flip(result, axis) if node.attr("reverse") else result)


def _some(array: Array) -> Value:
    """A value that is not empty."""
    if not 0 < array.size <= MAX_ELEMENTS:
        raise UnsupportedError("what it gives is empty, expected at least one number")
    return constant(array)
