"""Layers without windows or states: dense, normalisation, lookup, shapes, merging, attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pellucid.functions.forward.attention import NEVER
from pellucid.interchange.onnx.export.activation_export import activate, last_axis_alone
from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.layers.activation import Activation
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.layer_normalization import LayerNormalization
from pellucid.layers.masking import Masking
from pellucid.layers.merging import Add, Concatenate, Multiply
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.normalization import Normalization
from pellucid.layers.reshape import Reshape


def weight(made: Writer, place: Place, name: str) -> str:
    """A parameter as it is."""
    return made.parameter(f"{place.home}.{name}", place.parameters[name])


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


@RULES.of(Dropout)
def _dropout(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    return x


@RULES.of(BatchNormalization)
def _batch_normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    ones = np.ones_like(place.parameters["mean"])
    gamma = weight(made, place, "gamma") if place.layer.scale else made.constant("gamma", ones)
    beta = weight(made, place, "beta") if place.layer.center else made.constant("beta", 0 * ones)
    numbers = [gamma, beta, weight(made, place, "mean"), weight(made, place, "variance")]
    result = made.add("BatchNormalization", made.first(x), *numbers, epsilon=place.layer.epsilon)
    return Value(x.shape, result, mask=x.mask) if len(x.shape) == 1 else Value(x.shape, first=result, mask=x.mask)


@RULES.of(LayerNormalization)
def _layer_normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    gamma = weight(made, place, "gamma") if place.layer.scale else made.constant("gamma", np.ones(x.shape[-1:]))
    numbers = [gamma, weight(made, place, "beta")] if place.layer.center else [gamma]
    result = made.add("LayerNormalization", made.last(x), *numbers, axis=-1, epsilon=place.layer.epsilon)
    return Value(x.shape, result, mask=x.mask)


@RULES.of(Normalization)
def _normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    mean, deviation = weight(made, place, "mean"), weight(made, place, "deviation")
    if place.layer.invert:
        result = made.add("Add", made.add("Mul", made.last(x), deviation), mean)
    else:
        result = made.add("Div", made.add("Sub", made.last(x), mean), deviation)
    return Value(x.shape, result, mask=x.mask)


@RULES.of(Embedding)
def _embedding(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (ids,) = inputs
    result = made.add("Gather", weight(made, place, "embeddings"), ids.last)
    mask = ""
    if place.layer.mask_zero and len(ids.shape) == 1:
        nothing = made.constant("padding", np.asarray(0), integers=True)
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


@RULES.of(Flatten)
def _flatten(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    return Value(place.use.shape, made.add("Flatten", made.last(x), axis=1))


@RULES.of(Reshape)
def _reshape(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    # −1 for the batch: any of its sizes
    return Value(place.use.shape, made.reshape(made.last(x), -1, *place.use.shape))


@RULES.of(Add, Multiply)
def _merging(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    kind = "Add" if isinstance(place.layer, Add) else "Mul"
    all_first = all(v.first for v in inputs)
    names = [v.first if all_first else made.last(v) for v in inputs]
    total = names[0]
    for name in names[1:]:
        total = made.add(kind, total, name)
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
            made.parameter(f"{place.home}.{part}.kernel", kernel.reshape(-1, width)),
            name=part,
        )
        if layer.use_bias:
            bias = place.parameters[f"{part}.bias"].reshape(-1)
            total = made.add("Add", total, made.parameter(f"{place.home}.{part}.bias", bias), name=part)
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
    total = made.add("MatMul", joined, made.parameter(f"{place.home}.output.kernel", kernel))
    if layer.use_bias:
        total = made.add("Add", total, weight(made, place, "output.bias"))
    return Value(place.use.shape, total, mask=x.mask)
