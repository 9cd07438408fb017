"""What is shown, typed into a calculator, gives the shown result, or stands with ≈."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from tests.explain.test_arithmetic import network

from pellucid.explain.arithmetic import number
from pellucid.explain.trace import Trace, trace
from pellucid.layers import LSTM, Conv1D, Dense, Flatten
from pellucid.network import BaseNetwork

CALCULATOR = {
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "abs": abs,
    "max": max,
    "σ": lambda x: 1 / (1 + math.exp(-x)),
    "relu": lambda x: max(x, 0.0),
    "stop": lambda x: x,
    "__builtins__": {},
}


def calculator(text: str) -> float:
    """What a calculator makes of a text of numbers."""
    plain = re.sub(r" \(\d+ more\)", "", text)
    for sign, typed in (("−", "-"), ("·", "*"), ("^", "**"), ("²", "**2"), ("³", "**3")):
        plain = plain.replace(sign, typed)
    return float(eval(plain, dict(CALCULATOR)))  # a text that this test has made


def networks() -> Iterator[tuple[BaseNetwork, tuple[int, ...]]]:
    for seed in range(3):
        yield network(Dense(6, activation="tanh"), Dense(4, activation="softmax"), shape=(5,), seed=seed), (5,)
    yield network(Conv1D(3, 2, activation="relu"), Flatten(), Dense(3, activation="sigmoid"), shape=(5, 2)), (5, 2)
    yield network(LSTM(3), Dense(4, activation="softmax"), shape=(3, 2)), (3, 2)


def traces() -> Iterator[Trace]:
    for seed, (net, shape) in enumerate(networks()):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(2, *shape)).astype(np.float32)
        y = rng.random((2, *net.output_shapes[next(iter(net.output_shapes))])).astype(np.float32)
        yield trace(net, x, y, loss="mse")


def test_shown_sums_and_products_give_the_shown_results() -> None:
    rng = np.random.default_rng(0)
    equations = terms = about = 0
    for run in traces():
        for path in run:
            if run.program.definition(run.tensor(path)) is None:
                continue
            told = run.explain(path, index=tuple(int(rng.integers(n)) for n in run[path].shape))
            texts = [
                (t.numbers, "=" if number(t.calculated) == number(t.value) else "≈", t.value) for t in told.terms[:3]
            ]
            terms += len(texts)
            left, sign, right = re.fullmatch(r"(.*) ([=≈]) (\S+)", told.with_values).groups()  # type: ignore[union-attr]
            assert right == number(told.value)
            equations += 1
            for text, equals, value in [*texts, (left, sign, told.value)]:
                if re.search(r"where|\[|[<≤]", text):
                    continue  # no calculator has these
                about += equals == "≈"
                assert (number(calculator(text)) == number(value)) == (equals == "="), (path, text, value)
    assert min(equations, terms) >= 100
    assert about < 0.02 * equations, "nearly every equation can be made to hold"


def test_a_softmax_is_not_one_by_one() -> None:
    net = BaseNetwork(Dense(3, activation="softmax"), input_shape=(1,), seed=0)
    net.parameters["dense_1.kernel"] = np.array([[7.1, 0.2, -0.3]], np.float32)
    told = trace(net, np.ones((1, 1), np.float32)).explain("dense_1", index=(0, 0))
    assert told.with_values == "1/1.0016 = 0.9984"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.0, 1e30, 5e-324])
def test_numbers_that_are_none_stand_as_they_are(value: float) -> None:
    net = BaseNetwork(Dense(1), input_shape=(1,), seed=0)
    net.parameters["dense_1.kernel"] = np.array([[value]], np.float32)
    told = trace(net, np.ones((1, 1), np.float32)).explain("dense_1", index=(0, 0))
    assert told.with_values.endswith(f" = {number(told.value)}")
