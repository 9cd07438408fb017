"""The sizes that a flow tells are those of the run, and a Watch records them without changing the training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.errors import DataError, PellucidError
from pellucid.explain import Flow, Watch, flow, trace
from pellucid.explain.flow import dead, saturated
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    MaxPool2D,
)
from pellucid.network import BaseNetwork
from pellucid.training import Checkpoint, fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 90)


def net(seed: int = 0) -> BaseNetwork:
    return BaseNetwork(
        Dense(8, activation="relu"),
        Dropout(0.2),
        Dense(5, activation="tanh"),
        Dense(3, activation="softmax"),
        input_shape=6,
        seed=seed,
    )


def test_sizes_are_those_of_the_trace() -> None:
    made = net()
    found = flow(made, X, Y, training=False, optimizer=SGD(0.1))
    run = trace(made, X, Y)
    assert found.loss == pytest.approx(float(run["loss"]))
    for path in ("dense_1", "dense_2"):
        layer = found[path]
        assert layer.activation == pytest.approx(np.sqrt(np.mean(run[path] ** 2)), rel=1e-5)
        assert layer.activation_norm == pytest.approx(np.linalg.norm(run[path]), rel=1e-5)
        assert layer.gradient == pytest.approx(np.sqrt(np.mean(run[f"d({path})"] ** 2)), rel=1e-5)
        norms = [np.linalg.norm(run[f"d({path}.{p})"]) for p in ("kernel", "bias")]
        assert layer.weight_gradient == pytest.approx(float(np.sqrt(norms[0] ** 2 + norms[1] ** 2)), rel=1e-5)
    assert found["dense_3"].gradient == pytest.approx(np.sqrt(np.mean(run["d(dense_3.sum)"] ** 2)), rel=1e-5)
    assert [r.function for r in found] == ["", "relu", "", "tanh", ""]
    assert np.isnan(found["dropout_1"].weight) and np.isnan(found["dense_1"].saturated)
    assert 0 <= found["dense_2"].saturated < 0.5


def test_the_ratio_is_that_of_the_first_update() -> None:
    made = BaseNetwork(Dense(5, activation="tanh"), Dense(3, activation="softmax"), input_shape=6)
    found, run = flow(made, X, Y, optimizer=SGD(0.1)), trace(made, X, Y)
    for path in ("dense_1", "dense_2"):
        sizes = [np.linalg.norm(a) for a in (run[f"d({path}.kernel)"], made.parameters[f"{path}.kernel"])]
        assert found[path].ratio == pytest.approx(0.1 * sizes[0] / sizes[1], rel=1e-4)


def test_shares_of_dead_and_saturated_units() -> None:
    assert dead(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])) == pytest.approx(2 / 3)
    assert dead(np.zeros((2, 3, 3, 1))) == 1.0
    assert saturated(np.array([0.5, 0.999, 0.001, 0.9]), "σ") == 0.5
    assert saturated(np.array([0.0, 0.99, -0.99, 0.9]), "tanh") == 0.5


def test_a_table_a_figure_and_an_error() -> None:
    found = flow(net(), X, Y)
    frame = found.to_pandas()
    assert list(frame.index) == ["input_1", "dense_1", "dropout_1", "dense_2", "dense_3"]
    assert frame.loc["dense_1", "dead"] == found["dense_1"].dead
    assert len(found.plot().axes) == 2
    assert repr(found).splitlines()[1].split() == [
        "layer",
        "activation",
        "gradient",
        "dead",
        "saturated",
        "weight",
        "weight_gradient",
        "ratio",
    ]
    with pytest.raises(PellucidError, match='Did you mean "dense_1"'):
        found["dens_1"]


@pytest.mark.parametrize(
    "made",
    [
        BaseNetwork(
            Conv2D(3, 3, activation="relu"),
            BatchNormalization(),
            MaxPool2D(2),
            Flatten(),
            Dense(3, activation="softmax"),
            input_shape=(6, 6, 1),
        ),
        BaseNetwork(Embedding(9, 4), LSTM(3), Dense(1), input_shape=(5,)),
    ],
    ids=["pictures", "words"],
)
def test_every_kind_of_input(made: BaseNetwork) -> None:
    (shape,) = made.input_shapes.values()
    x: Any = RNG.normal(size=(8, *shape)) if len(shape) > 1 else RNG.integers(0, 9, (8, *shape))
    y: Any = RNG.integers(0, 3, 8) if len(shape) > 1 else RNG.normal(size=8)
    found = flow(made, x, y)
    assert all(np.isfinite(r.activation) for r in found)
    assert np.isnan(found["input_1"].gradient) == (len(shape) == 1), "no gradient passes a choice of words"


@pytest.mark.sample(2)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("layer", [RNN, LSTM, GRU])
def test_reach_is_the_derivative_of_one_steps_loss(layer: type[Any], sequences: bool) -> None:
    """Against central differences: the loss of the last step alone, by a state some steps before, made an input of the
    rest.
    """
    steps, units = 5, 3
    made = BaseNetwork(
        layer(units, return_sequences=sequences),
        Dense(2, activation="softmax"),
        input_shape=(steps, 2),
        dtype="float64",
        seed=3,
    )
    x = RNG.normal(size=(1, steps, 2))
    y = RNG.integers(0, 2, (1, steps) if sequences else 1)
    (reach,) = flow(made, x, y, training=False).reach
    assert len(reach.norms) == steps
    # ∂loss/∂h of the last step is that of the dense layer alone: W·(softmax − target), over the steps of the mean
    p = trace(made, x)["dense_1"].reshape(-1, 2)[-1].copy()
    p[np.atleast_1d(y.ravel())[-1]] -= 1
    direct = made.parameters["dense_1.kernel"] @ p / (steps if sequences else 1)
    assert reach.norms[0] == pytest.approx(np.linalg.norm(direct), rel=1e-9)
    if layer is RNN:  # and one step before, through U and the slope of tanh
        h = trace(made, x)["rnn_1.state"][0]
        before = made.parameters["rnn_1.recurrent_kernel"] @ (direct * (1 - h[-1] ** 2))
        assert reach.norms[1] == pytest.approx(np.linalg.norm(before), rel=1e-9)
    assert list(reach.to_pandas()) == list(reach.norms)
    assert len(reach.plot().axes) == 1


def test_reach_of_both_directions_begins_where_each_reads_last() -> None:
    made = BaseNetwork(
        Bidirectional(RNN(3, return_sequences=True)), Dense(2, activation="softmax"), input_shape=(6, 2), seed=1
    )
    found = flow(made, RNG.normal(size=(4, 6, 2)), RNG.integers(0, 2, (4, 6)))
    assert [r.path for r in found.reach] == ["bidirectional_1.forward.state", "bidirectional_1.backward.state"]
    assert all(r.norms[0] > r.norms[-1] > 0 for r in found.reach)


def test_watching_changes_nothing() -> None:
    alone, watched = net(), net()
    watch = Watch()
    first = fit(alone, X, Y, epochs=3, verbose=0)
    second = fit(watched, X, Y, epochs=3, verbose=0, callbacks=[watch])
    assert first.history == second.history
    assert all(np.array_equal(alone.parameters[p], watched.parameters[p]) for p in alone.parameters)
    assert [f.step for f in watch.flows] == [0, 3, 6, 9]
    assert np.isnan(watch.flows[0]["dense_1"].ratio)
    assert all(1e-5 < f["dense_1"].ratio < 1 for f in watch.flows[1:])
    frame = watch.to_pandas()
    assert frame.loc[(9, "dense_1"), "gradient"] == watch.flows[-1]["dense_1"].gradient
    assert len(watch.plot().axes) == 2


def test_ratios_are_those_of_the_last_step() -> None:
    made, watch = net(), Watch(every_steps=1)
    kept: list[np.ndarray] = [made.parameters["dense_1.kernel"].copy()]
    seen: list[Flow] = []

    def tell(found: Flow) -> None:
        seen.append(found)
        kept.append(made.parameters["dense_1.kernel"].copy())

    watch.on_record = tell
    fit(made, X, Y, epochs=2, verbose=0, optimizer=Adam(0.01), callbacks=[watch])
    assert [f.step for f in watch.flows] == [0, 1, 2, 3, 4, 5, 6] and seen == watch.flows
    for step in range(1, 7):
        moved = np.linalg.norm(kept[step + 1] - kept[step]) / np.linalg.norm(kept[step + 1])
        assert watch.flows[step]["dense_1"].ratio == pytest.approx(moved, rel=1e-4)


def test_every_few_epochs_and_wrong_settings() -> None:
    watch = Watch(every_epochs=2, examples=10)
    fit(net(), X, Y, epochs=5, verbose=0, callbacks=[watch])
    assert [f.step for f in watch.flows] == [0, 6, 12]
    fit(net(), X, Y, epochs=1, verbose=0, callbacks=[watch])
    assert [f.step for f in watch.flows] == [0], "a new training begins a new record"
    with pytest.raises(DataError, match="every_steps"):
        Watch(every_steps=0)


def test_a_resumed_training_goes_on_with_its_record(tmp_path: Path) -> None:
    whole, part = Watch(), Watch()
    fit(net(), X, Y, epochs=4, verbose=0, callbacks=[whole])
    path = tmp_path / "run.ckpt"
    fit(net(), X, Y, epochs=2, verbose=0, callbacks=[part, Checkpoint(path)])
    rest = Watch()
    fit(net(), X, Y, epochs=4, verbose=0, callbacks=[rest, Checkpoint(path)], resume=path)
    assert repr(rest.flows) == repr(whole.flows)
    json.dumps(rest.state_dict())


def test_kernels_of_zeros_have_no_ratio() -> None:
    made = BaseNetwork(Dense(4, kernel_initializer="zeros"), Dense(3, activation="softmax"), input_shape=6)
    assert np.isnan(flow(made, X, Y)["dense_1"].ratio)
