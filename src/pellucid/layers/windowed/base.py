"""What convolutions share: filters, a kernel that moves over places, a bias and an activation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pellucid.arrays import check_integer
from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward.sliding_window import LETTERS, SHAPES, Padding, Sizes, compact, paddings_of, sizes_of
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.layers.base import Context, Layer, Masks, Parameter, Shape
from pellucid.messages import gettext, option_of


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

    arity: ClassVar[int | None] = 1
    rank: ClassVar[int]
    masking: ClassVar[Masks | None] = "refuse"

    def check(self) -> None:
        kind = type(self).__name__
        self.filters = check_integer(self.filters, option_of("filters", kind), minimum=1)
        self.kernel_size = compact(sizes_of(self.kernel_size, self.rank, option_of("kernel_size", kind)))
        self.strides = compact(sizes_of(self.strides, self.rank, option_of("strides", kind)))
        self.dilation_rate = compact(sizes_of(self.dilation_rate, self.rank, option_of("dilation_rate", kind)))
        self.padding = paddings_of(self.padding, self.rank, option_of("padding", kind))
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
        axes = {**dict(zip(LETTERS[self.rank].taps, self.size, strict=True)), **last}
        fan_in, fan_out = (size * window for size in last.values())
        kernel = Parameter(axes, self.kernel_initializer, fan_in, fan_out, penalty=penalty(self.kernel_regularizer))
        bias = Parameter({"f": self.filters}, self.bias_initializer, fan_in, fan_out)
        return {"kernel": kernel, "bias": bias} if self.use_bias else {"kernel": kernel}

    def finish(self, total: Tensor, context: Context) -> Tensor:
        return context.activate(self.activation, context.record("sum", total))


def channels_of(layer: Layer, rank: int, shape: Shape) -> int:
    """The channels of a sequence, image or volume; ShapeError where an example of this shape is another."""
    if len(shape) != rank + 1:
        sentence = gettext(
            "{kind} takes examples of shape {expected}, got {shape}",
            kind=type(layer).__name__,
            expected=SHAPES[rank],
            shape=shape,
        )
        if len(shape) == rank:
            added = (*shape, 1)
            sentence = gettext("{sentence}; insert Reshape({shape}) before it", sentence=sentence, shape=added)
        raise ShapeError(sentence)
    return shape[-1]
