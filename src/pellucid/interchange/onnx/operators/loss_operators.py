"""Losses: negative log likelihood and the cross-entropy of softmax."""

from __future__ import annotations

from pellucid.errors import ShapeError
from pellucid.interchange.onnx.operators.base import Node, Text, Value, number, operator
from pellucid.interchange.onnx.operators.reduction_operators import softmax
from pellucid.interchange.onnx.operators.shape_operators import BATCH_SIZE, stood_for


@operator("NegativeLogLikelihoodLoss")
def _likelihood(node: Node) -> Value:
    return _loss(node, node.input(0))


@operator("SoftmaxCrossEntropyLoss")
def _cross_entropy(node: Node) -> list[Value]:
    logs = softmax(Node("LogSoftmax", (node.input(0),), {"axis": 1}, opset=13))
    return [_loss(node, logs), logs]


def _loss(node: Node, logs: Value) -> Value:
    """−w[t]·p[n,t,…] of each target t; their sum over the sum of the weights for "mean"."""
    target, weight = node.input(1), node.optional(2)
    if logs.rank != target.rank + 1 or stood_for(logs.shape)[0] == BATCH_SIZE != stood_for(target.shape)[0]:
        raise ShapeError(f"{node.operator} takes scores of shape {logs.shape} and targets of shape {target.shape}")
    text = Text()
    letters = text.axes(target.shape)
    c = text.axis(logs.shape[1])
    t = text.read(target, letters, "t")
    hit = f"{c} = {t}"
    ignored = node.attr("ignore_index")
    if ignored is not None:
        hit += f" and 0 < abs({t} − {number(float(ignored))})"
    w = "1" if weight is None else text.read(weight, [c], "w")
    p = text.read(logs, [letters[0], c, *letters[1:]], "p")
    text.line("l", letters, f"−(Σ[{c}] where({hit}, {w}·{p}, 0))")
    each = text.head("l", letters)
    reduction = str(node.attr("reduction", "mean"))
    if reduction == "none":
        return text.values({"l": (letters, logs.dtype)})[0]
    bound = ",".join(letters)
    if reduction == "sum":
        return text.result([], f"Σ[{bound}] {each}", logs.dtype)
    text.line("k", letters, f"Σ[{c}] where({hit}, {w}, 0)")
    return text.result([], f"(Σ[{bound}] {each})/(Σ[{bound}] {text.head('k', letters)})", logs.dtype)
