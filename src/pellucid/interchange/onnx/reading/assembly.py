"""A model as a network: each node a layer, and one of Pellucid's own where that computes the same."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import numpy as np

from pellucid.arrays import rounded
from pellucid.engines import DEFAULT
from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Tensor
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import reads
from pellucid.interchange.onnx.layer import (
    FROZEN,
    MAX_NUMBERS,
    TRAINED,
    Operator,
    OperatorOutput,
    results_of,
)
from pellucid.interchange.onnx.operators.base import Array, Merged, Node, UnsupportedError, Value, constant, size_of
from pellucid.interchange.onnx.operators.recurrent_operators import one_bias
from pellucid.interchange.onnx.operators.shape_operators import BATCH_SIZE, one_example
from pellucid.interchange.onnx.package import onnx_package
from pellucid.interchange.onnx.reading.file import dtype_name, load, plain
from pellucid.interchange.onnx.reading.graph import Graph, Step
from pellucid.layers.activation import Activation
from pellucid.layers.base import Input, Layer
from pellucid.layers.base import Node as Use
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.merging import Add, Multiply
from pellucid.network import MAX_USES, BaseNetwork

N = TypeVar("N", bound=BaseNetwork)
MAX_CONSTANTS = 1 << 28
"""The maximum number of elements of all constants that are computed: 1 GiB in float32."""
InputShapes = Mapping[str, Sequence[int | None]]

_ACTIVATIONS: Final = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus"}
_ALONG: Final = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}
_WEIGHTS: Final[dict[str, tuple[int, ...]]] = {
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "PRelu": (1,),
    "RNN": (1, 2, 3),
    "LSTM": (1, 2, 3, 7),
    "GRU": (1, 2, 3),
    "Gather": (0,),
}
"""Which inputs of an operator training changes, in a model that does not say so; in arithmetic, also numbers along one
axis.
"""
_ARITHMETIC: Final = ("Add", "Sub", "Mul", "Div")
_EXACT: Final = (*_ARITHMETIC, "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Where", "Max", "Min")
"""The operators whose formulas write a constant integer itself."""


def read(
    path: str | os.PathLike[str], kind: type[N], *, input_shapes: InputShapes | None = None, engine: str = DEFAULT
) -> N:
    """See `pellucid.from_onnx`."""
    model, folder = load(path)
    graph = Graph(model, folder)
    return Reading(graph, input_shapes or {}).network(kind, engine)


@dataclass
class Reading:
    """The layers of a graph as they come."""

    graph: Graph
    shapes: InputShapes
    uses: dict[Tensor, Use] = field(default_factory=dict)
    weights: dict[Layer, dict[str, Array]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    whole: set[Tensor] = field(default_factory=set)
    """Values of integers that come straight from an input."""
    batch: int | None = None
    """The size of the batch that the model was made for, where it says one."""
    trained: set[str] | None = None
    """The arrays that training changes, where the model says so."""
    twins: dict[tuple[str, tuple[str, ...]], Layer] = field(default_factory=dict)
    """Layers with weights by what they do, and the names of these."""
    double: bool = False
    """Whether the network computes in float64, as far as it is known."""
    frozen: set[str] = field(default_factory=set)
    """The arrays of layers that are not trainable."""

    def network(self, kind: type[N], engine: str) -> N:
        values: dict[str, Value] = {
            name: constant(a, literal=not a.ndim) for name, a in self.graph.initializers.items()
        }
        unknown = set(self.shapes) - {given.name for given in self.graph.inputs}
        if unknown:
            names = ", ".join(given.name for given in self.graph.inputs)
            raise PellucidError(f'input_shapes names "{sorted(unknown)[0]}", but the inputs are {names}')
        metadata = {entry.key: _plain(entry.value) for entry in self.graph.model.metadata_props}
        stated, frozen = metadata.pop(TRAINED, None), metadata.pop(FROZEN, None)
        if isinstance(stated, list):
            self.trained, self.frozen = set(map(str, stated)), set(map(str, frozen or ()))
        starts = []
        for given in self.graph.inputs:
            value = values[given.name] = self._input(given)
            starts.append(self.uses[value.tensor])
        self.double = any(v.dtype == np.float64 for v in values.values())
        self.graph.walk(values, self._emit, batch=self.batch, limit=MAX_CONSTANTS)
        ends = [self._output(name, values[name]) for name in self.graph.outputs]
        self.double = self.double or any(v.dtype == np.float64 for v in values.values())
        dtype = np.float64 if self.double else np.float32
        network = kind(inputs=starts, outputs=ends, engine=engine, dtype=dtype, initialise=False)
        for use in network.uses:
            for key, array in self.weights.get(use.layer, {}).items():
                network.parameters[f"{use.home}.{key}"] = array
        network.metadata.update(metadata)
        return network

    # Inputs and outputs

    def _input(self, given: Any) -> Value:
        """An input of the network: its shape without the batch, and where ONNX has the batch."""
        name, shown = given.name, plain(given.name)
        if not given.type.HasField("tensor_type") or not given.type.tensor_type.HasField("shape"):
            raise UnsupportedError(f'the input "{shown}" is no tensor with a number of axes')
        dims = [
            d.dim_value if d.HasField("dim_value") else plain(d.dim_param) or None
            for d in given.type.tensor_type.shape.dim
        ]
        if len(dims) < 2 and name not in self.shapes:
            raise UnsupportedError(f'the input "{shown}" has the shape {_shape(dims)}, expected a batch of examples')
        shape, batch = _without_batch(name, dims, self.shapes.get(name))
        if isinstance(size := dims[batch], int):
            self.batch = size
        dtype = np.dtype(dtype_name(given.type.tensor_type.elem_type, f"input {shown}"))
        if dtype.kind not in "fiub":
            raise UnsupportedError(f'the input "{shown}" holds {dtype}, expected numbers')
        use = Input(shape, name=self._name(name))
        value = self._value(shape, dtype, batch, use)
        if dtype.kind in "iu":
            self.whole.add(value.tensor)
        return value

    def _output(self, name: str, value: Value) -> Use:
        use = self.uses.get(value.tensor)
        if use is None:
            raise UnsupportedError(f'the output "{plain(name)}" does not depend on the inputs')
        return use

    def _value(
        self, shape: Sequence[Any], dtype: np.dtype[Any], batch: int, use: Use, merged: Merged | None = None
    ) -> Value:
        """A value that stands for what a use gives."""
        tensor = Tensor.input("x", {"n": BATCH, **{f"i{k}": size for k, size in enumerate(shape)}})
        self.uses[tensor] = use
        return Value(tensor, dtype, batch, merged=merged)

    def _name(self, name: str) -> str | None:
        """A layer's name from ONNX's; None where nothing is left of it."""
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:80]
        plain = f"node_{plain}" if plain[:1].isdigit() else plain
        if not plain:
            return None
        chosen, count = plain, 1
        while chosen in self.names:
            count += 1
            chosen = f"{plain}_{count}"
        self.names.add(chosen)
        return chosen

    # Nodes

    def _emit(self, step: Step) -> list[Value]:
        step = replace(step, node=_of_any_batch(step.node))
        results = results_of(step.node)[: len(step.names)]
        wanted = [place for place, name in enumerate(step.names) if name]
        joint = step.node.operator in _WEIGHTS and len(wanted) > 1  # all of one layer, with one set of weights
        made: dict[int, Value] = {}
        for place in wanted:
            if joint and made:
                made[place] = self._further(made[wanted[0]], place, results[place])
            else:
                made[place] = self._made(step, place, results[place], tuple(wanted[1:]) if joint else ())
        return [made.get(place, value) for place, value in enumerate(results)]

    def _further(self, first: Value, place: int, value: Value) -> Value:
        """Another output of the layer that gives a value."""
        shape = tuple(map(size_of, value.tensor.shape[1:]))
        layer = OperatorOutput(place, shape)
        return self._value(shape, value.dtype, value.batch or 0, layer(self.uses[first.tensor]), value.merged)

    def _made(self, step: Step, place: int, value: Value, further: tuple[int, ...]) -> Value:
        """The layer that gives an output, and the value that stands for it.

        Args:
            further: the outputs that `OperatorOutput` layers take from it.
        """
        if value.batch is None:
            raise UnsupportedError("what it gives has no batch: it runs over the examples, or does not depend on them")
        if len(self.uses) > MAX_USES:
            raise UnsupportedError(f"the network has more than {MAX_USES:,} nodes that are no constants")
        shape, node = value.tensor.shape[1:], step.node
        x = next((v for v in node.inputs if v is not None and v.tensor in self.uses), None)
        if x is None:
            raise UnsupportedError("it does not depend on the inputs")
        if node.operator == "Transpose" and _order(node, x) == sorted(_order(node, x)):
            # the batch alone has moved, and stands in front here
            return Value(x.tensor, x.dtype, value.batch, merged=x.merged)
        if node.operator == "Identity":
            return x
        own = self._own(step, value)
        if own is not None and self._as_stated(step, own[0]):
            layer, taken = own
        else:
            layer, taken = self._operator(step, place, value, further)
        layer = self._shared(step, layer)
        if self.frozen.intersection(step.given):
            layer.trainable = False
        return self._value(shape, value.dtype, value.batch, layer(*taken), value.merged)

    def _own(self, step: Step, value: Value) -> tuple[Layer, list[Use]] | None:
        """A layer of Pellucid's own that computes the same, with its weights; None where there is none."""
        node = step.node
        x = node.inputs[0]
        if x is None or (x.tensor not in self.uses and node.operator != "Gather"):
            return None
        match node.operator:
            case "Relu" | "Sigmoid" | "Tanh" | "Softplus":
                return self._layer(Activation, step, _ACTIVATIONS[node.operator]), [self.uses[x.tensor]]
            case "Elu":
                spec = {"name": "elu", "alpha": float(node.attr("alpha", 1.0))}
                return self._layer(Activation, step, spec), [self.uses[x.tensor]]
            case "LeakyRelu":
                spec = {"name": "leaky_relu", "slope": float(node.attr("alpha", 0.01))}
                return self._layer(Activation, step, spec), [self.uses[x.tensor]]
            case "Softmax" | "LogSoftmax" if _along_last(node, x):
                return self._layer(Activation, step, _ALONG[node.operator]), [self.uses[x.tensor]]
            case "Dropout" if 0 <= (rate := _rate(node)) < 1:
                return self._layer(Dropout, step, rate), [self.uses[x.tensor]]
            case "Flatten" if x.batch == 0 and x.merged is None and int(node.attr("axis", 1)) == 1:
                return self._layer(Flatten, step), [self.uses[x.tensor]]
            case "Add" | "Mul" if len(node.inputs) == 2:
                z = node.inputs[1]
                if z is not None and z.tensor in self.uses and z.batch == x.batch and z.shape == x.shape:
                    kind = Add if node.operator == "Add" else Multiply
                    return self._layer(kind, step), [self.uses[x.tensor], self.uses[z.tensor]]
            case "Gemm" | "MatMul":
                return self._dense(step, node, x)
            case "Gather":
                return self._embedding(step, node, x)
        return None

    def _shared(self, step: Step, layer: Layer) -> Layer:
        """A layer, or the one before it that does the same with the same weights."""
        if not self.weights.get(layer):
            return layer
        given = zip(step.given, step.node.inputs, strict=True)
        weights = tuple(name for name, v in given if v is not None and v.tensor not in self.uses)
        known = self.twins.setdefault((repr({**layer.options(), "name": None}), weights), layer)
        if known is not layer:
            self.names.discard(str(layer.name))
        return known

    def _as_stated(self, step: Step, layer: Layer) -> bool:
        """Whether training changes all of a layer's weights by what the model says; frozen if it changes none."""
        stated = [s for name in step.given if (s := self._stated(name)) is not None]
        if layer not in self.weights or all(stated):
            return True
        layer.trainable = False
        self.names -= {str(layer.name)} if any(stated) else set()
        return not any(stated)

    def _stated(self, name: str) -> bool | None:
        """Whether training changes an array by what the model says; None where it does not say."""
        return None if self.trained is None or name not in self.graph.initializers else name in self.trained

    def _layer(self, kind: type[Layer], step: Step, *options: Any, **more: Any) -> Layer:
        made: Layer = kind(*options, name=self._name(step.title), **more)
        return made

    def _dense(self, step: Step, node: Node, x: Value) -> tuple[Layer, list[Use]] | None:
        w, b = node.input(1), node.optional(2)
        if w.array is None or w.array.ndim != 2 or x.batch != 0 or x.tensor.rank > 3:
            return None
        if node.attr("transA") or node.attr("alpha", 1.0) != 1 or (b is not None and node.attr("beta", 1.0) != 1):
            return None
        kernel = w.array.T if node.attr("transB") else w.array
        weights = {"kernel": kernel}
        if b is not None:
            if b.array is None or b.array.shape not in ((kernel.shape[1],), (1, kernel.shape[1])):
                return None
            weights["bias"] = b.array.reshape(-1)
        layer = self._layer(Dense, step, kernel.shape[1], use_bias=b is not None)
        self.weights[layer] = weights
        return layer, [self.uses[x.tensor]]

    def _embedding(self, step: Step, node: Node, table: Value) -> tuple[Layer, list[Use]] | None:
        ids = node.input(1)
        if table.array is None or table.array.ndim != 2 or int(node.attr("axis", 0)) or ids.tensor not in self.whole:
            return None
        if ids.batch != 0:
            return None
        layer = self._layer(Embedding, step, *table.array.shape)
        self.weights[layer] = {"embeddings": table.array}
        return layer, [self.uses[ids.tensor]]

    def _check_exact(self, node: Node, place: int, value: Value, *, needed: bool) -> None:
        """Refuse a constant integer that the formula would round.

        Raises:
            UnsupportedError: the message has it.
        """
        assert value.array is not None
        read = needed or (value.literal and node.operator in _EXACT)
        dtype = np.dtype(np.float64 if self.double else np.float32)
        if read and value.array.dtype.kind in "iu" and (wrong := rounded(value.array, dtype)) is not None:
            raise UnsupportedError(f"its input {place} holds the integer {wrong}, which {dtype} would round")

    def _operator(self, step: Step, place: int, made: Value, further: tuple[int, ...]) -> tuple[Layer, list[Use]]:
        node = step.node
        names = _input_names(node)
        inputs: list[dict[str, Any] | None] = []
        taken: list[Use] = []
        weights: dict[str, Array] = {}
        needed = {r.tensor for s in reachable([made.tensor]) for r in reads(s.expression)}
        for k, value in enumerate(node.inputs):
            if value is not None and value.array is not None:
                self._check_exact(node, k, value, needed=value.tensor in needed)
            if value is None:
                inputs.append(None)
            elif value.tensor in self.uses:
                merged = {"merged": m.other, "outer": m.outer} if (m := value.merged) is not None else {}
                inputs.append({"from": len(taken), "batch": value.batch, "dtype": value.dtype.name, **merged})
                taken.append(self.uses[value.tensor])
            else:
                key = names[k] if k < len(names) else f"input_{k}"
                key += "_" * sum(key == other for other in weights)
                if node.operator in ("Reshape", "Expand") and k == 1:  # for any size of the batch
                    sizes = [_open(node, e) for e in made.shape]
                    value = constant(np.array(sizes, np.int64))
                stated = self._stated(step.given[k])
                inputs.append(_described(node, k, value, key, needed=value.tensor in needed, stated=stated))
                if "parameter" in (inputs[-1] or {}):
                    weights[key] = np.asarray(value.array)
        layer = Operator(
            node.operator,
            name=self._name(step.title if not place else f"{step.title}_{place}" if step.title else ""),
            attributes=_listed(node.attributes),
            inputs=tuple(inputs),
            output=place,
            further=further,
            opset=node.opset,
        )
        self.weights[layer] = weights
        return layer, taken


