"""An error bar holds whatever an engine computes, and says where digits go."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.explain.test_arithmetic import NETWORKS

import pellucid as pl
from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.explain import diagnose, trace
from pellucid.explain.rounding.interval_run import IntervalRun
from pellucid.explain.rounding.intervals import Arithmetic, Interval

Array = np.ndarray[Any, Any]


@pytest.mark.sample(10)
@pytest.mark.parametrize("kind", NETWORKS)
def test_every_value_and_gradient_lies_within_its_interval(kind: str) -> None:
    net = NETWORKS[kind](3)
    (shape,) = net.input_shapes.values()
    rng = np.random.default_rng(0)
    x = rng.integers(1, 7, (2, *shape)) if kind == "words" else rng.normal(size=(2, *shape)).astype(np.float32)
    engines = ("reference", "llvm") if kind in ("convolution", "gru") else ("reference",)
    for engine in engines:
        net.engine = engine
        run = trace(net, x, np.array([0, 2]), loss="crossentropy")
        values = {t: np.asarray(run[name]) for name, t in run.program.tensors.items()}
        intervals = IntervalRun(run.program, values, run.batch, net.dtype)
        feeds = {name: np.asarray(run[name]) for name in run.program.inputs}
        exact = compile_program(run.program, engine="reference", dtype=np.float64).trace(feeds)
        for name, tensor in run.program.tensors.items():
            if tensor.kind == "int":
                continue
            bar = intervals[tensor]
            for array in (np.asarray(run[name], np.float64), exact[name]):
                assert ((bar.low <= array) & (array <= bar.high)).all(), name
            assert np.isfinite(bar.low).all() and np.isfinite(bar.high).all(), name


NUMBERS = st.floats(-1e3, 1e3, width=32)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1), st.floats(0, 1))
def test_operations_on_intervals_hold_those_on_their_numbers(
    a: float, b: float, c: float, d: float, s: float, t: float
) -> None:
    do = Arithmetic(np.dtype(np.float32))
    one, other = (Interval(np.array(min(p)), np.array(max(p))) for p in ((a, b), (c, d)))
    x, y = np.float32(min(a, b) + s * abs(a - b)), np.float32(min(c, d) + t * abs(c - d))
    x, y = (np.clip(v, i.low, i.high).astype(np.float32) for v, i in ((x, one), (y, other)))

    def holds(result: Interval, value: Any) -> None:
        assert not np.isfinite(value) or result.low <= value <= result.high

    with np.errstate(all="ignore"):
        holds(do.add([one, other]), x + y)
        holds(do.multiply(one, other), x * y)
        holds(do.divide(one, other), np.float32(x / y) if y else np.inf)
        holds(do.power(one, Interval.of(2.0)), x * x)
        for name, function in (("tanh", np.tanh), ("exp", np.exp), ("sin", np.sin), ("abs", np.abs)):
            holds(do.function(name, one), function(x))
        less = do.compare("lt", one, other)
        holds(less, float(x < y))
        holds(do.choose(less, one, other), x if x < y else y)


def test_the_sum_that_cancels_is_named() -> None:
    net = pl.Network(pl.Dense(1), pl.Dense(1, activation="tanh"), input_shape=2, engine="reference")
    net.parameters["dense_1.kernel"] = np.array([[1.0], [-1.0]], np.float32)
    net.parameters["dense_2.kernel"] = np.array([[1.0]], np.float32)
    # a sum of inputs that differ in their last digits alone, each computed before
    bar = net.rounding("dense_2", x=np.array([[1000.001, 1000.0]], np.float32), unit=0)
    worst = bar.cancelled
    assert worst is not None and worst.path.startswith("dense_1")
    assert worst.cancelled == pytest.approx(2e6, rel=0.1)
    assert "cancelled: its terms are" in bar.text()
    assert bar.low <= bar.value <= bar.high and bar.low <= bar.exact <= bar.high
    assert json.loads(json.dumps(bar.json()))["steps"][0]["path"] == "dense_2"
    plain = net.rounding("dense_2", x=np.array([[0.5, 0.25]], np.float32), unit=0)
    assert plain.cancelled is None and plain.digits > 4


def test_what_is_lost_in_float32_is_said() -> None:
    net = pl.Network(pl.Dense(1, use_bias=False), input_shape=1, engine="reference", dtype="float32")
    net.parameters["dense_1.kernel"] = np.array([[1.0]], np.float32)
    x, y = np.array([[1e-25]], np.float32), np.array([[1e-26]], np.float32)
    assert net.rounding("dense_1.kernel", x=x, y=y, index=(0, 0)).lost == "underflow"
    assert "it became 0" in net.rounding("dense_1.kernel", x=x, y=y, index=(0, 0)).text()
    x, y = np.array([[1.0]], np.float32), np.array([[0.5]], np.float32)
    update = net.rounding("dense_1.kernel", x=x, y=y, index=(0, 0), optimizer=pl.SGD(1e-9))
    assert update.lost == "absorbed" and "below half a unit" in update.text()
    assert net.rounding("dense_1.kernel", x=x, y=y, index=(0, 0), optimizer=pl.SGD(0.1)).lost == ""
    with pytest.raises(PellucidError, match="needs the target"):
        net.rounding("dense_1", x=x, unit=0, backward=True)


def test_a_diagnosis_finds_gradients_that_are_lost() -> None:
    rng = np.random.default_rng(0)
    net = pl.Network(pl.Dense(3, use_bias=False), pl.Dense(1), input_shape=2, engine="reference")
    x, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    watch = pl.Watch()
    history = net.fit(x, y, epochs=2, optimizer=pl.SGD(1e-12), callbacks=[watch], verbose=0)
    assert "absorbed" in net.diagnose(history, watch).kinds
    assert "1e-12" in next(f for f in net.diagnose(history, watch) if f.kind == "absorbed").text("zh")
    net.parameters["dense_2.kernel"] = np.full((3, 1), 1e-30, np.float32)
    tiny = diagnose(net, x=1e-17 * x, y=1e-3 * y)
    assert "underflow" in tiny.kinds
    assert "underflow" not in net.diagnose(x=x, y=y).kinds
