"""Permute: the axes of an example in another order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.arrays import is_integer
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import shaping
from pellucid.layers.base import Context, Layer, Shape
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class Permute(Layer):
    """The axes of each example in another order: `Permute((2, 1))` turns (n, i, j) into (n, j, i).

    Args:
        dims: the axes in their new order, counted from 1; the batch is not among them.
    """

    arity = 1
    masking = "refuse"

    dims: Shape

    def check(self) -> None:
        given = self.dims if isinstance(self.dims, (tuple, list)) else (self.dims,)
        if not given or not all(map(is_integer, given)) or sorted(given) != list(range(1, len(given) + 1)):
            raise PellucidError(
                gettext(
                    "Permute takes the axes in their new order, counted from 1 without the batch, as in (2, 1), "
                    "got {dims!r}",
                    dims=self.dims,
                )
            )
        self.dims = tuple(map(int, given))

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if len(self.dims) != x.rank - 1:
            raise ShapeError(
                gettext(
                    "Permute({dims}) takes examples with {count} axes, got one of shape {shape}",
                    dims=self.dims,
                    count=len(self.dims),
                    shape=tuple(a.size for a in x.axes[1:]),
                )
            )
        return shaping.permute(x, self.dims)
