"""Normalisation over batches, groups and vectors, and by given statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.interchange.onnx.export.plain import weight
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.group_normalization import GroupNormalization
from pellucid.layers.layer_normalization import LayerNormalization
from pellucid.layers.normalization import Normalization


@RULES.of(BatchNormalization)
def _batch_normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    layer = place.layer
    ones = np.ones_like(place.parameters["mean"])
    gamma = weight(made, place, "gamma") if layer.scale else made.constant("gamma", ones)
    beta = weight(made, place, "beta") if layer.center else made.constant("beta", 0 * ones)
    variance = place.parameters["variance"]
    if not made.holds(layer.epsilon):  # what float32 takes from ε, the variance gets
        variance = variance + (layer.epsilon - float(np.float32(layer.epsilon)))
    numbers = [gamma, beta, weight(made, place, "mean"), made.parameter(place, "variance", variance)]
    options = {"epsilon": layer.epsilon, "momentum": layer.momentum}
    result = made.add("BatchNormalization", made.first(x), *numbers, **options)
    return Value(x.shape, result, mask=x.mask) if len(x.shape) == 1 else Value(x.shape, first=result, mask=x.mask)


@RULES.of(LayerNormalization)
def _layer_normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    layer = place.layer
    if not made.holds(layer.epsilon):
        z = _standardised(made, made.last(x), -1, epsilon=layer.epsilon)
        return Value(x.shape, _scaled(made, place, z), mask=x.mask)
    gamma = weight(made, place, "gamma") if layer.scale else made.constant("gamma", np.ones(x.shape[-1:]))
    numbers = [gamma, weight(made, place, "beta")] if layer.center else [gamma]
    result = made.add("LayerNormalization", made.last(x), *numbers, axis=-1, epsilon=layer.epsilon)
    return Value(x.shape, result, mask=x.mask)


@RULES.of(GroupNormalization)
def _group_normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    """By sums and products: the operator of this name scales whole groups before opset 21."""
    (x,) = inputs
    groups = place.layer.groups if place.layer.groups > 0 else x.shape[-1]
    split = made.reshape(made.last(x), 0, -1, groups, x.shape[-1] // groups)
    z = _standardised(made, split, 1, 3, epsilon=place.layer.epsilon)
    return Value(x.shape, _scaled(made, place, made.reshape(z, -1, *x.shape)))


def _standardised(made: Writer, x: str, *axes: int, epsilon: float) -> str:
    """(x − μ)/√(v + ε) over these axes."""
    apart = made.add("Sub", x, made.reduce("ReduceMean", x, *axes, keepdims=1, name="mean"))
    square = made.add("Mul", apart, apart)
    variance = made.reduce("ReduceMean", square, *axes, keepdims=1, name="variance")
    total = made.add("Add", variance, made.constant("epsilon", np.asarray(epsilon)))
    return made.add("Div", apart, made.add("Sqrt", total))


def _scaled(made: Writer, place: Place, z: str) -> str:
    """γ·z + β, where the layer has them."""
    z = made.add("Mul", z, weight(made, place, "gamma")) if place.layer.scale else z
    return made.add("Add", z, weight(made, place, "beta")) if place.layer.center else z


@RULES.of(Normalization)
def _normalization(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    mean, deviation = weight(made, place, "mean"), weight(made, place, "deviation")
    if place.layer.invert:
        result = made.add("Add", made.add("Mul", made.last(x), deviation), mean)
    else:
        result = made.add("Div", made.add("Sub", made.last(x), mean), deviation)
    return Value(x.shape, result, mask=x.mask)
