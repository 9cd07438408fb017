"""The pictures of the gallery, which the tests draw too: `python -m tests.plots.gallery docs/gallery` writes them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import pellucid as pl
from pellucid.data import TOYS, load
from pellucid.explain import Trace, Watch
from pellucid.layers import GRU, LSTM, RNN

PICTURES: dict[str, Callable[[], Any]] = {}
network_of = partial(pl.Network, engine="reference")  # many small networks: compiling each would take the most time


def picture(function: Callable[[], Any]) -> Callable[[], Any]:
    """Put a picture into the gallery."""
    PICTURES[function.__name__] = function
    return function


@contextmanager
def theme(name: str) -> Iterator[None]:
    """Drawn for a light or for a dark page, as matplotlib's own styles say."""
    import matplotlib.style

    with matplotlib.style.context("dark_background" if name == "dark" else "default"):
        yield


@cache
def digits() -> tuple[pl.Network, pl.History, Watch, Any, Any]:
    """A small convolutional network on the digits, trained under watch."""
    data = load("digits")
    (x, y), (x_test, y_test) = data.split(test_size=0.2, seed=0)
    net = network_of(
        pl.Conv2D(6, kernel_size=3, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(8, kernel_size=3, activation="tanh"),
        pl.Flatten(),
        pl.Dense(16, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(8, 8, 1),
        seed=0,
    )
    watch = Watch()
    history = net.fit(
        x,
        y,
        epochs=5,
        metrics=["accuracy"],
        optimizer=pl.Adam(5e-3),
        validation_data=(x_test, y_test),
        callbacks=[watch],
        verbose=0,
    )
    return net, history, watch, x_test, y_test


@cache
def moons() -> tuple[pl.Network, Any, Any]:
    data = TOYS["moons"](300, seed=0)
    net = network_of(pl.Dense(12, activation="tanh"), pl.Dense(2, activation="softmax"), input_shape=2, seed=0)
    net.fit(data.x, data.y, epochs=40, optimizer=pl.Adam(0.02), verbose=0)
    return net, data.x, data.y


@cache
def waves() -> Trace:
    """An LSTM, and a plain recurrent network beside it, that read a wave."""
    rng = np.random.default_rng(0)
    t = np.linspace(0, 4 * np.pi, 24)
    x = (np.sin(t + rng.uniform(0, 6, (40, 1))) + 0.1 * rng.normal(size=(40, 24)))[..., None].astype(np.float32)
    net = network_of(LSTM(6, return_sequences=True), RNN(6), pl.Dense(1), input_shape=(24, 1), seed=0)
    y = np.sin(t[-1] + 0.5) + x[:, -1, 0]
    net.fit(x, y, epochs=3, verbose=0)
    return net.trace(x, y)


@picture
def loss_curves() -> Any:
    return digits()[1].plot()


@picture
def network() -> Any:
    return digits()[0].plot()


@picture
def small_network() -> Any:
    """The network of three inputs, three hidden units and one output with which texts on the subject begin."""
    net = network_of(pl.Dense(3, activation="sigmoid"), pl.Dense(1, activation="sigmoid"), input_shape=3, seed=4)
    net.parameters["dense_1.bias"] = [0.4, -0.8, 0.1]
    net.parameters["dense_2.bias"] = [-0.3]
    return net.plot()


@picture
def network_graph() -> Any:
    start = pl.Input((12, 3))
    read = LSTM(8, return_sequences=True)(start)
    both = pl.Add()(read, pl.Dense(8)(start))
    return network_of(inputs=start, outputs=pl.Dense(2, activation="softmax")(GRU(8)(both)), name="forecaster").plot()


@picture
def kernels() -> Any:
    net, _, _, x, y = digits()
    return net.trace(x[:1], y[:1]).plot("conv2d_1.kernel")


@picture
def kernel_gradients() -> Any:
    net, _, _, x, y = digits()
    return net.trace(x[:64], y[:64]).plot("d(conv2d_1.kernel)")


@picture
def feature_maps() -> Any:
    net, _, _, x, _ = digits()
    return net.trace(x[:1]).plot("conv2d_1")


@picture
def one_unit() -> Any:
    net, _, _, x, _ = digits()
    return net.explain("dense_2.sum", unit=7, x=x[0]).plot()


@picture
def activation_and_receptive_field() -> Any:
    net, _, _, x, _ = digits()
    return net.explain("conv2d_2", index=(1, 1, 3), x=x[0]).plot()


@picture
def activation_curve() -> Any:
    from pellucid.explain.figures import curve_of
    from pellucid.plots import activation_curve, style

    net = network_of(pl.Dense(3, activation="gelu"), input_shape=2, seed=1)
    found = net.explain("dense_1", unit=1, x=np.array([0.5, -1.5]))
    line = curve_of(found.point.expression(), found.point.values)
    assert line is not None
    figure, (panel,) = style.panels()
    activation_curve.draw_curve(panel, *line[:3], at=line[3], name="gelu")
    return style.finished(figure, activation_curve.caption("gelu", line[3]), None)


@picture
def gradient_explained() -> Any:
    net, _, _, x, y = digits()
    return net.explain("conv2d_1.kernel", index=(1, 1, 0, 2), x=x[0], y=y[0]).plot()


@picture
def receptive_field() -> Any:
    from pellucid.plots import image_grids, style

    net, _, _, x, _ = digits()
    found = net.explain("conv2d_2", index=(1, 1, 0), x=x[3])
    figure, (panel,) = style.panels(size=(4.2, 4.4))
    mask = found.field["input_1"][0].any(axis=-1)
    image_grids.draw_field(panel, x[3], mask, title="conv2d_2 [1, 1]")
    return style.finished(figure, image_grids.field_caption(mask), None)


@picture
def gradient_flow() -> Any:
    return digits()[2].flows[-1].plot()


@picture
def watched() -> Any:
    return digits()[2].plot()


@picture
def reach() -> Any:
    from pellucid.plots.gradient_flow import reach_figure

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 30, 2)), rng.integers(0, 2, 32)
    found = {}
    for layer in (LSTM(8), GRU(8), RNN(8)):
        net = network_of(layer, pl.Dense(2, activation="softmax"), input_shape=(30, 2), seed=0)
        for span in net.flow(x, y).reach:
            found[span.path] = span.norms
    return reach_figure(found)


@picture
def lstm_gates() -> Any:
    return waves().plot("lstm_1")


@picture
def rnn_states() -> Any:
    return waves().plot("rnn_1.state")


@picture
def latent_space() -> Any:
    net, _, _, x, y = digits()
    return net.trace(x).plot_latent("dense_1", y)


@picture
def decision_boundary() -> Any:
    net, x, y = moons()
    return net.plot_boundary(x, y)


@picture
def confusion() -> Any:
    net, _, _, x, y = digits()
    return net.plot_confusion(x, y)


@picture
def forecast() -> Any:
    from pellucid.plots.forecasts import forecast_figure

    rng = np.random.default_rng(0)
    truth = np.cumsum(rng.normal(size=150)) + 100
    guesses = {"lstm": truth + rng.normal(size=150), "tomorrow = today": np.roll(truth, 1)}
    return forecast_figure(np.datetime64("2024-01-01") + np.arange(150), truth, guesses, title="one day ahead")


def write(folder: Path) -> None:
    """Every picture for a light and for a dark page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        for page in ("light", "dark"):
            with theme(page):
                draw().savefig(drawn := io.BytesIO(), dpi=110)
            few = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)  # a third of the bytes
            few.save(folder / f"{name}-{page}.png", optimize=True)
        print(f"drew {name}")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
