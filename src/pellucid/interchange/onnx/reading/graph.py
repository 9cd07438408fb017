"""The walk over a graph: constants are computed at once, every other node by whoever reads the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.engines import reference
from pellucid.errors import ModelFileError, PellucidError
from pellucid.formula import Program
from pellucid.interchange.onnx.layer import operators, results_of
from pellucid.interchange.onnx.operators.base import MAX_ELEMENTS, Array, Node, UnsupportedError, Value, constant
from pellucid.interchange.onnx.reading.file import (
    attributes_of,
    check_names,
    check_order,
    described,
    opset_of,
    plain,
    tensor,
)


@dataclass
class Step:
    """A node as it is read: where it stands, and what it gives."""

    place: str
    node: Node
    names: list[str]
    given: list[str]
    title: str


class Graph:
    """A model's graph, checked; `walk` goes through its nodes in order."""

    def __init__(self, model: Any, folder: Path | None) -> None:
        self.model, self.graph = model, model.graph
        check_names(model)
        check_unknown(self.graph)
        self.opset = opset_of(model)
        if model.functions:
            raise ModelFileError(
                "the model has functions of its own, expected ONNX's operators alone: "
                "onnx.inliner.inline_local_functions writes them out"
            )
        if self.graph.sparse_initializer:
            raise ModelFileError("the model has sparse tensors, expected dense ones")
        self.initializers = {proto.name: real(tensor(proto, folder)) for proto in self.graph.initializer}
        for name, array in self.initializers.items():
            if array.dtype.kind not in "fiub":
                raise UnsupportedError(f'the tensor "{plain(name)}" holds {array.dtype}, expected numbers')
        self.inputs = [given for given in self.graph.input if given.name not in self.initializers]
        self.outputs = [given.name for given in self.graph.output]
        known = set(self.initializers) | {given.name for given in self.inputs}
        check_order(self.graph.node, known)
        every = known | {name for node in self.graph.node for name in node.output}
        if missing := [name for name in self.outputs if name not in every]:
            raise ModelFileError(f'nothing gives the output "{plain(missing[0])}"')

    def walk(
        self, values: dict[str, Value], emit: Any, *, batch: int | None = None, limit: int | None = None
    ) -> dict[str, Value]:
        """Every node's values, added to those of the inputs and initializers.

        Args:
            emit: gives the values of a `Step` that is no constant.
            batch: the size of the batch that the model was made for, where it says one.
            limit: the maximum number of elements of all constants that are computed.

        Raises:
            PellucidError: a node cannot be read; the message names it.
        """
        wanted = {name for node in self.graph.node for name in node.input} | set(self.outputs)
        kept = 0
        for number, proto in enumerate(self.graph.node):
            place = described(proto, number)
            try:
                inputs = tuple(values[name] if name else None for name in proto.input)
                names = [name if name in wanted else "" for name in proto.output]
                while names and not names[-1]:
                    names.pop()
                if not names:
                    continue
                node = Node(proto.op_type, inputs, attributes_of(proto), len(names), self.opset, batch=batch)
                step = Step(place, node, names, list(proto.input), proto.name)
                known = all(v is None or v.array is not None for v in inputs)
                results = folded(node) if known or proto.op_type in ("Shape", "Size") else emit(step)
            except PellucidError as error:
                raise type(error)(f"{place}: {str(error).splitlines()[0]}") from None
            except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                why = " ".join(str(error).split())[:200]
                raise ModelFileError(f"{place} is damaged: {type(error).__name__} {why}") from None
            for name, value in zip(proto.output, results, strict=False):
                if name:
                    values[name] = value
                    kept += 0 if value.array is None else value.array.size
            if limit is not None and kept > limit:
                raise UnsupportedError(
                    f"{place}: constants of more than {limit:,} numbers, which would take the memory"
                )
        return values


def real(array: Array) -> Array:
    """An array in a type that formulas have: the short floats of machine learning in float32."""
    return array.astype(np.float32) if "float" in array.dtype.name and array.dtype.kind not in "f" else array


def check_unknown(graph: Any) -> None:
    """Refuse a graph with operators that nobody has written, all of them at once.

    Raises:
        UnsupportedError: the message lists them with their nodes.
    """
    known = operators()
    unknown: dict[str, list[str]] = {}
    for number, node in enumerate(graph.node):
        domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
        if domain or node.op_type not in known:
            unknown.setdefault(plain(domain + node.op_type), []).append(plain(node.name) or f"node {number}")
    if unknown:
        each = "; ".join(f"{kind} ({_listed(names)})" for kind, names in sorted(unknown.items()))
        count = "an operator" if len(unknown) == 1 else f"{len(unknown)} operators"
        raise UnsupportedError(f"the model uses {count} that Pellucid does not know: {each}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def folded(node: Node) -> list[Value]:
    """The numbers that a node gives, all of whose inputs are known."""
    results = results_of(replace(node, rounds=True))
    if all(v.array is not None for v in results):
        return results
    known = {v.tensor: v.array for v in node.inputs if v is not None}
    for value in results:
        if np.prod([e for e in value.tensor.shape if isinstance(e, int)], dtype=float) > MAX_ELEMENTS:
            raise UnsupportedError("a constant is too large")
    return [constant(array) for array in computed(results, known)]


def computed(values: Sequence[Value], known: Mapping[Any, Array | None]) -> list[Array]:
    """The numbers of some values, in ONNX's order of axes and types; computed by the reference engine.

    Args:
        known: the arrays of the tensors that they read.
    """
    for number, given in enumerate(known):
        given.name = f"given {number}"
    program = Program({str(k): v.tensor for k, v in enumerate(values)})
    wide = any(v.dtype in (np.dtype(np.float64),) or v.dtype.kind in "iu" for v in values)
    wide = wide or any(a is not None and (a.dtype.kind in "iu" or a.dtype.itemsize == 8) for a in known.values())
    run = reference.executable(program, np.dtype(np.float64 if wide else np.float32))
    inputs = {given.name: np.asarray(array) for given, array in known.items() if given.name in program.inputs}
    outputs = run({name: a.astype(np.float64) if a.dtype.kind in "iub" else a for name, a in inputs.items()})
    with np.errstate(all="ignore"):  # infinities and what a type does not hold are values like others here
        return [as_type(outputs[str(k)], value) for k, value in enumerate(values)]


def as_type(array: Array, value: Value) -> Array:
    """An engine's output as ONNX has it."""
    if value.batch:
        array = np.moveaxis(array, 0, value.batch)
    if value.dtype.kind in "iu" and array.dtype.kind == "f":
        if value.dtype.itemsize == 8:
            limits = np.iinfo(value.dtype)
            whole = np.clip(array, float(limits.min), float(limits.max))
            return np.where(whole >= float(limits.max), limits.max, whole.astype(value.dtype))
        return array.astype(np.int64).astype(value.dtype)
    return np.asarray(array != 0) if value.dtype.kind == "b" else array.astype(value.dtype)
