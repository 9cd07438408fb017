"""Global pooling: the largest or the mean number of all places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.formula import Tensor
from pellucid.functions.forward import pooling
from pellucid.layers.base import Context, Layer


@dataclass(eq=False, repr=False)
class GlobalMaxPool(Layer):
    """The largest number of each channel: (n, t, c) or (n, h, w, c) to (n, c).

    Of a sequence with a mask, that of its real steps; 0 where it has none.
    """

    arity = 1
    masking = "use"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return pooling.global_max_pool(x, mask=context.masks.get(x))


@dataclass(eq=False, repr=False)
class GlobalAveragePool(Layer):
    """The mean of each channel: (n, t, c) or (n, h, w, c) to (n, c).

    Of a sequence with a mask, that of its real steps; 0 where it has none.
    """

    arity = 1
    masking = "use"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return pooling.global_average_pool(x, mask=context.masks.get(x))
