"""UpSampling, ZeroPadding and Cropping of sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.functions.forward import resize
from pellucid.functions.forward.sliding_window import PAIRS, Padding, Sizes, compact, paddings_of, sizes_of
from pellucid.layers.base import Context, Layer
from pellucid.layers.windowed.base import channels_of
from pellucid.messages import gettext, option_of


@dataclass(eq=False, repr=False)
class _Resizing(Layer):
    arity: ClassVar[int | None] = 1
    masking = "refuse"
    rank: ClassVar[int]

    def places(self, x: Tensor) -> None:
        """Refuse what has other axes."""
        channels_of(self, self.rank, tuple(a.size for a in x.axes[1:]))


@dataclass(eq=False, repr=False)
class _UpSampling(_Resizing):
    size: Sizes = 2

    def check(self) -> None:
        self.size = compact(sizes_of(self.size, self.rank, option_of("size", type(self).__name__)))

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        self.places(x)
        return resize.upsample(x, sizes_of(self.size, self.rank, "size"))


@dataclass(eq=False, repr=False)
class UpSampling1D(_UpSampling):
    """Every step `size` times: (n, t, c) to (n, t·size, c)."""

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class UpSampling2D(_UpSampling):
    """Every place of an image `size` times in both directions: (n, h, w, c) to (n, h·size, w·size, c).

    Args:
        size: how often, one number or (height, width).
        interpolation: "nearest", which repeats the place; there is no other.
    """

    rank: ClassVar[int] = 2

    interpolation: Literal["nearest"] = "nearest"

    def check(self) -> None:
        super().check()
        if self.interpolation != "nearest":
            raise PellucidError(
                f'interpolation of UpSampling2D: expected "nearest", got {self.interpolation!r}; '
                "a ConvTranspose2D learns how to fill in"
            )


@dataclass(eq=False, repr=False)
class UpSampling3D(_UpSampling):
    """Every place of a volume `size` times in each direction: (n, d, h, w, c) to (n, d·size, h·size, w·size, c).

    Args:
        size: how often, one number or (depth, height, width).
    """

    rank: ClassVar[int] = 3


def _ends(given: Padding, rank: int, what: object) -> resize.Ends:
    known = paddings_of(given, rank, what)
    if isinstance(known, str):
        raise PellucidError(
            gettext(
                "{what} is {value!r}, expected an integer from 0 or pairs such as {pairs}",
                what=what,
                value=given,
                pairs=PAIRS[rank],
            )
        )
    return known


@dataclass(eq=False, repr=False)
class _ZeroPadding(_Resizing):
    padding: Padding = 1

    def check(self) -> None:
        self.padding = _ends(self.padding, self.rank, option_of("padding", type(self).__name__))

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        self.places(x)
        return resize.zero_pad(x, _ends(self.padding, self.rank, "padding"))


@dataclass(eq=False, repr=False)
class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence: (n, t, c) to (n, t + low + high, c).

    Args:
        padding: how many at both ends, or (low, high).
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class ZeroPadding2D(_ZeroPadding):
    """Zeros round an image: (n, h, w, c) to (n, h + top + bottom, w + left + right, c).

    Args:
        padding: how many at all sides, (height, width), or ((top, bottom), (left, right)).
    """

    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class ZeroPadding3D(_ZeroPadding):
    """Zeros round a volume: (n, d, h, w, c) to (n, d + front + back, h + top + bottom, w + left + right, c).

    Args:
        padding: how many at all sides, (depth, height, width), or ((front, back), (top, bottom), (left, right)).
    """

    rank: ClassVar[int] = 3


@dataclass(eq=False, repr=False)
class _Cropping(_Resizing):
    cropping: Padding = 1

    def check(self) -> None:
        self.cropping = _ends(self.cropping, self.rank, option_of("cropping", type(self).__name__))

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        self.places(x)
        return resize.crop(x, _ends(self.cropping, self.rank, "cropping"))


@dataclass(eq=False, repr=False)
class Cropping1D(_Cropping):
    """A sequence without its first and last steps: (n, t, c) to (n, t − low − high, c).

    Args:
        cropping: how many at both ends, or (low, high).
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class Cropping2D(_Cropping):
    """An image without its border: (n, h, w, c) to (n, h − top − bottom, w − left − right, c).

    Args:
        cropping: how many at all sides, (height, width), or ((top, bottom), (left, right)).
    """

    rank: ClassVar[int] = 2

    cropping: Padding = 0


@dataclass(eq=False, repr=False)
class Cropping3D(_Cropping):
    """A volume without its border: (n, d, h, w, c) to (n, d − front − back, h − top − bottom, w − left − right, c).

    Args:
        cropping: how many at all sides, (depth, height, width), or ((front, back), (top, bottom), (left, right)).
    """

    rank: ClassVar[int] = 3
