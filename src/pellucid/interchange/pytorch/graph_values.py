"""What the nodes of an exported graph give while they are read: values of the network, constants, sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.interchange.pytorch.torch_package import UnsupportedError
from pellucid.layers.base import Node
from pellucid.layers.permute import Permute

Array = NDArray[Any]


@dataclass(frozen=True)
class Value:
    """A value of the network.

    Attributes:
        node: where it comes from; the batch stands in front.
        shape: its shape in PyTorch, without the batch: −1 stands there.
        axes: which of PyTorch's axes each of ours is.
        columns: of a row that was flattened with the channels last, which of PyTorch's columns each of ours is.
        tokens: the input of integers that it is, or that it marks the padding of.
        mark: "real" or "padding" where it says of each token which it is, "lengths" where it counts the real ones.
        masked: whether steps are left out of it.
    """

    node: Node
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    columns: Array | None = None
    tokens: str = ""
    mark: str = ""
    masked: bool = False

    @property
    def batch(self) -> int:
        """Where PyTorch has the batch."""
        return self.axes[0]

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def example(self) -> tuple[int, ...]:
        """The shape of an example as ours."""
        return tuple(self.shape[a] for a in self.axes[1:])

    @property
    def plain(self) -> tuple[int, ...]:
        """PyTorch's axes in their order, with the batch in front."""
        return (self.batch, *(a for a in range(self.rank) if a != self.batch))


@dataclass(frozen=True)
class Constant:
    """Numbers that do not depend on the inputs; `trained` where they come from parameters."""

    tensor: Any
    trained: bool = False
    name: str = ""

    @property
    def array(self) -> Array:
        return np.asarray(self.tensor.detach().cpu().numpy())


@dataclass(frozen=True)
class Size:
    """The size of the batch times a number."""

    times: int = 1


@dataclass(frozen=True)
class Zeros:
    """Zeros of a shape that has the batch in it."""


@dataclass
class States:
    """The last states of recurrent layers, [layers · directions, n, units], each made when it is asked for."""

    sequences: list[Value]
    units: int
    directions: int
    last: Value | None = None
    kept: dict[int, Value] = field(default_factory=dict)


def in_order(value: Value, axes: tuple[int, ...]) -> Value:
    """The value with its axes in this order."""
    if value.axes == axes:
        return value
    if axes[0] != value.batch:
        raise UnsupportedError("the batch stands at another axis than before")
    if value.masked:
        raise UnsupportedError("its axes change places after steps were left out")
    dims = tuple(value.axes.index(a) for a in axes[1:])
    return Value(Permute(dims)(value.node), value.shape, axes)


def moved(value: Value, order: list[int]) -> Value:
    """PyTorch's permute, for which nothing moves here: `order` has the old axis for each new one."""
    axes = tuple(order.index(a) for a in value.axes)
    return Value(value.node, tuple(value.shape[k] for k in order), axes, value.columns, masked=value.masked)


def count(shape: tuple[int, ...]) -> int:
    """The elements of an example of a shape with a batch."""
    return math.prod(s for s in shape if s != -1)
