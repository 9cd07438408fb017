"""Attributions add up, agree with what they should agree with, and find what was planted."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from tests.explain.test_arithmetic import NETWORKS

import pellucid as pl
from pellucid.errors import DataError, PellucidError
from pellucid.explain import METHODS, attribute

Array = np.ndarray[Any, Any]
CLOSED = ("deeplift", "relevance")


def attributed(kind: str, method: str) -> pl.Attribution:
    net = NETWORKS[kind](5)
    net.engine = "reference"
    rng = np.random.default_rng(5)
    (shape,) = net.input_shapes.values()
    x = rng.integers(1, 7, shape) if kind == "words" else rng.normal(size=shape).astype(np.float32)
    return attribute(net, x, next(iter(net.output_shapes)), unit=1, method=method)


@pytest.mark.sample(9)
@pytest.mark.parametrize("kind", NETWORKS)
def test_sums_close_for_every_layer(kind: str) -> None:
    for method in CLOSED:
        a = attributed(kind, method)
        scale = max(abs(a.output), abs(a.expected), 1e-6)
        if kind == "lstm":  # which steps a mask of zeros leaves out jumps, and no rule follows that
            continue
        assert abs(a.residual) <= 1e-12 * scale, method
        if method == "deeplift":
            assert a.expected == a.output - a.baseline
            assert a.missing() == []
    if kind == "lstm":
        return
    a = attributed(kind, "integrated_gradients")
    scale = max(abs(a.output), abs(a.expected))
    assert a.bound is not None and abs(a.residual) <= a.bound + 1e-12 * scale
    assert a.bound <= 1e-4 * scale


def test_a_jump_of_a_mask_is_missing_and_named() -> None:
    """At a baseline of zeros Masking leaves all steps out: that is a jump, which no slope follows."""
    a = attributed("lstm", "deeplift")
    assert sum(m.amount for m in a.missing()) == pytest.approx(a.residual, rel=1e-9)
    assert abs(a.residual) > 1e-6 and "missing, by statement" in a.text()


@pytest.mark.parametrize("kind", ["gates", "normalised", "gru", "convolution", "attention"])
def test_what_is_missing_is_located_to_the_last_bit(kind: str) -> None:
    a = attributed(kind, "input_x_gradient")
    assert sum(m.amount for m in a.missing()) == pytest.approx(
        a.residual, abs=1e-7 * max(abs(a.expected), abs(a.total))
    )
    b = attributed(kind, "integrated_gradients")
    assert sum(m.amount for m in b.missing()) == pytest.approx(b.residual, abs=1e-7 * abs(b.expected))


def test_a_layer_accounts_for_the_output_too() -> None:
    net = pl.Network(pl.LSTM(4), pl.Dense(3), input_shape=(5, 2), seed=3, engine="reference")
    x = np.random.default_rng(0).normal(size=(5, 2))
    for method in ("deeplift", "integrated_gradients"):
        a = net.attribute(x, "dense_1", unit=2, method=method)
        assert a.by("lstm_1").shape == (4,)
        assert a.by("lstm_1").sum() == pytest.approx(a.expected, rel=1e-4)
        assert a.by("input_1", over="unit").shape == (5,)
        assert a.by("lstm_1.state").shape == (5, 4)
        assert a.by("dense_1")[2] == pytest.approx(a.expected)
    with pytest.raises(PellucidError, match="does not depend on a value"):
        net.attribute(x, "lstm_1", unit=2, method="deeplift").by("dense_1")


def test_a_linear_network_has_one_answer() -> None:
    net = pl.Network(pl.Dense(3), pl.Dense(2), input_shape=4, seed=1, engine="reference", dtype="float64")
    x, zero = np.random.default_rng(0).normal(size=(2, 4))
    weights = np.asarray(net.parameters["dense_1.kernel"]) @ np.asarray(net.parameters["dense_2.kernel"])[:, 1]
    expected = weights * (x - zero)
    for method in METHODS:
        a = net.attribute(x, "dense_2", unit=1, method=method, baseline=zero)
        right = weights if method == "gradient" else weights * x if method == "relevance" else expected
        np.testing.assert_allclose(a.values, right, rtol=1e-9, err_msg=method)
        if method != "gradient":
            assert abs(a.residual) < 1e-12


def test_relu_without_biases_makes_relevance_input_times_gradient() -> None:
    net = pl.Network(
        pl.Dense(6, activation="relu", use_bias=False),
        pl.Dense(2, use_bias=False),
        input_shape=4,
        seed=1,
        engine="reference",
    )
    x = np.random.default_rng(0).normal(size=4)
    one, other = (net.attribute(x, "dense_2", unit=0, method=m) for m in ("relevance", "input_x_gradient"))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9)


def test_shapley_values_of_a_product_are_shared_equally() -> None:
    a, b = pl.Input(1), pl.Input(1)
    net = pl.Network(inputs=[a, b], outputs=pl.Multiply(name="product")(a, b), engine="reference")
    for method in ("shapley", "deeplift"):
        scores = net.attribute({"input_1": [[3.0]], "input_2": [[4.0]]}, "product", method=method).scores
        assert [float(s[0]) for s in scores.values()] == [6.0, 6.0], method


def test_sampled_shapley_values_add_up_and_come_near_the_exact_ones() -> None:
    net = pl.Network(pl.Dense(8, activation="tanh"), pl.Dense(1), input_shape=16, seed=2, engine="reference")
    x = np.random.default_rng(0).normal(size=16)
    sampled = net.attribute(x, "dense_2", method="shapley", samples=200)
    assert abs(sampled.residual) < 1e-12
    groups = np.arange(16) // 2
    exact = net.attribute(x, "dense_2", method="shapley", features=groups)
    np.testing.assert_allclose(
        sampled.values.reshape(8, 2).sum(axis=1), exact.values.reshape(8, 2).sum(axis=1), atol=0.1
    )
    assert exact.values[0] == exact.values[1]
    assert np.array_equal(sampled.values, net.attribute(x, "dense_2", method="shapley", samples=200).values)


def test_a_spurious_pixel_is_found() -> None:
    """Half of the images are marked by one bright pixel, which alone tells the classes apart."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(300, 8, 8, 1)).astype(np.float32) * 0.5
    y = rng.integers(0, 2, 300)
    x[:, 2, 5, 0] = y
    net = pl.Network(
        pl.Conv2D(4, 3, activation="relu", padding="same"),
        pl.Flatten(),
        pl.Dense(8, activation="relu"),
        pl.Dense(2),
        input_shape=(8, 8, 1),
    )
    net.fit(x, y, epochs=8, loss="crossentropy", optimizer=pl.Adam(0.01), verbose=0)
    one = x[y == 1][0]
    net.engine = "reference"
    for method in METHODS:
        (_, place, score) = net.attribute(one, "dense_2", unit=1, method=method, samples=8).top(1)[0]
        assert place == (2, 5, 0) and score > 0, method


