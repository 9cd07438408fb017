"""Calls, one upon the other: what they may keep from the last one, and threads that look out for the next."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.engines.llvm.support import draw, native

import pellucid as pl
from pellucid.engines.llvm.run import buffers, executable, worker_pool
from pellucid.formula import BATCH, Program, Tensor, define
from pellucid.training import prediction_program


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


def test_sizes_that_come_again_are_prepared_for_and_old_parameters_let_go() -> None:
    program = product(8)
    run, inputs = native(program), draw(program, 100)
    x, w = (np.ascontiguousarray(inputs[name], np.float32) for name in ("x", "w"))
    for weights in (w, w + 1):
        for n in (20, 7, 33, 20, 7, 33, 20, 7, 33):
            np.testing.assert_allclose(run({"x": x[:n], "w": weights})["y"], x[:n] @ weights, rtol=1e-5, atol=1e-5)
        assert sorted(run._again) == [7, 20, 33]
        assert all(prepared.reads({"w": weights}) for prepared in run._again.values())
    for n in (*range(10, 30), *range(10, 30)):
        run({"x": x[:n], "w": w})
        run({"x": x[:n], "w": w})
    assert len(run._again) <= executable.KEPT


def test_arrays_without_examples_that_change_from_call_to_call_are_given_beside_those_that_stay() -> None:
    x = Tensor.input("x", n=BATCH, i=8)
    a, b = Tensor.input("a", i=8), Tensor.input("b", i=8)
    run = native(Program({"y": define("y[n,i] = x[n,i]·a[i] + b[i]", x=x, a=a, b=b)}))
    rng = np.random.default_rng(0)
    stays = rng.normal(size=8).astype(np.float32)
    for call in range(6):
        x_, new = rng.normal(size=(5, 8)).astype(np.float32), rng.normal(size=8).astype(np.float32)
        np.testing.assert_allclose(run({"x": x_, "a": stays, "b": new})["y"], x_ * stays + new, rtol=1e-5, atol=1e-6)
        if call:
            assert run._again[5].takes({"x": x_, "a": stays, "b": rng.normal(size=8).astype(np.float32)})
            assert not run._again[5].takes({"x": x_, "a": stays.copy(), "b": new})


def test_the_guess_at_the_work_counts_what_is_computed() -> None:
    """It decides on how many threads a call runs. What only finds its place, as in flattening, is no work."""
    net = pl.Network(pl.Conv2D(8, 3), pl.MaxPool2D(2), pl.Flatten(), pl.Dense(10), input_shape=(28, 28, 1))
    run = native(prediction_program(net))
    products = 26 * 26 * 8 * 9 + 13 * 13 * 8 * 10
    assert 2 * products <= run.compiled.code.metadata.work < 2.5 * products


def test_results_are_the_callers_own() -> None:
    program = product(8)
    run, inputs = native(program), draw(program, 2)
    first = run(inputs)["y"]
    kept = first.copy()
    run({**inputs, "x": inputs["x"] + 1})
    assert np.array_equal(first, kept)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda a: a,
    "a slice": lambda a: a[3:],
    "one number": lambda a: a[5, 7:8],
    "turned": lambda a: a.T,
    "another shape": lambda a: a.reshape(-1)[::2].reshape(-1, 3),
    "other numbers": lambda a: a.view(np.uint32)[:, 1:],
    "a subclass": lambda a: a.view(np.recarray)[2:],
    "a memoryview": lambda a: memoryview(a)[4:],
    "bytes": lambda a: memoryview(a).cast("B")[400:],
    "read again": lambda a: np.frombuffer(a, np.uint8)[8:],
    "by its pointer": lambda a: a.ctypes,
    "DLPack": lambda a: np.from_dlpack(a)[1:],
    "broadcast": lambda a: np.broadcast_to(a, (2, *a.shape))[1],
    "an iterator": lambda a: a.flat,
}


def large(examples: int = 12_000) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """A prepared program whose result is one of those whose memory is given out again."""
    program = product(8)
    inputs = draw(program, examples)
    assert examples * 24 * 4 > buffers.LARGE
    prepared = native(program).prepare({"w": inputs["w"]}, examples=examples)
    return lambda x: prepared({"x": x})["y"], np.ascontiguousarray(inputs["x"], np.float32)


@pytest.mark.parametrize("kind", VIEWS)
def test_memory_of_a_large_result_is_nobody_elses_while_anything_looks_at_it(kind: str) -> None:
    run, x = large()
    first = run(x)
    place, kept = first.ctypes.data, first.copy()
    view = VIEWS[kind](first)
    del first
    gc.collect()
    for scale in (2, 3):
        other = run(x * np.float32(scale))
        assert other.ctypes.data != place
        del other
    again = np.ctypeslib.as_array((ctypes.c_float * kept.size).from_address(place)).reshape(kept.shape)
    assert np.array_equal(again, kept), "what a caller still has was written over"
    del view
    gc.collect()
    found = {run(x).ctypes.data for _ in range(3)}
    assert len(found) <= 2  # pieces that nobody has any more come again


def test_large_results_of_many_threads_are_their_own() -> None:
    run, x = large()
    expected = {scale: run(x * np.float32(scale)).copy() for scale in range(1, 5)}
    wrong: list[int] = []

    def calls(seed: int) -> None:
        rng, held = np.random.default_rng(seed), deque[tuple[int, np.ndarray]](maxlen=3)
        for _ in range(40):
            scale = int(rng.integers(1, 5))
            result = run(x * np.float32(scale))
            held.append((scale, result[rng.integers(0, 9) :]))
            if rng.random() < 0.3:
                held.popleft()
            wrong.extend(s for s, a in held if not np.array_equal(a, expected[s][-len(a) :]))

    threads = [threading.Thread(target=calls, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_asleep_and_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    program = product(400)
    inputs = draw(program, 100)
    monkeypatch.setattr(worker_pool, "BRIEF", 0.0)
    always = native(program)
    expected = always(inputs)["y"]
    for pause in [0.0] * 200 + [0.0003] * 20:  # about when they fall asleep
        time.sleep(pause)
        assert np.array_equal(always(inputs)["y"], expected)
    monkeypatch.setattr(worker_pool, "BRIEF", 1e12)
    brief = native(program)
    for pause in [0.0] * 200 + [0.0003] * 20:
        time.sleep(pause)
        assert np.array_equal(brief(inputs)["y"], expected)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not say where threads may run")
def test_workers_may_run_wherever_the_caller_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "3")
    monkeypatch.setattr(worker_pool, "BRIEF", 0.0)
    program = product(400)
    run, inputs = native(program), draw(program, 100)
    for _ in range(3):
        time.sleep(0.01)  # they fall asleep; woken, they begin on another processor than the caller's
        run(inputs)
    assert worker_pool._pool is not None
    for worker in worker_pool._pool._idle[-2:]:
        assert os.sched_getaffinity(worker.thread) == os.sched_getaffinity(0)


def test_short_calls_that_went_badly_together_are_done_alone_for_a_while() -> None:
    past = worker_pool.Past()
    past.learn(0, 1e-4)
    past.learn(1, 1 + 2e-4)
    assert past.until == 0, "twice the best is no disturbance"
    past.learn(2, 2.001)
    assert past.until == pytest.approx(2.002), "as long as it took"
    past.learn(3, 3.001)
    assert past.until == pytest.approx(3.002), "what is rare does not cost more"
    now = past.until
    for length in (2, 4, 8, 16, 32, 50, 50):
        past.learn(now, now + 1e-3)
        assert past.until == pytest.approx(now + 1e-3 + length * 1e-3), "twice as long if it soon happens again"
        now = past.until


def test_long_calls_even_out_what_disturbs_them() -> None:
    past = worker_pool.Past()
    past.learn(0, 1e-2)
    past.learn(1, 2)
    assert past.until == 0


def test_a_call_does_not_wait_for_another_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "2")
    monkeypatch.setattr(worker_pool, "BRIEF", 0.0)
    x, w = Tensor.input("x", n=BATCH, i=2000), Tensor.input("w", i=2000, j=24)
    program = Program({"s": define("s[] = Σ[n,i,j] x[n,i]·w[i,j]", x=x, w=w)})
    given, short, inputs = draw(program, 200), native(product(300)), draw(product(300), 100)
    short(inputs)
    session = native(program).session({"w": given["w"]})
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        session.run({"x": given["x"]}, rows=np.tile(np.arange(200), (1500, 1)))
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    time.sleep(0.2)
    for _ in range(3):
        short(inputs)
    waited = ended.is_set()
    thread.join()
    assert not waited, "calls that take microseconds came back after one that takes seconds"


INTERRUPTED = """
import sys, time
import numpy as np
import pellucid as pl
from pellucid.engines.llvm.run import buffers, executable, worker_pool

