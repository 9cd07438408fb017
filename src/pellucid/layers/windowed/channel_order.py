"""Images whose channels stand first, as PyTorch has them: told of where a window would move over them."""

from __future__ import annotations

from pellucid.functions.forward.sliding_window import SHAPES
from pellucid.layers.base import Layer, Shape

SMALLEST_SIDE = 8
"""What has fewer places along a side is a feature map rather than an image."""


def moves(layer: Layer) -> bool:
    """Whether a window of the layer moves over images or volumes."""
    return getattr(layer, "rank", 0) > 1


def looks_channels_first(layer: Layer, shape: Shape) -> bool:
    """Whether examples of this shape, as they come into the network, are likely images with the channels in front.

    One or three channels, and sides of at least eight places; one channel with sides of two sizes may as well be a row
    of places with many channels, and so is what a kernel of height 1 looks at.
    """
    channels, *sides = shape
    if len(shape) != getattr(layer, "rank", 0) + 1 or channels not in (1, 3) or min(sides) < SMALLEST_SIDE:
        return False
    kernel = getattr(layer, "kernel_size", 0)
    along_a_row = isinstance(kernel, tuple) and kernel[0] == 1
    return (channels == 3 or sides[-2] == sides[-1]) and not along_a_row


def advice(path: str, layer: Layer, shape: Shape) -> str:
    """What came, what was expected, and how both spellings of a remedy read."""
    channels, *sides = shape
    size = " × ".join(map(str, shape[:-1]))
    last, order = (*sides, channels), (*range(2, len(shape) + 1), 1)
    return (
        f"{path} ({type(layer).__name__}) takes examples of shape {SHAPES[len(sides)]}, got {shape}, which is {size} "
        f"places of {shape[-1]} channels. If the channels stand first, as in PyTorch, give input_shape={last} and "
        f"np.moveaxis(x, 1, -1), or begin the network with pl.Permute({order})"
    )