def _described(node: Node, place: int, value: Value, key: str, *, needed: bool, stated: bool | None) -> dict[str, Any]:
    """A constant input of an operator: a parameter where its formula reads it, else numbers that it keeps.

    Args:
        stated: whether training changes it; None where the model does not say.
    """
    array = value.array
    assert array is not None
    known = {"shape": list(array.shape), "dtype": value.dtype.name}
    few = array.reshape(-1)[:MAX_NUMBERS].astype(float)  # in a small type there is no such size
    few = few[np.isfinite(few)]
    if ((few != 0) & (few % BATCH_SIZE == 0)).any():
        raise UnsupportedError(f"its input {place} is the size of the batch, which only the run knows")
    if not needed:
        if array.size > MAX_NUMBERS:
            raise UnsupportedError(f"its input {place} has {array.size:,} numbers, expected at most {MAX_NUMBERS:,}")
        return {"number": array.reshape(-1).tolist(), **known}
    likely = array.dtype.kind == "f" and (
        place in _WEIGHTS.get(node.operator, ())
        or (node.operator in _ARITHMETIC and sum(size > 1 for size in array.shape) <= 1)
    )
    role = {3: "mean", 4: "variance"}.get(place) if node.operator == "BatchNormalization" else None
    trained = likely if stated is None else stated
    return {"parameter": key, "trained": trained, **({"role": role} if role else {}), **known}


