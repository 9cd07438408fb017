"""Calls, one upon the other: what they may keep from the last one, and threads that look out for the next."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.engines.llvm.support import draw, native

import pellucid as pl
from pellucid.engines.llvm import threads
from pellucid.formula import BATCH, Program, Tensor, define


def product(size: int) -> Program:
    x, w = Tensor.input("x", n=BATCH, i=size), Tensor.input("w", i=size, j=24)
    return Program({"y": define("y[n,j] = Σ[i] x[n,i]·w[i,j]", x=x, w=w)})


@pytest.mark.parametrize("n", [1, 20])
def test_a_change_of_an_input_shows_however_it_is_made(n: int) -> None:
    program = product(8)
    run, inputs = native(program), draw(program, n)
    x, w = (np.ascontiguousarray(inputs[name], np.float32) for name in ("x", "w"))
    for change in ("none", "none", "in place", "another array", "another order", "in place"):
        if change == "in place":
            w *= 2
        elif change == "another array":
            w = w + 1
        elif change == "another order":
            w = np.asfortranarray(w * 3)
        np.testing.assert_allclose(run({"x": x, "w": w})["y"], x @ w, rtol=1e-5, atol=1e-5)


def test_predict_sees_new_parameters() -> None:
    net = pl.Network(pl.Dense(3), input_shape=(2,))
    x = np.ones((1, 2), np.float32)
    net.predict(x)
    net.parameters["dense_1.kernel"] = np.full((2, 3), 2.0)
    np.testing.assert_array_equal(net.predict(x), np.full((1, 3), 4.0))
    net.parameters["dense_1.kernel"][...] = 3
    np.testing.assert_array_equal(net.predict(x), np.full((1, 3), 6.0))


def test_what_is_prepared_outlives_a_larger_batch() -> None:
    program = product(8)
    run, inputs = native(program), draw(program, 3000)
    prepared = run.prepare({"w": inputs["w"]}, examples=20)
    expected = run(inputs)["y"]
    assert np.array_equal(prepared({"x": inputs["x"][:20]})["y"], expected[:20])


def test_results_are_the_callers_own() -> None:
    program = product(8)
    run, inputs = native(program), draw(program, 2)
    first = run(inputs)["y"]
    kept = first.copy()
    run({**inputs, "x": inputs["x"] + 1})
    assert np.array_equal(first, kept)


def test_threads_asleep_and_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    program = product(400)
    inputs = draw(program, 100)
    monkeypatch.setattr(threads, "BRIEF", 0.0)
    always = native(program)
    expected = always(inputs)["y"]
    for pause in [0.0] * 200 + [0.0003] * 20:  # about when they fall asleep
        time.sleep(pause)
        assert np.array_equal(always(inputs)["y"], expected)
    monkeypatch.setattr(threads, "BRIEF", 1e12)
    brief = native(program)
    for pause in [0.0] * 200 + [0.0003] * 20:
        time.sleep(pause)
        assert np.array_equal(brief(inputs)["y"], expected)


def test_short_calls_that_went_badly_together_are_done_alone_for_a_while() -> None:
    crew, short, long = threads._Crew(), (1, 1e6), (1, 1e9)
    for call, took in ((short, 1e-4), (long, 1e-2)):
        assert crew.worth(call, 0)
        crew.learn(call, 0, took)
        crew.learn(call, 1, 1 + 2 * took)
        assert crew.worth(call, 2), "twice the best is no disturbance"
        crew.learn(call, 3, 3 + 9 * took)
    assert not crew.worth(short, 3 + 10e-4)
    assert crew.worth(short, 3.1), "later it is tried again"
    assert crew.worth(long, 3.1), "long calls even out what disturbs them"
