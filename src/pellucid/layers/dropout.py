"""Dropout (Srivastava et al. 2014), of single numbers and of whole channels."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.functions.forward import noise
from pellucid.functions.registry import number
from pellucid.layers.base import Context, Layer, Masks
from pellucid.layers.windowed.base import channels_of
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """In training, each value is 0 with probability `rate` and divided by 1 − rate otherwise; in prediction it passes.

    Source: Srivastava et al. 2014, in the inverted form.
    """

    arity = 1
    stepwise = True
    masking: ClassVar[Masks | None] = "pass"

    rate: float

    def check(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 <= self.rate < 1:
            raise PellucidError(
                gettext(
                    "the rate of {kind} has to be at least 0 and below 1, got {rate!r}",
                    kind=type(self).__name__,
                    rate=self.rate,
                )
            )
        self.rate = float(self.rate)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if not context.training or self.rate == 0:
            return x
        return noise.dropout(x, rate=self.rate, seed=context.seed, step=context.step, stream=stream(context.path))


@dataclass(eq=False, repr=False)
class _SpatialDropout(Dropout):
    """Whole channels left out."""

    stepwise = False
    masking: ClassVar[Masks | None] = "use"
    rank: ClassVar[int]

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        channels_of(self, self.rank, tuple(a.size for a in x.axes[1:]))
        if not context.training or self.rate == 0:
            return x
        random = {"seed": context.seed, "step": context.step}
        result = noise.spatial_dropout(x, rate=self.rate, stream=stream(context.path), **random)
        if x in context.masks:
            context.masks[result] = context.masks[x]
        return result


@dataclass(eq=False, repr=False)
class SpatialDropout1D(_SpatialDropout):
    """In training, each channel of a sequence (n, t, c) is 0 at all steps with probability `rate`, and divided by
    1 − rate otherwise; in prediction it passes. A mask goes on.

    Source: Tompson et al., Efficient object localization using convolutional networks, CVPR 2015.
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class SpatialDropout2D(_SpatialDropout):
    """In training, each channel of an image (n, h, w, c) is 0 at all places with probability `rate`, and divided by
    1 − rate otherwise; in prediction it passes.

    Source: as `SpatialDropout1D`.
    """

    masking: ClassVar[Masks | None] = "refuse"
    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class SpatialDropout3D(_SpatialDropout):
    """In training, each channel of a volume (n, d, h, w, c) is 0 at all places with probability `rate`, and divided by
    1 − rate otherwise; in prediction it passes.

    Source: as `SpatialDropout1D`.
    """

    masking: ClassVar[Masks | None] = "refuse"
    rank: ClassVar[int] = 3


@dataclass(eq=False, repr=False)
class GaussianNoise(Layer):
    """In training, a normal random number of mean 0 is added to each value; in prediction it passes.

    Args:
        stddev: the standard deviation of the noise.
    """

    arity = 1
    stepwise = True
    masking = "pass"

    stddev: float

    def check(self) -> None:
        self.stddev = number("stddev", self.stddev, of="GaussianNoise", minimum=0)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if not context.training or self.stddev == 0:
            return x
        streams = stream(context.path), stream(f"{context.path}:angle")
        return noise.gaussian_noise(x, stddev=self.stddev, seed=context.seed, step=context.step, streams=streams)


def stream(path: str) -> int:
    """The number that separates the random numbers of one path from those of the others."""
    return zlib.crc32(path.encode()) & 0x7FFFFFFF
