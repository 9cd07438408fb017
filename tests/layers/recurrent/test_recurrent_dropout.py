"""Dropout on the state of a recurrent layer: the same mask at every step, on every engine, and none in prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.formula import Program

RATE, UNITS, STEPS = 0.4, 6, 5
X = np.random.default_rng(0).normal(size=(7, STEPS, 3)).astype(np.float32)
KINDS: dict[str, Any] = {
    "rnn": pl.RNN,
    "lstm": pl.LSTM,
    "gru": pl.GRU,
    "gru before": lambda units, **options: pl.GRU(units, reset_after=False, **options),
}


def network(kind: str, rate: float = RATE, **options: Any) -> pl.Network:
    engine, dtype = options.pop("engine", "reference"), options.pop("dtype", np.float64)
    layer = KINDS[kind](UNITS, recurrent_dropout=rate, return_sequences=True, name="cells", **options)
    return pl.Network(pl.Masking(), layer, input_shape=(STEPS, 3), engine=engine, dtype=dtype, seed=3)


def values(net: pl.Network, step: int = 1) -> dict[str, np.ndarray]:
    """Every value of the network by path, as training reads it."""
    program = Program(net.forward(training=True).outputs)
    run = net.executable("as in training", lambda _: program)
    return run.trace(
        {"input_1": X.astype(net.dtype), **net.parameters.snapshot(), "seed": np.array(3), "step": np.array(step)}
    )


@pytest.mark.parametrize("reads", [{}, {"go_backwards": True}, {"truncate": 2}], ids=["", "backwards", "truncated"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_state_goes_into_the_kernel_times_one_mask(kind: str, reads: dict[str, Any]) -> None:
    net = network(kind, **reads)
    found = values(net)
    keep, kept, states = found["cells.recurrent_dropout"], found["cells.kept"], found["cells"]
    assert keep.shape == (len(X), UNITS)
    assert set(np.unique(keep)) == {0.0, 1 / (1 - RATE)}
    before = np.zeros_like(states)
    if "go_backwards" in reads:
        before[:, :-1] = states[:, 1:]
    else:
        before[:, 1:] = states[:, :-1]
    np.testing.assert_array_equal(kept, before * keep[:, None])
    u = net.parameters["cells.recurrent_kernel"]
    if kind == "rnn":
        sums = X @ net.parameters["cells.kernel"] + kept @ u
        np.testing.assert_allclose(found["cells.sum"], sums, rtol=1e-12)
    if kind == "gru":  # what is carried on beside the candidate is the whole state
        z, c = found["cells.gate.update"], found["cells.gate.candidate"]
        np.testing.assert_allclose(states, z * before + (1 - z) * c, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_engines_and_differences_agree(kind: str) -> None:
    target = np.zeros((len(X), STEPS, UNITS))
    results = {
        engine: network(kind, engine=engine).gradients(X, target, training=True, step=4)
        for engine in ("reference", "llvm")
    }
    for path, gradient in results["reference"][1].items():
        np.testing.assert_allclose(results["llvm"][1][path], gradient, rtol=1e-9, atol=1e-12)
    net = network(kind)
    path, index, width = "cells.recurrent_kernel", (0,) * len(net.parameters["cells.recurrent_kernel"].shape), 1e-5
    losses = []
    for sign in (1, -1):
        moved = np.array(net.parameters[path])
        moved[index] += sign * width
        net.parameters[path] = moved
        losses.append(net.gradients(X, target, training=True, step=4)[0])
        moved[index] -= sign * width
        net.parameters[path] = moved
    difference = (losses[0] - losses[1]) / (2 * width)
    assert results["reference"][1][path][index] == pytest.approx(difference, rel=1e-5)


def test_steps_and_directions_drop_others_and_prediction_none() -> None:
    first, second = (values(network("gru"), step)["cells.recurrent_dropout"] for step in (1, 2))
    assert (first != second).any()
    both = pl.Network(pl.Bidirectional(pl.GRU(UNITS, recurrent_dropout=RATE)), input_shape=(STEPS, 3), seed=3)
    assert both.forward(training=True).random and not both.forward(training=False).random
    names = {s.target.name for s in Program(both.forward(training=True).outputs).statements}
    assert {f"bidirectional_1.{way}.recurrent_dropout" for way in ("forward", "backward")} <= names
    np.testing.assert_array_equal(network("lstm").predict(X), network("lstm", 0.0).predict(X))


def test_it_learns_and_is_part_of_the_file(tmp_path: Any) -> None:
    net = network("lstm", dtype=np.float32, engine="llvm")
    history = net.fit(X, np.zeros((len(X), STEPS, UNITS)), epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    net.save(tmp_path / "net.safetensors")
    again = pl.load(tmp_path / "net.safetensors")
    assert again.layers[1].recurrent_dropout == RATE  # type: ignore[attr-defined]
    with pytest.raises(PellucidError, match="recurrent_dropout of LSTM: expected a finite number"):
        pl.LSTM(3, recurrent_dropout=1.0)
