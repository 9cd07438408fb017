"""One of ONNX's operators as a layer of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import Any

import numpy as np

from pellucid.arrays import check_integer, is_integer
from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.interchange.onnx.operators.base import OPERATORS, Merged, Node, Text, Value, number
from pellucid.layers.base import Context, Last, Layer, Parameter, Shape

FAMILIES = (
    "attention_operators",
    "elementwise_operators",
    "known_operators",
    "lookup_operators",
    "loss_operators",
    "normalisation_operators",
    "parts",
    "product_operators",
    "recurrent_operators",
    "reduction_operators",
    "resize_operators",
    "shape_operators",
    "window_operators",
)
_MOVING = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
_ALONG = ("softmax", "log_softmax")
TRAINED, FROZEN = "pellucid.trained", "pellucid.frozen"
"""Where a model's metadata names the arrays that training changes, and those of layers that are not trainable."""
MAX_NUMBERS = 4096
"""The maximum number of numbers that an operator keeps as an option."""


def operators() -> Mapping[str, Any]:
    """All operators, imported when they are asked for."""
    for family in FAMILIES:
        import_module(f"pellucid.interchange.onnx.operators.{family}")
    return OPERATORS


def results_of(node: Node) -> list[Value]:
    """What a node gives, by its operator's function."""
    made = operators()[node.operator](node)
    return list(made) if isinstance(made, list) else [made]


@dataclass(eq=False, repr=False)
class Operator(Layer):
    """An operator of ONNX's, as `pl.from_onnx` makes it.

    Shapes: the batch stands in front here, wherever ONNX has it.

    Args:
        operator: its name, "Conv".
        attributes: its attributes, by ONNX's names.
        inputs: what each input is, in ONNX's order: None where it is left out; `{"from": 0, "batch": 0, "dtype": …}`
            for an input of the layer and the place at which ONNX has the batch (with "merged", the extent of its second
            axis, where ONNX has that merged with the batch, and "outer", whether it runs slower);
            `{"parameter": "W", "shape": …}` for a parameter; `{"number": …, "shape": …, "dtype": …}` for numbers that
            are known.
        output: which of its outputs the layer gives.
        further: those of its outputs that `OperatorOutput` layers behind it give.
        opset: the version of ONNX's operators.
    """

    masking = "refuse"

    operator: str
    _: KW_ONLY
    attributes: Mapping[str, Any]
    inputs: Any = ()
    output: int = 0
    further: tuple[int, ...] = ()
    opset: int = 17

    def check(self) -> None:
        if self.operator not in operators():
            raise PellucidError(f"there is no operator {self.operator!r} of ONNX's here")
        self.output = check_integer(self.output, "output of Operator", below=64)
        if not isinstance(self.further, tuple) or not all(is_integer(k, minimum=0, below=64) for k in self.further):
            raise PellucidError(f"further of Operator is {str(self.further)[:80]}, expected places of outputs")
        self.opset = check_integer(self.opset, "opset of Operator", minimum=1, below=1000)
        if not isinstance(self.attributes, Mapping) or not isinstance(self.inputs, (tuple, list)):
            raise PellucidError("the description of an Operator is damaged: expected its attributes and its inputs")
        for given in self.inputs:
            if given is not None and (
                not isinstance(given, Mapping) or len({"from", "parameter", "number"} & set(given)) != 1
            ):
                raise PellucidError(f"an input of {self.operator} is described by {str(given)[:80]}")
            if given is not None and "from" not in given:
                shape = given.get("shape")
                if not isinstance(shape, (tuple, list)) or not all(
                    is_integer(s, minimum=0 if "number" in given else 1, below=1 << 31) for s in shape
                ):
                    raise PellucidError(f"an input of {self.operator} has the shape {str(shape)[:80]}")

    def counts(self, place: int) -> bool:
        given = [i for i in self.inputs if i is not None and i.get("from") == place]
        return any(np.dtype(str(i.get("dtype"))).kind in "iu" for i in given)

    @property
    def kind(self) -> str:
        return self.operator.lower()

    @property
    def title(self) -> str:
        return self.operator

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        parameters: dict[str, Parameter] = {}
        for given in self.inputs:
            if given is not None and "parameter" in given:
                axes = {f"i{k}": int(size) for k, size in enumerate(given["shape"])}
                trained = bool(given.get("trained", False))
                parameters[str(given["parameter"])] = Parameter(axes, "zeros", trainable=trained)
        return parameters

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        try:
            node = self.node(inputs, parameters)
            if self.operator == "BatchNormalization" and context.training and self.trainable:
                return self._of_batch(node, context)
            results = results_of(node)
            value = results[self.output]
            if self.further:
                ends = {str(k): context.place(f"output_{k}", results[k].tensor) for k in self.further}
                context.final[value.tensor] = ends
        except PellucidError as error:
            raise type(error)(
                str(error).splitlines()[0]
            ) from None  # without the formula, which a file may have damaged
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise PellucidError(
                f"the description of the operator {self.operator} is damaged: {type(error).__name__} {error}"
            ) from None
        if self.operator in _MOVING and (last := context.last.get(inputs[0])) and last.activation not in _ALONG:
            # what moves the numbers that an activation gave could as well have moved those before it
            moved = results_of(self.node((last.sum, *inputs[1:]), parameters))[self.output].tensor
            context.last[value.tensor] = Last(last.activation, context.record("sum", moved))
        if value.batch is None:
            raise PellucidError(f"{self.operator} gives a value without the batch, which no layer can")
        return value.tensor

    def node(self, inputs: tuple[Tensor, ...], parameters: Mapping[str, Tensor]) -> Node:
        """The use of the operator, with these tensors."""
        values: list[Value | None] = []
        for given in self.inputs:
            if given is None:
                values.append(None)
            elif "from" in given:
                batch = int(given["batch"])
                tensor = inputs[int(given["from"])]
                if not 0 <= batch < tensor.rank:
                    raise PellucidError(f"an input of {self.operator} has its batch at {batch} of {tensor.rank} axes")
                other, merged = given.get("merged"), None
                if other is not None:
                    if tensor.rank < 2 or tensor.axes[1].extent != other:
                        raise PellucidError(f"an input of {self.operator} is merged with an axis of {str(other)[:40]}")
                    merged = Merged(int(other), bool(given.get("outer", False)))
                values.append(Value(tensor, np.dtype(str(given["dtype"])), batch, merged=merged))
            elif "parameter" in given:
                values.append(Value(parameters[str(given["parameter"])], np.dtype(str(given["dtype"]))))
            else:
                values.append(known_numbers(given))
        count = max(self.output, *self.further) + 1 if self.further else self.output + 1
        return Node(self.operator, tuple(values), dict(self.attributes), count, self.opset)

    def _of_batch(self, node: Node, context: Context) -> Tensor:
        """Batch normalisation by the statistics of the batch, which the running ones follow."""
        x, gamma, beta, mean, variance = (node.input(place) for place in range(5))
        text = Text()
        letters = text.axes(x.shape)
        c = letters[1]
        over = [a for a in letters if a != c]
        count = math.prod(e for a, e in text.extents.items() if a in over and isinstance(e, int))
        bound, read = ",".join(over), text.read(x, letters)
        text.line("μ", [c], f"Σ[{bound}] {read}/(size(n)·{count})")
        text.line("σ2", [c], f"Σ[{bound}] ({read} − μ[{c}])²/(size(n)·{count})")
        scale, offset = text.read(gamma, [c], "g"), text.read(beta, [c], "b")
        epsilon = number(float(node.attr("epsilon", 1e-5)))
        text.line("y", letters, f"{scale}·({read} − μ[{c}])/√(σ2[{c}] + {epsilon}) + {offset}")
        made = text.values({"y": (letters, x.dtype), "μ": ([c], x.dtype), "σ2": ([c], x.dtype)})
        momentum = number(float(node.attr("momentum", 0.9)))
        for name, old, new in (("mean", mean, made[1]), ("variance", variance, made[2])):
            key = next((str(g["parameter"]) for g in self.inputs[3:] if g and g.get("role") == name), None)
            if key is None:
                raise PellucidError(f"the running {name} of {self.operator} is no parameter")
            text = Text()
            letters = text.axes(old.shape)
            body = f"{momentum}·{text.read(old, letters, 'm')} + (1 − {momentum})·{text.read(new, letters, 'b')}"
            following = text.result(letters, body, old.dtype).tensor
            context.record(f"batch_{name}", new.tensor)
            context.update(key, context.place(f"{key}′", following))
        return made[0].tensor

    def options(self) -> dict[str, Any]:
        return {**super().options(), "attributes": dict(self.attributes), "inputs": list(self.inputs)}


