"""Networks of layers, and how they learn."""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pl
from pellucid.plots import style

from . import drawing
from .neurons import DAYS, WALKED, arrow, circle, sheet, sign_color, signed


def three_three_one() -> Any:
    """The network that the chapters work out by hand."""
    net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(1, activation="sigmoid"), input_shape=3, dtype="float64")
    net.parameters["dense_1.kernel"] = [[1.0, 0.5, -1.0], [-1.5, 1.0, 0.0], [-1.0, -0.5, 2.0]]
    net.parameters["dense_1.bias"] = [0.5, -1.0, 1.0]
    net.parameters["dense_2.kernel"] = [[1.0], [-1.0], [0.5]]
    net.parameters["dense_2.bias"] = [0.25]
    return net


@drawing
def network_three_three_one() -> Any:
    net = three_three_one()
    trace = net.trace(DAYS[:1])
    columns = [DAYS[0], trace["dense_1"][0], trace["dense_2"][0]]
    kernels = [net.parameters["dense_1.kernel"], net.parameters["dense_2.kernel"]]
    places = [
        [(3.0 * layer, 2.6 - 1.3 * k + (-1.3 if len(c) == 1 else 0)) for k in range(len(c))]
        for layer, c in enumerate(columns)
    ]
    figure, panel = sheet(7.2, 3.9, across=(-1.6, 7.0), up=(-0.75, 3.7))
    for layer, kernel in enumerate(kernels):
        for i, start in enumerate(places[layer]):
            for o, end in enumerate(places[layer + 1]):
                weight = float(kernel[i, o])
                if weight == 0:
                    continue
                way = np.subtract(end, start)
                near, far = (np.add(start, way * part / np.hypot(*way)) for part in (0.36, np.hypot(*way) - 0.38))
                arrow(panel, tuple(near), tuple(far), color=sign_color(weight), width=0.6 + abs(weight))
                at = np.add(start, way * (0.24 if layer == 0 else 0.4))
                panel.text(*at, signed(weight), fontsize=8.5, color=style.ink(), ha="center", va="bottom")
    for k, name in enumerate(("warmth", "rain", "wind")):
        panel.text(-0.5, places[0][k][1], name, ha="right", va="center", color=style.ink())
    for layer, column in enumerate(columns):
        for place, value in zip(places[layer], column, strict=True):
            circle(panel, *place, signed(float(value)))
    for layer, name in enumerate(("inputs", "hidden layer", "output")):
        panel.text(3.0 * layer, 3.3, name, ha="center", color=style.ink(), fontsize=11)
    for layer, path in ((1, "dense_1.bias"), (2, "dense_2.bias")):
        for place, value in zip(places[layer], net.parameters[path], strict=True):
            panel.text(
                place[0],
                place[1] - 0.42,
                f"bias {signed(float(value))}",
                ha="center",
                va="top",
                fontsize=8,
                color=style.faint(),
            )
    return style.finished(figure, "")


@drawing
def xor_lines() -> Any:
    net = pl.Network(pl.Dense(2, activation="step"), pl.Dense(1, activation="step"), input_shape=2)
    net.parameters["dense_1.kernel"] = [[1.0, 1.0], [1.0, 1.0]]
    net.parameters["dense_1.bias"] = [-0.5, -1.5]
    net.parameters["dense_2.kernel"] = [[1.0], [-1.0]]
    net.parameters["dense_2.bias"] = [-0.5]
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    across = np.linspace(-0.4, 1.4, 181)
    grid = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    yes = net.predict(grid).reshape(len(across), -1)
    figure, (panel,) = style.panels(size=(3.8, 3.5))
    panel.contourf(across, across, yes, levels=[-0.5, 0.5, 1.5], colors=[style.series(1), style.series(0)], alpha=0.25)
    for bias in (0.5, 1.5):
        panel.plot(across, bias - across, color=style.ink(), lw=1.2)
    for corner, answer in zip(corners, net.predict(corners).ravel(), strict=True):
        panel.plot(*corner, "o" if answer else "s", color=style.series(0 if answer else 1), markersize=11)
        panel.annotate(f"{answer:g}", corner, (9, 9), textcoords="offset points", color=style.ink())
    panel.set(xlim=(-0.4, 1.4), ylim=(-0.4, 1.4), aspect="equal", xlabel="first input", ylabel="second input")
    return style.finished(figure, "")


