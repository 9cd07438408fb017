"""Flatten: each example as one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.formula import Tensor
from pellucid.functions.forward import shaping
from pellucid.layers.base import Context, Layer


@dataclass(eq=False, repr=False)
class Flatten(Layer):
    """Each example as one row: (n, h, w, c) to (n, h·w·c)."""

    arity = 1
    masking = "refuse"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return shaping.flatten(x)
