"""What readings of a network share: the walk over its graph, and what a layer's options mean elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import numpy as np

import pellucid as pl
from benchmarks.runners import Array
from pellucid.functions.forward.sliding_window import Window
from pellucid.layers.windowed.window import window_of
from pellucid.network import Use

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

WINDOWED: Final = (
    pl.Conv1D,
    pl.Conv2D,
    pl.ConvTranspose1D,
    pl.ConvTranspose2D,
    pl.MaxPool1D,
    pl.MaxPool2D,
    pl.AveragePool1D,
    pl.AveragePool2D,
)
ELEMENTWISE: Final = (pl.Activation, pl.Add, pl.BatchNormalization, pl.Dropout, pl.Multiply)
RECURRENT: Final = (pl.RNN, pl.LSTM, pl.GRU)


class Graph:
    """A network's layers in order, each with the values that it reads, and those that nobody reads after it.

    `steps` holds names alone, so that compilers of Python code can read it too.
    """

    def __init__(self, net: pl.Network) -> None:
        start, *layers = net.uses
        (self.output,) = net.output_shapes
        last = {path: use.path for use in layers for path in use.parents}
        self.start = start.path
        self.steps = tuple(
            (use.path, use.parents, tuple(path for path, reader in last.items() if reader == use.path))
            for use in layers
        )

    def __call__(self, apply: Callable[..., T], x: T) -> T:
        """The value of the output, where `apply(path, *values)` is that of a layer."""
        values = {self.start: x}
        for path, parents, finished in self.steps:
            value = apply(path, *[values[p] for p in parents])
            for p in finished:
                del values[p]
            values[path] = value
        return values[self.output]


class Translations(dict[type[pl.Layer], F], Generic[F]):
    """How a library computes a layer, by its kind: `@translations.of(pl.Dense)` in front of a function."""

    def of(self, *kinds: type[pl.Layer]) -> Callable[[F], F]:
        def register(function: F) -> F:
            self.update(dict.fromkeys(kinds, function))
            return function

        return register

    def find(self, use: Use) -> F:
        """The function for this layer.

        Raises:
            PellucidError: there is none.
        """
        if type(use.layer) not in self:
            raise pl.PellucidError(f"nobody has written {type(use.layer).__name__} ({use.path}) for this library")
        return self[type(use.layer)]


def values(net: pl.Network, use: Use) -> dict[str, Array]:
    """A layer's parameters by their names in it: "kernel", "forward.kernel"."""
    prefix = f"{use.home}."
    return {path.removeprefix(prefix): np.asarray(a) for path, a in net.parameters.items() if path.startswith(prefix)}


def activation(net: pl.Network, use: Use, *, sums: bool) -> str:
    """The name of what follows a layer's sums.

    Args:
        sums: whether the output is to be left as the sums before softmax or sigmoid, which are part of the loss.
    """
    if isinstance(use.layer, RECURRENT):
        return "linear"  # it is inside
    function = getattr(use.layer, "activation", "linear")
    name = str(getattr(function, "name", function))
    return "linear" if sums and use.path in net.output_shapes and name in ("softmax", "sigmoid") else name


def channels_first(net: pl.Network) -> set[str]:
    """The values of sequences and images whose channels stand in front of the places, where a library wants that."""
    found: set[str] = set()
    for use in net.uses:
        readers = [other.layer for other in net.uses if use.path in other.parents]
        image = len(use.shape) == 3 or any(isinstance(layer, WINDOWED) for layer in readers)
        passed = isinstance(use.layer, ELEMENTWISE) and found.issuperset(use.parents)
        if (image and not use.parents) or isinstance(use.layer, WINDOWED) or passed:
            found.add(use.path)
    return found


def turned(array: Array) -> Array:
    """Examples with their channels in front of the places."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def kernel(net: pl.Network, use: Use) -> Array:
    """A dense layer's kernel (i, o), its rows as they come where channels stand in front before a Flatten."""
    uses = {u.path: u for u in net.uses}
    array, before = values(net, use)["kernel"], uses[use.parents[0]]
    if not isinstance(before.layer, pl.Flatten) or before.parents[0] not in channels_first(net):
        return array
    return np.moveaxis(array.reshape(*before.shapes[0], -1), -2, 0).reshape(array.shape)


def window(use: Use) -> Window:
    """The window of a convolution, a transposed one or a pool, with its padding in numbers."""
    return window_of(use.layer, use.shapes[0])[0]


def even_padding(use: Use) -> tuple[int, ...]:
    """The zeros at either end of each axis, for a library that knows one number for both.

    Raises:
        PellucidError: the ends differ.
    """
    pads = window(use).padding
    if any(low != high for low, high in pads):
        raise pl.PellucidError(f"{use.path} is padded by {pads}, expected as much at both ends of an axis")
    return tuple(low for low, _ in pads)


def directions(use: Use, parameters: dict[str, Array]) -> tuple[Any, list[dict[str, Array]]]:
    """A recurrent layer and the parameters of each direction in which it reads: one, or of Bidirectional two."""
    if not isinstance(use.layer, pl.Bidirectional):
        return use.layer, [parameters]
    ways = [
        {k.removeprefix(f"{way}."): a for k, a in parameters.items() if k.startswith(f"{way}.")}
        for way in ("forward", "backward")
    ]
    return use.layer.layer, ways