def _of_any_batch(node: Node) -> Node:
    """A recurrent operator whose first states are those of one size of the batch, for any; and with one bias for each
    gate where ONNX has two that are only added.
    """
    if node.operator not in ("RNN", "LSTM", "GRU"):
        return node
    axis = 0 if node.attr("layout") else 1
    first = [
        one_example(v, axis, node.batch) if v is not None and k in (5, 6) else v for k, v in enumerate(node.inputs)
    ]
    if len(first) > 3 and (bias := first[3]) is not None and one_bias(node) and bias.array is not None:
        first[3] = constant(np.add(*np.split(bias.array, 2, axis=-1)), literal=False)
    return replace(node, inputs=tuple(first))


def _open(node: Node, extent: Any) -> int:
    """An extent in a shape that is asked for: the batch is what remains, or what the value has."""
    return extent if isinstance(extent, int) else -1 if node.operator == "Reshape" else 1


def _input_names(node: Node) -> list[str]:
    """What ONNX calls the operator's inputs."""
    onnx = onnx_package()
    try:
        schema = onnx.defs.get_schema(node.operator, node.opset)
    except Exception:  # the package's own error
        return []
    return [re.sub(r"\W", "_", given.name) for given in schema.inputs]


def _listed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in attributes.items()}


def _order(node: Node, x: Value) -> list[int]:
    """The order in which Transpose leaves the axes that are no batch."""
    order = node.attr("perm", list(reversed(range(x.rank))))
    return [int(k) for k in order if int(k) != x.batch]


