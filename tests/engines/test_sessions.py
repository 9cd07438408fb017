"""What a session is given is looked at before a step is taken, in the same words by every engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.engines.present import ENGINES

from pellucid.engines import Session, compile_program
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Program, Tensor, define


def session(engine: str) -> Session:
    """y = x·w, and w grows by lr·Σ x·t."""
    x, t = Tensor.input("x", n=BATCH, i=3), Tensor.input("t", n=BATCH)
    w, lr = Tensor.input("w", i=3), Tensor.input("lr")
    k, table = Tensor.input("k", n=BATCH, kind="int"), Tensor.input("table", v=5)
    y = define("y[n] = e[k[n]] + Σ[i] x[n,i]·w[i]", x=x, w=w, k=k, e=table)
    new = define("v[i] = w[i] + l·(Σ[n] x[n,i]·t[n])", w=w, l=lr, x=x, t=t)
    program = Program({"y": y, "w": new})
    return compile_program(program, engine=engine).session({"w": np.ones(3), "table": np.arange(5.0)})


def data(**other: Any) -> dict[str, Any]:
    return {"x": np.ones((6, 3)), "t": np.ones(6), "k": np.arange(6) % 5} | other


ROWS = np.array([[0, 1], [2, 5]])
EACH = {"lr": np.array([0.5, 0.25])}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("given", "rows", "each", "said"),
    [
        (data(t=np.ones(64)), None, {"lr": [1.0]}, "the batch is 6 in k but 64 along axis n of t"),
        (data(t=np.ones(5)), ROWS, EACH, "the batch is 6 in k but 5 along axis n of t"),
        (data(x=np.ones((6, 4))), ROWS, EACH, "axis i of x is 3, got 4"),
        (data(x=np.ones(6)), ROWS, EACH, "x has 2 axes"),
        (data(x=np.ones((0, 3))), None, {"lr": [1.0]}, "axis n of x is empty"),
        (data(k=np.ones(6)), ROWS, EACH, "k holds integers"),
        (data(x=np.full((6, 3), "a")), ROWS, EACH, "x holds real numbers"),
        ({"x": np.ones((6, 3))}, ROWS, EACH, "data holds x, expected"),
        (data(), ROWS, {}, "each holds nothing, expected lr"),
        (data(), ROWS, {"lr": np.ones(1)}, r"lr has the shape \(1,\), expected \(2,\)"),
        (data(), ROWS, {"lr": np.float64(1)}, r"lr has the shape \(\), expected \(2,\)"),
        (data(), ROWS, {"lr": np.ones((2, 2))}, r"lr has the shape \(2, 2\), expected \(2,\)"),
        (data(), None, EACH, r"lr has the shape \(2,\), expected \(1,\)"),
        (data(), np.array([[0, 6]]), {"lr": [1.0]}, "rows go from 0 to 6, but k has 6 examples"),
        (data(), np.array([[-1, 2]]), {"lr": [1.0]}, "rows go from -1 to 2"),
        (data(), np.array([0, 1]), EACH, r"rows has the shape \(2,\)"),
        (data(), np.array([[0.0, 1.0]]), {"lr": [1.0]}, "rows has the shape .* of float64, expected integers"),
    ],
)
def test_what_does_not_fit_is_refused(engine: str, given: Any, rows: Any, each: Any, said: str) -> None:
    run = session(engine)
    before = run.state["w"].copy()
    with pytest.raises(ShapeError, match=said):
        run.run(given, rows=rows, each=each)
    assert np.array_equal(run.state["w"], before)


@pytest.mark.parametrize("engine", ENGINES)
def test_data_changed_in_place_are_read_as_they_are(engine: str) -> None:
    run, given = session(engine), data(x=np.ones((6, 3)), k=np.zeros(6, np.int64))
    assert np.array_equal(run.run(given, each={"lr": [0.0]})["y"], np.full((1, 6), 3.0))
    given["x"][:] = 2
    given["k"][:] = 4
    assert np.array_equal(run.run(given, each={"lr": [0.0]})["y"], np.full((1, 6), 10.0))


def test_indices_changed_in_place_are_looked_at_again() -> None:
    run, given = session("llvm"), data(k=np.zeros(6, np.int32))
    run.run(given, each={"lr": [0.0]})
    given["k"][3] = 5
    with pytest.raises(PellucidError, match="k holds 5, but table has 5 along v"):
        run.run(given, each={"lr": [0.0]})


@pytest.mark.parametrize("engine", ENGINES)
def test_integers_beyond_the_codes_do_not_come_back_as_others(engine: str) -> None:
    run = session(engine)
    with pytest.raises((PellucidError, IndexError), match=str(2**32 + 3)):
        run.run(data(k=np.full(6, 2**32 + 3)), each={"lr": [0.0]})


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_take_their_steps_one_after_the_other(engine: str) -> None:
    run = session(engine)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run.run(data(), rows=ROWS, each=EACH), range(50), timeout=60))
    assert np.array_equal(run.state["w"], np.full(3, 1 + 50 * 1.5))
