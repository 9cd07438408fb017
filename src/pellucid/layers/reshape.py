"""Reshape: the same numbers in another shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.arrays import is_integer
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import shaping
from pellucid.layers.base import Context, Layer, Shape
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class Reshape(Layer):
    """Each example in the shape given; one size may be −1 and is then worked out."""

    arity = 1
    masking = "refuse"

    shape: Shape

    def check(self) -> None:
        sizes = self.shape if isinstance(self.shape, (tuple, list)) else (self.shape,)
        fits = all(is_integer(s, minimum=-1) and s != 0 for s in sizes)
        if not sizes or not fits or list(sizes).count(-1) > 1:
            raise PellucidError(
                gettext("Reshape takes integers of at least 1, one of which may be −1, got {shape!r}", shape=self.shape)
            )
        self.shape = tuple(map(int, sizes))

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        before = tuple(a.size for a in x.axes[1:])
        total, rest = math.prod(before), math.prod(s for s in self.shape if s != -1)
        if total % rest or (-1 not in self.shape and total != rest):
            raise ShapeError(
                gettext(
                    "examples of shape {before} have {total} values and cannot take the shape {shape}",
                    before=before,
                    total=total,
                    shape=self.shape,
                )
            )
        return shaping.reshape(x, tuple(total // rest if s == -1 else s for s in self.shape))
