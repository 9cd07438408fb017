"""Layers without windows or states: dense, activations, lookup, merging, attention; and what passes in prediction."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from pellucid.functions.forward.attention import NEVER
from pellucid.interchange.onnx.export.activation_export import activate, last_axis_alone
from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.layers.activation import Activation
from pellucid.layers.base import Layer
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from pellucid.layers.embedding import Embedding
from pellucid.layers.masking import Masking
from pellucid.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.prelu import PReLU


def weight(made: Writer, place: Place, name: str) -> str:
    """A parameter as it is."""
    return made.parameter(place, name)


def merged_mask(made: Writer, inputs: Sequence[Value]) -> str:
    """Which steps are there in all inputs that have a mask; "" where none has."""
    masks = list(dict.fromkeys(v.mask for v in inputs if v.mask))
    total = masks[0] if masks else ""
    for mask in masks[1:]:
        total = made.add("Mul", total, mask, name="mask")
    return total


@RULES.of(Dense)
def _dense(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    weights = [weight(made, place, "kernel")]
    if place.layer.use_bias:
        weights.append(weight(made, place, "bias"))
    if len(place.use.shape) == 1:
        total = made.add("Gemm", x.last, *weights)
    else:
        total = made.add("MatMul", made.last(x), weights[0])
        total = made.add("Add", total, weights[1]) if len(weights) > 1 else total
    return Value(place.use.shape, activate(made, place.layer.activation, total), mask=x.mask)


@RULES.of(Activation)
def _activation(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    function = place.layer.activation
    if x.first and not x.last and not last_axis_alone(function):
        return Value(x.shape, first=activate(made, function, x.first), mask=x.mask)
    return Value(x.shape, activate(made, function, made.last(x)), mask=x.mask)


@RULES.of(PReLU)
def _prelu(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    return Value(x.shape, made.add("PRelu", made.last(x), weight(made, place, "alpha")), mask=x.mask)


@RULES.of(Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, GaussianNoise)
def _noise(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    """Nothing: in prediction they pass."""
    (x,) = inputs
    return x


@RULES.of(Embedding)
def _embedding(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (ids,) = inputs
    result = made.add("Gather", weight(made, place, "embeddings"), ids.last)
    mask = ""
    if place.layer.mask_zero and len(ids.shape) == 1:
        nothing = made.integer("padding", 0)
        mask = _as_numbers(made, made.add("Not", made.add("Equal", ids.last, nothing)))
    return Value(place.use.shape, result, mask=mask)


def _as_numbers(made: Writer, condition: str) -> str:
    """A condition as 1 and 0."""
    one, zero = made.constant("one", np.asarray(1.0)), made.constant("zero", np.asarray(0.0))
    return made.add("Where", condition, one, zero, name="mask")


@RULES.of(Masking)
def _masking(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    x, *given = inputs
    values = made.last(x)
    if given:
        mask = given[0].last
    else:
        padding = made.constant("padding", np.asarray(place.layer.value))
        same = _as_numbers(made, made.add("Equal", values, padding))
        mask = made.add("Sub", made.constant("one", np.asarray(1.0)), made.reduce("ReduceMin", same, -1), name="mask")
    if x.mask:
        mask = made.add("Mul", x.mask, mask, name="mask")
    wide = made.add("Unsqueeze", mask, made.integers("axes", 2))
    return Value(x.shape, made.add("Mul", values, wide), mask=mask)


_MERGING: Final[dict[type[Layer], str]] = {
    Add: "Add",
    Average: "Mean",
    Maximum: "Max",
    Minimum: "Min",
    Multiply: "Mul",
    Subtract: "Sub",
}


@RULES.of(*_MERGING)
def _merging(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    kind = _MERGING[type(place.layer)]
    all_first = all(v.first for v in inputs)
    names = [v.first if all_first else made.last(v) for v in inputs]
    if kind == "Mean":
        total = made.add(kind, *names)
    else:
        total = functools.reduce(lambda left, right: made.add(kind, left, right), names)
    value = Value(place.use.shape, first=total) if all_first else Value(place.use.shape, total)
    return replace(value, mask=merged_mask(made, inputs))


@RULES.of(Concatenate)
def _concatenate(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    mask = merged_mask(made, inputs)
    if all(v.first for v in inputs):
        return Value(place.use.shape, first=made.add("Concat", *(v.first for v in inputs), axis=1), mask=mask)
    return Value(place.use.shape, made.add("Concat", *map(made.last, inputs), axis=-1), mask=mask)


@RULES.of(MultiHeadAttention)
def _attention(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    x, memory = inputs[0], inputs[-1]
    layer, steps, asked = place.layer, x.shape[0], memory.shape[0]
    width = layer.num_heads * layer.key_dim

    def projected(part: str, source: Value, order: tuple[int, ...]) -> str:
        kernel = place.parameters[f"{part}.kernel"]
        total = made.add(
            "MatMul",
            made.last(source),
            made.parameter(place, f"{part}.kernel", kernel.reshape(-1, width)),
            name=part,
        )
        if layer.use_bias:
            bias = place.parameters[f"{part}.bias"].reshape(-1)
            total = made.add("Add", total, made.parameter(place, f"{part}.bias", bias), name=part)
        return made.transpose(made.reshape(total, 0, 0, layer.num_heads, layer.key_dim), *order)

    query = projected("query", x, (0, 2, 1, 3))
    key, value = projected("key", memory, (0, 2, 3, 1)), projected("value", memory, (0, 2, 1, 3))
    scores = made.add(
        "Div", made.add("MatMul", query, key), made.constant("root", np.asarray(math.sqrt(layer.key_dim)))
    )
    never = made.constant("never", np.asarray(NEVER))
    if layer.causal:
        later = np.triu(np.ones((steps, asked)), 1)
        zero = made.constant("zero", np.asarray(0.0))
        scores = made.add("Where", made.add("Equal", made.constant("later", later), zero), scores, never)
    if memory.mask:
        there = made.add("Greater", memory.mask, made.constant("zero", np.asarray(0.0)))
        scores = made.add("Where", made.add("Unsqueeze", there, made.integers("axes", 1, 2)), scores, never)
    heads = made.add("MatMul", made.add("Softmax", scores, axis=-1, name="weights"), value, name="heads")
    joined = made.reshape(made.transpose(heads, 0, 2, 1, 3), 0, 0, width)
    kernel = place.parameters["output.kernel"].reshape(width, -1)
    total = made.add("MatMul", joined, made.parameter(place, "output.kernel", kernel))
    if layer.use_bias:
        total = made.add("Add", total, weight(made, place, "output.bias"))
    return Value(place.use.shape, total, mask=x.mask)
