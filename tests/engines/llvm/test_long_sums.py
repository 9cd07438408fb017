"""Sums of so many positive numbers that one float32 accumulator would lose a part of them that people see."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines.llvm.support import native

import pellucid as pl
from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Tensor, define

CLOSE = 3e-6
"""Relative; in one accumulator the shortest of these sums is off by twenty times as much, the longest by a
thousandth."""


def squares(*extents: int) -> Program:
    w = Tensor.input("w", dict(zip("abcd", extents, strict=False)))
    return Program({"s": define("s[] = 0.5·Σ[…] w[…]²", w=w)})


def per_example(*extents: int) -> Program:
    axes = dict(zip("abcd", extents, strict=False))
    x = Tensor.input("x", {"n": BATCH, "k": 3, **axes})
    letters = ",".join(axes)
    return Program({"s": define(f"s[n,k] = Σ[{letters}] x[n,k,{letters}]² + 1", x=x)})


def per_channel(*extents: int) -> Program:
    axes = dict(zip("abcd", extents, strict=False))
    x = Tensor.input("x", {"n": BATCH, **axes, "k": 3})
    letters = ",".join(axes)
    return Program({"s": define(f"s[k] = Σ[n,{letters}] x[n,{letters},k]²", x=x)})


def squares_of_sums(*extents: int) -> Program:
    axes = dict(zip("abcd", extents, strict=False))
    x = Tensor.input("x", {"n": BATCH, **axes, "k": 3})
    letters = ",".join(axes)
    return Program({"s": define(f"s[k] = Σ[n] (Σ[{letters}] x[n,{letters},k]²)²", x=x)})


@pytest.mark.sample(7)
@pytest.mark.parametrize("program", [squares, per_example, per_channel, squares_of_sums])
@pytest.mark.parametrize("extents", [(1024, 2048), (300, 17, 41), (2, 3, 4, 30_011), (320_000,), (1, 500_000)])
def test_long_sums(program: object, extents: tuple[int, ...]) -> None:
    assert callable(program)
    made = program(*extents)
    rng = np.random.default_rng(0)
    examples = 2 if np.prod(extents) > 1e6 else 5
    inputs = {
        name: (0.05 * rng.normal(size=[examples if e is BATCH else e for e in t.shape])).astype(np.float32)
        for name, t in made.inputs.items()
    }
    expected = compile_program(made, engine="reference", dtype="float64")(inputs)["s"]
    result = native(made, "float32")(inputs)["s"]
    assert np.abs(result / expected - 1).max() < CLOSE


def test_probabilities_of_many_classes() -> None:
    x = np.random.default_rng(0).normal(size=(17, 50)).astype(np.float32)
    one = pl.Network(pl.Dense(10_000, activation="softmax"), input_shape=50)
    exact = pl.Network(pl.Dense(10_000, activation="softmax"), input_shape=50, engine="reference", dtype="float64")
    for path, value in one.parameters.items():
        exact.parameters[path] = value
    assert np.abs(one.predict(x) / exact.predict(x) - 1).max() < 1.5e-6, "in one accumulator it is 3e-6"


def test_penalties_and_norms_of_large_kernels() -> None:
    nets: dict[str, pl.Network] = {}
    for engine in ("llvm", "reference"):
        layer = pl.Dense(1100, kernel_regularizer=pl.L2(0.01))
        nets[engine] = pl.Network(layer, input_shape=(900,), seed=1, engine=engine)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 900)).astype(np.float32), rng.normal(size=(16, 1100)).astype(np.float32)
    one, other = (
        net.fit(x, y, epochs=3, optimizer=pl.SGD(0.1), loss="mse", clip_norm=1e-3, verbose=0).history["loss"]
        for net in nets.values()
    )
    np.testing.assert_allclose(one, other, rtol=CLOSE)
    kernels = [net.parameters["dense_1.kernel"] for net in nets.values()]
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-6)
