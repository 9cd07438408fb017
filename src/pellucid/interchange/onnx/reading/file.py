"""A model's file, checked before anything is made of it.

Nothing in it is executed, and nothing outside its folder is read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.files import open_regular, read_bytes, reason
from pellucid.interchange.onnx.package import onnx_package

Array = NDArray[Any]
MAX_BYTES = (1 << 31) - 1
"""The maximum size of a model's file, as ONNX has it."""
MAX_NODES = 20_000
MAX_ELEMENTS = 1 << 31
"""The maximum number of elements of a tensor."""


def load(path: str | os.PathLike[str]) -> tuple[Any, Path]:
    """The `onnx.ModelProto` of a file, and the folder that its external data may lie in.

    Raises:
        ModelFileError: no such file, truncated or foreign.
    """
    try:
        content = read_bytes(path, max_bytes=MAX_BYTES)
    except OSError as error:
        raise ModelFileError(f'"{os.fspath(path)!s}" cannot be read: {reason(error)}') from None
    return parsed(content, str(os.fspath(path))), Path(os.path.realpath(os.path.dirname(os.fspath(path)) or "."))


def parsed(content: bytes, name: str) -> Any:
    """A model from its bytes.

    Raises:
        ModelFileError: they are no model.
    """
    onnx = onnx_package()
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf has an error of its own, whose module differs from version to version
        raise ModelFileError(f'"{name}" is no ONNX model, or truncated: {_one_line(error)}') from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise ModelFileError(f'"{name}" is no ONNX model: it has no graph')
    return model


def check_names(model: Any) -> None:
    """Names are text.

    Raises:
        ModelFileError: one is none: protobuf gives bytes that are no UTF-8 as they are.
    """
    graph = model.graph
    names: list[object] = [graph.name, *(given.name for given in (*graph.input, *graph.output, *graph.initializer))]
    for given in (*graph.input, *graph.output):
        names += [d.dim_param for d in given.type.tensor_type.shape.dim]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output, *(a.name for a in node.attribute)]
    for entry in model.metadata_props:
        names += [entry.key, entry.value]
    names += [entry.domain for entry in model.opset_import]
    for tensor_ in graph.initializer:
        names += [part for entry in tensor_.external_data for part in (entry.key, entry.value)]
    if any(not isinstance(name, str) for name in names):
        raise ModelFileError("the model is damaged: it has a name that is no text in UTF-8")


def opset_of(model: Any) -> int:
    """The version of ONNX's operators that a model uses.

    Raises:
        ModelFileError: it is newer than the installed package knows, or there is none.
    """
    onnx = onnx_package()
    versions = {entry.domain or "ai.onnx": int(entry.version) for entry in model.opset_import}
    version = versions.get("ai.onnx", 1 if not versions else 0)
    newest = int(onnx.defs.onnx_opset_version())
    if not 1 <= version <= newest:
        raise ModelFileError(
            f"the model uses opset {version} of ONNX's operators, expected 1 to {newest}, which the installed package "
            f"onnx {onnx.__version__} knows: a newer one may know it (pip install -U onnx)"
        )
    if model.ir_version > onnx.IR_VERSION:
        raise ModelFileError(
            f"the model has the file format {model.ir_version}, expected at most {onnx.IR_VERSION}, which the installed"
            f" package onnx {onnx.__version__} knows (pip install -U onnx)"
        )
    return version


