"""Global pooling: the largest or the mean number of all places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pellucid.formula import Tensor
from pellucid.functions.forward import pools
from pellucid.layers.base import Context, Layer


@dataclass(eq=False, repr=False)
class _GlobalPool(Layer):
    arity = 1
    masking = "use"
    pool: ClassVar[Callable[..., Tensor]]

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return type(self).pool(x, mask=context.masks.get(x))


@dataclass(eq=False, repr=False)
class GlobalMaxPool(_GlobalPool):
    """The largest number of each channel: (n, t, c), (n, h, w, c) or (n, d, h, w, c) to (n, c).

    Of a sequence with a mask, that of its real steps; 0 where it has none.
    """

    pool = staticmethod(pools.global_max_pool)


@dataclass(eq=False, repr=False)
class GlobalAveragePool(_GlobalPool):
    """The mean of each channel: (n, t, c), (n, h, w, c) or (n, d, h, w, c) to (n, c).

    Of a sequence with a mask, that of its real steps; 0 where it has none.
    """

    pool = staticmethod(pools.global_average_pool)
