"""Pellucid's own functions against float64: over all signs, exponents and a sample of fractions of float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special
from tests.engines.llvm.support import native

from pellucid.formula import BATCH, Program, Tensor, define

FUNCTIONS: dict[str, tuple[str, Any, float]] = {
    "exp": ("exp(x[n])", np.exp, 1.01),
    "log": ("log(x[n])", np.log, 1.0),
    "tanh": ("tanh(x[n])", np.tanh, 1.5),
    "sigmoid": ("σ(x[n])", special.expit, 2.5),
    "softplus": ("softplus(x[n])", lambda x: np.logaddexp(0, x), 2.5),
    "erf": ("erf(x[n])", special.erf, 1.0),
    "expm1": ("expm1(x[n])", np.expm1, 2.5),
    "log1p": ("log1p(x[n])", np.log1p, 2.0),
    "sin": ("sin(x[n])", np.sin, 0.51),
    "cos": ("cos(x[n])", np.cos, 0.51),
    "sqrt": ("√(x[n])", np.sqrt, 0.51),
    "power": ("x[n]^y[n]", np.power, 1.0),
}
"""By name: the formula, the function in float64, and the stated error in units of the last place."""


def numbers() -> np.ndarray:
    """Every 4099th float32 of all, and many of ordinary size."""
    every = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return np.concatenate([every, np.random.default_rng(0).uniform(-20, 20, 500_000).astype(np.float32)])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_stated_errors(name: str) -> None:
    text, function, bound = FUNCTIONS[name]
    x = numbers()
    y = np.random.default_rng(1).uniform(-3, 3, len(x)).astype(np.float32)
    tensors: Any = {"x": Tensor.input("x", n=BATCH)} | ({"y": Tensor.input("y", n=BATCH)} if name == "power" else {})
    found = native(Program({"f": define(f"f[n] = {text}", **tensors)}))({"x": x, "y": y})["f"]
    wide = function(x.astype(float), y.astype(float)) if name == "power" else function(x.astype(float))
    expected = wide.astype(np.float32)
    usual = np.isfinite(expected) & (np.abs(expected) > 1.2e-38)
    error = np.abs(found[usual] - wide[usual]) / np.spacing(np.abs(expected[usual])).astype(float)
    assert error.max() <= bound
    rest = ~usual & (np.isnan(expected) | np.isinf(expected))
    assert np.array_equal(found[rest], expected[rest], equal_nan=True)
    tiny = ~usual & ~rest  # results too small for a full float32 may come out as 0
    assert np.abs(found[tiny] - wide[tiny]).max(initial=0) < 1.2e-38
