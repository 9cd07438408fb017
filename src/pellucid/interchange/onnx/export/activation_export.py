"""Activations as operators: those that have one, and any other whose formula treats each number by itself."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import numpy as np

from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Tensor
from pellucid.formula.expressions import Constant, Expression, Operation, Read
from pellucid.functions.activations import Activation, ActivationLike, activation
from pellucid.interchange.onnx.export.nodes import Writer

NAMED: Final = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus"}
ALONG: Final = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
WITH_ALPHA: Final = {"leaky_relu": "LeakyRelu", "elu": "Elu"}
_UNARY: Final = {
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "sin": "Sin",
    "cos": "Cos",
    "erf": "Erf",
    "tanh": "Tanh",
    "σ": "Sigmoid",
    "softplus": "Softplus",
    "relu": "Relu",
    "abs": "Abs",
    "sign": "Sign",
}
_BINARY: Final = {"add": "Add", "mul": "Mul", "div": "Div", "pow": "Pow", "max": "Max", "min": "Min"}
_COMPARED: Final = {"lt": "Less", "le": "LessOrEqual", "eq": "Equal"}


def alpha_of(chosen: Activation[...]) -> float:
    """The attribute alpha of an activation's operator."""
    options: dict[str, Any] = dict(chosen.options)
    return float({"leaky_relu": options.get("slope", 0.3), "elu": options.get("alpha", 1.0)}.get(chosen.name, 1.0))


def last_axis_alone(spec: ActivationLike) -> bool:
    """Whether it needs its units along the last axis."""
    return activation(spec).name in ALONG


def activate(made: Writer, spec: ActivationLike, x: str) -> str:
    """The activation of a value.

    Raises:
        PellucidError: it has no operator, and its formula mixes numbers.
    """
    chosen = activation(spec)
    if chosen.name == "linear":
        return x
    if chosen.name in NAMED:
        return made.add(NAMED[chosen.name], x)
    if chosen.name in ALONG:
        return made.add(ALONG[chosen.name], x, axis=-1)
    alpha = alpha_of(chosen)
    if chosen.name in WITH_ALPHA and made.holds(alpha):
        return made.add(WITH_ALPHA[chosen.name], x, alpha=alpha)
    return _Formula(made, chosen, x).value()


class _Formula:
    """An activation's formula as operators."""

    def __init__(self, made: Writer, chosen: Activation[...], x: str) -> None:
        self.made, self.name, self.x = made, chosen.name, x
        self.z = Tensor.input("z", n=BATCH, o=2)
        self.result = chosen(self.z)
        self.values: dict[Tensor, str] = {self.z: x}

    def value(self) -> str:
        return self._tensor(self.result)

    def _tensor(self, tensor: Tensor) -> str:
        if tensor not in self.values:
            if tensor.definition is None or tensor.rank != self.z.rank:
                self._fail()
            self.values[tensor] = self._write(tensor.definition.expression, tensor)
        return self.values[tensor]

    def _write(self, e: Expression, target: Tensor) -> str:
        match e:
            case Constant(value):
                return self.made.constant("number", np.asarray(float(value)))
            case Read(tensor, indices, None):
                bare = [getattr(index, "bare", None) for index in indices]
                if bare != list(target.axes):
                    self._fail()
                return self._tensor(tensor)
            case Operation("stop", (body,)):
                return self._write(body, target)
            case Operation("expm1", (body,)):
                return self.made.add("Sub", self.made.add("Exp", self._write(body, target)), self._one())
            case Operation("log1p", (body,)):
                return self.made.add("Log", self.made.add("Add", self._write(body, target), self._one()))
            case Operation(name, (body,)) if name in _UNARY:
                return self.made.add(_UNARY[name], self._write(body, target))
            case Operation("where", (condition, yes, no)):
                return self.made.add(
                    "Where", self._condition(condition, target), self._write(yes, target), self._write(no, target)
                )
            case Operation(name, (first, *rest)) if name in _BINARY and rest:
                total = self._write(first, target)
                for other in rest:
                    total = self.made.add(_BINARY[name], total, self._write(other, target))
                return total
            case Operation(name, _) if name in _COMPARED or name == "and":
                return self.made.add("Cast", self._condition(e, target), to=_onnx_type(self.made))
        self._fail()

    def _condition(self, e: Expression, target: Tensor) -> str:
        match e:
            case Operation("and", (left, right)):
                return self.made.add("And", self._condition(left, target), self._condition(right, target))
            case Operation(name, (left, right)) if name in _COMPARED:
                return self.made.add(_COMPARED[name], self._write(left, target), self._write(right, target))
        return self.made.add("Cast", self._write(e, target), to=9)

    def _one(self) -> str:
        return self.made.constant("one", np.asarray(1.0))

    def _fail(self) -> NoReturn:
        raise PellucidError(
            f"{self.made.path} has the activation {self.name}, whose formula ONNX export cannot write as operators: "
            "expected one of each number by itself, or softmax"
        )


def _onnx_type(made: Writer) -> int:
    """FLOAT or DOUBLE, as ONNX numbers them."""
    return 11 if made.dtype == np.float64 else 1
