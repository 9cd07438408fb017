"""The nodes and constants of a graph while it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.interchange.onnx.package import onnx_package
from pellucid.layers.base import Layer
from pellucid.network import Use

Array = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Value:
    """A layer's output in the graph.

    `last` and `first` are its names with the channels last, as Pellucid has them, and with the channels in front of
    the places, as ONNX's convolutions want them; one of them may not be there yet. `mask` is the name of which steps
    are there, (n,t), 1 or 0; `final` the names of a recurrent layer's states after the last step.
    """

    shape: tuple[int, ...]
    last: str = ""
    first: str = ""
    mask: str = ""
    final: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Writer:
    """Nodes and constants as they come; `path` is the layer that is being written.

    `trained` has the names of the constants that training changes, `frozen` of those that layers keep which are not
    trainable.
    """

    dtype: np.dtype[Any]
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    path: str = ""
    opset: int = 17
    trained: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)

    def unique(self, name: str) -> str:
        """A name that nothing has yet."""
        chosen, count = name, 1
        while chosen in self.names:
            count += 1
            chosen = f"{name}_{count}"
        self.names.add(chosen)
        return chosen

    def constant(self, name: str, array: Any, *, dtype: Any = None) -> str:
        """An array in the graph, of the network's type if none is given; one of the same name and content is written
        once.
        """
        kept = np.ascontiguousarray(array, dtype or self.dtype)
        kept = kept.reshape(np.shape(array))
        full = f"{self.path}.{name}"
        known = self.constants.get(full)
        if known is not None and known.dtype == kept.dtype and np.array_equal(known, kept):
            return full
        full = self.unique(full)
        self.constants[full] = kept
        return full

    def parameter(self, place: Place, name: str, array: Array | None = None) -> str:
        """A parameter of a layer, or what is made of it, under its own path; a layer that is used twice has it once."""
        path = f"{place.home}.{name}"
        if path not in self.constants:
            self.names.add(path)
            self.constants[path] = np.ascontiguousarray(place.parameters[name] if array is None else array, self.dtype)
            self.trained += [] if name in place.fixed else [path]
            self.frozen += [] if place.layer.trainable else [path]
        return path

    def typed(self, path: str, array: Array) -> str:
        """An array of another type than the network's under a path of its own."""
        if path not in self.constants:
            self.names.add(path)
            self.constants[path] = np.ascontiguousarray(array).reshape(array.shape)
        return path

    def reduce(self, kind: str, x: str, *axes: int, keepdims: int = 0, name: str = "") -> str:
        """A reduction, whose axes are an input or, in older opsets, an attribute."""
        if kind == "ReduceSum" or self.opset >= 18:
            over = self.integers(f"axes_{'_'.join(str(a) if a >= 0 else 'last' for a in axes)}", *axes)
            return self.add(kind, x, over, keepdims=keepdims, name=name)
        return self.add(kind, x, axes=list(axes), keepdims=keepdims, name=name)

    def integers(self, name: str, *values: int) -> str:
        return self.constant(name, list(values), dtype=np.int64)

    def holds(self, attribute: float) -> bool:
        """Whether an attribute, which ONNX has in float32, is what the network computes with."""
        return self.dtype != np.float64 or float(np.float32(attribute)) == attribute

    def integer(self, name: str, value: int) -> str:
        """One integer, of no axis."""
        return self.constant(name, np.asarray(value), dtype=np.int64)

    def add(self, kind: str, *inputs: str, name: str = "", **options: Any) -> str:
        """A node with one output; its name."""
        return self.outputs(kind, inputs, (name or kind.lower(),), **options)[0]

    def outputs(self, kind: str, inputs: Sequence[str], names: Sequence[str], **options: Any) -> list[str]:
        """A node; the names of its outputs, "" for those that are not wanted."""
        given = [self.unique(f"{self.path}.{name}") if name else "" for name in names]
        node = onnx_package().helper.make_node(kind, list(inputs), given, **options)
        node.name = self.unique(f"{self.path}/{kind}")
        self.nodes.append(node)
        return given

    def transpose(self, x: str, *order: int) -> str:
        return self.add("Transpose", x, perm=list(order))

    def reshape(self, x: str, *shape: int) -> str:
        """0 keeps an extent, −1 is what remains."""
        return self.add("Reshape", x, self.integers("shape", *shape))

    def last(self, value: Value) -> str:
        """The name of a value with its channels last."""
        rank = len(value.shape) + 1
        return value.last or self.transpose(value.first, 0, *range(2, rank), 1)

    def first(self, value: Value) -> str:
        """The name of a value with its channels in front of the places."""
        rank = len(value.shape) + 1
        if rank < 3:
            return value.last
        return value.first or self.transpose(value.last, 0, rank - 1, *range(1, rank - 1))


@dataclass(frozen=True)
class Place:
    """A use of a layer: its parameters by their names in it, and the path in front of them.

    `fixed` are the names of those that no training changes, such as running means.
    """

    use: Use
    home: str
    parameters: Mapping[str, Array]
    fixed: frozenset[str] = frozenset()

    @property
    def layer(self) -> Any:
        return self.use.layer


Rule = Callable[[Writer, Place, Sequence[Value]], Value]


class Rules(dict[type[Layer], Rule], Generic[F]):
    """How each kind of layer is written: `@RULES.of(Dense)` in front of a function."""

    def of(self, *kinds: type[Layer]) -> Callable[[F], F]:
        def register(function: F) -> F:
            self.update(dict.fromkeys(kinds, function))
            return function

        return register

    def find(self, layer: Layer, path: str) -> Rule:
        """The rule of a layer.

        Raises:
            PellucidError: there is none.
        """
        if type(layer) not in self:
            raise PellucidError(
                f"{path} is a {type(layer).__name__} layer, which ONNX export has no operators for: "
                "build the network of Pellucid's own layers, or leave this one out"
            )
        return self[type(layer)]


RULES: Rules[Rule] = Rules()
