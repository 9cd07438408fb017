"""Recurrent networks, autoencoders, words and prices."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.data import Vocabulary, load, text_windows
from pellucid.plots import style

from . import drawing
from .images import show
from .neurons import arrow, circle, sheet, signed

BELL = np.array([1.0, 0, 0, 0, 0]).reshape(1, 5, 1)
ANIMALS = (
    "the cat sat on the mat . the dog sat on the rug . the bird sat on the tree . "
    "the cat ran to the mat . the dog ran to the rug . the bird ran to the tree . "
)


def bell(steps: int) -> Any:
    """A bell, and silence."""
    sound = np.zeros((1, steps, 1))
    sound[0, 0, 0] = 1
    return sound


def plain(steps: int) -> Any:
    net = pl.Network(pl.RNN(1, return_sequences=True), input_shape=(steps, 1), dtype="float64", engine="reference")
    net.parameters["rnn_1.kernel"] = [[1.0]]
    net.parameters["rnn_1.recurrent_kernel"] = [[0.5]]
    return net


def gated(steps: int) -> Any:
    net = pl.Network(pl.LSTM(1, return_sequences=True), input_shape=(steps, 1), dtype="float64", engine="reference")
    net.parameters["lstm_1.kernel"] = np.array([2.0, 0, 2, 0]).reshape(1, 4, 1)
    net.parameters["lstm_1.recurrent_kernel"] = np.zeros((1, 4, 1))
    net.parameters["lstm_1.bias"] = np.array([-1.0, 3, 0, 1]).reshape(4, 1)
    return net


@drawing
def rnn_unrolled() -> Any:
    states = plain(5).predict(bell(5)).ravel()
    figure, panel = sheet(7.4, 2.7, across=(-1.0, 9.0), up=(-0.7, 2.6))
    for step, state in enumerate(states):
        x = 2.0 * step
        panel.text(x, 2.3, f"step {step}", ha="center", color=style.faint(), fontsize=9)
        circle(panel, x, 1.5, f"{state:.2f}", size=0.42, color=style.series(0))
        circle(panel, x, 0, signed(float(BELL[0, step, 0])), size=0.3)
        arrow(panel, (x, 0.32), (x, 1.06), color=style.series(2))
        panel.text(x + 0.1, 0.62, "w = 1", fontsize=8, color=style.ink())
        if step:
            arrow(panel, (x - 1.56, 1.5), (x - 0.44, 1.5), color=style.series(1))
            panel.text(x - 1.0, 1.58, "u = 0.5", ha="center", fontsize=8, color=style.ink())
    return style.finished(figure, "")


@drawing
def lstm_against_rnn() -> Any:
    figure, (panel,) = style.panels(size=(6.2, 3.0))
    steps = 16
    panel.plot(plain(steps).predict(bell(steps)).ravel(), "o-", color=style.series(1), label="state of the plain unit")
    trace = gated(steps).trace(bell(steps))
    panel.plot(trace["lstm_1.cell"].ravel(), "s-", color=style.series(0), label="cell of the LSTM")
    panel.plot(trace["lstm_1.state"].ravel(), "--", color=style.series(0), label="state of the LSTM")
    panel.set(xlabel="steps after the bell", ylim=(-0.03, 0.85))
    style.legend(panel)
    return style.finished(figure, "")


@drawing
def gradient_reach() -> Any:
    heard = np.random.default_rng(0).normal(size=(20, 60, 4))
    figure, (panel,) = style.panels(size=(6.2, 3.0))
    for place, layer in enumerate((pl.RNN, pl.GRU, pl.LSTM)):
        net = pl.Network(layer(16), pl.Dense(1), input_shape=(60, 4), seed=0, engine="reference")
        slopes = net.trace(heard, np.zeros((20, 1)), loss="mse").gradient("input_1")
        size = np.sqrt((slopes**2).mean(axis=(0, 2)))
        panel.semilogy(np.arange(60), size[::-1] / size[-1], color=style.series(place), lw=1.8, label=layer.__name__)
    panel.set(xlabel="steps back", ylabel="slope, against that at the last step", ylim=(1e-10, 2))
    style.legend(panel)
    return style.finished(figure, "")


@cache
def autoencoder() -> tuple[Any, Any]:
    (x, _), _ = load("digits", images=False).split(test_size=0.2, seed=0)
    encoder = pl.Network(pl.Dense(32, activation="relu"), pl.Dense(2), input_shape=64, seed=0)
    decoder = pl.Network(pl.Dense(32, activation="relu"), pl.Dense(64, activation="sigmoid"), input_shape=2, seed=1)
    whole = pl.Network(encoder, decoder)
    whole.fit(x, x, epochs=20, optimizer=pl.Adam(0.005), loss="mse", verbose=0)
    return encoder, whole


@drawing
def digits_latent() -> Any:
    encoder, _ = autoencoder()
    digits = load("digits", images=False)
    places = encoder.predict(digits.x)
    figure, (panel,) = style.panels(size=(5.8, 4.4))
    for digit in range(10):
        some = places[digits.y == digit]
        color = "C5" if digit == 8 else ("C9" if digit == 9 else style.series(digit))
        panel.plot(*some.T, ".", color=color, markersize=3, alpha=0.7)
        panel.text(
            *np.median(some, axis=0),
            str(digit),
            fontsize=16,
            weight="bold",
            color=style.ink(),
            ha="center",
            va="center",
        )
    panel.set(xlabel="first number of the bottleneck", ylabel="second number")
    return style.finished(figure, "")


@drawing
def digits_rebuilt() -> Any:
    _, whole = autoencoder()
    _, (x_test, _) = load("digits", images=False).split(test_size=0.2, seed=0)
    figure, panels = style.panels(2, 8, size=(0.9, 0.95))
    rebuilt = whole.predict(x_test[:8])
    for column in range(8):
        show(panels[column], x_test[column].reshape(8, 8), "")
        show(panels[8 + column], rebuilt[column].reshape(8, 8), "")
    return style.finished(figure, "")


@cache
def animals() -> tuple[Any, Vocabulary]:
    vocabulary = Vocabulary.fit(ANIMALS, by="word")
    x, y = text_windows(vocabulary.encode(ANIMALS * 4), 12, step=3)
    net = pl.Network(
        pl.Embedding(len(vocabulary), 8),
        pl.LSTM(16, return_sequences=True),
        pl.Dense(len(vocabulary), activation="softmax"),
        input_shape=(12,),
        seed=0,
    )
    net.fit(x, y, epochs=100, optimizer=pl.Adam(0.02), verbose=0)
    return net, vocabulary


@drawing
def next_words() -> Any:
    net, vocabulary = animals()
    figure, panels = style.panels(1, 2, size=(3.7, 3.4))
    for panel, beginning in zip(panels, ("the dog sat on the", "the bird ran to the"), strict=True):
        reader = net.stepper()
        for token in vocabulary.encode(beginning):
            probabilities = reader([token])[0]
        panel.barh(range(len(vocabulary)), probabilities, color=style.series(0))
        style.marks(panel, vocabulary.tokens, axis="y", fontsize=8)
        panel.set(title=f"{beginning} …", xlim=(0, 1))
        panel.invert_yaxis()
    return style.finished(figure, "")


@drawing
def price_forecasts() -> Any:
    from pellucid.data import choose_changes, levels, load_series, series_windows, walk_forward

    series = load_series("google")
    windows = series_windows(levels(series.values, choose_changes(series.values)), window=20)
    ((past, future),) = walk_forward(windows, test_size=0.2, folds=1)
    scale = windows.y[past].std()
    net = pl.Network(pl.LSTM(8), pl.Dense(1), input_shape=(20, 1), seed=0)
    net.fit(windows.x[past] / scale, windows.y[past] / scale, epochs=3, loss="mse", verbose=0)
    changes = (net.predict(windows.x[future] / scale) * scale).ravel()[-40:]
    prices = series.values[:, 0]
    today = prices[-41:-1]
    figure, (panel,) = style.panels(size=(6.6, 3.2))
    panel.plot(prices[-40:], color=style.ink(), lw=2, label="price")
    panel.plot(today * np.exp(changes), color=style.series(0), lw=1.5, label="network")
    panel.plot(today, "--", color=style.series(1), lw=1.5, label="tomorrow as today")
    panel.set(xlabel="day", ylabel="dollars")
    style.legend(panel)
    return style.finished(figure, "")


@drawing
def extrapolation() -> Any:
    x = np.linspace(-3, 3, 200)[:, None]
    net = pl.Network(pl.Dense(24, activation="tanh"), pl.Dense(1), input_shape=1, seed=0)
    net.fit(x, np.sin(x), epochs=150, optimizer=pl.Adam(0.02), loss="mse", verbose=0)
    wide = np.linspace(-10, 10, 401)
    figure, (panel,) = style.panels(size=(6.4, 3.0))
    panel.plot(wide, np.sin(wide), color=style.faint(), lw=2, label="sine")
    panel.plot(wide, net.predict(wide[:, None]).ravel(), color=style.series(0), lw=2, label="network")
    for end in (-3, 3):
        panel.axvline(end, color=style.ink(), ls="--", lw=1)
    style.legend(panel)
    return style.finished(figure, "")


@drawing
def fooled() -> Any:
    digits = load("digits")
    (x, y), _ = digits.split(test_size=0.25, seed=0)
    net = pl.Network(
        pl.Flatten(),
        pl.Dense(25, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(8, 8, 1),
        seed=0,
    )
    net.fit(x, y, epochs=8, batch_size=32, optimizer=pl.Adam(0.01), verbose=0)
    seven = digits.x[7:8]
    slope = net.trace(seven, np.array([7])).gradient("input_1")
    figure, panels = style.panels(1, 3, size=(2.1, 2.3))
    for panel, amount in zip(panels, (0.0, 0.1, 0.2), strict=True):
        changed = np.clip(seven + amount * np.sign(slope), 0, 1)
        answer = net.predict(changed)[0]
        show(panel, changed[0, :, :, 0], f'"{answer.argmax()}", {answer.max():.0%}')
    return style.finished(figure, "")
