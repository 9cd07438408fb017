"""ONNX Runtime: the network as an ONNX graph, for inference."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import pellucid as pl
from benchmarks.runners import Array, Steps, activation, kernel, layers

OPSET, IR_VERSION = 17, 8
GATES = [0, 3, 1, 2]
"""ONNX has the gates in the order i, o, f, c; Pellucid in i, f, g, o."""


class _Graph:
    """Nodes and constants as they come, one value after the other."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.value = "x"

    def constant(self, array: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, kind: str, *inputs: str, value: str | None = None, **options: Any) -> None:
        """A node on the value so far, or on the inputs given in full as `value` and what follows."""
        before, self.value = value or self.value, f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [before, *inputs], [self.value], **options))


def model(net: pl.Network, examples: int) -> bytes:
    """The network with its softmax; images come in channels first."""
    graph = _Graph()
    before = None
    for use in layers(net):
        layer = use.layer
        values = {n.rsplit(".", 1)[1]: a for n, a in net.parameters.items() if n.startswith(f"{use.path}.")}
        if isinstance(layer, pl.Dense):
            weights = kernel(net, use, before), values["bias"]
            if len(use.shape) == 1:
                graph.add("Gemm", *map(graph.constant, weights))
            else:
                graph.add("MatMul", graph.constant(weights[0]))
                graph.add("Add", graph.constant(weights[1]))
        elif isinstance(layer, pl.Conv2D):
            pad = layer.size[0] // 2 if use.shape[:2] == use.shapes[0][:2] else 0
            weights = values["kernel"].transpose(3, 2, 0, 1), values["bias"]
            graph.add("Conv", *map(graph.constant, weights), pads=[pad] * 4)
        elif isinstance(layer, pl.MaxPool2D):
            graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(layer, pl.Embedding):
            graph.add("Gather", graph.value, value=graph.constant(values["embeddings"]))
        elif isinstance(layer, pl.LSTM | pl.RNN):
            _recurrent(graph, layer, values)
        else:
            graph.add("Flatten")
        if activation(use) in ("relu", "softmax"):
            graph.add({"relu": "Relu", "softmax": "Softmax"}[activation(use)])
        before = use
    whole, real = isinstance(net.uses[1].layer, pl.Embedding), TensorProto.FLOAT
    (shape,), (output,) = net.input_shapes.values(), net.output_shapes.values()
    shape = (shape[2], *shape[:2]) if len(shape) == 3 else shape
    given = helper.make_tensor_value_info("x", TensorProto.INT64 if whole else real, (examples, *shape))
    result = helper.make_tensor_value_info(graph.value, real, (examples, *output))
    made = helper.make_graph(graph.nodes, "network", [given], [result], graph.constants)
    return bytes(
        helper.make_model(
            made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        ).SerializeToString()
    )


def inference(net: pl.Network, x: Array, *, threads: int, compiled: bool) -> Steps:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model(net, len(x)), options, providers=["CPUExecutionProvider"])
    inputs = {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x}

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            session.run(None, inputs)
        return np.asarray(session.run(None, inputs)[0])

    return calls


def _recurrent(graph: _Graph, layer: pl.LSTM | pl.RNN, values: dict[str, Array]) -> None:
    """The operator takes (t, n, i) and gives (t, direction, n, units); it has a second bias, which is 0."""
    order = GATES if isinstance(layer, pl.LSTM) else [0]
    w, u, b = (
        values[name].reshape(-1, len(order), layer.units)[:, order].reshape(-1, len(order) * layer.units)
        for name in ("kernel", "recurrent_kernel", "bias")
    )
    graph.add("Transpose", perm=[1, 0, 2])
    weights = w.T[None], u.T[None], np.concatenate([b[0], np.zeros_like(b[0])])[None]
    graph.add("LSTM" if len(order) > 1 else "RNN", *map(graph.constant, weights), hidden_size=layer.units)
    graph.add("Squeeze", graph.constant(np.array([1])))
    graph.add("Transpose", perm=[1, 0, 2])
