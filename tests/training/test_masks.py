"""Steps that are only padding do not count: not in the loss, not in its gradient, not in the metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid as pl

Array = NDArray[Any]
LENGTHS = (5, 2, 1)


def padded(features: int) -> tuple[Array, Array]:
    """Three sequences of unequal length, padded with 0 to five steps, and which steps are there."""
    random = np.random.default_rng(0)
    there = np.arange(5) < np.array(LENGTHS)[:, None]
    return random.normal(size=(3, 5, features)) * there[..., None], there


def network(units: int, activation: str, features: int = 3, engine: str = "reference") -> pl.Network:
    return pl.Network(
        pl.Masking(),
        pl.LSTM(4, return_sequences=True),
        pl.Dense(units, activation=activation),
        input_shape=(5, features),
        seed=1,
        dtype="float64",
        engine=engine,
    )


def targets(kind: str) -> Array:
    random = np.random.default_rng(1)
    if kind == "labels":
        return random.integers(3, size=(3, 5))
    if kind == "hot":
        return np.eye(3)[random.integers(3, size=(3, 5))]
    return random.integers(2, size=(3, 5, 3)).astype(np.float64)


@pytest.mark.sample(7)
@pytest.mark.parametrize(
    ("loss", "activation", "kind"),
    [
        ("mse", "linear", "bits"),
        ("mae", "linear", "bits"),
        ("huber", "linear", "bits"),
        ("log_cosh", "linear", "bits"),
        ("quantile", "linear", "bits"),
        ("poisson", "softplus", "bits"),
        ("crossentropy", "softmax", "labels"),
        ("crossentropy", "softmax", "hot"),
        ("crossentropy", "linear", "labels"),
        ("binary_crossentropy", "sigmoid", "bits"),
    ],
)
@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_the_loss_and_gradient_are_those_of_the_sequences_without_padding(
    loss: str, activation: str, kind: str, engine: str
) -> None:
    x, _ = padded(3)
    y = targets(kind)
    net = network(3, activation, engine=engine)
    found, gradients = net.gradients(x, y, loss=loss)
    expected, sums = 0.0, {path: np.zeros_like(g) for path, g in gradients.items()}
    for row, length in enumerate(LENGTHS):
        bare = pl.Network(
            pl.LSTM(4, return_sequences=True),
            pl.Dense(3, activation=activation),
            input_shape=(length, 3),
            dtype="float64",
            engine="reference",
        )
        for path in bare.parameters:
            bare.parameters[path] = net.parameters[path]
        alone, each = bare.gradients(x[row : row + 1, :length], y[row : row + 1, :length], loss=loss)
        share = length / sum(LENGTHS)
        expected += alone * share
        for path, g in each.items():
            sums[path] += g * share
    assert found == pytest.approx(expected, rel=1e-12)
    for path, g in gradients.items():
        np.testing.assert_allclose(g, sums[path], rtol=1e-9, atol=1e-13)


def test_what_stands_in_the_padding_changes_nothing() -> None:
    x, there = padded(3)
    y = targets("labels")
    other = np.where(there, y, (y + 1) % 3)
    results = []
    for labels in (y, other):
        net = network(3, "softmax")
        net.fit(x, labels, epochs=3, loss="crossentropy", verbose=0)
        results.append(net.parameters["lstm_1.kernel"].copy())
        metrics = net.evaluate(x, labels, loss="crossentropy", metrics=["accuracy"])
    np.testing.assert_array_equal(results[0], results[1])
    right = net.predict(x).argmax(axis=-1) == y
    assert metrics["accuracy"] == pytest.approx(right[there].mean())


def test_an_embedding_hides_the_padding_of_words() -> None:
    ids = np.array([[3, 1, 0, 0], [2, 2, 4, 1]])
    y = np.array([[1, 2, 0, 0], [2, 0, 1, 1]])
    net = pl.Network(
        pl.Embedding(5, 3, mask_zero=True),
        pl.Bidirectional(pl.GRU(4, return_sequences=True)),
        pl.Dropout(0.1),
        pl.Dense(3, activation="softmax"),
        input_shape=(4,),
        dtype="float64",
    )
    p = np.take_along_axis(net.predict(ids), y[..., None], axis=2)[..., 0]
    expected = -(np.log(p[0, :2]).sum() + np.log(p[1]).sum()) / 6
    assert net.evaluate(ids, y)["loss"] == pytest.approx(expected, rel=1e-12)


def test_a_sequence_that_is_all_padding_has_no_loss() -> None:
    x, _ = padded(3)
    x[2] = 0
    loss, gradients = network(3, "softmax").gradients(x, targets("labels"))
    alone, _ = network(3, "softmax").gradients(x[:2], targets("labels")[:2])
    assert loss == pytest.approx(alone)
    assert all(np.isfinite(g).all() for g in gradients.values())
    nothing, gradients = network(3, "softmax").gradients(np.zeros_like(x), targets("labels"))
    assert nothing == 0
    assert not any(g.any() for g in gradients.values())


def test_weights_of_examples_go_with_masks() -> None:
    x, _ = padded(3)
    y = targets("bits")
    net = network(3, "linear")
    each = [net.evaluate(x[k : k + 1], y[k : k + 1], loss="mse")["loss"] for k in range(3)]
    weights = np.array([0.5, 2.0, 1.0])
    expected = np.sum(weights * LENGTHS * each) / sum(LENGTHS)
    assert net.evaluate(x, y, loss="mse", sample_weight=weights)["loss"] == pytest.approx(expected)


def test_the_last_state_alone_has_no_mask() -> None:
    net = pl.Network(pl.Masking(), pl.LSTM(2), pl.Dense(1), input_shape=(5, 3), dtype="float64")
    assert not net.forward(training=False).masks
    x, _ = padded(3)
    p = net.predict(x)[:, 0]
    assert net.evaluate(x, np.ones(3), loss="mse")["loss"] == pytest.approx(((p - 1) ** 2).mean())


def many(engine: str = "reference") -> tuple[pl.Network, Array, Array, Array]:
    """101 sequences of 1 to 5 steps, numbers to give for them, and which steps are there."""
    random = np.random.default_rng(2)
    there = np.arange(5) < random.integers(1, 6, size=(101, 1))
    x, y = random.normal(size=(101, 5, 3)) * there[..., None], random.normal(size=(101, 5, 2))
    return network(2, "linear", engine=engine), x, y, there


@pytest.mark.parametrize("size", [1, 7, 64, 101])
def test_batches_of_unequal_numbers_of_steps_weigh_what_they_have(size: int) -> None:
    net, x, y, there = many()
    expected = np.mean((net.predict(x) - y)[there] ** 2)
    found = net.evaluate(x, y, loss="mse", metrics=["mse"], batch_size=size)
    assert found["loss"] == pytest.approx(expected)
    assert found["mse"] == pytest.approx(expected)
    history = net.fit(x, y, optimizer=pl.SGD(1e-12), metrics=["mse"], batch_size=size, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected)
    assert history["mse"][0] == pytest.approx(expected)


def test_engines_agree_on_a_batch_that_is_cut_into_pieces() -> None:
    results = [many(engine) for engine in ("reference", "llvm")]
    (one, expected), (other, found) = (net.gradients(x, y, loss="mse") for net, x, y, _ in results)
    assert one == pytest.approx(other, rel=1e-12)
    for path, gradient in expected.items():
        np.testing.assert_allclose(found[path], gradient, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("size", [2, 3, 101])
def test_outputs_with_and_without_a_mask_count_each_in_its_own_way(size: int) -> None:
    _, x, y, there = many()
    a = pl.Input((5, 3))
    states = pl.LSTM(4, return_sequences=True)(pl.Masking()(a))
    steps = pl.Dense(2, name="steps", kernel_regularizer="l2")(states)
    whole = pl.Dense(1, name="whole")(pl.GlobalAveragePool()(states))
    net = pl.Network(inputs=a, outputs=[steps, whole], dtype="float64", engine="reference")
    z = y[:, 0, :1]
    p = net.predict(x)
    expected = np.mean((p["steps"] - y)[there] ** 2) + np.mean((p["whole"] - z) ** 2)
    expected += 0.01 * np.sum(net.parameters["steps.kernel"] ** 2)
    goal = {"steps": y, "whole": z}
    assert net.evaluate(x, goal, loss="mse", batch_size=size)["loss"] == pytest.approx(expected)
    history = net.fit(x, goal, loss="mse", optimizer=pl.SGD(1e-12), batch_size=size, verbose=0, epochs=2).history
    assert history["loss"] == pytest.approx([expected, expected])
