"""The programs against arithmetic written out in NumPy, and against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.layers import Add, Dense, Input
from pellucid.model import Network
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import Clip, evaluation_program, gradient_program, prediction_program, training_program

Array = NDArray[Any]


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def test_one_step_of_gradient_descent() -> None:
    # One Dense layer with softmax: dz = (p − onehot)/n, dW = xᵀ·dz, db = Σ dz; W − lr·dW.
    net = Network(Dense(3, activation="softmax"), input_shape=2, dtype="float64")
    x, y = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([2, 0])
    w, b = net.parameters["dense_1.kernel"].copy(), net.parameters["dense_1.bias"].copy()
    p = _softmax(x @ w + b)
    dz = (p - np.eye(3)[y]) / 2
    net.fit(x, y, batch_size=2, shuffle=False, optimizer=SGD(0.5), verbose=0)
    np.testing.assert_allclose(net.parameters["dense_1.kernel"], w - 0.5 * x.T @ dz, rtol=1e-12)
    np.testing.assert_allclose(net.parameters["dense_1.bias"], b - 0.5 * dz.sum(axis=0), rtol=1e-12)


def test_names_of_inputs_and_outputs() -> None:
    net = Network(Dense(4, activation="relu"), Dense(1), input_shape=3)
    targets, _ = goals(net, np.zeros(5), "mse")
    program = training_program(net, targets, Adam(), weighted=True)
    parameters = {"dense_1.kernel", "dense_1.bias", "dense_2.kernel", "dense_2.bias"}
    slots = {f"{p}:{s}" for p in parameters for s in ("first_moment", "second_moment")}
    assert set(program.outputs) == {"loss", "dense_2.prediction", *parameters, *slots}
    more = {"input_1", "dense_2.target", "sample_weight", "learning_rate", "step"}
    assert set(program.inputs) == {*more, *parameters, *slots}
    assert set(evaluation_program(net, targets).outputs) == {"loss", "dense_2.prediction"}
    assert set(prediction_program(net).outputs) == {"dense_2"}
    assert set(gradient_program(net, targets).outputs) == {"loss", *parameters}


@pytest.mark.parametrize("last", ["softmax", "linear"])
@pytest.mark.parametrize("form", ["labels", "one-hot"])
def test_gradients_by_differences(last: str, form: str, blobs: tuple[Array, Array]) -> None:
    net = Network(
        Dense(5, activation="tanh", kernel_regularizer="l2"), Dense(3, activation=last), input_shape=4, dtype="float64"
    )
    x, y = blobs[0][:7].astype(float), blobs[1][:7]
    target = y if form == "labels" else np.eye(3)[y]
    weight = np.linspace(0, 2, 7)

    def loss() -> float:
        return net.evaluate(x, target, loss="crossentropy", sample_weight=weight)["loss"]

    value, found = net.gradients(x, target, loss="crossentropy", sample_weight=weight)
    assert value == pytest.approx(loss())
    for path, gradient in found.items():
        parameter = net.parameters[path]
        for index in np.ndindex(parameter.shape):
            kept = parameter[index]
            parameter[index] = kept + 1e-6
            above = loss()
            parameter[index] = kept - 1e-6
            below = loss()
            parameter[index] = kept
            assert gradient[index] == pytest.approx((above - below) / 2e-6, rel=1e-5, abs=1e-9)


def test_probabilities_and_logits_agree(blobs: tuple[Array, Array]) -> None:
    x, y = blobs
    fused = Network(Dense(3, activation="softmax"), input_shape=4, dtype="float64")
    logits = Network(Dense(3), input_shape=4, dtype="float64")
    assert fused.evaluate(x, y)["loss"] == pytest.approx(logits.evaluate(x, y, loss="crossentropy")["loss"])


def test_a_far_off_logit_stays_finite() -> None:
    net = Network(Dense(2, activation="softmax"), input_shape=1)
    net.parameters["dense_1.kernel"] = np.array([[1000.0, -1000.0]])
    value, found = net.gradients(np.ones((1, 1)), np.array([1]))
    assert value == pytest.approx(2000)
    assert all(np.isfinite(g).all() for g in found.values())


def test_clipping_by_norm_and_value(blobs: tuple[Array, Array]) -> None:
    x, y = blobs
    for clip, rule in ((Clip(norm=0.01), "norm"), (Clip(value=0.001), "value")):
        net = Network(Dense(3, activation="softmax"), input_shape=4, dtype="float64")
        _, gradients = net.gradients(x, y)
        before = {path: v.copy() for path, v in net.parameters.items()}
        net.fit(x, y, batch_size=len(x), optimizer=SGD(1.0), clip_norm=clip.norm, clip_value=clip.value, verbose=0)
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
        assert norm > 0.01
        for path, g in gradients.items():
            expected = g * 0.01 / norm if rule == "norm" else np.clip(g, -0.001, 0.001)
            np.testing.assert_allclose(before[path] - net.parameters[path], expected, rtol=1e-9)


def test_programs_are_kept(blobs: tuple[Array, Array], classifier: Callable[..., Network]) -> None:
    net = classifier()
    net.fit(*blobs, verbose=0)
    kept = len(net._made)
    net.fit(*blobs, verbose=0, optimizer=Adam(0.5))  # another learning rate is the same program
    assert len(net._made) == kept
    net.fit(*blobs, verbose=0, optimizer=Adam(beta_1=0.5))
    assert len(net._made) == kept + 1


def test_two_inputs_and_two_outputs() -> None:
    a, b = Input(3, name="a"), Input(2, name="b")
    both = Add()(Dense(4, activation="tanh")(a), Dense(4, activation="tanh")(b))
    net = Network(
        inputs=[a, b], outputs=[Dense(2, activation="softmax", name="kind")(both), Dense(1, name="size")(both)]
    )
    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(50, 3)), "b": rng.normal(size=(50, 2))}
    y = {"kind": (x["a"][:, 0] > 0).astype(int), "size": x["b"].sum(axis=1)}
    history = net.fit(x, y, epochs=30, optimizer=Adam(0.02), metrics=[lambda y, p: 0.0], verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    found = net.evaluate(x, y, loss={"kind": "crossentropy", "size": "mae"}, metrics=["mae"])
    assert set(found) == {"loss", "kind_loss", "size_loss", "kind_mae", "size_mae"}
    predictions = net.predict([x["a"], x["b"]])
    assert {path: p.shape for path, p in predictions.items()} == {"kind": (50, 2), "size": (50, 1)}
    chosen = predictions["kind"][np.arange(50), y["kind"]]
    expected = -np.log(chosen).mean() + np.abs(predictions["size"][:, 0] - y["size"]).mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
