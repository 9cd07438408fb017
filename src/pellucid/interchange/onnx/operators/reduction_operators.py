"""Reductions along axes, the winners among them, running sums, softmax."""

from __future__ import annotations

import math

import numpy as np

from pellucid.formula import BATCH
from pellucid.interchange.onnx.operators.base import (
    INT,
    Node,
    Text,
    UnsupportedError,
    Value,
    axes_of,
    axis_of,
    elementwise,
    operator,
    size_of,
)

_REDUCED: dict[str, str] = {
    "ReduceSum": "Σ[{a}] {x}",
    "ReduceMean": "Σ[{a}] {x}/{count}",
    "ReduceMax": "max[{a}] {x}",
    "ReduceMin": "min[{a}] {x}",
    "ReduceL1": "Σ[{a}] abs({x})",
    "ReduceL2": "√(Σ[{a}] {x}²)",
    "ReduceSumSquare": "Σ[{a}] {x}²",
    "ReduceLogSum": "log(Σ[{a}] {x})",
}


@operator(*_REDUCED, "ReduceProd", "ReduceLogSumExp")
def _reduce(node: Node) -> Value:
    x = node.input(0)
    axes = node.integers(1, "axes")
    if not axes:
        if node.attr("noop_with_empty_axes"):
            return _of_nothing(node, x)
        axes = list(range(x.rank))
    over = axes_of(axes, x.rank)
    if node.operator == "ReduceProd":
        return _product(node, x, over)
    text = Text()
    letters = text.axes(x.shape)
    sized = [f"size({letters[k]})" if x.shape[k] is BATCH else str(x.shape[k]) for k in over]
    given = ",".join(letters[k] for k in over)
    read = text.read(x, letters)
    kept, letters_kept = _kept(text, letters, over, bool(node.attr("keepdims", 1)))
    if not over:
        return elementwise([x], lambda x: x)
    if node.operator == "ReduceLogSumExp":
        text.line("m", kept, f"max[{given}] {read}")
        m = text.head("m", kept)
        return text.result(letters_kept, f"{m} + log(Σ[{given}] exp({read} − {m}))", x.dtype)
    if node.operator == "ReduceMean":
        sizes = "·".join(s for s in sized if not s.startswith("size")) or "1"
        if any(s.startswith("size") for s in sized):
            raise UnsupportedError("ReduceMean runs over the batch")
        return text.result(letters_kept, f"(Σ[{given}] {read})/({sizes})", x.dtype)
    body = _REDUCED[node.operator].format(a=given, x=read)
    return text.result(letters_kept, body, x.dtype)


def _of_nothing(node: Node, x: Value) -> Value:
    """A reduction over no axes is still a function of each number."""
    pattern = {"ReduceL1": "abs({x})", "ReduceL2": "abs({x})", "ReduceSumSquare": "{x}²", "ReduceLogSum": "log({x})"}
    return elementwise([x], lambda x: pattern.get(node.operator, "{x}").format(x=x))


def _kept(text: Text, letters: list[str], over: list[int], keep: bool) -> tuple[list[str], list[str]]:
    """The axes that stay, and those of the result, where others may be left with an extent of 1."""
    kept = [a for k, a in enumerate(letters) if k not in over]
    return kept, [text.axis(1) if k in over else a for k, a in enumerate(letters)] if keep else kept


def _product(node: Node, x: Value, over: list[int]) -> Value:
    """The product, factor by factor: formulas have no Π."""
    text = Text()
    sizes = [size_of(x.shape[k]) for k in over]
    if math.prod(sizes) > 4096:
        raise UnsupportedError(f"ReduceProd multiplies {math.prod(sizes):,} numbers, expected at most 4096")
    letters = text.axes(x.shape)
    factors = []
    for place in np.ndindex(*sizes):
        at = dict(zip(over, place, strict=True))
        factors.append(text.read(x, [str(at[k]) if k in at else a for k, a in enumerate(letters)]))
    _, result = _kept(text, letters, over, bool(node.attr("keepdims", 1)))
    for k in over:
        del text.extents[letters[k]]
    return text.result(result, "·".join(factors) or "1", x.dtype)


