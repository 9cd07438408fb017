"""Networks drawn: small ones unit by unit, others layer by layer; no text covers another or leaves its box."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch
from tests.plots.gallery import network_of, theme

import pellucid as pl
from pellucid.layers import LSTM
from pellucid.plots.network_diagram import family


def residual() -> pl.Network:
    start = pl.Input((16, 16, 3))
    x = pl.Conv2D(8, 3, padding="same")(start)
    for _ in range(2):
        y = pl.BatchNormalization()(pl.Conv2D(8, 3, padding="same", activation="relu")(x))
        x = pl.Add()(x, y)
    return network_of(inputs=start, outputs=pl.Dense(10, activation="softmax")(pl.GlobalAveragePool()(x)), seed=0)


def lenet() -> pl.Network:
    return network_of(
        pl.Conv2D(6, 5, padding="same", activation="tanh"),
        pl.AveragePool2D(2),
        pl.Conv2D(16, 5, activation="tanh"),
        pl.AveragePool2D(2),
        pl.Flatten(),
        pl.Dense(120, activation="tanh"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
    )


def text_model() -> pl.Network:
    return network_of(
        pl.Embedding(800, 64),
        pl.Dropout(0.2),
        LSTM(128, return_sequences=True),
        pl.Dense(800, activation="softmax"),
        input_shape=(32,),
        seed=0,
    )


def autoencoder() -> pl.Network:
    hidden = [pl.Dense(n, activation="relu") for n in (128, 8, 128)]
    return network_of(*hidden, pl.Dense(784, activation="sigmoid"), input_shape=784, seed=0)


def dense(*sizes: int) -> Callable[[], pl.Network]:
    return lambda: network_of(*(pl.Dense(n, activation="sigmoid") for n in sizes[1:]), input_shape=sizes[0], seed=0)


def of_a_table() -> pl.Network:
    x = np.random.default_rng(0).normal(size=(9, 4))
    net = network_of(pl.Normalization().adapt(x), pl.Dense(2, activation="softmax"), input_shape=4, seed=0)
    features = ["sepal length", "sepal width", "petal length", "petal width"]
    net.metadata["preparation"] = {"features": features, "target": "kind", "classes": ["setosa", "virginica"]}
    return net


SMALL = {
    "3-3-1": dense(3, 3, 1),
    "8-8": dense(8, 8),
    "4-5-4-3": dense(4, 5, 4, 3),
    "8-4-2-4-8": dense(8, 4, 2, 4, 8),
    "a neuron": lambda: pl.Neuron([2, -1], bias=0.5, activation="step"),
    "of a table": of_a_table,
}
LARGE = {"residual": residual, "lenet": lenet, "text": text_model, "autoencoder": autoencoder, "9-1": dense(9, 1)}


def drawn(net: pl.Network) -> tuple[Any, Any]:
    figure = net.plot()
    figure.canvas.draw()
    return figure, figure.axes[0]


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_no_text_covers_another_or_leaves_the_figure(name: str, page: str) -> None:
    with theme(page):
        figure, panel = drawn((SMALL | LARGE)[name]())
    boxes = [text.get_window_extent() for text in [*panel.texts, figure._supxlabel]]
    assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]
    width, height = figure.bbox.size
    assert all(b.x0 >= 0 and b.y0 >= 0 and b.x1 <= width and b.y1 <= height for b in boxes)


def test_a_small_network_is_its_units_and_weights() -> None:
    net = SMALL["3-3-1"]()
    net.parameters["dense_2.bias"] = [-1.25]
    figure, panel = drawn(net)
    written = [text.get_text() for text in panel.texts]
    for array in net.parameters.values():
        for weight in array.ravel().tolist():
            assert f"{weight:.2f}".replace("-", "−") in written
    dashed = [p for p in panel.patches if isinstance(p, Circle) and isinstance(p.get_linestyle(), tuple)]
    places = {p.center for p in panel.patches if isinstance(p, Circle)}
    assert len(places) == 3 + 3 + 1 + 2 and written.count("1") == 2 and len(dashed) <= 2
    assert {"input_1", "dense_1", "dense_2", "sigmoid"} <= set(written)
    assert figure._supxlabel.get_text().startswith("The network: 3-3-1, 16 parameters.")


def test_inputs_and_classes_have_the_names_of_the_table() -> None:
    _, panel = drawn(of_a_table())
    assert {"petal width", "setosa", "virginica"} <= {text.get_text() for text in panel.texts}


@pytest.mark.parametrize("name", LARGE)
def test_a_larger_network_is_boxes_that_hold_their_text_and_that_no_line_crosses(name: str) -> None:
    net = LARGE[name]()
    _, panel = drawn(net)
    frames = [p.get_window_extent() for p in panel.patches if isinstance(p, FancyBboxPatch)]
    boxes = {frame.bounds: frame for frame in frames}
    assert len(boxes) == len(net.uses)
    for text in panel.texts:
        held = text.get_window_extent()
        assert any(b.x0 < held.x0 and b.x1 > held.x1 and b.y0 < held.y0 and b.y1 > held.y1 for b in boxes.values())
    paths = [np.asarray(p.get_path().vertices) for p in panel.patches if isinstance(p, (FancyArrowPatch, PathPatch))]
    lines = [path[[0, 2]] if len(path) < 8 else path for path in paths]
    for line in map(panel.transData.transform, lines):
        for (tail, head), part in itertools.product(itertools.pairwise(line), np.linspace(0.05, 0.95, 19)):
            x, y = tail + part * (head - tail)
            assert not any(b.x0 + 2 < x < b.x1 - 2 and b.y0 + 2 < y < b.y1 - 2 for b in boxes.values())


def test_options_tell_layers_of_a_kind_apart() -> None:
    _, panel = drawn(lenet())
    written = [text.get_text() for text in panel.texts]
    assert written.count("5 × 5, tanh") == 2 and "softmax" in written


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("SeparableConv2D", "convolution"),
        ("GlobalAveragePool", "pooling"),
        ("SpatialDropout2D", "normalisation"),
        ("MultiHeadAttention", "attention"),
        ("Reshape", "other"),
    ],
)
def test_kinds_are_told_by_their_names(kind: str, known: str) -> None:
    assert family(kind) == known