@drawing
def descent() -> Any:
    """The loss over one weight, and steps down it."""
    net = three_three_one()
    start = np.array(net.parameters["dense_2.kernel"])

    def at(weight: float) -> tuple[float, float]:
        kernel = start.copy()
        kernel[0, 0] = weight
        net.parameters["dense_2.kernel"] = kernel
        loss, slopes = net.gradients(DAYS[:1], WALKED[:1], loss="crossentropy")
        return loss, float(slopes["dense_2.kernel"][0, 0])

    weights = np.linspace(-4, 8, 121)
    figure, (panel,) = style.panels(size=(6.2, 3.2))
    panel.plot(weights, [at(w)[0] for w in weights], color=style.series(0), lw=2)
    here, rate = -2.0, 5.0
    steps = [here]
    for _ in range(5):
        steps.append(steps[-1] - rate * at(steps[-1])[1])
    losses = [at(w)[0] for w in steps]
    loss, slope = at(here)
    reach = np.array([here - 1.4, here + 2.6])
    panel.plot(
        reach, loss + slope * (reach - here), "--", color=style.series(3), lw=1.5, label="the slope at the start"
    )
    panel.plot(steps, losses, "o-", color=style.series(1), lw=1, label="steps of gradient descent")
    panel.set(xlabel="weight from hidden unit 1 to the output", ylabel="loss on day 1")
    style.legend(panel)
    return style.finished(figure, "")


@drawing
def six_days_learned() -> Any:
    figure, (panel,) = style.panels(size=(6.2, 3.2))
    for place, rate in enumerate((0.01, 0.3, 30.0)):
        net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(1, activation="sigmoid"), input_shape=3, seed=0)
        history = net.fit(
            DAYS, WALKED, epochs=200, batch_size=6, optimizer=pl.SGD(rate), loss="crossentropy", verbose=0
        )
        panel.plot(
            np.maximum(history["loss"], 1e-4), color=style.series(place), lw=1.8, label=f"learning rate {rate:g}"
        )
    panel.set(yscale="log", xlabel="epoch", ylabel="loss")
    style.legend(panel)
    return style.finished(figure, "")


def deep(activation: str, layers: int, width: int, *, inputs: int, seed: int = 1) -> Any:
    hidden = [pl.Dense(width, activation=activation, kernel_initializer="he_normal") for _ in range(layers)]
    return pl.Network(*hidden, pl.Dense(1, activation="sigmoid"), input_shape=inputs, seed=seed, engine="reference")


@drawing
def vanishing() -> Any:
    figure, (panel,) = style.panels(size=(6.2, 3.4))
    for place, activation in enumerate(("sigmoid", "tanh", "relu")):
        _, slopes = deep(activation, 20, 16, inputs=3).gradients(DAYS, WALKED, loss="crossentropy")
        sizes = [np.sqrt((slopes[f"dense_{k}.kernel"] ** 2).mean()) for k in range(1, 21)]
        panel.semilogy(range(1, 21), sizes, "o-", color=style.series(place), markersize=4, label=activation)
    panel.set(xlabel="layer", ylabel="size of the gradient", xticks=[1, 5, 10, 15, 20])
    style.legend(panel)
    return style.finished(figure, "")


@drawing
def spirals_by_depth() -> Any:
    from pellucid.data import spirals

    points = spirals(300, noise=0.03, seed=1)
    across = np.linspace(-1.15, 1.15, 121)
    grid = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    figure, panels = style.panels(1, 3, size=(2.7, 2.8))
    for layers, panel in enumerate(panels, 1):
        hidden = [pl.Dense(8, activation="tanh") for _ in range(layers)]
        net = pl.Network(*hidden, pl.Dense(1, activation="sigmoid"), input_shape=2, seed=1)
        net.fit(points.x, points.y, epochs=150, optimizer=pl.Adam(0.02), loss="crossentropy", verbose=0)
        yes = net.predict(grid).reshape(len(across), -1)
        panel.contourf(
            across, across, yes, levels=[-0.01, 0.5, 1.01], colors=[style.series(1), style.series(0)], alpha=0.3
        )
        for label, mark in ((0, "s"), (1, "o")):
            some = points.x[points.y == label]
            panel.plot(*some.T, mark, color=style.series(1 - label), markersize=2.5, lw=0)
        panel.set(title=f"{layers} hidden layer{'s' * (layers > 1)}", aspect="equal")
        style.bare(panel)
    return style.finished(figure, "")
