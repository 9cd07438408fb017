"""The activations as people use them: on numbers, on a graph, and as a choice for a layer.

    pl.relu([-1.0, 2.0])                              # numbers: array([0., 2.])
    pl.sigmoid.slope(0.0)                             # its slope at a number: array(0.25)
    pl.Dense(8, activation=pl.leaky_relu(slope=0.1))  # a choice, with its options
    pl.relu(pl.Dense(8)(x))                           # a layer of a graph

Which activations there are, and their formulas, stands in `functions/activations.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from pellucid.arrays import as_array
from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Program, Tensor, derivative
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import Reduction, walk
from pellucid.functions.activations import ACTIVATIONS, Activation, ActivationLike
from pellucid.functions.activations import activation as registered
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

    def slope(self, value: Any, /, **options: object) -> np.ndarray:
        """Its derivative at each number, of any shape: `pl.sigmoid.slope(0.0)` is 0.25. By the formula's own
        derivative, as in training: the slope of a kink is that of one side, `pl.relu.slope(0.0)` is 0.

        Raises:
            PellucidError: what it gives depends on other numbers too, as softmax does.
        """
        return _computed(self.with_options(**options), as_array(value, what=self.name), slope=True)


def _computed(function: Activation[...], array: np.ndarray, *, slope: bool = False) -> np.ndarray:
    """The function of numbers, or its slope, by the reference engine; softmax runs over the last axis."""
    dtype = array.dtype if array.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    rows = np.atleast_1d(array)
    axes = {"n": BATCH, **{f"i{place}": extent for place, extent in enumerate(rows.shape)}}
    z = Tensor.input("z", axes)
    wanted = function.function(z, **function.options)
    given = {"z": rows[None]}
    if slope:
        if any(isinstance(e, Reduction) for s in reachable([wanted]) for e in walk(s.expression)):
            raise PellucidError(
                f"{function.name} has no slope at a number: what it gives depends on all its inputs; "
                "net.gradients and net.trace have its derivatives in a network"
            )
        ones = Tensor.input("ones", axes)
        wanted = derivative(wanted, [z], upstream=ones)[z]
        given["ones"] = np.ones_like(rows[None])
    run = compile_program(Program({"a": wanted}), engine="reference", dtype=dtype)
    return run(given)["a"].reshape(array.shape)


@overload
def activation(spec: ActivationLike, /, **options: Any) -> ActivationFunction: ...
@overload
def activation(
    *, learns: bool = True, probabilities: bool = False
) -> Callable[[Callable[..., Tensor]], ActivationFunction]: ...
def activation(spec: Any = ..., /, **options: Any) -> Any:
    """The activation that is meant; as a decorator, it registers a function under its name.

        @pl.activation
        def softsign(z: pl.Tensor) -> pl.Tensor:
            return pl.define("a[…] = z[…]/(1 + abs(z[…]))", z=z)

        softsign([-1.0, 3.0])
        pl.Dense(8, activation=softsign)

    See `functions/activations.py::activation` for the arguments. What it gives is called like `pl.relu`: on numbers, on
    a node of a graph, or with options alone.
    """
    if spec is ...:
        return lambda function: activation(function, **options)
    return _public(registered(spec, **options))


def _public(known: Activation[...]) -> ActivationFunction:
    return ActivationFunction(known.name, known.function, known.options, known.learns, known.probabilities)


step = _public(ACTIVATIONS["step"])
sigmoid = _public(ACTIVATIONS["sigmoid"])
tanh = _public(ACTIVATIONS["tanh"])
relu = _public(ACTIVATIONS["relu"])
leaky_relu = _public(ACTIVATIONS["leaky_relu"])
elu = _public(ACTIVATIONS["elu"])
selu = _public(ACTIVATIONS["selu"])
gelu = _public(ACTIVATIONS["gelu"])
silu = _public(ACTIVATIONS["silu"])
mish = _public(ACTIVATIONS["mish"])
hard_sigmoid = _public(ACTIVATIONS["hard_sigmoid"])
softplus = _public(ACTIVATIONS["softplus"])
softmax = _public(ACTIVATIONS["softmax"])
log_softmax = _public(ACTIVATIONS["log_softmax"])
linear = _public(ACTIVATIONS["linear"])
