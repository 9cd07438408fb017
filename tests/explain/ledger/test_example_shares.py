"""What each example added to a weight adds up to what the weight moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.explain.test_arithmetic import NETWORKS

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.explain import trace
from pellucid.explain.ledger.kept_states import KeptStates
from pellucid.functions.learning.optimizers import OPTIMIZERS, Optimizer
from pellucid.network import BaseNetwork
from pellucid.training.fit import fit


def data(n: int = 23) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 6)).astype(np.float32), rng.integers(0, 3, n)


def network(**options: Any) -> pl.Network:
    return pl.Network(
        pl.Dense(5, activation="tanh", kernel_regularizer=pl.L2(0.01)),
        pl.Dropout(0.3),
        pl.Dense(3, activation="softmax"),
        input_shape=6,
        **{"engine": "reference", **options},
    )


OPTIONS: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9, "nesterov": True}}


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", [*OPTIMIZERS, "momentum", "plain"])
def test_the_examples_of_every_optimizer_add_up(name: str) -> None:
    x, y = data()
    rules = {"momentum": pl.SGD(0.05, momentum=0.8), "plain": pl.SGD(0.1)}
    rule: Optimizer = rules.get(name) or OPTIMIZERS[name](**OPTIONS.get(name, {}))
    net, ledger = network(dtype="float64"), pl.Ledger()
    net.fit(x, y, epochs=3, batch_size=8, optimizer=rule, callbacks=[ledger], clip_norm=0.4, verbose=0)
    for path, place in (("dense_1.kernel", (2, 3)), ("dense_2.bias", (1,))):
        account = ledger.explain(path, place, by="example")
        assert [e.number for e in account.entries] == list(range(23))
        assert abs(account.residual) < 1e-15
        assert abs(account.others["rounding"]) < 1e-12
        assert bool(account.others["penalty"]) == (path == "dense_1.kernel")
        assert bool(account.others["weight decay"]) == (name == "adamw")
        assert account.others["earlier steps"] == 0
        classes = ledger.explain(path, place, by="class")
        for entry in classes.entries:
            total = sum(e.amount for e in account.entries if y[e.number] == entry.number)
            assert entry.amount == pytest.approx(total, rel=1e-12, abs=1e-15)
            assert all((e.label == entry.number) == (y[e.number] == entry.number) for e in account.entries)
        one = ledger.explain(path, place, by="example", step=5)
        steps = ledger.explain(path, place, by="step").entries
        assert one.value - one.initial == pytest.approx(steps[4].amount, abs=1e-15)
        assert {e.number for e in one.entries} == set(ledger.examples_of(5).tolist())
        assert abs(one.others["rounding"]) < 1e-12 and abs(one.residual) < 1e-15


def test_an_example_of_gradient_descent_adds_the_gradient_of_its_own_loss() -> None:
    x, y = data(8)
    net = pl.Network(pl.Dense(3, activation="softmax"), input_shape=6, engine="reference", dtype="float64", seed=1)
    gradients = [net.trace(x[k : k + 1], y[k : k + 1]).gradient("dense_1.kernel")[2, 1] for k in range(8)]
    ledger = pl.Ledger()
    net.fit(x, y, epochs=1, batch_size=8, optimizer=pl.SGD(0.1), callbacks=[ledger], verbose=0)
    entries = ledger.explain("dense_1.kernel", (2, 1), by="example").entries
    np.testing.assert_allclose([e.amount for e in entries], [-0.1 * g / 8 for g in gradients], rtol=1e-9)


def examples_of(kind: str, net: BaseNetwork) -> Any:
    (shape,) = net.input_shapes.values()
    rng = np.random.default_rng(1)
    return rng.integers(1, 7, (10, *shape)) if kind == "words" else rng.normal(size=(10, *shape)).astype(np.float32)


@pytest.mark.sample(9)
@pytest.mark.parametrize("kind", NETWORKS)
def test_every_layer_says_which_example_moved_it(kind: str) -> None:
    net = NETWORKS[kind](3)
    net.engine = "reference"
    ledger = pl.Ledger()
    y = np.arange(10) % 3
    x = examples_of(kind, net)
    fit(net, x, y, epochs=1, batch_size=5, optimizer="sgd", loss="crossentropy", callbacks=[ledger], verbose=0)
    rng = np.random.default_rng(2)
    for path in net.parameters.trainable:
        place = tuple(int(rng.integers(0, n)) for n in net.parameters[path].shape)
        account = ledger.explain(path, place, by="example")
        assert abs(account.residual) < 1e-15, path
        assert abs(account.others["rounding"]) < 1e-6, path
        assert (account.others["penalty"] != 0) == (kind == "sigmoid" and path == "dense_1.kernel"), path


@pytest.mark.parametrize("memory", [1 << 28, 0])
def test_a_step_is_looked_at_with_every_value(memory: int) -> None:
    x, y = data()
    net, ledger = network(), pl.Ledger(memory=memory)
    net.fit(x, y, epochs=3, batch_size=4, callbacks=[ledger], verbose=0)
    steps = ledger.explain("dense_1.kernel", (1, 2), by="step").entries
    for step in (1, 9, 18):
        run = ledger.trace(step)
        assert run["dense_1.kernel′"][1, 2] == steps[step - 1].value
        np.testing.assert_array_equal(run["input_1"], x[ledger.examples_of(step)])
        gradient = run.explain("d(dense_1.kernel)", index=(1, 2))
        assert gradient.total == pytest.approx(gradient.value, rel=1e-4, abs=1e-7)
        inner = trace(net, run["input_1"], y[ledger.examples_of(step)])
        assert set(inner.program.inputs) <= set(run.program.inputs)


def test_states_are_kept_within_their_memory() -> None:
    arrays = {"w": np.zeros(100)}
    kept = KeptStates(8000, 3, arrays)
    for step in range(4, 2000):
        arrays["w"][:] = step
        kept.keep(step, arrays)
    assert 3 <= len(kept) <= 10
    assert kept.nearest(3)[0] == 3 and not kept.nearest(3)[1]["w"].any()
    for step in (500, 1999):
        at, state = kept.nearest(step)
        assert step - kept.interval <= at <= step and (state["w"] == (at if at > 3 else 0)).all()
    small = KeptStates(10, 0, arrays)
    small.keep(100, arrays)
    assert len(small) == 1


def test_what_has_no_class_is_said() -> None:
    x, _ = data()
    net, ledger = pl.Network(pl.Dense(1), input_shape=6, engine="reference"), pl.Ledger()
    net.fit(x, x[:, 0], epochs=1, callbacks=[ledger], verbose=0)
    assert ledger.explain("dense_1.bias", 0, by="example").entries[0].label is None
    for given, said in (
        ({"by": "class"}, "takes one class for each example"),
        ({"by": "step", "step": 1}, 'is for by="example"'),
        ({"by": "example", "step": 9}, "expected one of the steps that were taken, 1 to 1"),
    ):
        with pytest.raises(PellucidError, match=said):
            ledger.explain("dense_1.bias", 0, **given)
    with pytest.raises(PellucidError, match="step is 0"):
        ledger.trace(0)