def test_a_copied_word_is_found() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(2, 30, (400, 7))
    y = rng.integers(0, 2, 400)
    ids[y == 1, rng.integers(0, 7, 400)[y == 1]] = 1  # the word 1 stands in every text of the class 1
    net = pl.Network(pl.Embedding(30, 6), pl.GRU(8), pl.Dense(2), input_shape=(7,))
    net.fit(ids, y, epochs=8, loss="crossentropy", optimizer=pl.Adam(0.02), verbose=0)
    net.engine = "reference"
    for text in ids[y == 1][:3]:
        (place,) = np.flatnonzero(text == 1)
        for method in METHODS:
            words = net.attribute(text, "dense_1", unit=1, method=method).by("embedding_1", over="unit")
            assert words.argmax() == place, method


@pytest.mark.parametrize("method", METHODS)
def test_every_form_of_input_is_drawn_and_written(method: str) -> None:
    rng = np.random.default_rng(0)
    for net, x, names in (
        (
            pl.Network(pl.Conv2D(2, 3), pl.Flatten(), pl.Dense(1), input_shape=(4, 4, 3)),
            rng.uniform(size=(4, 4, 3)),
            None,
        ),
        (pl.Network(pl.RNN(2), pl.Dense(1), input_shape=(3, 2)), rng.normal(size=(3, 2)), None),
        (pl.Network(pl.Embedding(5, 2), pl.RNN(2), pl.Dense(1), input_shape=(3,)), np.array([1, 2, 3]), list("abc")),
        (pl.Network(pl.Dense(2), pl.Dense(1), input_shape=3), rng.normal(size=3), ["x", "y", "z"]),
    ):
        net.engine = "reference"
        path = next(iter(net.output_shapes))
        a = net.attribute(x, path, method=method, samples=2)
        assert a.plot(names=names).axes
        assert a.text(3).startswith(f"{path}[0] = ")
        assert method in a._repr_html_()
        assert set(a.json()) >= {"scores", "residual", "missing"}


def test_what_cannot_be_attributed_is_said() -> None:
    net = pl.Network(pl.Dense(3), input_shape=2, engine="reference")
    x = np.ones(2)
    for given, said in (
        ({"method": "deeplifts"}, "no method 'deeplifts'.*deeplift"),
        ({"path": "dens_1"}, 'no value "dens_1"'),
        ({"path": "dense_1.kernel"}, 'no value "dense_1.kernel" to explain'),
        ({"path": "input_1"}, 'no value "input_1" to explain'),
        ({"unit": 7}, "has 3 along its axis"),
        ({"features": np.zeros(5, int), "method": "occlusion"}, "expected integers of shape"),
        ({"tolerance": 0.0}, "expected a fraction"),
    ):
        options: dict[str, Any] = {"path": "dense_1", "unit": 0, **given}
        with pytest.raises((PellucidError, DataError), match=said):
            net.attribute(x, options.pop("path"), **options)
    with pytest.raises(DataError, match="expected one"):
        net.attribute(np.ones((2, 2)), "dense_1", unit=0)


def test_engines_agree() -> None:
    net = pl.Network(pl.GRU(3), pl.Dense(2), input_shape=(4, 2), seed=3)
    other = copy.deepcopy(net)
    other.engine = "reference"
    x = np.random.default_rng(0).normal(size=(4, 2))
    a, b = (n.attribute(x, "dense_1", unit=1, method="deeplift") for n in (net, other))
    np.testing.assert_allclose(a.values, b.values, rtol=1e-9, atol=1e-12)
