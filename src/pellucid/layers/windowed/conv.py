"""Convolution in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.functions.forward import convolution
from pellucid.functions.forward.masks import masked, whole_windows
from pellucid.functions.forward.sliding_window import sizes_of
from pellucid.layers.base import Context, Parameter, Shape
from pellucid.layers.windowed.base import _Kernel
from pellucid.messages import Message, gettext, option_of


@dataclass(eq=False, repr=False)
class _Convolution(_Kernel):
    """A convolution, whose filters may see groups of the channels only."""

    _: KW_ONLY
    groups: int = 1

    def check(self) -> None:
        super().check()
        self.groups = check_integer(self.groups, option_of("groups", type(self).__name__), minimum=1)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        channels = self.channels(shape)
        convolution.check_groups(channels, channels, self.filters, self.groups)
        return self.parameters({"c": channels // self.groups, "f": self.filters})

    def refusal(self) -> Message:
        return gettext(
            '{kind} leaves out padding with padding="valid", or with padding="same" and strides=1, '
            "got padding={padding!r} and strides={strides!r}",
            kind=type(self).__name__,
            padding=self.padding,
            strides=self.strides,
        )

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        mask = context.masks.get(x)
        if mask is not None and self.padding == "same" and sizes_of(self.strides, self.rank, "strides") == (1,):
            x = masked(x, mask)
        elif mask is not None and self.padding != "valid":
            raise PellucidError(self.refusal())
        total = convolution.convolve(
            x,
            parameters["kernel"],
            parameters.get("bias"),
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
        )
        result = self.finish(total, context)
        if mask is not None:
            (size,), (stride,), (dilation,) = (
                sizes_of(given, 1, "") for given in (self.kernel_size, self.strides, self.dilation_rate)
            )
            context.masks[result] = (
                mask
                if self.padding == "same"
                else whole_windows(mask, steps=result.axes[1].size, size=size, stride=stride, dilation=dilation)
            )
        return result


@dataclass(eq=False, repr=False)
class Conv1D(_Convolution):
    """A kernel that moves along a sequence, `y[n,t,f] = f(b[f] + Σ[u,c] x[n, t·s + u·d − p, c | 0]·k[u,c,f])`.

    Shapes: (n, t, c) to (n, t′, filters); kernel (u, c/groups, filters).

    Steps that a mask leaves out count as the zeros of padding="same" (with strides=1); with "valid", the steps that
    come out are those whose kernel saw no padding.

    Args:
        filters: how many kernels it has.
        kernel_size: how many steps a kernel sees.
        strides: how many steps it moves.
        padding: "valid" (none), "same" (⌈t/strides⌉ steps come out; an odd zero stands at the end), a number of zeros
            for both ends, or (low, high).
        activation: f, by name or as a function of `pellucid.functions.activations`.
        dilation_rate: how far apart the taps of the kernel are.
        groups: how many groups of channels are kept apart; with as many as channels, each has kernels of its own.
        use_bias, kernel_initializer, bias_initializer, kernel_regularizer: as for `Dense`.
    """

    rank: ClassVar[int] = 1
    masking = "use"


@dataclass(eq=False, repr=False)
class Conv2D(_Convolution):
    """A kernel that moves over an image.

    `y[n,i,j,f] = f(b[f] + Σ[u,v,c] x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·k[u,v,c,f])`

    Shapes: (n, h, w, c) to (n, i, j, filters); kernel (u, v, c/groups, filters).

    Args: as for `Conv1D`; kernel_size, strides and dilation_rate are one number or (height, width). padding is also a
        number for each axis, (height, width), or pairs ((top, bottom), (left, right)).
    """

    rank: ClassVar[int] = 2


@dataclass(eq=False, repr=False)
class Conv3D(_Convolution):
    """A kernel that moves through a volume: the slices of a scan, or the frames of a film.

    `y[n,i,j,l,f] = f(b[f] + Σ[u,v,r,c] x[n, i·s + u·δ − p, j·s + v·δ − p, l·s + r·δ − p, c | 0]·k[u,v,r,c,f])`

    Shapes: (n, d, h, w, c) to (n, i, j, l, filters); kernel (u, v, r, c/groups, filters).

    Args: as for `Conv1D`; kernel_size, strides and dilation_rate are one number or (depth, height, width). padding is
        also a number for each axis, or pairs ((front, back), (top, bottom), (left, right)).

    Source: Ji et al., 3D convolutional neural networks for human action recognition, IEEE Transactions on PAMI 35
    (2013).
    """

    rank: ClassVar[int] = 3
