"""Pellucid's layers as nodes of an ONNX graph, channels first."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import pellucid as pl
from benchmarks.runners import Array
from benchmarks.runners.graph import (
    RECURRENT,
    Graph,
    Translations,
    activation,
    channels_first,
    directions,
    even_padding,
    kernel,
    values,
    window,
)
from benchmarks.workloads import vocabulary
from pellucid.network import Use

OPSET, IR_VERSION = 17, 8
LAYERS: Translations[Callable[..., str]] = Translations()
"""Functions of the nodes so far, the use, and the names of the values that it reads; they give the name of its own."""
ACTIVATIONS: Final = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softmax": "Softmax"}
GATES: Final[dict[type[pl.Layer], tuple[str, list[int]]]] = {
    pl.RNN: ("RNN", [0]),
    pl.LSTM: ("LSTM", [0, 3, 1, 2]),
    pl.GRU: ("GRU", [0, 1, 2]),
}
"""The operators, and where Pellucid has the gates that they have in this order: i, o, f, c of the LSTM."""


class Nodes:
    """Nodes and constants as they come."""

    def __init__(self, net: pl.Network) -> None:
        self.net = net
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: Array) -> str:
        name = f"constant_{len(self.constants)}"
        kept = array if array.dtype.kind == "i" else array.astype(self.net.dtype)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(kept), name))
        return name

    def add(self, kind: str, *inputs: str, output: int = 0, **options: Any) -> str:
        """A node; the name of the output at this place, the only one that is wanted."""
        name = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [""] * output + [name], **options))
        return name


def model(net: pl.Network, examples: int) -> bytes:
    """The network with its softmax or sigmoid, for so many examples."""
    made, uses = Nodes(net), {use.path: use for use in net.uses}

    def apply(path: str, *inputs: str) -> str:
        use = uses[path]
        value = LAYERS.find(use)(made, use, *inputs)
        name = activation(net, use, sums=False)
        return value if name == "linear" else made.add(ACTIVATIONS[name], value)

    last = Graph(net)(apply, "x")
    real = TensorProto.DOUBLE if net.dtype == np.float64 else TensorProto.FLOAT
    first = channels_first(net)
    given, result = (
        (examples, *(shape[-1:] + shape[:-1] if path in first else shape))
        for ((path, shape),) in (net.input_shapes.items(), net.output_shapes.items())
    )
    inputs = helper.make_tensor_value_info("x", TensorProto.INT64 if vocabulary(net) else real, given)
    outputs = helper.make_tensor_value_info(last, real, result)
    graph = helper.make_graph(made.nodes, "network", [inputs], [outputs], made.constants)
    opset = helper.make_opsetid("", OPSET)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION).SerializeToString())


@LAYERS.of(pl.Dense)
def _dense(made: Nodes, use: Use, x: str) -> str:
    weights = [made.constant(kernel(made.net, use))]
    if "bias" in (given := values(made.net, use)):
        weights.append(made.constant(given["bias"]))
    if len(use.shape) == 1:
        return made.add("Gemm", x, *weights)
    total = made.add("MatMul", x, weights[0])
    return made.add("Add", total, weights[1]) if len(weights) > 1 else total


@LAYERS.of(pl.Conv1D, pl.Conv2D, pl.ConvTranspose1D, pl.ConvTranspose2D)
def _convolution(made: Nodes, use: Use, x: str) -> str:
    """A transposed one's kernel has the channels where the other's has the filters, here and there."""
    given, moving = values(made.net, use), window(use)
    weights = [made.constant(np.moveaxis(given["kernel"], (-1, -2), (0, 1)))]
    weights += [made.constant(given["bias"])] if "bias" in given else []
    kind = "ConvTranspose" if isinstance(use.layer, pl.ConvTranspose1D | pl.ConvTranspose2D) else "Conv"
    options: dict[str, Any] = {"kernel_shape": moving.size, "strides": moving.stride, "dilations": moving.dilation}
    return made.add(kind, x, *weights, pads=even_padding(use) * 2, **options)


@LAYERS.of(pl.MaxPool1D, pl.MaxPool2D)
def _pool(made: Nodes, use: Use, x: str) -> str:
    moving = window(use)
    return made.add("MaxPool", x, kernel_shape=moving.size, strides=moving.stride, pads=even_padding(use) * 2)


@LAYERS.of(pl.GlobalAveragePool)
def _mean(made: Nodes, use: Use, x: str) -> str:
    if use.parents[0] in channels_first(made.net):
        return made.add("Flatten", made.add("GlobalAveragePool", x))
    return made.add("ReduceMean", x, axes=list(range(1, len(use.shapes[0]))), keepdims=0)


@LAYERS.of(pl.BatchNormalization)
def _batch_normalization(made: Nodes, use: Use, x: str) -> str:
    given, layer = values(made.net, use), use.layer
    numbers = [made.constant(given[name]) for name in ("gamma", "beta", "mean", "variance")]
    return made.add("BatchNormalization", x, *numbers, epsilon=layer.epsilon)  # type: ignore[attr-defined]


@LAYERS.of(pl.LayerNormalization)
def _layer_normalization(made: Nodes, use: Use, x: str) -> str:
    given, layer = values(made.net, use), use.layer
    numbers = [made.constant(given[name]) for name in ("gamma", "beta")]
    return made.add("LayerNormalization", x, *numbers, epsilon=layer.epsilon)  # type: ignore[attr-defined]


@LAYERS.of(pl.Embedding)
def _embedding(made: Nodes, use: Use, x: str) -> str:
    return made.add("Gather", made.constant(values(made.net, use)["embeddings"]), x)


@LAYERS.of(pl.Flatten)
def _flatten(made: Nodes, use: Use, x: str) -> str:
    return made.add("Flatten", x)


@LAYERS.of(pl.Activation)
def _itself(made: Nodes, use: Use, x: str) -> str:
    return x


@LAYERS.of(pl.Add)
def _add(made: Nodes, use: Use, *inputs: str) -> str:
    return made.add("Add", *inputs) if len(inputs) == 2 else made.add("Sum", *inputs)


@LAYERS.of(*RECURRENT, pl.Bidirectional)
def _recurrent(made: Nodes, use: Use, x: str) -> str:
    """The operators take (t, n, i) and give all states (t, directions, n, units) and the last (directions, n, units).

    They have two biases, as PyTorch's; one that Pellucid has not is 0.
    """
    layer, ways = directions(use, values(made.net, use))
    kind, order = GATES[type(layer)]
    units = layer.units

    def rows(array: Array) -> Array:
        """(…, g, j) as (g·j, …), the gates in ONNX's order."""
        return array.reshape(-1, len(order), units)[:, order].reshape(-1, len(order) * units).T

    def bias(given: dict[str, Array]) -> Array:
        both = [given["bias"], given.get("recurrent_bias", np.zeros_like(given["bias"]))]
        return np.concatenate([rows(b)[:, 0] for b in both])

    w = np.stack([rows(given["kernel"]) for given in ways])
    u = np.stack([rows(given["recurrent_kernel"]) for given in ways])
    options: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if len(ways) == 2 else "forward"}
    if isinstance(layer, pl.GRU):
        options["linear_before_reset"] = int(layer.reset_after)
    inputs = [made.add("Transpose", x, perm=[1, 0, 2]), *map(made.constant, (w, u, np.stack(list(map(bias, ways)))))]
    if layer.return_sequences:
        states = made.add(kind, *inputs, **options)
        ordered = made.add("Transpose", states, perm=[2, 0, 1, 3])
        return made.add("Reshape", ordered, made.constant(np.array([0, 0, len(ways) * units])))
    last = made.add(kind, *inputs, output=1, **options)
    ordered = made.add("Transpose", last, perm=[1, 0, 2])
    return made.add("Reshape", ordered, made.constant(np.array([0, len(ways) * units])))


