"""Operators of an imported network, written as they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.formula import BATCH, Tensor
from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.interchange.onnx.layer import Operator, results_of
from pellucid.interchange.onnx.operators.base import Merged
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
            if dtype.kind == "f":
                taken.append(made.parameter(f"{place.home}.{key}", array))
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
    names = [f"{layer.operator.lower()}_{number}" for number in range(layer.output + 1)]
    batch, merged = _batch_of(layer, inputs)
    result = made.outputs(layer.operator, taken, names, **attributes)[-1]
    shape = place.use.shape
    rank = len(shape) + 1 - (merged is not None)
    result = made.transpose(result, *_moved(rank, batch, 0)) if batch else result
    if merged is not None and merged.outer:
        result = made.transpose(made.reshape(result, shape[0], -1, *shape[1:]), 1, 0, *range(2, len(shape) + 1))
    elif merged is not None:
        result = made.reshape(result, -1, *shape)
    return Value(shape, result)


def _moved(rank: int, source: int, target: int) -> list[int]:
    """The order of axes that brings one to another place."""
    order = [k for k in range(rank) if k != source]
    order.insert(target, source)
    return order


def _batch_of(layer: Operator, inputs: Sequence[Value]) -> tuple[int, Merged | None]:
    """Where the operator's output has the batch, and the extent that it is merged with."""
    tensors = [
        Tensor.input(f"x{k}", {"n": BATCH, **{f"i{j}": e for j, e in enumerate(v.shape)}}) for k, v in enumerate(inputs)
    ]
    parameters = {key: Tensor.input(key, spec.axes) for key, spec in layer.declare(*(v.shape for v in inputs)).items()}
    value: Any = results_of(layer.node(tuple(tensors), parameters))[layer.output]
    return int(value.batch), value.merged
