"""Factors of bfloat16, sums of float32."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Tensor, define

pytest.importorskip("jax")
ROUNDING = 2.0**-8
"""What two factors, each rounded to 8 bits, may move their product by, relatively: 2·2⁻⁹, and the product of these."""


def sums(formula: str, **inputs: Any) -> tuple[Any, Any, Any]:
    """What the engine gives, the sum in float64, and the sum of the terms' sizes."""
    extents: dict[str, Any] = {"x": {"n": BATCH, "i": 300} if "i]" in formula else {"n": BATCH, "t": 40, "c": 3}}
    extents["w"] = {"i": 300, "o": 7} if "i]" in formula else {"u": 5, "c": 3, "o": 4}
    tensors: dict[str, Any] = {name: Tensor.input(name, **axes) for name, axes in extents.items()}
    program = Program({"y": define(formula, **tensors)})
    found = compile_program(program, engine="xla-bfloat16")(inputs)["y"]
    exact = compile_program(program, engine="reference", dtype=np.float64)
    return found, exact(inputs)["y"], exact({name: np.abs(a) for name, a in inputs.items()})["y"]


@pytest.mark.parametrize(
    ("formula", "x", "w"),
    [
        ("y[n,o] = Σ[i] x[n,i]·w[i,o]", (9, 300), (300, 7)),
        ("y[n,t<36,o] = Σ[u,c] x[n, t + u, c]·w[u,c,o]", (9, 40, 3), (5, 3, 4)),
    ],
)
def test_every_product_is_rounded_and_no_sum(formula: str, x: tuple[int, ...], w: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    found, exact, sizes = sums(formula, x=rng.normal(size=x), w=rng.normal(size=w))
    assert found.dtype == np.float32
    error = np.abs(found - exact)
    assert (error <= ROUNDING * sizes).all()
    assert error.max() > 1e-4 * sizes.max()  # of float32 it would be a hundred times less
    # numbers that bfloat16 holds: their sum is one that it does not
    found, exact, _ = sums(formula, x=np.ones(x), w=np.ones(w))
    assert np.array_equal(found, exact)


def network(engine: str, **options: Any) -> pl.Network:
    layers = pl.Dense(24, activation="tanh"), pl.Dense(3, activation="softmax")
    return pl.Network(*layers, input_shape=(6,), seed=1, engine=engine, **options)


def test_a_network_learns_as_in_float32_and_is_explained_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 6)).astype(np.float32)
    y = (x @ rng.normal(size=(6, 3))).argmax(axis=1)
    losses = {}
    for engine in ("reference", "xla-bfloat16"):
        net = network(engine)
        losses[engine] = net.fit(x, y, epochs=8, batch_size=20, verbose=0, optimizer=pl.Adam(0.02))["loss"]
    # ten times what 8 bits move a probability by, at every epoch
    assert losses["xla-bfloat16"] == pytest.approx(losses["reference"], rel=10 * ROUNDING)
    assert losses["xla-bfloat16"] != losses["reference"]
    assert net.parameters["dense_1.kernel"].dtype == np.float32
    explanation = net.explain("dense_2.sum", x=x[:1], unit=1)
    assert explanation.total == pytest.approx(explanation.value, rel=1e-5)
    net.save(tmp_path / "net.safetensors")  # whose probe has to come out on every engine
    for engine in ("reference", "xla-bfloat16"):
        pl.load(tmp_path / "net.safetensors", engine=engine)
    twin = pickle.loads(pickle.dumps(net))
    assert np.array_equal(twin.predict(x[:5]), net.predict(x[:5]))
    assert np.abs(net.predict(x) - net.predict(x, engine="xla")).max() < 10 * ROUNDING


def test_float64_is_refused() -> None:
    with pytest.raises(pl.PellucidError, match=r'"xla-bfloat16" sums in float32, got a network in float64'):
        network("xla-bfloat16", dtype="float64").predict(np.zeros((1, 6)))