@operator("ArgMax", "ArgMin")
def _winner(node: Node) -> Value:
    x = node.input(0)
    axis = axis_of(int(node.attr("axis", 0)), x.rank)
    word = node.operator.lower()
    text = Text()
    letters = text.axes(x.shape)
    kept, result = _kept(text, letters, [axis], bool(node.attr("keepdims", 1)))
    over, size = letters[axis], x.shape[axis]
    if node.attr("select_last_index"):
        last = size_of(size) - 1
        read = text.read(x, [f"{last} − {a}" if k == axis else a for k, a in enumerate(letters)])
        text.line("w", kept, f"{word}[{over}] {read}")
        return text.result(result, f"{last} − {text.head('w', kept)}", INT)
    return text.result(result, f"{word}[{over}] {text.read(x, letters)}", INT)


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(node: Node) -> Value:
    """Softmax and its kin along an axis; before opset 13, along all axes from one on."""
    x = node.input(0)
    if not x.rank:
        return elementwise([x], lambda x: f"0·{x}" if node.operator == "LogSoftmax" else f"1 + 0·{x}")
    axis = axis_of(int(node.attr("axis", -1 if node.opset >= 13 else 1)), x.rank)
    over = [axis] if node.opset >= 13 else list(range(axis, x.rank))
    text = Text()
    letters = text.axes(x.shape)
    read = text.read(x, letters)
    kept = [a for k, a in enumerate(letters) if k not in over]
    inner = {letters[k]: text.axis(x.shape[k]) for k in over}
    bound = ",".join(inner.values())
    other = text.read(x, [inner.get(a, a) for a in letters])
    if node.operator == "Hardmax":
        if len(over) > 1:
            raise UnsupportedError("Hardmax before opset 13 runs over several axes")
        text.line("w", kept, f"argmax[{bound}] {other}")
        return text.result(letters, f"[{letters[axis]} = {text.head('w', kept)}]", x.dtype)
    text.line("m", kept, f"stop(max[{bound}] {other})")
    m = text.head("m", kept)
    if node.operator == "LogSoftmax":
        return text.result(letters, f"{read} − {m} − log(Σ[{bound}] exp({other} − {m}))", x.dtype)
    text.line("e", letters, f"exp({read} − {m})")
    inside = text.head("e", [inner.get(a, a) for a in letters])
    return text.result(letters, f"{text.head('e', letters)}/Σ[{bound}] {inside}", x.dtype)


@operator("CumSum")
def _cumulative(node: Node) -> Value:
    x = node.input(0)
    axis = axis_of(int(node.known(1).reshape(-1)[0]), x.rank)
    text = Text()
    letters = text.axes(x.shape)
    other = text.axis(x.shape[axis])
    here = letters[axis]
    read = text.read(x, [other if k == axis else a for k, a in enumerate(letters)])
    low, high = (here, other) if node.attr("reverse") else (other, here)
    sign = "<" if node.attr("exclusive") else "≤"
    return text.result(letters, f"Σ[{other}] where({low} {sign} {high}, {read}, 0)", x.dtype)


@operator("TopK")
def _top(node: Node) -> list[Value]:
    """The rank of each number is how many are before it; the k-th winner is the one of rank k."""
    x = node.input(0)
    axis = axis_of(int(node.attr("axis", -1)), x.rank)
    count = node.integers(1, "k")
    if not count:
        raise UnsupportedError("TopK has no k")
    size = size_of(x.shape[axis])
    text = Text()
    letters = text.axes(x.shape)
    here, other, at = letters[axis], text.axis(size), text.axis(count[0])
    mine = text.read(x, letters)
    rival = text.read(x, [other if a == here else a for a in letters])
    better = f"[{rival} < {mine}]" if not node.attr("largest", 1) else f"[{mine} < {rival}]"
    text.line("r", letters, f"Σ[{other}] ({better} + [{rival} = {mine}]·[{other} < {here}])")
    result = [at if a == here else a for a in letters]
    text.line("w", result, f"argmax[{here}] [{text.head('r', letters)} = {at}]")
    winner = text.head("w", result)
    text.line("y", result, text.read(x, [winner if a == here else a for a in letters]))
    return text.values({"y": (result, x.dtype), "w": (result, INT)})
