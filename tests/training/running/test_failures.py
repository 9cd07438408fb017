"""Networks that cannot learn, and values that stop being finite."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.errors import NonFiniteError
from pellucid.formula import Tensor, define, derivative
from pellucid.functions.activations import ACTIVATIONS, activation
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.layers import Add, BatchNormalization, Dense, Dropout, Input
from pellucid.model import Network
from pellucid.training import Callback
from pellucid.training.running import failures

Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]


def test_step_units_do_not_learn_and_fit_says_why(blobs: Blobs) -> None:
    x, y = blobs
    net = Network(Dense(8, activation="step"), Dense(3, activation="step"), input_shape=4)
    before = {path: v.copy() for path, v in net.parameters.items()}
    with pytest.warns(
        UserWarning, match=r"the network cannot learn.*no gradient passes dense_2, a\[n,o\] = \[0 ≤ z\[n,o\]\]"
    ) as warned:
        net.fit(x, np.eye(3)[y], epochs=3, verbose=0)
    assert warned[0].filename == __file__
    assert all(np.array_equal(before[path], v) for path, v in net.parameters.items())


def test_the_warning_comes_before_the_first_epoch(blobs: Blobs) -> None:
    net = Network(Dense(8, activation="step"), Dense(3, activation="softmax"), input_shape=4)
    before = {path: v.copy() for path, v in net.parameters.items()}
    with pytest.warns(UserWarning, match="^dense_1 cannot learn .* the other layers learn as usual$"):
        net.fit(*blobs, epochs=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(*blobs, verbose=0)
    changed = {path for path, v in net.parameters.items() if not np.array_equal(before[path], v)}
    assert changed == {"dense_2.kernel", "dense_2.bias"}


def test_a_network_is_differentiated_once_for_it(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Dense(4, activation="relu"), Dense(3, activation="step")
    net = Network(first, second, Dense(3, activation="softmax"), input_shape=4)
    calls: list[object] = []

    def counted(*args: Any) -> Any:
        calls.append(args)
        return derivative(*args)

    monkeypatch.setattr(failures, "derivative", counted)
    for _ in range(3):
        with pytest.warns(UserWarning, match="^dense_1 and dense_2 cannot learn"):
            net.fit(*blobs, epochs=0)
    assert len(calls) == 1
    first.trainable = second.trainable = False
    with warnings.catch_warnings(action="error"):
        net.fit(*blobs, epochs=0)  # what nobody expects to learn
    assert len(calls) == 2


def test_a_wall_in_the_middle(blobs: Blobs) -> None:
    layers = Dense(4, activation="relu"), Dense(4, activation="step"), Dropout(0.5), Dense(3, activation="softmax")
    with pytest.warns(UserWarning, match="^dense_1 and dense_2 cannot learn .* passes dense_2, "):
        Network(*layers, input_shape=4).fit(*blobs, epochs=0)


def test_a_penalty_is_no_learning(blobs: Blobs) -> None:
    layers = Dense(4, activation="step", kernel_regularizer="l2"), Dense(3, activation="softmax")
    with pytest.warns(UserWarning, match="^dense_1 cannot learn"):
        Network(*layers, input_shape=4).fit(*blobs, epochs=0)


def test_a_way_round_the_wall_is_enough(blobs: Blobs) -> None:
    start = Input(4)
    first = Dense(4, activation="tanh")(start)
    joined = Add()(first, Dense(4, activation="step")(first))
    net = Network(inputs=start, outputs=Dense(3, activation="softmax")(joined))
    with pytest.warns(UserWarning, match="^dense_2 cannot learn .* passes dense_2, "):
        net.fit(*blobs, epochs=0)


def test_found_by_the_derivative_not_by_the_name(blobs: Blobs) -> None:
    @activation
    def sign_of_it(z: Tensor) -> Tensor:
        return define("a[…] = 2·[0 < z[…]] − 1", z=z)

    try:
        with pytest.warns(UserWarning, match="dense_1 cannot learn"):
            Network(Dense(4, activation=sign_of_it), Dense(3, activation="softmax"), input_shape=4).fit(
                *blobs, epochs=0
            )
    finally:
        del ACTIVATIONS["sign_of_it"]


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.learns])
def test_the_others_learn(name: str, blobs: Blobs) -> None:
    Network(Dense(4, activation=name), Dense(3, activation="softmax"), input_shape=4).fit(*blobs, epochs=0)


def _regression(rate: float, x: Any, **options: Any) -> tuple[Network, Callable[[], Any]]:
    net = Network(Dense(8, activation="relu"), Dense(1), input_shape=4)
    return net, lambda: net.fit(x, x[:, 0], epochs=9, batch_size=16, optimizer=SGD(rate), verbose=0, **options)


def test_too_high_a_rate(blobs: Blobs) -> None:
    seen = []

    class Keep(Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            seen.append({path: v.copy() for path, v in self.training.net.parameters.items()})

    net, fit = _regression(100.0, blobs[0], callbacks=[Keep()])
    with pytest.raises(NonFiniteError) as error:
        fit()
    message = str(error.value)
    assert f"in step {len(seen) + 1} (epoch 1, step {len(seen) + 1} of 9)" in message
    assert "the learning rate 100 is probably too high: lower it, or give clip_norm=1.0" in message
    assert "\n" not in message
    for path, value in net.parameters.items():
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, seen[-1][path])


def test_clipping_keeps_it_finite(blobs: Blobs) -> None:
    _, fit = _regression(100.0, blobs[0], clip_norm=0.01)
    assert np.isfinite(fit().history["loss"]).all()


def test_ignored(blobs: Blobs) -> None:
    net, fit = _regression(100.0, blobs[0], on_nonfinite="ignore")
    assert not np.isfinite(fit().history["loss"][-1])
    assert not all(np.isfinite(v).all() for v in net.parameters.values())


def test_a_bad_parameter_is_named(blobs: Blobs) -> None:
    net = Network(Dense(8, activation="relu"), Dense(1), input_shape=4)
    net.parameters["dense_2.bias"] = [np.nan]
    with pytest.raises(
        NonFiniteError, match=r"first such value is nan in dense_2\.bias \(layer dense_2\) at \[0\]; it came in so"
    ):
        net.fit(blobs[0], blobs[1], verbose=0)


def test_inputs_too_large(blobs: Blobs) -> None:
    _, fit = _regression(0.01, blobs[0] * 1e30)
    with pytest.raises(
        NonFiniteError, match=r"inf in .* the numbers that came in are too large: scale inputs and targets"
    ):
        fit()


def test_a_logarithm_of_zero(blobs: Blobs) -> None:
    @activation
    def log_of_it(z: Tensor) -> Tensor:
        return define("a[…] = log(relu(z[…]))", z=z)

    try:
        net = Network(Dense(4, activation=log_of_it), Dense(1), input_shape=4)
        with pytest.raises(NonFiniteError, match=r"-inf in dense_1 at \[\d+, \d\]; its formula takes a logarithm"):
            net.fit(blobs[0], blobs[1], verbose=0)
    finally:
        del ACTIVATIONS["log_of_it"]


@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_a_gradient_whose_squares_overflow_is_clipped(engine: str) -> None:
    net = Network(Dense(1, use_bias=False), input_shape=1, engine=engine)
    net.parameters["dense_1.kernel"] = [[1.0]]
    net.fit([[1e25]], [0.0], loss="mae", optimizer=SGD(0.25), clip_norm=2.0, verbose=0)
    assert net.parameters["dense_1.kernel"][0, 0] == pytest.approx(0.5)


def test_a_moment_that_overflows_stops_the_training() -> None:
    net = Network(Dense(1, use_bias=False), input_shape=1)
    net.parameters["dense_1.kernel"] = [[1.0]]
    words = r"dense_1\.kernel:second_moment stopped being finite in step 1 .* inf in dense_1\.kernel:second_moment"
    with pytest.raises(NonFiniteError, match=words):
        net.fit([[1e25]], [0.0], loss="mae", optimizer=Adam(0.25), verbose=0)


def test_statistics_that_overflow_stop_the_training() -> None:
    net = Network(BatchNormalization(), Dense(1, activation="tanh"), input_shape=1)
    with pytest.raises(NonFiniteError, match=r"first such value is inf in batch_normalization_1.batch_variance"):
        net.fit([[1e25], [-1e25]], [0.5, 0.5], verbose=0)


@pytest.mark.parametrize("engine", ["reference", "llvm"])
@pytest.mark.parametrize("clip", [None, 1e30])
def test_the_step_that_went_wrong_is_named(engine: str, clip: float | None) -> None:
    net = Network(Dense(1, name="last"), input_shape=2, engine=engine)
    x = np.ones((30, 2))
    rate = SGD(lambda step: 1e38 if step == 16 else 1e-3)
    with pytest.raises(NonFiniteError) as error:
        net.fit(x, np.full(30, -40.0), batch_size=3, epochs=5, optimizer=rate, clip_norm=clip, verbose=0)
    assert str(error.value).startswith("last.kernel stopped being finite in step 17 (epoch 2, step 7 of 10): ")
    assert "inf in last.kernel" in str(error.value)
    advice = "lower it, or give clip_norm=1.0;" if clip is None else "lower it;"
    assert f"the learning rate 1e+38 is probably too high: {advice}" in str(error.value)
