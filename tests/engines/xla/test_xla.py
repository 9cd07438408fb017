"""Programs on XLA against the reference engine; what XLA does not say itself is looked at before it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.llvm.training import BATCH_SIZE, image_program, text_program
from tests.fuzzing.generator import drawn

import pellucid as pl
from pellucid import engines
from pellucid.engines import compile_program
from pellucid.engines.base import Array
from pellucid.engines.random import uniform
from pellucid.formula import BATCH, Program, Tensor, define

pytest.importorskip("jax")
BOUNDS = {"float32": 2e-4, "float64": 1e-9}
"""How far values of a step may be apart, relative to a tensor's largest."""


def inputs(program: Program) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    given: dict[str, Array] = {}
    for name, tensor in program.inputs.items():
        shape = [BATCH_SIZE if e is BATCH else e for e in tensor.shape]
        if tensor.kind == "int":
            given[name] = rng.integers(0, 5, shape) if shape else np.array(3)
        else:
            given[name] = rng.normal(size=shape) if shape else np.array(0.01)
        if ":" in name:
            given[name] = np.abs(given[name])
    return given


def agree(found: dict[str, Array], expected: dict[str, Array], bound: float) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        assert found[name].dtype.kind == array.dtype.kind, name
        size = max(float(np.abs(array).max(initial=0)), 1e-3)
        assert float(np.abs(found[name] - array).max(initial=0)) <= bound * size, name


@pytest.mark.sample(1)
@pytest.mark.parametrize(("make", "dtype"), [(image_program, "float64"), (text_program, "float32")])
def test_every_value_of_a_step(make: Any, dtype: str) -> None:
    program = make()
    given = inputs(program)
    expected = compile_program(program, engine="reference", dtype=np.float64).trace(given)
    agree(compile_program(program, engine="xla", dtype=dtype).trace(given), expected, BOUNDS[dtype])


def test_random_numbers_are_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    seed, stream, step = (rng.integers(-(2**62), 2**62) for _ in range(3))
    at = rng.integers(-(2**62), 2**62, 1000)
    x = Tensor.input("x", n=BATCH, kind="int")
    s, k, t = (Tensor.input(name, kind="int") for name in "skt")
    u = define("u[n] = uniform(s, k, t, x[n])", x=x, s=s, k=k, t=t)
    given = {"x": at, "s": np.array(seed), "k": np.array(stream), "t": np.array(step)}
    found = compile_program(Program({"u": u}), engine="xla")(given)["u"]
    assert np.array_equal(found, uniform(seed, stream, step, at))


@pytest.mark.sample(1)
@pytest.mark.parametrize("seed", [35, 94])
def test_random_networks(seed: int) -> None:
    from tests.fuzzing.xla_networks import examined

    examined(drawn(seed))


def test_an_index_that_does_not_exist_is_refused() -> None:
    net = pl.Network(pl.Embedding(5, 2), pl.Flatten(), pl.Dense(1), input_shape=(3,), engine="xla")
    run = net.executable("prediction", lambda _: Program(net.forward(training=False).outputs))
    with pytest.raises(pl.PellucidError, match=r"holds 5, but .* 0 to 4 exist"):
        run({**net.parameters, "input_1": np.full((2, 3), 5)})


def network(engine: str) -> pl.Network:
    return pl.Network(
        pl.Conv2D(3, 3, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dropout(0.2),
        pl.Dense(3, activation="softmax"),
        input_shape=(8, 8, 1),
        engine=engine,
        seed=4,
    )


X = np.random.default_rng(1).random((60, 8, 8, 1)).astype(np.float32)
Y = np.random.default_rng(2).integers(0, 3, 60)


def test_a_training_is_the_reference_engines() -> None:
    trained, other = network("xla"), network("reference")
    for net in (trained, other):
        net.fit(X, Y, epochs=10, batch_size=10, verbose=0)
    for path, value in other.parameters.items():
        assert np.abs(trained.parameters[path] - value).max() < 1e-4, path


def test_steps_in_one_call_and_steps_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engines.xla import sessions

    x, t, w = Tensor.input("x", n=BATCH, i=3), Tensor.input("t", n=BATCH), Tensor.input("w", i=3)
    new = define("v[i] = w[i] + l·(Σ[n] x[n,i]·t[n])", w=w, l=Tensor.input("lr"), x=x, t=t)
    y = define("y[n] = Σ[i] x[n,i]·w[i]", x=x, w=w)
    run = compile_program(Program({"y": y, "w": new}), engine="xla")
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=(9, 3)), "t": rng.normal(size=9)}
    rows, each = rng.integers(0, 9, (7, 2)), {"lr": rng.random(7)}
    results = []
    for count in (3, 1):
        monkeypatch.setattr(sessions, "AT_ONCE", count)
        session = run.session({"w": np.ones(3)})
        results.append({**session.run(data, rows=rows, each=each), "w": session.state["w"]})
    assert results[0]["y"].shape == (7, 2)
    for name, array in results[1].items():
        assert np.array_equal(results[0][name], array), name


def test_a_step_copies_no_state_from_the_device() -> None:
    x, w = Tensor.input("x", n=BATCH, i=3), Tensor.input("w", i=3)
    new = define("v[i] = w[i] + (Σ[n] x[n,i])", w=w, x=x)
    session = compile_program(Program({"w": new}), engine="xla").session({"w": np.ones(3)})
    for _ in range(2):
        session.run({"x": np.ones((4, 3))})
    assert session.state._copies == {}  # type: ignore[attr-defined]
    assert np.array_equal(session.state["w"], np.full(3, 9.0))


def test_without_jax_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(pl.PellucidError, match=r'needs JAX, which is not installed: pip install "pellucid\[xla\]"'):
        pl.Network(pl.Dense(1), input_shape=(2,), engine="xla")
