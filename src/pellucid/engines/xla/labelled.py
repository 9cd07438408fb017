"""Arrays whose dimensions are axes of formulas, in any order; or a number of Python's, which has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pellucid.formula.axes import BATCH, Axis

Axes = tuple[Axis, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What an expression is.

    Attributes:
        axes: the axis of each dimension, all different.
        array: an array of JAX; or a number, of which JAX takes the dtype from what it meets.
    """

    axes: Axes
    array: Any

    @property
    def soft(self) -> bool:
        """Whether it is a number of Python's."""
        return not isinstance(self.array, jax.Array)

    @property
    def kind(self) -> str:
        """b, i or f: truth values, integers, real numbers."""
        if self.soft:
            return "b" if isinstance(self.array, bool) else "i" if isinstance(self.array, int) else "f"
        kind = str(jnp.asarray(self.array).dtype.kind)
        return "f" if kind == "V" else kind  # bfloat16

    def extent(self, axis: Axis) -> int:
        return int(self.array.shape[self.axes.index(axis)])

    def cast(self, dtype: Any) -> Value:
        """In a dtype; a number of Python's as a float."""
        if self.soft:
            return Value(self.axes, float(self.array))
        return self if self.array.dtype == dtype else Value(self.axes, self.array.astype(dtype))

    def ordered(self, axes: Sequence[Axis]) -> Any:
        """The array with these axes as its dimensions, in this order; those that it lacks have the extent 1."""
        if self.soft:
            return self.array
        present = [a for a in axes if a in self.axes]
        turn = [self.axes.index(a) for a in present]
        array = self.array if turn == sorted(turn) else lax.transpose(self.array, turn)
        missing = [k for k, a in enumerate(axes) if a not in self.axes]
        return lax.expand_dims(array, missing) if missing else array


def joined(*values: Value) -> Axes:
    """The axes of a result of several values: in the order of the one that has all of them, else examples first."""
    order = sorted(values, key=lambda v: -len(v.axes))
    axes = tuple(dict.fromkeys(a for v in order for a in v.axes))
    if order and len(order[0].axes) < len(axes):
        axes = tuple(sorted(axes, key=lambda a: a.extent is not BATCH))
    return axes


def together(function: Callable[..., Any], *values: Value) -> Value:
    """A function of elements, each array broadcast to all axes."""
    axes = joined(*values)
    return Value(axes, function(*(v.ordered(axes) for v in values)))


def spread(value: Value, axes: Axes, extents: Sequence[int], dtype: Any) -> Any:
    """The array with exactly these axes, of full extents."""
    array = jnp.asarray(value.array, dtype) if value.soft else value.ordered(axes).astype(dtype)
    return jnp.broadcast_to(array, tuple(extents))
