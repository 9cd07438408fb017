"""Steps one at a time, several outputs with weights, and optimizers that are kept."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import pellucid as pl

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype(np.float32)
Y = {"kind": RNG.integers(0, 3, 40), "size": RNG.normal(size=(40, 2)).astype(np.float32)}
WHOLE: dict[str, Any] = {"batch_size": 40, "shuffle": False, "verbose": 0}


def network(**options: Any) -> pl.Network:
    x = pl.Input(4)
    hidden = pl.Dense(5, activation="tanh", **options)(x)
    ends = [pl.Dense(3, activation="softmax", name="kind")(hidden), pl.Dense(2, name="size")(hidden)]
    return pl.Network(inputs=x, outputs=ends)


def test_steps_one_at_a_time_are_those_of_fit() -> None:
    at_once, one_by_one, kept = network(), network(), network()
    history = at_once.fit(X, Y, epochs=4, **WHOLE)
    logs = [one_by_one.train_on_batch(X, Y) for _ in range(4)]
    assert [entry["loss"] for entry in logs] == history["loss"]
    assert [entry["size_loss"] for entry in logs] == history["size_loss"]
    kept.fit(X, Y, epochs=1, keep_optimizer=True, **WHOLE)
    kept.train_on_batch(X, Y)
    kept.fit(X, Y, epochs=2, keep_optimizer=True, **WHOLE)
    for twin in (one_by_one, kept):
        np.testing.assert_equal(twin.parameters.snapshot(), at_once.parameters.snapshot())


def test_an_optimizer_begins_afresh_unless_it_is_kept_and_the_same() -> None:
    def second(**options: Any) -> Any:
        net = network()
        net.fit(X, Y, epochs=2, keep_optimizer=True, **WHOLE)
        net.fit(X, Y, **WHOLE, **options)
        return net.parameters["kind.kernel"]

    fresh = second()
    np.testing.assert_array_equal(
        second(keep_optimizer=True, optimizer=pl.Adam(beta_1=0.8)), second(optimizer=pl.Adam(beta_1=0.8))
    )
    assert not np.array_equal(fresh, second(keep_optimizer=True))
    slower = second(keep_optimizer=True, optimizer=pl.Adam(learning_rate=1e-9))
    assert not np.array_equal(fresh, slower), "the learning rate may change"


def test_a_schedule_counts_the_steps_of_all_calls() -> None:
    whole, parts = network(), network()
    rule = pl.SGD(pl.StepDecay(0.1, every=2, factor=0.1))
    whole.fit(X, Y, epochs=4, optimizer=rule, **WHOLE)
    parts.fit(X, Y, epochs=3, optimizer=rule, keep_optimizer=True, **WHOLE)
    parts.train_on_batch(X, Y, optimizer=rule)
    np.testing.assert_equal(parts.parameters.snapshot(), whole.parameters.snapshot())


def test_the_history_has_the_losses_of_the_outputs() -> None:
    net = network(kernel_regularizer="l2")
    history = net.fit(X, Y, loss_weights={"size": 0.2}, validation_split=0.25, epochs=2, verbose=0)
    names = ["loss", "kind_loss", "size_loss"]
    assert list(history) == [*names, *(f"val_{name}" for name in names)]
    penalty = 0.01 * float((net.parameters["dense_1.kernel"] ** 2).sum())
    logs = net.evaluate(X, Y, loss_weights=[1, 0.2])
    assert logs["loss"] == pytest.approx(logs["kind_loss"] + 0.2 * logs["size_loss"] + penalty, rel=1e-6)
    assert net.test_on_batch(X, Y, loss_weights=[1, 0.2]) == pytest.approx(logs, rel=1e-6)


def test_gradients_are_weighted() -> None:
    net = network()
    _, whole = net.gradients(X, Y, loss_weights=[1, 0.5])
    _, kind = net.gradients(X, Y, loss_weights=[1, 0])
    _, size = net.gradients(X, Y, loss_weights={"kind": 0})
    for path, gradient in whole.items():
        np.testing.assert_allclose(gradient, kind[path] + 0.5 * size[path], rtol=1e-4, atol=1e-6)


def test_an_output_with_a_mask_counts_its_steps() -> None:
    x = pl.Input((5, 2))
    steps = pl.LSTM(3, return_sequences=True)(pl.Masking()(x))
    net = pl.Network(inputs=x, outputs=[pl.Dense(1, name="each")(steps), pl.Dense(1, name="last")(pl.LSTM(2)(steps))])
    data = RNG.normal(size=(9, 5, 2))
    data[:4, 2:] = 0
    targets = {"each": RNG.normal(size=(9, 5, 1)), "last": RNG.normal(size=(9, 1))}
    one, other = (net.evaluate(data, targets, loss_weights=[2, 1], batch_size=size) for size in (9, 4))
    assert one == pytest.approx(other, rel=1e-5)
    assert one["loss"] == pytest.approx(2 * one["each_loss"] + one["last_loss"], rel=1e-5)


def test_a_step_that_goes_wrong_leaves_the_network_as_it_was() -> None:
    net = network()
    net.parameters["size.bias"] = np.full(2, 1e30)
    before = copy.deepcopy(net.parameters.snapshot())
    with pytest.raises(pl.NonFiniteError, match="a step gave a value that is not finite"):
        net.train_on_batch(X, Y, optimizer=pl.SGD())
    np.testing.assert_equal(net.parameters.snapshot(), before)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "has 1 numbers, expected 2, for kind, size"),
        ({"sizes": 1}, 'Did you mean "size"'),
        ([1, -1], "loss_weights has -1 for size"),
        ([1, float("nan")], "loss_weights has nan for size"),
    ],
)
def test_weights_that_are_none(weights: Any, message: str) -> None:
    with pytest.raises(pl.DataError, match=message):
        network().fit(X, Y, loss_weights=weights, verbose=0)
