"""The labs that the site embeds, each a function that opens one without showing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.data import TOYS, load, text_windows
from pellucid.lab import gallery
from pellucid.lab.handle import Lab

LABS: dict[str, Callable[[], Any]] = {}
DAYS = np.array([[2, 1, 0.5], [3, 0, 1], [1, 2, 1], [2.5, 0, 0], [0.5, 0, 2], [1.5, 3, 0.5]])
WALKED = np.array([1, 1, 0, 1, 0, 0])


def lab(function: Callable[[], Any]) -> Callable[[], Any]:
    LABS[function.__name__] = function
    return function


@lab
def spirals() -> Any:
    """The lab of the first page: two spirals, learned."""
    points, test = TOYS["spirals"](400, noise=0.03, seed=1), TOYS["spirals"](200, noise=0.03, seed=2)
    net = pl.Network(
        pl.Dense(16, activation="tanh"),
        pl.Dense(16, activation="tanh"),
        pl.Dense(2, activation="softmax"),
        input_shape=2,
        seed=1,
    )
    net.fit(points.x, points.y, epochs=60, optimizer=pl.Adam(0.02), verbose=0)
    return net.lab(
        points.x,
        points.y,
        validation_data=(test.x, test.y),
        optimizer=pl.Adam(0.02),
        title={"en": "Two spirals", "zh": "双螺旋"},
    )


def walk(activation: str) -> Any:
    """The neuron of the first chapters, with the six days."""
    net = pl.Network(pl.Dense(1, activation=activation), input_shape=3, seed=1)
    net.parameters["dense_1.kernel"] = [[1.0], [-1.5], [-1.0]]
    net.parameters["dense_1.bias"] = [0.5]
    loss = "crossentropy" if activation == "sigmoid" else "mse"
    return net.lab(
        DAYS,
        WALKED,
        loss=loss,
        optimizer=pl.SGD(0.5),
        batch_size=6,
        title={"en": "A day for a walk?", "zh": "今天适合散步吗？"},
    )


@lab
def neuron() -> Any:
    return walk("linear")


@lab
def stairs() -> Any:
    """Three neurons with a step, and behind them one with a sigmoid: nothing before the steps is learned."""
    net = pl.Network(pl.Dense(3, activation="step"), pl.Dense(1, activation="sigmoid"), input_shape=3, seed=1)
    return net.lab(
        DAYS,
        WALKED,
        loss="crossentropy",
        optimizer=pl.SGD(0.3),
        batch_size=6,
        title={"en": "Nothing in front of a step learns", "zh": "阶跃函数前面的什么也学不到"},
    )


@lab
def sigmoid() -> Any:
    return walk("sigmoid")


@lab
def tanh() -> Any:
    return walk("tanh")


@lab
def relu() -> Any:
    return walk("relu")


def three_three_one() -> pl.Network:
    """The network that the chapters work out by hand."""
    net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(1, activation="sigmoid"), input_shape=3)
    net.parameters["dense_1.kernel"] = [[1.0, 0.5, -1.0], [-1.5, 1.0, 0.0], [-1.0, -0.5, 2.0]]
    net.parameters["dense_1.bias"] = [0.5, -1.0, 1.0]
    net.parameters["dense_2.kernel"] = [[1.0], [-1.0], [0.5]]
    net.parameters["dense_2.bias"] = [0.25]
    return net


@lab
def layers() -> Any:
    return three_three_one().lab(
        DAYS,
        WALKED,
        loss="crossentropy",
        optimizer=pl.SGD(0.1),
        batch_size=6,
        title={"en": "Three inputs, three units, one output", "zh": "三个输入，三个单元，一个输出"},
    )


@lab
def learning() -> Any:
    return three_three_one().lab(
        DAYS[:1],
        WALKED[:1],
        loss="crossentropy",
        optimizer=pl.SGD(0.1),
        batch_size=1,
        title={"en": "One day, one step", "zh": "一天，一步"},
    )


@lab
def vanishing() -> Any:
    """Eight layers of sigmoids, which will not learn."""
    points = TOYS["moons"](400, noise=0.1, seed=1)
    hidden = [pl.Dense(16, activation="sigmoid", kernel_initializer="he_normal") for _ in range(8)]
    net = pl.Network(*hidden, pl.Dense(2, activation="softmax"), input_shape=2, seed=1)
    return net.lab(
        points.x,
        points.y,
        optimizer=pl.SGD(0.05),
        title={"en": "A deep stack that will not learn", "zh": "学不会的深层网络"},
    )


def reader() -> tuple[Any, Any, Any]:
    """The network that reads digits, trained; what it learned from, and its test data."""
    (x, y), test = load("digits").split(test_size=0.25, seed=0)
    net = pl.Network(
        pl.Conv2D(8, 3, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, 3, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(10, activation="softmax"),
        input_shape=(8, 8, 1),
        seed=0,
    )
    net.fit(x, y, epochs=8, batch_size=32, optimizer=pl.Adam(0.01), verbose=0)
    return net, (x, y), test


@lab
def digits() -> Any:
    """A convolutional network that reads digits, and the digits."""
    net, (x, y), test = reader()
    return net.lab(
        x, y, validation_data=test, optimizer=pl.Adam(0.01), title={"en": "Handwritten digits", "zh": "手写数字"}
    )


def heard(layer: Any, title: dict[str, str]) -> Any:
    """A recurrent layer of one unit that hears a bell, and silence."""
    net = pl.Network(layer, input_shape=(5, 1), seed=0)
    if "rnn_1.kernel" in net.parameters:
        net.parameters["rnn_1.kernel"] = [[1.0]]
        net.parameters["rnn_1.recurrent_kernel"] = [[0.5]]
    else:
        net.parameters["lstm_1.kernel"] = np.array([2.0, 0, 2, 0]).reshape(1, 4, 1)
        net.parameters["lstm_1.recurrent_kernel"] = np.zeros((1, 4, 1))
        net.parameters["lstm_1.bias"] = np.array([-1.0, 3, 0, 1]).reshape(4, 1)
    bell = np.array([1.0, 0, 0, 0, 0]).reshape(1, 5, 1)
    return net.lab(bell, np.zeros((1, 5, 1)), loss="mse", optimizer=pl.SGD(0.1), title=title)


@lab
def bell() -> Any:
    return heard(
        pl.RNN(1, return_sequences=True), {"en": "A bell, and a plain recurrent unit", "zh": "铃声与普通循环单元"}
    )


@lab
def bell_lstm() -> Any:
    return heard(pl.LSTM(1, return_sequences=True), {"en": "A bell, and an LSTM", "zh": "铃声与 LSTM"})


@lab
def latent() -> Any:
    """Digits through two numbers."""
    (x, _), (x_test, _) = load("digits").split(test_size=0.2, seed=0)
    net = pl.Network(
        pl.Flatten(),
        pl.Dense(32, activation="relu"),
        pl.Dense(2),
        pl.Dense(32, activation="relu"),
        pl.Dense(64, activation="sigmoid"),
        pl.Reshape((8, 8, 1)),
        input_shape=(8, 8, 1),
        seed=1,
    )
    net.fit(x, x, epochs=20, optimizer=pl.Adam(0.005), loss="mse", verbose=0)
    return net.lab(
        x,
        validation_data=(x_test, x_test),
        loss="mse",
        optimizer=pl.Adam(0.005),
        title={"en": "Digits through two numbers", "zh": "用两个数表示手写数字"},
    )


@lab
def prices() -> Any:
    """Twenty days of a share, and what a recurrent network makes of the next."""
    task = gallery.build("prices")
    net = pl.Network.restored(task.net.config())
    for path, value in task.net.parameters.items():
        net.parameters[path] = value
    net.fit(task.x, task.y, epochs=10, optimizer=task.optimizer, loss=task.loss, verbose=0)
    return Lab(replace(task, net=net))


@lab
def animals() -> Any:
    """The three animals and their places, word by word."""
    from figures.sequences import ANIMALS
    from figures.sequences import animals as trained

    net, vocabulary = trained()
    x, y = text_windows(vocabulary.encode(ANIMALS * 4), 12, step=3)
    return net.lab(
        x, y, vocabulary=vocabulary, optimizer=pl.Adam(0.02), title={"en": "Cat, dog and bird", "zh": "猫、狗和鸟"}
    )
