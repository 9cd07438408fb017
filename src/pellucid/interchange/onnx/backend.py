"""ONNX's backend convention: `prepare(model).run(inputs)`, `run_model`, `run_node`, `supports_device`.

    import onnx
    import pellucid.interchange.onnx.backend as backend

    outputs = backend.prepare(onnx.load("model.onnx")).run([x])

Each node is a formula for the shapes of what comes, computed by the reference engine and then of the type that ONNX
gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.errors import DataError, PellucidError
from pellucid.interchange.onnx.operators.base import Array, Value, constant
from pellucid.interchange.onnx.package import onnx_package
from pellucid.interchange.onnx.reading.file import parsed
from pellucid.interchange.onnx.reading.graph import Graph, Step


class Representation:
    """A model that can run."""

    def __init__(self, model: Any) -> None:
        self.graph = Graph(model, None)

    def run(self, inputs: Any, **options: Any) -> tuple[Array, ...]:
        """The outputs, in the order of the model's.

        Args:
            inputs: arrays in the order of the model's inputs, or a dict by their names; one array alone for one input.

        Raises:
            PellucidError: an input is missing, of another type or shape, or the model has what is not supported.
        """
        values: dict[str, Value] = {}
        for name, array in {**self.graph.initializers, **self._named(inputs)}.items():
            if array.dtype.kind not in "fiub":
                raise PellucidError(f'the input "{name}" holds {array.dtype}, expected numbers')
            values[name] = constant(array)
        self.graph.walk(values, _nothing_waits)
        return tuple(np.asarray(values[name].array) for name in self.graph.outputs)

    def _named(self, inputs: Any) -> dict[str, Array]:
        names = [given.name for given in self.graph.inputs]
        if isinstance(inputs, Mapping):
            named = {str(name): np.asarray(array) for name, array in inputs.items()}
        else:
            arrays = list(inputs) if isinstance(inputs, Sequence) else [inputs]
            if len(arrays) > len(names):
                raise DataError(f"expected {len(names)} inputs ({', '.join(names)}), got {len(arrays)}")
            named = dict(zip(names, map(np.asarray, arrays), strict=False))
        if missing := [name for name in names if name not in named]:
            raise DataError(f"expected the input {missing[0]}, got {', '.join(named) or 'none'}")
        return named


def _nothing_waits(step: Step) -> list[Value]:
    raise PellucidError(f"{step.place} waits for an input")


def is_compatible(model: Any, device: str = "CPU", **options: Any) -> bool:
    """Whether `prepare` takes the model."""
    try:
        prepare(model, device)
    except PellucidError:
        return False
    return True


def prepare(model: Any, device: str = "CPU", **options: Any) -> Representation:
    """A model, checked and ready to run.

    Args:
        model: an `onnx.ModelProto`, or its bytes.

    Raises:
        PellucidError: the device is another than the CPU, the model is damaged, or has operators that are not known.
    """
    if not supports_device(device):
        raise PellucidError(f'there is no device "{device}", expected "CPU"')
    return Representation(parsed(model, "the model") if isinstance(model, bytes) else model)


def run_model(model: Any, inputs: Any, device: str = "CPU", **options: Any) -> tuple[Array, ...]:
    """The outputs of a model for these inputs. See `prepare` and `Representation.run`."""
    return prepare(model, device).run(inputs)


def run_node(
    node: Any, inputs: Sequence[Any], device: str = "CPU", outputs_info: Any = None, **options: Any
) -> tuple[Array, ...]:
    """The outputs of one node for these inputs."""
    onnx = onnx_package()
    helper = onnx.helper
    arrays = [np.asarray(array) for array in inputs]
    names = [name for name in node.input if name]
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in zip(names, arrays, strict=True)
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", given, outputs)
    opset = helper.make_opsetid("", int(options.get("opset_version", onnx.defs.onnx_opset_version())))
    return run_model(helper.make_model(graph, opset_imports=[opset]), arrays, device)


def supports_device(device: str) -> bool:
    """Whether it is the CPU."""
    return device.split(":")[0] == "CPU"
