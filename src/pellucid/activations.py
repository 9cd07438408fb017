"""The activations as people use them: on numbers, on a graph, and as a choice for a layer.

    pl.relu([-1.0, 2.0])                              # numbers: array([0., 2.])
    pl.Dense(8, activation=pl.leaky_relu(slope=0.1))  # a choice, with its options
    pl.relu(pl.Dense(8)(x))                           # a layer of a graph

Which activations there are, and their formulas, stands in `functions/activations.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.arrays import as_array
from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Tensor
from pellucid.functions.activations import ACTIVATIONS, Activation
from pellucid.layers.activation import Activation as ActivationLayer
from pellucid.layers.base import Node


class ActivationFunction(Activation[...]):
    """An activation that is called on numbers, on a node of a graph, or, with options alone, to choose those."""

    def __call__(self, value: Any = None, /, **options: object) -> Any:
        chosen = self.with_options(**options)
        if value is None:
            return chosen
        if isinstance(value, Tensor):
            return chosen.function(value, **chosen.options)
        if isinstance(value, Node):
            return ActivationLayer(chosen)(value)
        return _computed(chosen, as_array(value, what=self.name))


def _computed(function: Activation[...], array: np.ndarray) -> np.ndarray:
    """The function of numbers, by the reference engine; softmax runs over the last axis."""
    dtype = array.dtype if array.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    rows = np.atleast_1d(array)
    axes = {f"i{place}": extent for place, extent in enumerate(rows.shape)}
    z = Tensor.input("z", {"n": BATCH, **axes})
    run = compile_program(Program({"a": function.function(z, **function.options)}), engine="reference", dtype=dtype)
    return run({"z": rows[None]})["a"].reshape(array.shape)


def _public(name: str) -> ActivationFunction:
    known = ACTIVATIONS[name]
    return ActivationFunction(known.name, known.function, {}, known.learns, known.probabilities)


step = _public("step")
sigmoid = _public("sigmoid")
tanh = _public("tanh")
relu = _public("relu")
leaky_relu = _public("leaky_relu")
elu = _public("elu")
gelu = _public("gelu")
silu = _public("silu")
softplus = _public("softplus")
softmax = _public("softmax")
log_softmax = _public("log_softmax")
linear = _public("linear")
