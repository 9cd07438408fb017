"""NaN and ∞ come out where the reference engine has them: what has gone wrong stays to be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.llvm.support import Arrays, native

import pellucid as pl
from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Tensor, define, derivative
from pellucid.formula.scalar import SCALARS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
real = Tensor.input
SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 200.0, -200.0, 1e15, -1e30, 3.0, -3.0, -1e-20]
)

UNARY = [name for name, f in SCALARS.items() if f.arity == 1 and name != "stop"]
TWO = ["max(x[n], y[n])", "min(x[n], y[n])", "x[n]^y[n]", "x[n]/y[n]", "where(x[n] < y[n], x[n], y[n])"]
ONE = ["max(x[n], 1)", "max(1, x[n])", "min(x[n], 1)", "min(1, x[n])", "max(−1, min(1, x[n]))", "x[n]^3", "√(x[n])"]


def alike(program: Program, inputs: Arrays, kind: str) -> None:
    """NaN and ∞ at the places where the reference engine has them, and what is finite near its values."""
    expected = compile_program(program, engine="reference", dtype=np.dtype(kind))(inputs)
    for name, array in native(program, kind)(inputs).items():
        wanted = expected[name]
        assert np.array_equal(np.isnan(array), np.isnan(wanted)), name
        assert np.array_equal(array[np.isinf(array)], wanted[np.isinf(array)]), name
        finite = np.isfinite(wanted)
        np.testing.assert_allclose(array[finite], wanted[finite], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.sample(20)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("text", [f"{name}(x[n])" for name in UNARY] + ONE + TWO)
def test_functions(text: str, kind: str) -> None:
    x, y = (a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL))
    inputs = {"x": x, "y": y} if text in TWO else {"x": SPECIAL}
    tensors: Any = {name: real(name, n=BATCH) for name in inputs}
    alike(Program({"f": define(f"f[n] = {text}", **tensors)}), inputs, kind)


@pytest.mark.parametrize("text", ["s·x[n]", "x[n]·s", "where(0 < x[n], x[n], s·x[n])", "x[n] + s·x[n]·y[n]"])
def test_products_with_a_zero_of_the_formula(text: str) -> None:
    x, y = (a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL))
    inputs = {"x": x, "y": y} if "y[" in text else {"x": x}
    tensors: Any = {name: real(name, n=BATCH) for name in inputs}
    alike(Program({"f": define(f"f[n] = {text}", s=0.0, **tensors)}), inputs, "float32")


REDUCTIONS = {
    "all": ("m[n] = {0}[i,j,c] x[n,i,j,c]", 0),
    "last axis": ("m[n,i,j] = {0}[c] x[n,i,j,c]", 0),
    "windows": ("m[n,i<3,j<2,c] = {0}[u<2, v<2] x[n, 2·i + u, 2·j + v, c]", 0),
    "overlapping": ("m[n,i<5,j<3,c] = {0}[u<2, v<3] x[n, i + u, j + v, c]", 0),
    "padded": ("m[n,i<6,j<5,c] = {0}[u<3, v<3] x[n, i + u − 1, j + v − 1, c | −∞]", 0),
    "after relu": ("m[n,i<3,j<2,c] = {0}[u<2, v<2] relu(x[n, 2·i + u, 2·j + v, c])", 0),
    "over the examples": ("m[i,j,c] = {0}[n] x[n,i,j,c]", 1),
    "over all": ("m[] = {0}[n,i,j,c] x[n,i,j,c]", 1),
}


@pytest.mark.sample(24)
@pytest.mark.parametrize("examples", [1, 3, 37])
@pytest.mark.parametrize("word", ["max", "min", "argmax", "argmin"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, word: str, examples: int) -> None:
    """NaN at many places, alone and in company, among finite numbers, infinite ones and zeros of both signs."""
    text, across = REDUCTIONS[name]
    if across and word.startswith("arg"):
        pytest.skip("the reference engine does it")
    if name == "padded" and word in ("min", "argmin"):
        text = text.replace("−∞", "∞")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 6, 5, 3)).round(1)
    for share, value in ((0.1, np.inf), (0.1, -np.inf), (0.1, 0.0), (0.1, -0.0), (0.15, np.nan)):
        x[rng.random(x.shape) < share] = value
    x[0] = np.where(np.isnan(x[0]), 1.0, x[0])
    if word.startswith("arg"):
        x[np.isinf(x)] = 7.0
    m = define(text.format(word), x=real("x", n=BATCH, h=6, w=5, c=3))
    alike(Program({"m": m}), {"x": x.astype(np.float32)}, "float32")


@pytest.mark.parametrize("place", range(6))
def test_the_winner_of_a_window_takes_its_gradient(place: int) -> None:
    x, u = real("x", n=BATCH, t=6, c=2), real("u", n=BATCH, j=2, c=2)
    m = define("m[n,j<2,c] = max[k<3] x[n, 3·j + k, c]", x=x)
    program = Program({"m": m, "dx": derivative(m, [x], upstream=u)[x]})
    rng = np.random.default_rng(place)
    inputs = {"x": rng.normal(size=(20, 6, 2)), "u": rng.normal(size=(20, 2, 2))}
    inputs["x"][3, place, 0] = inputs["x"][4, [place, 5 - place], 1] = np.nan
    for kind in ("float32", "float64"):
        alike(program, inputs, kind)


@pytest.mark.parametrize("pool", [pl.MaxPool1D(2), pl.GlobalMaxPool(), pl.AveragePool1D(2), pl.GlobalAveragePool()])
@pytest.mark.parametrize("examples", [1, 20])
def test_a_broken_weight_before_a_pool(pool: pl.Layer, examples: int) -> None:
    outputs = []
    for engine in ("llvm", "reference"):
        net = pl.Network(pl.Conv1D(4, 3), pool, pl.Flatten(), pl.Dense(2), input_shape=(8, 3), seed=0, engine=engine)
        kernel = net.parameters["conv1d_1.kernel"].copy()
        kernel[0, 0, 1] = np.nan
        net.parameters["conv1d_1.kernel"] = kernel
        outputs.append(net.predict(np.ones((examples, 8, 3))))
    assert np.isnan(outputs[0]).all() and np.isnan(outputs[1]).all()
