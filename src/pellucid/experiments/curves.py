"""An activation and its slope as numbers, computed by the formula, the derivative and the engine that networks use."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Tensor, derivative
from pellucid.functions.activations import activation

Floats = NDArray[np.float64]


def curve(name: str, x: ArrayLike) -> tuple[Floats, Floats]:
    """The values of an activation at x (n,), and its slopes there, both (n,) in float64."""
    z, ones = Tensor.input("z", n=BATCH), Tensor.input("ones", n=BATCH)
    a = activation(name)(z)
    slope = derivative(a, [z], upstream=ones)[z]
    places = np.asarray(x, dtype=np.float64)
    results = compile_program(Program({"a": a, "slope": slope}), dtype=np.float64)(
        {"z": places, "ones": np.ones_like(places)}
    )
    return np.array(results["a"]), np.array(results["slope"])
