"""Layers that are not trainable stay as they are, and cost nothing."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid as pl
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import training_program

Array = NDArray[Any]
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), RNG.integers(3, size=60)
RULES = ["sgd", "rmsprop", "adam", pl.AdamW(0.1, weight_decay=0.5), pl.SGD(0.1, momentum=0.9)]


def network(**options: Any) -> pl.Network:
    return pl.Network(
        pl.Dense(5, activation="tanh", kernel_regularizer="l2"),
        pl.BatchNormalization(),
        pl.Dense(3, activation="softmax"),
        input_shape=4,
        **options,
    )


def moved(net: pl.Network, before: dict[str, Array]) -> set[str]:
    return {path for path, value in net.parameters.items() if not np.array_equal(value, before[path])}


def taken(net: pl.Network) -> dict[str, Array]:
    return {path: value.copy() for path, value in net.parameters.items()}


@pytest.mark.sample(4)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_a_frozen_layer_stays_as_it_is(rule: str | pl.Optimizer, engine: str) -> None:
    net = network(engine=engine)
    first, norm, last = net.layers
    net.fit(X, Y, verbose=0)  # a program of before is not the one of after
    first.trainable = False
    before = taken(net)
    net.fit(X, Y, optimizer=rule, epochs=2, verbose=0)
    assert {path.split(".")[0] for path in moved(net, before)} == {"batch_normalization_1", "dense_2"}
    norm.trainable, first.trainable = False, True
    before = taken(net)
    net.fit(X, Y, optimizer=rule, epochs=2, verbose=0)
    assert {path.split(".")[0] for path in moved(net, before)} == {"dense_1", "dense_2"}
    norm.trainable = True
    before = taken(net)
    net.fit(X, Y, optimizer=rule, epochs=2, verbose=0)
    assert moved(net, before) == set(net.parameters)
    assert last.trainable


def test_frozen_parameters_cost_no_gradient_and_no_memory() -> None:
    net = network()
    net.layers[0].trainable = False
    assert net.parameters.frozen == ("dense_1.kernel", "dense_1.bias")
    targets, _ = goals(net, Y, None)
    program = training_program(net, targets, pl.Adam())
    assert not [name for name in program.outputs if name.startswith("dense_1.")]
    assert not [name for name in program.tensors if "first_moment" in name and "dense_1" in name]
    assert "d(dense_1.kernel)" not in program.tensors
    assert "dense_1.kernel" not in net.gradients(X, Y)[1]


def test_the_steps_are_those_of_a_network_that_has_the_frozen_part_before_it() -> None:
    net = network(dtype="float64", engine="reference")
    first, norm, _ = net.layers
    first.trainable = norm.trainable = False
    inner = pl.Network(inputs=net.input_nodes, outputs=net.output_nodes[0].parents[0], dtype="float64")
    head = pl.Network(pl.Dense(3, activation="softmax"), input_shape=5, dtype="float64", engine="reference")
    for key in ("kernel", "bias"):
        head.parameters[f"dense_1.{key}"] = net.parameters[f"dense_2.{key}"]
    net.fit(X, Y, epochs=3, verbose=0)
    head.fit(inner.predict(X), Y, epochs=3, verbose=0)
    for key in ("kernel", "bias"):
        np.testing.assert_allclose(head.parameters[f"dense_1.{key}"], net.parameters[f"dense_2.{key}"], rtol=1e-9)


def test_a_frozen_batch_normalization_is_read_as_in_prediction() -> None:
    net = pl.Network(pl.BatchNormalization(trainable=False), pl.Dense(1), input_shape=4, dtype="float64")
    net.parameters["batch_normalization_1.mean"] = [1.0, 2, 3, 4]
    loss, _ = net.gradients(X, X[:, 0], training=True)
    assert loss == pytest.approx(net.evaluate(X, X[:, 0])["loss"], rel=1e-12)


def test_parts_are_frozen_with_the_whole() -> None:
    inner = pl.Network(pl.Dense(5), pl.Dense(4), input_shape=4)
    net = pl.Network(inner, pl.Dense(3, activation="softmax"), input_shape=4)
    inner.trainable = False
    before = taken(net)
    net.fit(X, Y, verbose=0)
    assert moved(net, before) == {"dense_1.kernel", "dense_1.bias"}
    net.trainable = True
    assert not net.parameters.frozen
    both = pl.Bidirectional(pl.LSTM(2))
    both.trainable = False
    assert not pl.Network(both, input_shape=(3, 2)).parameters.trainable
    for made in (pl.Bidirectional(pl.LSTM(2), trainable=False), pl.Bidirectional(pl.LSTM(2, trainable=False))):
        assert not pl.Network(made, input_shape=(3, 2)).parameters.trainable


def test_frozen_layers_are_saved_and_copied(tmp_path: Any) -> None:
    net = network()
    net.layers[0].trainable = False
    net.save(tmp_path / "net")
    for again in (pl.load(tmp_path / "net"), copy.deepcopy(net), pl.Network.restored(net.config())):
        assert again.parameters.frozen == net.parameters.frozen
    assert "trainable" not in str(network().config())
    assert "trainable=False" in repr(net.layers[0])


def test_what_makes_no_sense_is_refused() -> None:
    net = network()
    with pytest.raises(pl.PellucidError, match="trainable of Dense is True or False, got 'no'"):
        net.layers[0].trainable = "no"  # type: ignore[assignment]
    net.trainable = False
    with pytest.raises(pl.PellucidError, match="every layer is frozen, so there is nothing to learn"):
        net.fit(X, Y, verbose=0)

    class Thaw(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            self.training.net.trainable = True

    net.layers[2].trainable = True
    with pytest.raises(pl.PellucidError, match="frozen or set free while they are trained"):
        net.fit(X, Y, epochs=3, callbacks=[Thaw()], verbose=0)
