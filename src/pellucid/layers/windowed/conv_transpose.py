"""Transposed convolution in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pellucid.formula import Tensor
from pellucid.functions.forward import convolution
from pellucid.layers.base import Context, Parameter, Shape
from pellucid.layers.windowed.base import _Kernel


@dataclass(eq=False, repr=False)
class _Transpose(_Kernel):
    """A transposed convolution."""

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        return self.parameters({"f": self.filters, "c": self.channels(shape)})

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        options = {"stride": self.strides, "dilation": self.dilation_rate}
        kernel, bias = parameters["kernel"], parameters.get("bias")
        total = convolution.conv_transpose(x, kernel, bias, padding=self.padding, **options)
        return self.finish(total, context)


@dataclass(eq=False, repr=False)
class ConvTranspose1D(_Transpose):
    """What `Conv1D` does to a gradient, as a layer: a sequence becomes longer. See `ConvTranspose2D`.

    Shapes: (n, t, c) to (n, t′, filters); kernel (u, filters, c).
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class ConvTranspose2D(_Transpose):
    """What `Conv2D` does to a gradient, as a layer: an image becomes larger, by strides.

    Shapes: (n, h, w, c) to (n, h′, w′, filters); kernel (u, v, filters, c). h′ is h·s with "same",
    (h − 1)·s + max(kernel_size, s) with "valid", and (h − 1)·s + kernel_size less the padding where that is given in
    numbers.

    Args: as for `Conv2D`, without groups.
    """

    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class ConvTranspose3D(_Transpose):
    """What `Conv3D` does to a gradient, as a layer: a volume becomes larger, by strides. See `ConvTranspose2D`.

    Shapes: (n, d, h, w, c) to (n, d′, h′, w′, filters); kernel (u, v, r, filters, c).
    """

    rank: ClassVar[int] = 3
