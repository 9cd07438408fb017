"""Functions of every element: arithmetic, comparison, logic, activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.interchange.onnx.operators.base import (
    BOOL,
    OPERATORS,
    Node,
    UnsupportedError,
    Value,
    elementwise,
    number,
    operator,
)

_UNARY: dict[str, str] = {
    "Identity": "{x}",
    "Abs": "abs({x})",
    "Neg": "−{x}",
    "Reciprocal": "1/{x}",
    "Exp": "exp({x})",
    "Log": "log({x})",
    "Sqrt": "√({x})",
    "Sin": "sin({x})",
    "Cos": "cos({x})",
    "Tan": "sin({x})/cos({x})",
    "Sinh": "(exp({x}) − exp(−{x}))/2",
    "Cosh": "(exp({x}) + exp(−{x}))/2",
    "Asinh": "sign({x})·log(abs({x}) + √({x}² + 1))",
    "Acosh": "log({x} + √({x}² − 1))",
    "Atanh": "log((1 + {x})/(1 − {x}))/2",
    "Erf": "erf({x})",
    "Sigmoid": "σ({x})",
    "Tanh": "tanh({x})",
    "Relu": "relu({x})",
    "Softplus": "softplus({x})",
    "Softsign": "{x}/(1 + abs({x}))",
    "HardSwish": "{x}·max(0, min(1, {x}/6 + 0.5))",
    "Mish": "{x}·tanh(softplus({x}))",
    "Sign": "sign({x})",
    "Not": "1 − {x}",
}
_WITH_OPTIONS: dict[str, tuple[str, dict[str, float]]] = {
    "LeakyRelu": ("where(0 ≤ {x}, {x}, {alpha}·{x})", {"alpha": 0.01}),
    "ThresholdedRelu": ("where({alpha} < {x}, {x}, 0)", {"alpha": 1.0}),
    "Elu": ("where(0 < {x}, {x}, {alpha}·expm1({x}))", {"alpha": 1.0}),
    "Celu": ("max(0, {x}) + min(0, {alpha}·expm1({x}/{alpha}))", {"alpha": 1.0}),
    "Selu": (
        "{gamma}·where(0 < {x}, {x}, {alpha}·expm1({x}))",
        {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805},
    ),
    "HardSigmoid": ("max(0, min(1, {alpha}·{x} + {beta}))", {"alpha": 0.2, "beta": 0.5}),
    "Swish": ("{x}·σ({alpha}·{x})", {"alpha": 1.0}),
    "Shrink": (
        "where({x} < −{lambd}, {x} + {bias}, where({lambd} < {x}, {x} − {bias}, 0))",
        {"bias": 0.0, "lambd": 0.5},
    ),
}
_BINARY: dict[str, str] = {
    "Add": "{x} + {z}",
    "Sub": "{x} − {z}",
    "Mul": "{x}·{z}",
    "And": "{x}·{z}",
    "Or": "max({x}, {z})",
    "Xor": "abs({x} − {z})",
    "PRelu": "where(0 ≤ {x}, {x}, {z}·{x})",
}
_COMPARED: dict[str, str] = {
    "Equal": "[{x} = {z}]",
    "Less": "[{x} < {z}]",
    "LessOrEqual": "[{x} ≤ {z}]",
    "Greater": "[{z} < {x}]",
    "GreaterOrEqual": "[{z} ≤ {x}]",
}
_LOGICAL = ("And", "Or", "Xor", "Not")


def _unary(pattern: str, defaults: dict[str, float] | None = None) -> Callable[[Node], Value]:
    def rule(node: Node) -> Value:
        options = {k: number(float(node.attr(k, d))) for k, d in (defaults or {}).items()}
        return elementwise([node.input(0)], lambda x: pattern.format(x=x, **options), _truth(node))

    return rule


def _binary(pattern: str) -> Callable[[Node], Value]:
    def rule(node: Node) -> Value:
        both = [node.input(0), node.input(1)]
        dtype = BOOL if node.operator in _COMPARED else _truth(node)
        return elementwise(_legacy_axis(node, both), lambda x, z: pattern.format(x=x, z=z), dtype)

    return rule


def _truth(node: Node) -> np.dtype[Any]:
    return BOOL if node.operator in _LOGICAL else node.input(0).dtype


def _legacy_axis(node: Node, both: list[Value]) -> list[Value]:
    """Before opset 7 the second value could stand at an axis, which no later model says."""
    if node.attr("broadcast") and node.attr("axis") is not None and both[1].rank + node.attr("axis") != both[0].rank:
        raise UnsupportedError(f"{node.operator} of opset {node.opset} aligns its inputs at an axis")
    return both


OPERATORS.update({name: _unary(pattern) for name, pattern in _UNARY.items()})
OPERATORS.update({name: _unary(pattern, options) for name, (pattern, options) in _WITH_OPTIONS.items()})
OPERATORS.update({name: _binary(pattern) for name, pattern in (_BINARY | _COMPARED).items()})


@operator("Div")
def _div(node: Node) -> Value:
    if node.input(0).integer:
        check_rounding(node)
    return elementwise(_legacy_axis(node, [node.input(0), node.input(1)]), lambda x, z: f"{x}/{z}")


def check_rounding(node: Node) -> None:
    """Refuse to round what a formula gives to an integer.

    Raises:
        UnsupportedError: it stays a formula.
    """
    if not node.rounds:
        raise UnsupportedError(f"{node.operator} rounds to integers, which formulas cannot")


@operator("Pow")
def _pow(node: Node) -> Value:
    return elementwise([node.input(0), node.input(1)], lambda x, z: f"({x})^({z})")


@operator("Sum", "Mean", "Max", "Min")
def _several(node: Node) -> Value:
    values = [node.input(place) for place in range(len(node.inputs))]
    total = values[0]
    patterns = {"Sum": "{x} + {z}", "Mean": "{x} + {z}", "Max": "max({x}, {z})", "Min": "min({x}, {z})"}
    pattern = patterns[node.operator]
    for value in values[1:]:
        total = elementwise([total, value], lambda x, z: pattern.format(x=x, z=z))
    if node.operator == "Mean":
        return elementwise([total], lambda x: f"{x}/{len(values)}")
    return total if len(values) > 1 else elementwise([total], lambda x: x)


@operator("Where")
def _where(node: Node) -> Value:
    values = [node.input(place) for place in range(3)]
    return elementwise(values, lambda c, x, z: f"where(0 < {c}, {x}, {z})", values[1].dtype)


@operator("Clip")
def _clip(node: Node) -> Value:
    x = node.input(0)
    low, high = node.optional(1), node.optional(2)
    values = [x, *(v for v in (low, high) if v is not None)]

    def body(x: str, *ends: str) -> str:
        rest = list(ends)
        result = f"max({x}, {rest.pop(0)})" if low is not None else x
        result = f"min({result}, {rest.pop(0)})" if high is not None else result
        for end, word in (("min", "max"), ("max", "min")):
            if node.attr(end) is not None:
                result = f"{word}({result}, {number(float(node.attr(end)))})"
        return result

    return elementwise(values, body)


@operator("Gelu")
def _gelu(node: Node) -> Value:
    if node.attr("approximate", "none") == "tanh":
        return elementwise([node.input(0)], lambda x: f"{x}·(1 + tanh(√(2/π)·({x} + 0.044715·{x}³)))/2")
    return elementwise([node.input(0)], lambda x: f"{x}·(1 + erf({x}/√2))/2")


@operator("IsNaN")
def _is_nan(node: Node) -> Value:
    return elementwise([node.input(0)], lambda x: f"1 − max([{x} ≤ 0], [0 < {x}])", BOOL)


@operator("IsInf")
def _is_inf(node: Node) -> Value:
    ends = [
        f"[{{x}} = {sign}inf]" for sign, name in (("", "positive"), ("−", "negative")) if node.attr(f"detect_{name}", 1)
    ]
    pattern = " + ".join(ends) or "0·{x}"
    return elementwise([node.input(0)], lambda x: pattern.format(x=x), BOOL)


@operator("Cast", "CastLike")
def _cast(node: Node) -> Value:
    x = node.input(0)
    dtype = node.input(1).dtype if node.operator == "CastLike" else np.dtype(str(node.attr("to")))
    if dtype.kind not in "fiub" or x.dtype.kind not in "fiub":
        raise UnsupportedError(f"{node.operator} from {x.dtype} to {dtype} is not between numbers")
    if dtype == BOOL:
        return elementwise([x], lambda x: f"1 − [{x} = 0]", dtype)
    narrower = dtype.itemsize < min(x.dtype.itemsize, 4) or (dtype.kind == "f" and dtype.itemsize < x.dtype.itemsize)
    if narrower or (dtype.kind in "iu" and x.dtype.kind == "f"):
        check_rounding(node)
    return elementwise([x], lambda x: x, dtype)


@operator("Dropout")
def _dropout(node: Node) -> list[Value]:
    training = node.optional(2)
    ratio = node.optional(1)
    rate = float(node.known(1)) if ratio is not None else float(node.attr("ratio", 0.5))
    if training is not None and bool(node.known(2)) and rate:
        raise UnsupportedError("Dropout draws random numbers in training_mode")
    x = node.input(0)
    result = elementwise([x], lambda x: x)
    mask = elementwise([x], lambda x: f"max(1, 0·{x})", BOOL)
    return [result, mask][: max(node.outputs, 1)]


@operator("BitwiseNot")
def _bitwise_not(node: Node) -> Value:
    x = node.input(0)
    if x.dtype.kind == "u":
        return elementwise([x], lambda x: f"{number(float(np.iinfo(node.input(0).dtype).max))} − {x}")
    return elementwise([x], lambda x: f"−1 − {x}")
