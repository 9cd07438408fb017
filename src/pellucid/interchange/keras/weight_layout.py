"""Where Keras keeps the weights of each layer, in which order and which shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.layers.base import Layer, Shape
from pellucid.layers.dropout import Dropout, GaussianNoise
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.normalization import Normalization
from pellucid.layers.recurrent.base import _Recurrent
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.layers.recurrent.gru import GRU

Array = NDArray[Any]
_FIRST = {
    "embeddings": 0,
    "kernel": 0,
    "depthwise_kernel": 0,
    "pointwise_kernel": 1,
    "recurrent_kernel": 1,
    "alpha": 0,
    "gamma": 0,
    "beta": 1,
    "bias": 2,
    "mean": 2,
    "variance": 3,
}
"""The order of a layer's own variables."""


@dataclass(frozen=True)
class Slot:
    """An array of Keras's: the group and the number that it has in a file, and which parameters it holds.

    `shape` gives its shape in Keras from that of a parameter: of the same numbers in the same order.
    """

    layer: Layer
    keys: tuple[str, ...]
    group: str
    index: int
    shape: Callable[[Shape], Shape] = lambda shape: shape

    def to_keras(self, arrays: Sequence[Array]) -> Array:
        """Keras's array from ours."""
        if isinstance(self.layer, Normalization) and self.keys == ("deviation",):
            return np.asarray(arrays[0] ** 2)
        flat = [a.reshape(self.shape(a.shape)) for a in arrays]
        return np.stack(flat) if len(flat) > 1 else flat[0]

    def to_ours(self, array: Array, shape: Shape) -> list[Array]:
        """Our arrays from Keras's, each of this shape."""
        if isinstance(self.layer, Normalization) and self.keys == ("deviation",):
            return [np.maximum(np.sqrt(array.reshape(shape)), 1e-7)]
        return [part.reshape(shape) for part in array.reshape(len(self.keys), *shape)]

    def expected(self, shape: Shape) -> Shape:
        """The shape that the array has in Keras."""
        one = self.shape(shape)
        return (len(self.keys), *one) if len(self.keys) > 1 else one


def slots(layer: Layer, keys: Sequence[str], group: str) -> Iterator[Slot]:
    """All arrays of a layer that has these parameters, in a file under this group."""
    if isinstance(layer, Bidirectional):
        for way, inner in (("forward", layer.layer), ("backward", layer.backward)):
            own = [key.removeprefix(f"{way}.") for key in keys if key.startswith(f"{way}.")]
            yield from slots(inner, own, f"{group}/{way}_layer")
    elif isinstance(layer, _Recurrent):
        yield from _recurrent(layer, keys, f"{group}/cell/vars")
    elif isinstance(layer, MultiHeadAttention):
        for part in ("query", "key", "value", "output"):
            for index, key in enumerate(k for k in (f"{part}.kernel", f"{part}.bias") if k in keys):
                yield Slot(layer, (key,), f"{group}/{part}_dense/vars", index)
    elif isinstance(layer, Normalization):
        yield Slot(layer, ("mean",), f"{group}/vars", 0)
        yield Slot(layer, ("deviation",), f"{group}/vars", 1)
    else:
        for index, key in enumerate(sorted(keys, key=lambda k: _FIRST.get(k, 9))):
            yield Slot(layer, (key,), f"{group}/vars", index)


def _recurrent(layer: _Recurrent, keys: Sequence[str], group: str) -> Iterator[Slot]:
    """The gates stand beside the units in ours and are one axis with them in Keras's; their order is the same."""

    def joined(shape: Shape) -> Shape:
        return (*shape[:-2], math.prod(shape[-2:])) if layer.gates > 1 else shape

    yield Slot(layer, ("kernel",), group, 0, joined)
    yield Slot(layer, ("recurrent_kernel",), group, 1, joined)
    if "bias" in keys:
        two = isinstance(layer, GRU) and layer.reset_after
        yield Slot(layer, ("bias", "recurrent_bias") if two else ("bias",), group, 2, joined)


def other_arrays(layer: Layer) -> Mapping[str, Mapping[str, Array]]:
    """What Keras keeps beside the parameters, by group inside the layer's: the states of random numbers, a count."""
    if isinstance(layer, Dropout | GaussianNoise):
        return {"seed_generator/vars": {"0": np.array([0, 0], np.uint32)}}
    if isinstance(layer, Normalization):
        return {"vars": {"2": np.array(0, np.int32)}}
    return {}
