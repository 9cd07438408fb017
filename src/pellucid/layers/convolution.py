"""Convolution in one and two dimensions, and its transpose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import Tensor
from pellucid.functions import convolution
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.masking import masked, whole_windows
from pellucid.functions.penalties import PenaltyLike, penalty
from pellucid.functions.windows import Padding, Sizes, compact, paddings_of, sizes_of
from pellucid.layers.base import Context, Layer, Masks, Parameter, Shape, whole


@dataclass(eq=False, repr=False)
class _Kernel(Layer):
    """What all of them share: filters, a kernel that moves, a bias and an activation."""

    filters: int
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    activation: ActivationLike = "linear"
    _: KW_ONLY
    dilation_rate: Sizes = 1
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: PenaltyLike = None

    rank: ClassVar[int]
    masking: ClassVar[Masks | None] = "refuse"

    def check(self) -> None:
        kind = type(self).__name__
        self.filters = whole(self.filters, f"filters of {kind}")
        self.kernel_size = compact(sizes_of(self.kernel_size, self.rank, f"kernel_size of {kind}"))
        self.strides = compact(sizes_of(self.strides, self.rank, f"strides of {kind}"))
        self.dilation_rate = compact(sizes_of(self.dilation_rate, self.rank, f"dilation_rate of {kind}"))
        self.padding = paddings_of(self.padding, self.rank, f"padding of {kind}")
        self.activation = activation(self.activation)
        self.kernel_regularizer = penalty(self.kernel_regularizer)

    @property
    def size(self) -> tuple[int, ...]:
        return sizes_of(self.kernel_size, self.rank, "kernel_size")

    def channels(self, shape: Shape) -> int:
        """The channels of an example of this shape."""
        return channels_of(self, self.rank, shape)

    def parameters(self, last: Mapping[str, int]) -> dict[str, Parameter]:
        """Kernel and bias; fans as Keras counts them: the kernel's last two axes are inputs and outputs."""
        window = math.prod(self.size)
        axes = {**dict(zip("uv", self.size, strict=False)), **last}
        fan_in, fan_out = (size * window for size in last.values())
        kernel = Parameter(axes, self.kernel_initializer, fan_in, fan_out, penalty=penalty(self.kernel_regularizer))
        bias = Parameter({"f": self.filters}, self.bias_initializer, fan_in, fan_out)
        return {"kernel": kernel, "bias": bias} if self.use_bias else {"kernel": kernel}

    def finish(self, total: Tensor, context: Context) -> Tensor:
        return context.activate(self.activation, context.record("sum", total))


def channels_of(layer: Layer, rank: int, shape: Shape) -> int:
    """The channels of a sequence or image; ShapeError where an example of this shape is neither."""
    if len(shape) != rank + 1:
        takes = "(steps, channels)" if rank == 1 else "(height, width, channels)"
        mend = f"; insert Reshape({(*shape, 1)}) before it" if len(shape) == rank else ""
        raise ShapeError(f"{type(layer).__name__} takes examples of shape {takes}, but {shape} came{mend}")
    return shape[-1]


@dataclass(eq=False, repr=False)
class _Convolution(_Kernel):
    """A convolution, whose filters may see groups of the channels only."""

    _: KW_ONLY
    groups: int = 1

    def check(self) -> None:
        super().check()
        self.groups = whole(self.groups, f"groups of {type(self).__name__}")

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        channels = self.channels(shape)
        convolution.check_groups(channels, channels, self.filters, self.groups)
        return self.parameters({"c": channels // self.groups, "f": self.filters})

    def refusal(self) -> str:
        return (
            f'{type(self).__name__} leaves out padding with padding="valid", or with padding="same" and strides=1, '
            f"but padding={self.padding!r} and strides={self.strides!r} came"
        )

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        mask = context.masks.get(x)
        if mask is not None and self.padding == "same" and sizes_of(self.strides, self.rank, "strides") == (1,):
            x = masked(x, mask)
        elif mask is not None and self.padding != "valid":
            raise PellucidError(self.refusal())
        function = convolution.conv1d if self.rank == 1 else convolution.conv2d
        total = function(
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
class _Transpose(_Kernel):
    """A transposed convolution."""

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        return self.parameters({"f": self.filters, "c": self.channels(shape)})

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        function = convolution.conv_transpose1d if self.rank == 1 else convolution.conv_transpose2d
        options = {"stride": self.strides, "dilation": self.dilation_rate}
        total = function(x, parameters["kernel"], parameters.get("bias"), padding=self.padding, **options)
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
