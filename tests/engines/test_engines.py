from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.present import ENGINES

from pellucid.engines import compile_program
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor, define
from pellucid.formula.program import Program


def program() -> Program:
    x, w, ids = (
        Tensor.input("x", n=BATCH, i=4),
        Tensor.input("weights", i=4),
        Tensor.input("ids", n=BATCH, kind="int"),
    )
    return Program({"y": define("y[n] = ids[n] + Σ[i] x[n,i]·w[i]", x=x, w=w, ids=ids)})


GOOD: dict[str, Any] = {"x": np.ones((3, 4)), "weights": np.ones(4), "ids": np.arange(3)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, "the program needs weights, got only x, ids"),
        ({"weights": None, "weihgts": np.ones(4)}, 'the program needs weights.*Did you mean "weihgts"'),
        ({"x": np.ones(4)}, r"x has 2 axes \(n, i\), got an array of shape \(4,\)"),
        ({"x": np.ones((3, 5))}, r"axis i of x is 4, got 5, in shape \(3, 5\)"),
        ({"ids": np.arange(2)}, "the batch is 2 in ids but 3 along axis n of x"),
        ({"x": np.ones((0, 4)), "ids": np.arange(0)}, "axis n of ids is empty"),
        ({"ids": np.ones(3)}, "ids holds integers, got an array of float64"),
        ({"x": np.full((3, 4), 1j)}, "x holds real numbers, got an array of complex128"),
        ({"x": [["a"] * 4] * 3}, "x holds real numbers"),
    ],
)
def test_inputs_are_checked(engine: str, change: dict[str, Any], message: str) -> None:
    inputs = {n: a for n, a in {**GOOD, **change}.items() if a is not None}
    with pytest.raises(ShapeError, match=message):
        compile_program(program(), engine=engine)(inputs)


def test_other_kinds_of_numbers_are_converted_and_what_is_not_read_is_ignored() -> None:
    run = compile_program(program())
    for kind in (np.float16, np.float64, np.int8, bool):
        inputs: dict[str, Any] = {"x": np.ones((3, 4), kind), "weights": [1, 2, 3, 4], "more": 1}
        found = run({**inputs, "ids": np.arange(3, dtype=np.uint8)})
        assert found["y"].tolist() == [10, 11, 12] and found["y"].dtype == np.float32


def test_an_engine_or_dtype_that_does_not_exist() -> None:
    with pytest.raises(PellucidError, match=r'there is no engine "referense"; .*Did you mean "reference"'):
        compile_program(program(), engine="referense")
    with pytest.raises(PellucidError, match="expected float32 or float64 as dtype, got float16"):
        compile_program(program(), dtype=np.float16)