@LAYERS.of(pl.MultiHeadAttention)
def _attention(made: Nodes, use: Use, x: str) -> str:
    layer: Any = use.layer
    given, (steps, features) = values(made.net, use), use.shapes[0]
    split = made.constant(np.array([0, 0, layer.num_heads, layer.key_dim]))

    def heads(part: str, order: list[int]) -> str:
        kernels, biases = given[f"{part}.kernel"].reshape(features, -1), given[f"{part}.bias"].reshape(-1)
        total = made.add("Add", made.add("MatMul", x, made.constant(kernels)), made.constant(biases))
        return made.add("Transpose", made.add("Reshape", total, split), perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    query = made.add("Mul", query, made.constant(np.array(1 / sqrt(layer.key_dim))))
    scores = made.add("MatMul", query, key)
    if layer.causal:
        scores = made.add("Add", scores, made.constant(np.triu(np.full((steps, steps), -1e30), 1)))
    found = made.add("MatMul", made.add("Softmax", scores), value)
    joined = made.add("Transpose", found, perm=[0, 2, 1, 3])
    joined = made.add("Reshape", joined, made.constant(np.array([0, 0, layer.num_heads * layer.key_dim])))
    outside = made.constant(given["output.kernel"].reshape(-1, features))
    return made.add("Add", made.add("MatMul", joined, outside), made.constant(given["output.bias"]))
