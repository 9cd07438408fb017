"""Dropout (Srivastava et al. 2014)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.functions.forward import shaping
from pellucid.layers.base import Context, Layer


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """In training, each value is 0 with probability `rate` and divided by 1 − rate otherwise; in prediction it passes.

    Source: Srivastava et al. 2014, in the inverted form.
    """

    arity = 1
    stepwise = True
    masking = "pass"

    rate: float

    def check(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 <= self.rate < 1:
            raise PellucidError(f"the rate of Dropout has to be at least 0 and below 1, got {self.rate!r}")
        self.rate = float(self.rate)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if not context.training or self.rate == 0:
            return x
        return shaping.dropout(x, rate=self.rate, seed=context.seed, step=context.step, stream=stream(context.path))


def stream(path: str) -> int:
    """The number that separates the random numbers of one path from those of the others."""
    return zlib.crc32(path.encode()) & 0x7FFFFFFF
