"""The whole model: its inputs, outputs, metadata, and the walk over the layers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

import pellucid.interchange.onnx.export.normalisation_export
import pellucid.interchange.onnx.export.operators
import pellucid.interchange.onnx.export.plain
import pellucid.interchange.onnx.export.recurrent_export
import pellucid.interchange.onnx.export.shape_export
import pellucid.interchange.onnx.export.windowed_export  # noqa: F401 - their rules
from pellucid.errors import ModelFileError, PellucidError
from pellucid.files import replacing
from pellucid.interchange.onnx.export.nodes import RULES, Array, Place, Value, Writer
from pellucid.interchange.onnx.layer import FROZEN, TRAINED, Operator
from pellucid.interchange.onnx.package import onnx_package
from pellucid.layers.base import InputLayer, joined
from pellucid.network import BaseNetwork

OPSET: Final = 17
"""What runtimes since 2022 read. A network that was imported keeps the opset that its operators have."""
BATCH: Final = "batch"
_LARGEST = 2_000_000_000


def write(net: BaseNetwork, path: str | os.PathLike[str]) -> None:
    """See `pellucid.interchange.onnx.to_onnx`."""
    content = model(net).SerializeToString()
    with replacing(path) as beside:
        beside.write_bytes(content)


def model(net: BaseNetwork) -> Any:
    """The network as an `onnx.ModelProto`. See `write`."""
    onnx = onnx_package()
    net.check_fixed("an ONNX model", "to_onnx(path)")
    made = Writer(net.dtype, opset=max(_opsets(net), default=OPSET))
    size = sum(array.nbytes for array in net.parameters.snapshot().values())
    if size > _LARGEST:
        raise ModelFileError(f"the weights have {size:,} bytes, expected at most {_LARGEST:,} in an ONNX model")
    kinds = {path: tensor.kind for path, tensor in net.reading().inputs.items()}
    made.names |= {*net.input_shapes, *net.output_shapes}
    given = [Value(shape, path) for path, shape in net.input_shapes.items()]
    values = _walk(made, net, given, dict(net.parameters.snapshot()), "")
    real = onnx.TensorProto.DOUBLE if net.dtype == np.float64 else onnx.TensorProto.FLOAT
    inputs = [
        onnx.helper.make_tensor_value_info(
            path, onnx.TensorProto.INT64 if kinds[path] == "int" else real, [BATCH, *shape]
        )
        for path, shape in net.input_shapes.items()
    ]
    for path in net.output_shapes:
        if path in net.input_shapes:
            continue
        made.path = path
        name = made.last(values[path])
        made.nodes.append(onnx.helper.make_node("Identity", [name], [path], name=made.unique(f"{path}/Identity")))
    _rename_outputs(
        made.nodes,
        [p for p in net.output_shapes if p not in net.input_shapes],
        set(net.input_shapes) | set(made.constants),
    )
    outputs = [
        onnx.helper.make_tensor_value_info(path, real, [BATCH, *shape]) for path, shape in net.output_shapes.items()
    ]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in made.constants.items()]
    graph = onnx.helper.make_graph(made.nodes, net.name or "network", inputs, outputs, constants)
    return _described(net, graph, made)


def _version() -> str:
    """Pellucid's version; "" where it runs without being installed."""
    try:
        return version("pellucid")
    except PackageNotFoundError:
        return ""


def _opsets(net: BaseNetwork) -> Iterator[int]:
    """The opsets of the operators in a network, and in those inside it."""
    for layer in net.layers:
        if isinstance(layer, Operator):
            yield layer.opset
        elif isinstance(layer, BaseNetwork):
            yield from _opsets(layer)


def _described(net: BaseNetwork, graph: Any, written: Writer) -> Any:
    """The model of a graph, with what is known of the network, as ONNX's checker finds it in order.

    Which of its arrays training changes, and which are frozen, ONNX has no place for: it stands in the metadata.

    Raises:
        PellucidError: it does not: the operators of an imported network do not go with the other layers.
    """
    onnx = onnx_package()
    helper = onnx.helper
    imports = [helper.make_opsetid("", written.opset)]
    made = helper.make_model(graph, opset_imports=imports, ir_version=max(helper.find_min_ir_version_for(imports), 8))
    made.producer_name, made.producer_version = "pellucid", _version()
    try:
        lists = {TRAINED: written.trained, FROZEN: written.frozen}
        stated = {key: names for key, names in lists.items() if names}
        known = {str(k): json.dumps(v, ensure_ascii=False) for k, v in {**net.metadata, **stated}.items()}
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the metadata of the network cannot be written as JSON: {error}") from None
    helper.set_model_props(made, known)
    try:
        onnx.checker.check_model(made)
    except onnx.checker.ValidationError as error:
        first = str(error).strip().splitlines()[0]
        raise PellucidError(
            f"the network cannot be written with the operators of opset {written.opset}: {first}"
        ) from None
    return made


def _rename_outputs(nodes: list[Any], outputs: Sequence[str], given: set[str]) -> None:
    """Leave out an `Identity` that gives an output its name where the node before can give it itself."""
    producers = {name: node for node in nodes for name in node.output}
    for path in outputs:
        last = producers[path]
        (source,) = last.input
        readers = [node for node in nodes if source in node.input and node is not last]
        if (
            source in given
            or source in outputs
            or source not in producers
            or any(r.op_type == "Identity" and r.output[0] in outputs for r in readers)
        ):
            continue
        nodes.remove(last)
        producer = producers[source]
        producer.output[list(producer.output).index(source)] = path
        for node in readers:
            for place, name in enumerate(node.input):
                if name == source:
                    node.input[place] = path


def _walk(
    made: Writer, net: BaseNetwork, inputs: Sequence[Value], parameters: Mapping[str, Array], prefix: str
) -> dict[str, Value]:
    """The values of all uses by path; `prefix` is the path of a network inside another."""
    waiting = list(inputs)
    values: dict[str, Value] = {}
    for use in net.uses:
        if isinstance(use.layer, InputLayer):
            values[use.path] = waiting.pop(0)
            continue
        taken = [values[p] for p in use.parents]
        mine = {k.removeprefix(f"{use.home}."): a for k, a in parameters.items() if k.startswith(f"{use.home}.")}
        path, home = joined(prefix, use.path), joined(prefix, use.home)
        if isinstance(use.layer, BaseNetwork):
            inner = _walk(made, use.layer, taken, mine, home)
            (values[use.path],) = (inner[p] for p in use.layer.output_shapes)
            continue
        made.path = path
        fixed = frozenset(key for key, spec in use.layer.declare(*use.shapes).items() if not spec.trainable)
        values[use.path] = RULES.find(use.layer, path)(made, Place(use, home, mine, fixed), taken)
    return values
