from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.functions.learning.optimizers import SGD
from pellucid.layers import Dense, Dropout, Input
from pellucid.model import Network, Neuron, load


def test_neuron() -> None:
    # 0.5 + 2·1 − 1·3 = −0.5
    neuron = Neuron([2, -1], bias=0.5)
    assert neuron([1, 3]) == -0.5
    assert isinstance(neuron([1, 3]), float)
    np.testing.assert_array_equal(neuron([[1, 3], [0, 0]]), [-0.5, 0.5])
    assert Neuron([2, -1], 0.5, "step")([1, 3]) == 0
    assert Neuron([2, -1], 0.5, "sigmoid", dtype="float64")((1, 3)) == pytest.approx(1 / (1 + np.exp(0.5)))
    assert isinstance(neuron, Network)
    assert set(neuron.parameters) == {"dense_1.kernel", "dense_1.bias"}


def test_neuron_learns_and_or(tmp_path: Path) -> None:
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1])
    neuron = Neuron([0, 0], activation="sigmoid")
    neuron.fit(x, y, epochs=200, batch_size=4, optimizer=SGD(5.0), verbose=0)
    np.testing.assert_array_equal(neuron(x) > 0.5, y)
    neuron.save(tmp_path / "and")
    np.testing.assert_array_equal(load(tmp_path / "and").predict(x)[:, 0], neuron(x))
    x0 = Input(2)
    both = Network(inputs=x0, outputs=neuron(x0))  # a neuron is a layer, too
    np.testing.assert_array_equal(both.predict(x)[:, 0], neuron(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neuron([[1, 2]]), r"weights has shape \(1, 2\)"),
        (lambda: Neuron([1], bias=[1, 2]), "bias has shape"),  # type: ignore[arg-type]
        (lambda: Neuron(["a"]), "holds text"),
        (lambda: Neuron([1], activation="relo"), 'Did you mean "relu"'),
        (lambda: Neuron([1, 2])([1, 2, 3]), r"x has shape \(1, 3\), expected \(n, 2\)"),
        (lambda: Neuron([1, 2])([[1, np.nan]]), "1 NaN value"),
    ],
)
def test_neuron_refuses(make: Any, message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        make()


def test_predict_takes_any_number() -> None:
    net = Network(Dense(3, activation="tanh"), Dropout(0.5), Dense(2), input_shape=4, dtype="float64")
    x = np.random.default_rng(0).normal(size=(11, 4))
    whole = net.predict(x)
    assert whole.shape == (11, 2)
    for size in (1, 4, 11, 100):
        np.testing.assert_allclose(net.predict(x, batch_size=size), whole, rtol=1e-12)
    assert net.predict(x[:1]).shape == (1, 2)  # nothing is squeezed
    for bad, message in (
        (x[0], r"use x\[None\]"),
        (x[:0], "x is empty"),
        (x[:, :3], "give 4 columns"),
        ("x", "holds text"),
    ):
        with pytest.raises(PellucidError, match=message):
            net.predict(bad)


def test_trace() -> None:
    net = Network(Dense(3, activation="relu"), Dense(2, activation="softmax"), input_shape=4)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    values = net.trace(x)
    assert {"input_1", "dense_1.sum", "dense_1", "dense_2.sum", "dense_2"} <= set(values)
    p = net.parameters
    np.testing.assert_array_equal(values["input_1"], x)
    np.testing.assert_allclose(values["dense_1.sum"], x @ p["dense_1.kernel"] + p["dense_1.bias"], rtol=1e-5)
    np.testing.assert_array_equal(values["dense_1"], np.maximum(values["dense_1.sum"], 0))
    np.testing.assert_array_equal(values["dense_2"], net.predict(x))


def test_own_loop_with_gradients() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x @ [1.0, -2, 0.5] + 3
    net = Network(Dense(1), input_shape=3, dtype="float64")
    for _ in range(300):
        loss, gradients = net.gradients(x, y, loss="mse")
        for path, gradient in gradients.items():
            net.parameters[path] = net.parameters[path] - 0.1 * gradient
    assert loss < 1e-8
    np.testing.assert_allclose(net.parameters["dense_1.kernel"][:, 0], [1, -2, 0.5], atol=1e-4)


def test_gradients_read_as_in_training_drop() -> None:
    net = Network(Dropout(0.5), Dense(1), input_shape=8)
    x, y = np.ones((4, 8)), np.zeros(4)
    plain = net.gradients(x, y)[1]["dense_1.kernel"]
    first = net.gradients(x, y, training=True)[1]["dense_1.kernel"]
    again = net.gradients(x, y, training=True)[1]["dense_1.kernel"]
    second = net.gradients(x, y, training=True, step=2)[1]["dense_1.kernel"]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, plain)
    assert not np.array_equal(first, second)