@dataclass(eq=False, repr=False)
class OperatorOutput(Layer):
    """Another output of the operator that it is called on, as `pl.from_onnx` makes it.

    Args:
        output: which one.
        shape: that of an example.
    """

    arity = 1
    masking = "refuse"

    output: int
    shape: Shape

    def check(self) -> None:
        self.output = check_integer(self.output, "output of OperatorOutput", minimum=0, below=64)
        if not isinstance(self.shape, tuple) or not all(is_integer(s, minimum=1, below=1 << 31) for s in self.shape):
            raise PellucidError(f"the shape of OperatorOutput is {str(self.shape)[:80]}, expected sizes")

    def gives(self, *shapes: Shape) -> Shape:
        return self.shape

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        result = context.final.get(inputs[0], {}).get(str(self.output))
        if result is None or result.shape[1:] != self.shape:
            raise PellucidError(f"what OperatorOutput is called on has no output {self.output} of shape {self.shape}")
        return result


def known_numbers(given: Mapping[str, Any]) -> Value:
    """The value of numbers in a description."""
    shape = tuple(int(s) for s in given["shape"])
    content = given["number"]
    dtype = np.dtype(str(given["dtype"]))
    if dtype.kind not in "fiub" or math.prod(shape) > MAX_NUMBERS:
        raise PellucidError(f"an operator's input has {math.prod(shape):,} numbers of type {dtype}")
    array = np.asarray(content, dtype).reshape(shape)
    axes = {f"i{k}": size for k, size in enumerate(shape)}
    return Value(Tensor.input("c", axes), dtype, None, array, array.size == 1)
