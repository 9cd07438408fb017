"""One neuron and its activation functions."""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pl
from pellucid.experiments.curves import curve
from pellucid.plots import style

from . import drawing

DAYS = np.array([[2, 1, 0.5], [3, 0, 1], [1, 2, 1], [2.5, 0, 0], [0.5, 0, 2], [1.5, 3, 0.5]])
WALKED = np.array([1, 1, 0, 1, 0, 0])
INPUTS = ("warmth", "rain", "wind")


def signed(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def circle(panel: Any, x: float, y: float, text: str, *, size: float = 0.32, color: str | None = None) -> None:
    from matplotlib.patches import Circle

    panel.add_patch(Circle((x, y), size, fill=False, lw=1.8, ec=color or style.ink()))
    panel.text(x, y, text, ha="center", va="center", color=style.ink(), fontsize=11)


def arrow(panel: Any, start: tuple[float, float], end: tuple[float, float], *, color: str, width: float = 1.6) -> None:
    panel.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": color, "lw": width, "shrinkA": 0, "shrinkB": 0}
    )


def sheet(width: float, height: float, *, across: tuple[float, float], up: tuple[float, float]) -> tuple[Any, Any]:
    """A panel without axes, for diagrams."""
    figure, (panel,) = style.panels(size=(width, height))
    panel.set(xlim=across, ylim=up, aspect="equal")
    panel.axis("off")
    return figure, panel


def sign_color(value: float) -> str:
    return style.series(0) if value >= 0 else style.series(1)


@drawing
def neuron_diagram() -> Any:
    """The neuron of the first day, with every number that passes through it."""
    net = pl.Neuron([1.0, -1.5, -1.0], bias=0.5)
    x, w = DAYS[0], np.asarray(net.parameters["dense_1.kernel"])[:, 0]
    total = net(x)
    figure, panel = sheet(7.2, 3.6, across=(-1.6, 6.6), up=(-0.6, 3.4))
    for k, (name, value, weight) in enumerate(zip(INPUTS, x, w, strict=True)):
        height = 2.7 - 1.2 * k
        panel.text(-0.55, height, name, ha="right", va="center", color=style.ink())
        circle(panel, 0, height, signed(value))
        arrow(panel, (0.34, height), (3.1, 1.5 + 0.16 * (1 - k)), color=sign_color(weight), width=1 + abs(weight))
        panel.text(
            1.5, height + 0.30 * (1.2 - k) * 0.6 - 0.02, f"× {signed(weight)} = {signed(value * weight)}",
            color=style.ink(), ha="center", va="bottom", fontsize=10, rotation=0,
        )  # fmt: skip
    circle(panel, 3.5, 1.5, "Σ", size=0.4)
    panel.text(3.5, 0.8, f"bias {signed(0.5)}", ha="center", va="top", color=style.ink(), fontsize=10)
    arrow(panel, (3.9, 1.5), (5.2, 1.5), color=style.ink())
    panel.text(5.35, 1.5, f"z = {signed(total)}", va="center", color=style.ink(), fontsize=13)
    return style.finished(figure, "")


@drawing
def neuron_days() -> Any:
    """The sums of the six days, bar by bar."""
    net = pl.Neuron([1.0, -1.5, -1.0], bias=0.5)
    sums = net(DAYS)
    figure, (panel,) = style.panels(size=(6.4, 2.8))
    panel.bar(range(len(sums)), sums, color=[sign_color(v) for v in sums])
    panel.axhline(0, color=style.ink(), lw=1)
    for k, value in enumerate(sums):
        panel.text(k, value, signed(value), ha="center", va="bottom" if value >= 0 else "top", color=style.ink())
    style.marks(panel, [f"day {k + 1}\n{'walked' if yes else 'stayed'}" for k, yes in enumerate(WALKED)])
    panel.set(ylabel="z")
    panel.margins(y=0.18)
    return style.finished(figure, "")


@drawing
def step_staircase() -> Any:
    """The number of wrong days against one weight, for a step, and the loss of a sigmoid beside it."""
    weights = np.linspace(-3, 3, 241)
    wrong, loss = [], []
    for weight in weights:
        answers = pl.Neuron([1.0, weight, -1.0], bias=0.5, activation="step", engine="reference")(DAYS)
        smooth = pl.Neuron([1.0, weight, -1.0], bias=0.5, activation="sigmoid", engine="reference")(DAYS)
        wrong.append(np.mean(answers != WALKED))
        loss.append(np.mean((smooth - WALKED) ** 2))
    figure, (stairs, slope) = style.panels(1, 2, size=(3.9, 2.9))
    stairs.plot(weights, wrong, color=style.series(0), lw=2)
    stairs.set(title="step", xlabel="weight of rain", ylabel="share of wrong days")
    slope.plot(weights, loss, color=style.series(1), lw=2)
    slope.set(title="smooth", xlabel="weight of rain", ylabel="mean squared error")
    return style.finished(figure, "")


def both(name: str, low: float, high: float, *, at: float | None = None) -> Any:
    """An activation and its slope."""
    z = np.linspace(low, high, 481)
    a, slope = curve(name, z)
    figure, (values, slopes) = style.panels(1, 2, size=(3.9, 2.9))
    values.plot(z, a, color=style.series(0), lw=2)
    values.set(title=f"{name}(z)", xlabel="z")
    slopes.plot(z, slope, color=style.series(3), lw=2)
    slopes.set(title="its slope", xlabel="z")
    if at is not None:
        (height,), (rise,) = curve(name, [at])
        reach = np.array([at - 2.5, at + 2.5])
        values.plot(reach, height + rise * (reach - at), "--", color=style.series(1), lw=1.5)
        values.plot([at], [height], "o", color=style.series(1))
        slopes.plot([at], [rise], "o", color=style.series(1))
    for panel in (values, slopes):
        panel.axhline(0, color=style.faint(), lw=0.8)
        panel.axvline(0, color=style.faint(), lw=0.8)
    return figure


@drawing
def step_curve() -> Any:
    return style.finished(both("step", -4, 4), "")


@drawing
def sigmoid_curve() -> Any:
    return style.finished(both("sigmoid", -8, 8, at=0.5), "")


@drawing
def sigmoid_is_no_gaussian() -> Any:
    """The sigmoid's slope beside the bell of Gauss that has its height and its area."""
    z = np.linspace(0, 10, 401)
    _, slope = curve("sigmoid", z)
    width = 4 / np.sqrt(2 * np.pi)
    bell = 0.25 * np.exp(-(z**2) / (2 * width**2))
    figure, (panel,) = style.panels(size=(5.6, 3.0))
    panel.semilogy(z, slope, color=style.series(3), lw=2, label="the sigmoid's slope")
    panel.semilogy(z, bell, "--", color=style.series(1), lw=2, label="a Gaussian of its height and area")
    panel.set(xlabel="z", ylim=(1e-9, 1))
    style.legend(panel)
    return style.finished(figure, "")


@drawing
def tanh_curve() -> Any:
    return style.finished(both("tanh", -5, 5, at=0.5), "")


@drawing
def relu_curve() -> Any:
    return style.finished(both("relu", -4, 4), "")


@drawing
def leaky_relu_curve() -> Any:
    figure = both("leaky_relu", -4, 4)
    figure.axes[0].set_title("leaky(z), with 0.3")
    figure.axes[1].set_ylim(-0.05, 1.05)
    return style.finished(figure, "")