def test_methods_are_documented_functions() -> None:
    for name in ("fit", "evaluate", "predict", "gradients", "trace", "find_learning_rate", "save"):
        method = getattr(Network, name)
        assert method.__doc__
        assert next(iter(inspect.signature(method).parameters)) == "net"


def test_what_is_public_is_what_the_stub_imports_by_name() -> None:
    stub = ast.parse(Path(pl.__file__).with_suffix(".pyi").read_text())
    imported = [a for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names if node.module]
    packages = {a.name for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names} - set(pl.__all__)
    assert sorted(pl.__all__) == sorted(a.name for a in imported)
    assert all(isinstance(getattr(pl, name), types.ModuleType) for name in packages)
    assert all(a.asname == a.name for a in imported)


def test_everything_is_imported_when_it_is_asked_for() -> None:
    code = """
import sys, types
import pellucid as pl
assert not [name for name in sys.modules if name.startswith(("pellucid.", "numpy"))]
pl.Network
assert "pellucid.data" not in sys.modules
assert "data" in dir(pl)
assert pl.data is sys.modules["pellucid.data"]
assert not any(isinstance(getattr(pl, name), types.ModuleType) for name in pl.__all__)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="'pellucid' has no attribute 'nosuch'"):
        pl.nosuch  # type: ignore[attr-defined]  # noqa: B018


def test_layers_by_name_and_place() -> None:
    inner = pl.Network(pl.Dense(2), input_shape=3)
    net = pl.Network(pl.Dense(3, name="first"), inner, pl.Dense(1), input_shape=4)
    assert net.get_layer("first") is net.layers[0] is net.get_layer(index=0)
    assert net.get_layer("dense_1") is net.layers[-1] is net.get_layer(index=-1)
    assert net.get_layer("network_1.dense_1") is inner.layers[0]
    with pytest.raises(pl.PellucidError, match=r'no layer "frist"\. Did you mean "first"'):
        net.get_layer("frist")
    with pytest.raises(pl.PellucidError, match="index is 3, expected an integer from 0 to 2"):
        net.get_layer(index=3)
    with pytest.raises(pl.PellucidError, match="a name or an index"):
        net.get_layer()
    assert net.count_params() == 4 * 3 + 3 + 3 * 2 + 2 + 2 * 1 + 1


def test_a_clone_begins_anew() -> None:
    x = np.random.default_rng(0).normal(5, 2, (8, 3)).astype(np.float32)
    net = pl.Network(pl.Normalization().adapt(x), pl.Dense(2), input_shape=3, seed=4)
    net.layers[1].trainable = False
    begin = net.parameters["dense_1.kernel"].copy()
    net.parameters["dense_1.kernel"] = begin + 1
    twin, other = net.clone(), net.clone(seed=5)
    np.testing.assert_array_equal(twin.parameters["dense_1.kernel"], begin)
    assert (other.parameters["dense_1.kernel"] != begin).any()
    np.testing.assert_array_equal(twin.parameters["normalization_1.mean"], net.parameters["normalization_1.mean"])
    assert not twin.layers[1].trainable
    twin.parameters["dense_1.bias"] = [1, 2]
    assert not net.parameters["dense_1.bias"].any()


def test_a_prediction_as_in_training_drops_anew_at_every_step_and_in_every_batch() -> None:
    net = pl.Network(pl.Dropout(0.5), pl.BatchNormalization(), input_shape=50, engine="reference")
    x = np.ones((6, 50), np.float32)
    before = {path: array.copy() for path, array in net.parameters.items()}
    first = net.predict(x, training=True)
    np.testing.assert_array_equal(first, net.predict(x, training=True, step=1))
    assert (first != net.predict(x, training=True, step=2)).any()
    assert (first != net.predict(x)).any()
    halves = pl.Network(pl.Dropout(0.5), input_shape=50, engine="reference").predict(x, training=True, batch_size=3)
    assert (halves[:3] != halves[3:]).any()
    for path, array in net.parameters.items():
        np.testing.assert_array_equal(array, before[path])


@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_outputs_that_do_not_depend_on_the_input_have_a_row_an_example(engine: str) -> None:
    a = pl.Input(2)
    net = pl.Network(inputs=a, outputs=pl.Subtract()(a, a), engine=engine)
    np.testing.assert_array_equal(net.predict(np.ones((5, 2))), np.zeros((5, 2)))
