"""Receptive fields are what perturbing the input finds."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.explain import trace
from pellucid.explain.receptive import receptive_field
from pellucid.layers import (
    LSTM,
    RNN,
    Add,
    AveragePool1D,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Input,
    Reshape,
)
from pellucid.network import BaseNetwork


def perturbed(net: BaseNetwork, x: np.ndarray, path: str, index: tuple[int, ...]) -> np.ndarray:
    """Which input elements change the value when they are moved by a lot, either way."""
    before = trace(net, x)[path][index]
    found = np.zeros(x.shape, bool)
    for place in np.ndindex(x.shape):
        for by in (-3.0, 3.0):
            moved = x.copy()
            moved[place] += by
            found[place] |= bool(trace(net, moved)[path][index] != before)
    return found


def local() -> BaseNetwork:
    """A graph in which values see parts of the input only."""
    x = Input((3, 2))
    steps = Dense(2, activation="tanh")(x)
    return BaseNetwork(inputs=x, outputs=Add()(steps, Dense(2)(x)), seed=1)


@pytest.mark.parametrize(
    "net",
    [
        local(),
        BaseNetwork(Dense(3, activation="tanh"), Flatten(), input_shape=(4, 2), seed=2),
        BaseNetwork(
            Dense(3, activation="sigmoid"), Reshape((6,)), Reshape((3, 2)), Dense(2), input_shape=(2, 2), seed=3
        ),
        BaseNetwork(
            Conv2D(2, 3, strides=2, padding="same", activation="tanh"), Conv2D(1, 2), input_shape=(6, 5, 1), seed=4
        ),
        BaseNetwork(Conv1D(2, 2, dilation_rate=2, activation="tanh"), AveragePool1D(2), input_shape=(8, 2), seed=5),
        BaseNetwork(ConvTranspose2D(2, 2, strides=2, activation="tanh"), Conv2D(2, 2), input_shape=(3, 3, 1), seed=6),
        BaseNetwork(RNN(3, return_sequences=True), input_shape=(5, 2), seed=7),
        BaseNetwork(LSTM(3, return_sequences=True, go_backwards=True), input_shape=(4, 2), seed=8),
    ],
    ids=["graph", "flatten", "reshape", "convolution", "dilated", "transposed", "rnn", "backwards"],
)
def test_fields_equal_what_perturbation_finds(net: BaseNetwork) -> None:
    rng = np.random.default_rng(0)
    (shape,) = net.input_shapes.values()
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    run = trace(net, x)
    for path in net.output_shapes:
        for _ in range(4):
            index = tuple(int(rng.integers(0, n)) for n in run[path].shape)
            field = run.explain(path, index=index).field["input_1"]
            np.testing.assert_array_equal(field, perturbed(net, x, path, index))


def test_a_flattened_picture_is_followed_place_by_place() -> None:
    """All pairs of a place and its row would be 12,544² of them."""
    net = BaseNetwork(Conv2D(4, 3, padding="same"), Flatten(), Dense(3), input_shape=(56, 56, 1), seed=1)
    x = np.random.default_rng(0).normal(size=(1, 56, 56, 1)).astype(np.float32)
    run = trace(net, x, np.zeros((1, 3), np.float32), loss="mse")
    assert run.explain("dense_1", index=(1,)).field["input_1"].all()
    field = run.explain("flatten_1", index=((20 * 56 + 30) * 4 + 1,)).field["input_1"][0, :, :, 0]
    places = np.argwhere(field)
    assert places.min(axis=0).tolist() == [19, 29] and places.max(axis=0).tolist() == [21, 31] and field.sum() == 9
    assert run.explain("d(conv2d_1.kernel)", index=(1, 1, 0, 2)).field["input_1"].all()


def test_only_the_inputs_that_are_asked_for_have_a_field() -> None:
    net = BaseNetwork(Dense(4, activation="relu"), Dense(2), input_shape=(3,), seed=1)
    run = trace(net, np.ones((2, 3), np.float32))
    values = {run.tensor(path): run[path] for path in run}
    tensor = run.tensor("dense_2")
    assert set(receptive_field(run.program, values, tensor, (1, 0), ["input_1"])) == {"input_1"}
    every = receptive_field(run.program, values, tensor, (1, 0))
    np.testing.assert_array_equal(every["input_1"], [[False] * 3, [True] * 3])
    np.testing.assert_array_equal(every["dense_2.kernel"], [[True, False]] * 4)
    assert every["dense_1.kernel"].all()
