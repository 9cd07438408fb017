"""Pooling: the largest, the smallest or the mean number of each window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.functions.forward import pools
from pellucid.functions.forward.masks import whole_windows
from pellucid.functions.forward.sliding_window import Padding, Sizes, compact, paddings_of, sizes_of
from pellucid.layers.base import Context, Layer, Masks
from pellucid.layers.windowed.base import channels_of
from pellucid.messages import Message, gettext, option_of


@dataclass(eq=False, repr=False)
class _Pool(Layer):
    """What all of them share: the window and how it moves.

    Args:
        pool_size: the window's size, one number, or one for each axis: (height, width) or (depth, height, width).
        strides: how far it moves; by default, as far as it is large.
        padding: as for `Conv2D` and `Conv3D`. Padded places never win, and a mean does not count them.

    Of a sequence with a mask, the windows that are wholly real stay real (with padding="valid").
    """

    pool_size: Sizes = 2
    strides: Sizes | None = None
    padding: Padding = "valid"

    arity: ClassVar[int | None] = 1
    rank: ClassVar[int]
    pool: ClassVar[Callable[..., Tensor]]
    masking: ClassVar[Masks | None] = "refuse"

    def check(self) -> None:
        kind = type(self).__name__
        self.pool_size = compact(sizes_of(self.pool_size, self.rank, option_of("pool_size", kind)))
        if self.strides is not None:
            self.strides = compact(sizes_of(self.strides, self.rank, option_of("strides", kind)))
        self.padding = paddings_of(self.padding, self.rank, option_of("padding", kind))

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        channels_of(self, self.rank, tuple(a.size for a in x.axes[1:]))
        result = type(self).pool(x, size=self.pool_size, stride=self.strides, padding=self.padding)
        if x in context.masks:
            if self.padding != "valid":
                raise PellucidError(self.refusal())
            (size,) = sizes_of(self.pool_size, 1, "")
            (stride,) = (size,) if self.strides is None else sizes_of(self.strides, 1, "")
            context.masks[result] = whole_windows(context.masks[x], steps=result.axes[1].size, size=size, stride=stride)
        return result

    def refusal(self) -> Message:
        return gettext(
            '{kind} leaves out the steps that are only padding with padding="valid", got padding={padding!r}',
            kind=type(self).__name__,
            padding=self.padding,
        )


@dataclass(eq=False, repr=False)
class MaxPool1D(_Pool):
    """The largest number in each window of steps: (n, t, c) to (n, t′, c)."""

    rank, masking, pool = 1, "use", staticmethod(pools.max_pool)


@dataclass(eq=False, repr=False)
class MaxPool2D(_Pool):
    """The largest number in each window of an image: (n, h, w, c) to (n, h′, w′, c)."""

    rank, pool = 2, staticmethod(pools.max_pool)


@dataclass(eq=False, repr=False)
class MaxPool3D(_Pool):
    """The largest number in each window of a volume: (n, d, h, w, c) to (n, d′, h′, w′, c)."""

    rank, pool = 3, staticmethod(pools.max_pool)


@dataclass(eq=False, repr=False)
class MinPool1D(_Pool):
    """The smallest number in each window of steps: (n, t, c) to (n, t′, c)."""

    rank, masking, pool = 1, "use", staticmethod(pools.min_pool)


@dataclass(eq=False, repr=False)
class MinPool2D(_Pool):
    """The smallest number in each window of an image: (n, h, w, c) to (n, h′, w′, c)."""

    rank, pool = 2, staticmethod(pools.min_pool)


@dataclass(eq=False, repr=False)
class MinPool3D(_Pool):
    """The smallest number in each window of a volume: (n, d, h, w, c) to (n, d′, h′, w′, c)."""

    rank, pool = 3, staticmethod(pools.min_pool)


@dataclass(eq=False, repr=False)
class AveragePool1D(_Pool):
    """The mean of each window of steps: (n, t, c) to (n, t′, c)."""

    rank, masking, pool = 1, "use", staticmethod(pools.average_pool)


@dataclass(eq=False, repr=False)
class AveragePool2D(_Pool):
    """The mean of each window of an image: (n, h, w, c) to (n, h′, w′, c)."""

    rank, pool = 2, staticmethod(pools.average_pool)


@dataclass(eq=False, repr=False)
class AveragePool3D(_Pool):
    """The mean of each window of a volume: (n, d, h, w, c) to (n, d′, h′, w′, c)."""

    rank, pool = 3, staticmethod(pools.average_pool)