worker_pool.SOON = 1000  # calls always come one upon the other
x = np.random.default_rng(0).normal(size=(2000, 200)).astype(np.float32)
net = pl.Network(pl.Dense(200, activation="tanh"), pl.Dense(3), input_shape=200)

def native(function):
    def called(*arguments):
        return function(*arguments)
    return called

pool = worker_pool._ours()
for name in ("dispatch", "join", "wake"):
    setattr(pool._library, name, native(getattr(pool._library, name)))

def predict(rows):
    return net.predict(x[:rows], batch_size=rows)

def interrupted(rows, number):
    # Ctrl-C at one of the places where Python looks for it: the beginning of a function, the end of one in C
    left = number

    def look(frame, event, argument):
        nonlocal left
        here = frame.f_code.co_filename == worker_pool.__file__ and event in ("call", "c_return")
        if here or (frame.f_code.co_name == "called" and event == "return"):
            left -= 1
            if not left:
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        predict(rows)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    return not left

expected = {rows: predict(rows) for rows in (2000, 64)}
for asleep in (0.005, 0):
    for first in expected:
        number = 1
        while time.sleep(asleep) or interrupted(first, number):
            number += 1
            for rows in expected:
                assert np.array_equal(predict(rows), expected[rows]), (first, number)
        assert number > 5
assert not pool._callers and len(pool._idle) == 2, (pool._callers, pool._idle)
"""


def test_ctrl_c_at_any_moment_leaves_the_threads_ready() -> None:
    environment = os.environ | {"PELLUCID_THREADS": "3"}
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True, env=environment, timeout=120)
