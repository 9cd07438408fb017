"""States that are carried, returned and given, beside Keras's, where that is installed."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import numpy as np
import pytest

import pellucid as pl

if importlib.util.find_spec("keras") is None:
    pytest.skip("could not import 'keras'", allow_module_level=True)
os.environ.setdefault("KERAS_BACKEND", "jax")
keras: Any = pytest.importorskip("keras")

ROWS, STEPS, FEATURES, UNITS = 4, 5, 3, 6
KINDS = {"RNN": "SimpleRNN", "LSTM": "LSTM", "GRU": "GRU"}
# its PyTorch backend turns tensors into arrays in a way that NumPy 2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
kinds = pytest.mark.parametrize("kind", KINDS)


def fill(net: pl.Network, model: Any) -> None:
    """Give both the same random parameters, in the order of the layers; the gates of ours stand along an axis."""
    random = np.random.default_rng(0)
    arrays = []
    for path, array in net.parameters.items():
        net.parameters[path] = array = random.normal(scale=0.5, size=array.shape).astype(np.float32)
        arrays.append(array)
    theirs: list[np.ndarray] = []
    for path, array in zip(net.parameters, arrays, strict=True):
        if path.endswith("recurrent_bias"):
            theirs[-1] = np.stack([theirs[-1], array.reshape(-1)])
        elif "dense" in path:
            theirs.append(array)
        else:
            theirs.append(array.reshape(-1) if path.endswith("bias") else array.reshape(len(array), -1))
    model.set_weights(theirs)


def numbers(tensor: Any) -> np.ndarray:
    """What a backend computed, without its record of how."""
    array: np.ndarray = keras.ops.convert_to_numpy(tensor)
    return array


def sequences(parts: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(parts * ROWS, STEPS, FEATURES)).astype(np.float32)


@kinds
def test_states_that_are_carried(kind: str) -> None:
    net = pl.Network(
        getattr(pl, kind)(UNITS, return_sequences=True, stateful=True), pl.Dense(2), input_shape=(STEPS, FEATURES)
    )
    x = keras.Input(batch_shape=(ROWS, STEPS, FEATURES))
    y = getattr(keras.layers, KINDS[kind])(UNITS, return_sequences=True, stateful=True)(x)
    model = keras.Model(x, keras.layers.Dense(2)(y))
    fill(net, _Weights(model))
    data = sequences()
    for _ in range(2):  # as if it were two epochs
        expected = np.concatenate([numbers(model(part)) for part in np.split(data, 3)])
        np.testing.assert_allclose(net.predict(data, batch_size=ROWS), expected, rtol=1e-5, atol=1e-5)
    net.reset_states()
    model.layers[1].reset_states()
    np.testing.assert_allclose(net.predict(data[:ROWS]), numbers(model(data[:ROWS])), rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="compiled by JAX, Keras's fit carries no states")
@pytest.mark.parametrize("kind", ["RNN"])  # of LSTM and GRU, it writes over states that its gradient still needs
def test_training_with_carried_states(kind: str) -> None:
    """The losses of the steps, and what is learned, with plain gradient descent."""
    net = pl.Network(
        getattr(pl, kind)(UNITS, return_sequences=True, stateful=True), pl.Dense(2), input_shape=(STEPS, FEATURES)
    )
    x = keras.Input(batch_shape=(ROWS, STEPS, FEATURES))
    y = getattr(keras.layers, KINDS[kind])(UNITS, return_sequences=True, stateful=True)(x)
    model = keras.Model(x, keras.layers.Dense(2)(y))
    fill(net, _Weights(model))
    data = sequences()
    targets = np.random.default_rng(2).normal(size=(len(data), STEPS, 2)).astype(np.float32)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    theirs = model.fit(data, targets, batch_size=ROWS, epochs=3, shuffle=False, verbose=0).history["loss"]
    ours = net.fit(
        data, targets, batch_size=ROWS, epochs=3, shuffle=False, optimizer=pl.SGD(0.1), loss="mse", verbose=0
    )
    np.testing.assert_allclose(ours["loss"], theirs, rtol=1e-4)
    after = np.asarray(model.layers[-1].get_weights()[0])
    np.testing.assert_allclose(net.parameters["dense_1.kernel"], after, rtol=1e-4, atol=1e-5)


@kinds
@pytest.mark.parametrize("return_sequences", [False, True])
def test_states_that_are_returned_and_given(kind: str, return_sequences: bool) -> None:
    options = {"return_state": True, "return_sequences": return_sequences}
    a, b = pl.Input((STEPS, FEATURES)), pl.Input((STEPS, FEATURES))
    y, *states = getattr(pl, kind)(UNITS, **options)(a)
    z = getattr(pl, kind)(UNITS, return_sequences=True)(b, initial_state=states)
    net = pl.Network(inputs=[a, b], outputs=[y, *states, pl.Dense(2)(z)])
    c, d = keras.Input((STEPS, FEATURES)), keras.Input((STEPS, FEATURES))
    v, *ends = getattr(keras.layers, KINDS[kind])(UNITS, **options)(c)
    w = getattr(keras.layers, KINDS[kind])(UNITS, return_sequences=True)(d, initial_state=ends)
    model = keras.Model([c, d], [v, *ends, keras.layers.Dense(2)(w)])
    fill(net, _Weights(model))
    data = sequences()
    answers = list(net.predict([data, data[::-1]]).values())
    for mine, expected in zip(answers, model([data, data[::-1]]), strict=True):
        np.testing.assert_allclose(mine, numbers(expected), rtol=1e-5, atol=1e-5)


class _Weights:
    """The trainable weights of a model: Keras counts carried states among the others."""

    def __init__(self, model: Any) -> None:
        self._variables = model.trainable_variables

    def set_weights(self, arrays: list[np.ndarray]) -> None:
        for variable, array in zip(self._variables, arrays, strict=True):
            variable.assign(array)