def _along_last(node: Node, x: Value) -> bool:
    axis = int(node.attr("axis", -1 if node.opset >= 13 else 1)) % x.rank
    return axis == x.rank - 1 and x.batch != axis and x.rank > 1


def _rate(node: Node) -> float:
    if node.has(1):
        array = node.input(1).array
        return float(array.reshape(-1)[0]) if array is not None else -1.0
    return float(node.attr("ratio", 0.5))


def _plain(text: str) -> Any:
    """What a text of the metadata says as JSON, or itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _without_batch(name: str, dims: Sequence[Any], wanted: Sequence[int | None] | None) -> tuple[tuple[int, ...], int]:
    """The shape of an example, and which axis the batch is.

    Raises:
        PellucidError: an axis has no size, or the shape asked for is another.
    """
    name = plain(name)
    if wanted is not None:
        fits = len(wanted) == len(dims) and sum(w is None for w in wanted) == 1
        if not fits or any(isinstance(d, int) and w not in (None, d) for d, w in zip(dims, wanted, strict=True)):
            raise PellucidError(
                f'input_shapes["{name}"] is {tuple(wanted)}, expected sizes for {_shape(dims)} with None for the batch'
            )
        batch = list(wanted).index(None)
        return tuple(int(w) for w in wanted if w is not None), batch
    free = [k for k, d in enumerate(dims) if not isinstance(d, int)]
    named = [k for k in free if re.fullmatch(r"(?i).*batch.*|n|b|bs", str(dims[k]))]
    batch = named[0] if named else 0
    sizes = [d for k, d in enumerate(dims) if k != batch]
    if not all(isinstance(d, int) and d > 0 for d in sizes):
        example = ", ".join("None" if k == batch else str(d) if isinstance(d, int) else "…" for k, d in enumerate(dims))
        raise PellucidError(
            f'the input "{name}" has the shape {_shape(dims)}, which leaves more open than the batch: give its sizes, '
            f'as in input_shapes={{"{name}": ({example})}}'
        )
    return tuple(int(d) for d in sizes), batch


def _shape(dims: Sequence[Any]) -> str:
    return f"({', '.join(str(d) if d is not None else '?' for d in dims)})"