def tensor(proto: Any, folder: Path | None) -> Array:
    """The numbers of a tensor in a model, or in a file beside it.

    Args:
        folder: where external data may lie; None where there may be none.

    Raises:
        ModelFileError: its shape contradicts its data, it is too large, of another type than numbers, or its data lie
            outside the folder.
    """
    onnx = onnx_package()
    name = plain(proto.name) or "without a name"
    shape = tuple(int(d) for d in proto.dims)
    if any(d < 0 for d in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise ModelFileError(f'the tensor "{name}" has the shape {shape}, expected at most {MAX_ELEMENTS:,} elements')
    known = _dtype(proto.data_type, name)
    if proto.data_location == onnx.TensorProto.EXTERNAL:
        raw = _external(proto, folder, known.itemsize * math.prod(shape))
        return np.frombuffer(raw, known.newbyteorder("<")).astype(known).reshape(shape)
    if proto.HasField("raw_data") and len(proto.raw_data) != known.itemsize * math.prod(shape):
        raise ModelFileError(
            f'the tensor "{name}" has {len(proto.raw_data):,} bytes, expected {known.itemsize * math.prod(shape):,} '
            f"for its shape {shape}"
        )
    try:
        array = onnx.numpy_helper.to_array(proto)
    except Exception as error:  # whatever the package makes of damaged data
        raise ModelFileError(f'the tensor "{name}" of shape {shape} cannot be read: {_one_line(error)}') from None
    if array.shape != shape:
        raise ModelFileError(f'the tensor "{name}" has data of shape {array.shape}, but says {shape}')
    return np.asarray(array)


def _dtype(number: int, name: str) -> np.dtype[Any]:
    helper = onnx_package().helper
    try:
        known: np.dtype[Any] = np.dtype(helper.tensor_dtype_to_np_dtype(number))
    except Exception:  # a KeyError or another, by version
        raise ModelFileError(f'the tensor "{name}" has the type {number}, which ONNX does not know') from None
    return known


def dtype_name(number: int, what: str) -> str:
    """NumPy's name of a type of ONNX's."""
    return _dtype(number, what).name


def _external(proto: Any, folder: Path | None, size: int) -> bytes:
    """The bytes of a tensor in a file of its own."""
    entries = {entry.key: entry.value for entry in proto.external_data}
    where, name = entries.get("location", ""), plain(proto.name)
    if folder is None:
        raise ModelFileError(
            f'the tensor "{name}" lies in the file "{plain(where)}", but the model was not read from a file'
        )
    path = Path(os.path.realpath(folder / where)) if where and "\0" not in where else folder
    if folder not in path.parents:
        raise ModelFileError(
            f'the tensor "{name}" lies in "{plain(where)}", outside the folder of the model, where nothing is read'
        )
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", size))
    except ValueError:
        raise ModelFileError(f'the tensor "{name}" has an offset or a length that is no integer') from None
    if length != size or offset < 0:
        raise ModelFileError(f'the tensor "{name}" has {length:,} bytes at {offset:,}, expected {size:,} for its shape')
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size < offset + size:
                raise ModelFileError(f'the file "{plain(where)}" is too short for the tensor "{name}"')
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise ModelFileError(
            f'the file "{plain(where)}" of the tensor "{name}" cannot be read: {reason(error)}'
        ) from None


def attributes_of(proto: Any) -> dict[str, Any]:
    """A node's attributes as numbers, texts, lists and arrays; graphs are left out."""
    onnx = onnx_package()
    kinds = onnx.AttributeProto
    result: dict[str, Any] = {}
    for entry in proto.attribute:
        match entry.type:
            case kinds.FLOAT:
                result[entry.name] = _decimal(entry.f)
            case kinds.INT:
                result[entry.name] = int(entry.i)
            case kinds.STRING:
                result[entry.name] = entry.s.decode("utf-8", "replace")
            case kinds.TENSOR:
                result[entry.name] = tensor(entry.t, None)
            case kinds.FLOATS:
                result[entry.name] = [_decimal(v) for v in entry.floats]
            case kinds.INTS:
                result[entry.name] = [int(v) for v in entry.ints]
            case kinds.STRINGS:
                result[entry.name] = [v.decode("utf-8", "replace") for v in entry.strings]
    for name in ("to", "dtype"):
        if isinstance(result.get(name), int):
            result[name] = dtype_name(result[name], f"{name} of {proto.op_type}")
    return result


def _decimal(value: float) -> float:
    """The shortest decimal number that float32 has as this: 0.001, not 0.0010000000474974513."""
    return float(str(np.float32(value)))


def check_order(nodes: Sequence[Any], known: set[str]) -> None:
    """Nodes stand after those that they read.

    Raises:
        ModelFileError: one reads what nothing before it gives (a circle, or a name that nothing has), or two give one
            value.
    """
    if len(nodes) > MAX_NODES:
        raise ModelFileError(f"the model has {len(nodes):,} nodes, expected at most {MAX_NODES:,}")
    made = set(known)
    later = {name for node in nodes for name in node.output}
    for number, node in enumerate(nodes):
        for name in node.input:
            if name and name not in made:
                why = "a later node or itself gives, so the nodes go in a circle" if name in later else "nothing gives"
                raise ModelFileError(f'{described(node, number)} reads "{plain(name)}", which {why}')
        for name in node.output:
            if name and name in made:
                raise ModelFileError(f'{described(node, number)} gives "{plain(name)}", which is there already')
            made.add(name)


def described(node: Any, number: int) -> str:
    """What messages call a node."""
    name = f' "{plain(node.name)}"' if node.name else f" number {number}"
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"the node{name} ({plain(domain + node.op_type)})"


def plain(name: str) -> str:
    """A name from a file as messages can have it: on one line, and short."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:100]


def _one_line(error: Exception) -> str:
    return plain((str(error).strip().splitlines() or [type(error).__name__])[0])
