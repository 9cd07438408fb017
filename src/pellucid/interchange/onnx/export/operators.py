"""Operators of an imported network, written as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.formula import BATCH, Tensor
from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.interchange.onnx.layer import Operator, OperatorOutput, results_of
from pellucid.interchange.onnx.operators.recurrent_operators import GATES
from pellucid.interchange.onnx.package import onnx_package


@RULES.of(Operator)
def _operator(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    """The node between two transposes, which bring the batch from the front to where ONNX has it, and back."""
    layer = place.layer
    helper = onnx_package().helper
    taken: list[str] = []
    for number, given in enumerate(layer.inputs):
        if given is None:
            taken.append("")
        elif "from" in given:
            value, other = inputs[int(given["from"])], given.get("merged")
            name, shape = made.last(value), value.shape
            if other is not None:
                name = made.transpose(name, 1, 0, *range(2, len(shape) + 1)) if given.get("outer") else name
                name, shape = made.reshape(name, -1, *shape[1:]), shape[1:]
            taken.append(
                made.transpose(name, *_moved(len(shape) + 1, 0, int(given["batch"]))) if given["batch"] else name
            )
        elif "parameter" in given:
            key = str(given["parameter"])
            array = place.parameters[key]
            dtype = np.dtype(str(given["dtype"]))
            if number == 3 and layer.operator in GATES and array.shape[-1] == GATES[layer.operator] * _units(layer):
                array = np.concatenate([array, np.zeros_like(array)], -1)  # the state has a bias of its own in ONNX
            if dtype.kind == "f":
                taken.append(made.parameter(place, key, array))
            else:
                taken.append(made.typed(f"{place.home}.{key}", array.astype(dtype)))
        else:
            array = np.asarray(given["number"], str(given["dtype"])).reshape([int(s) for s in given["shape"]])
            real = array.dtype.kind == "f"
            taken.append(made.typed(f"{made.path}.input_{number}", array.astype(made.dtype) if real else array))
    while taken and not taken[-1]:
        taken.pop()
    attributes = {k: v for k, v in layer.attributes.items()}
    for name in ("to", "dtype"):
        if isinstance(attributes.get(name), str):
            attributes[name] = helper.np_dtype_to_tensor_dtype(np.dtype(attributes[name]))
    names = [f"{layer.operator.lower()}_{number}" for number in range(max(layer.output, *layer.further, 0) + 1)]
    results, values = made.outputs(layer.operator, taken, names, **attributes), _values_of(layer, inputs)
    ends = {str(k): _batch_in_front(made, results[k], values[k]) for k in layer.further}
    return Value(place.use.shape, _batch_in_front(made, results[layer.output], values[layer.output]), final=ends)


@RULES.of(OperatorOutput)
def _output(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    return Value(place.use.shape, inputs[0].final[str(place.layer.output)])


def _batch_in_front(made: Writer, result: str, value: Any) -> str:
    """What a node gives with the batch where Pellucid has it."""
    batch, merged, shape = int(value.batch), value.merged, value.tensor.shape[1:]
    rank = len(shape) + 1 - (merged is not None)
    result = made.transpose(result, *_moved(rank, batch, 0)) if batch else result
    if merged is not None and merged.outer:
        result = made.transpose(made.reshape(result, shape[0], -1, *shape[1:]), 1, 0, *range(2, len(shape) + 1))
    elif merged is not None:
        result = made.reshape(result, -1, *shape)
    return result


def _units(layer: Operator) -> int:
    """The units of a recurrent operator."""
    return int(layer.attributes.get("hidden_size") or (layer.inputs[2] or {}).get("shape", [0])[-1])


def _moved(rank: int, source: int, target: int) -> list[int]:
    """The order of axes that brings one to another place."""
    order = [k for k in range(rank) if k != source]
    order.insert(target, source)
    return order


def _values_of(layer: Operator, inputs: Sequence[Value]) -> list[Any]:
    """What the operator gives: where its outputs have the batch, and the extents that it is merged with."""
    tensors = [
        Tensor.input(f"x{k}", {"n": BATCH, **{f"i{j}": e for j, e in enumerate(v.shape)}}) for k, v in enumerate(inputs)
    ]
    parameters = {key: Tensor.input(key, spec.axes) for key, spec in layer.declare(*(v.shape for v in inputs)).items()}
    return results_of(layer.node(tuple(tensors), parameters))
