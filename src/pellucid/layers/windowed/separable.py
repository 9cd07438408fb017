"""Depthwise and separable convolution: each channel by itself, and then, if wanted, all of them at each place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar

from pellucid.arrays import check_integer
from pellucid.formula import Tensor
from pellucid.functions.forward import convolution
from pellucid.functions.forward.sliding_window import LETTERS
from pellucid.functions.learning.penalties import penalty
from pellucid.layers.base import Context, Parameter, Shape
from pellucid.layers.windowed.base import _Kernel
from pellucid.messages import option_of


@dataclass(eq=False, repr=False)
class _Depthwise(_Kernel):
    """Some kernels for each channel."""

    _: KW_ONLY
    depth_multiplier: int = 1

    def check(self) -> None:
        super().check()
        self.depth_multiplier = check_integer(
            self.depth_multiplier, option_of("depth_multiplier", type(self).__name__), minimum=1
        )

    def each(self, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
        """The convolution of each channel."""
        return convolution.depthwise(
            x, kernel, bias, stride=self.strides, padding=self.padding, dilation=self.dilation_rate
        )

    def kernels(self, shape: Shape) -> Parameter:
        """The kernels of the channels; fans as Keras counts them, of the kernel's last two axes."""
        channels, window = self.channels(shape), math.prod(self.size)
        axes = {**dict(zip(LETTERS[self.rank].taps, self.size, strict=True)), "c": channels, "m": self.depth_multiplier}
        fans = channels * window, self.depth_multiplier * window
        return Parameter(axes, self.kernel_initializer, *fans, penalty=penalty(self.kernel_regularizer))


@dataclass(eq=False, repr=False)
class _DepthwiseConv(_Depthwise):
    filters: int = field(init=False, default=1)  # it has as many as the channels make

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        kernel = self.kernels(shape)
        outputs = self.channels(shape) * self.depth_multiplier
        bias = {"bias": Parameter({"f": outputs}, self.bias_initializer)} if self.use_bias else {}
        return {"kernel": kernel, **bias}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        self.channels(tuple(a.size for a in x.axes[1:]))
        return self.finish(self.each(x, parameters["kernel"], parameters.get("bias")), context)


@dataclass(eq=False, repr=False)
class DepthwiseConv1D(_DepthwiseConv):
    """Kernels that move along each channel of a sequence by itself. See `DepthwiseConv2D`.

    Shapes: (n, t, c) to (n, t′, c·depth_multiplier); kernel (u, c, depth_multiplier).
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class DepthwiseConv2D(_DepthwiseConv):
    """Kernels that move over each channel of an image by itself.

    `y[n,i,j,M·c + m] = f(b[M·c + m] + Σ[u,v] x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·k[u,v,c,m])`

    Shapes: (n, h, w, c) to (n, i, j, c·depth_multiplier); kernel (u, v, c, depth_multiplier).

    Args: as for `Conv2D`, without filters and groups.
        depth_multiplier: M, how many kernels a channel has.
    """

    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class _SeparableConv(_Depthwise):
    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        wide = self.channels(shape) * self.depth_multiplier
        point = {**dict.fromkeys(LETTERS[self.rank].taps, 1), "c": wide, "f": self.filters}
        regularizer = penalty(self.kernel_regularizer)
        pointwise = Parameter(point, self.kernel_initializer, wide, self.filters, penalty=regularizer)
        bias = {"bias": Parameter({"f": self.filters}, self.bias_initializer)} if self.use_bias else {}
        return {"depthwise_kernel": self.kernels(shape), "pointwise_kernel": pointwise, **bias}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        self.channels(tuple(a.size for a in x.axes[1:]))
        each = context.record("depthwise", self.each(x, parameters["depthwise_kernel"]))
        total = convolution.convolve(each, parameters["pointwise_kernel"], parameters.get("bias"))
        return self.finish(total, context)


@dataclass(eq=False, repr=False)
class SeparableConv1D(_SeparableConv):
    """A depthwise convolution of a sequence, then all channels at each step. See `SeparableConv2D`.

    Shapes: (n, t, c) to (n, t′, filters); depthwise_kernel (u, c, depth_multiplier), pointwise_kernel
    (1, c·depth_multiplier, filters).
    """

    rank: ClassVar[int] = 1


@dataclass(eq=False, repr=False)
class SeparableConv2D(_SeparableConv):
    """A depthwise convolution of an image, then all channels at each place: a convolution with far fewer weights.

    Shapes: (n, h, w, c) to (n, i, j, filters); depthwise_kernel (u, v, c, depth_multiplier), pointwise_kernel
    (1, 1, c·depth_multiplier, filters).

    Args: as for `Conv2D`, without groups; kernel_initializer and kernel_regularizer are those of both kernels.
        depth_multiplier: how many kernels a channel has in the depthwise convolution.

    Source: Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017.
    """

    rank: ClassVar[int] = 2
