"""Networks that XLA has trained are looked into, patched, attributed, saved and shown as any other."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lab.asking import Asker

import pellucid as pl
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.task import task_of

pytest.importorskip("jax")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-6}
"""Numbers of float32 that two engines have computed in their own orders."""


def untrained(engine: str) -> pl.Network:
    layers = pl.Dense(4, activation="tanh"), pl.Dense(2, activation="softmax")
    return pl.Network(*layers, input_shape=(3,), seed=1, engine=engine)


def learn(net: pl.Network, **options: Any) -> pl.History:
    return net.fit(X, Y, epochs=4, batch_size=8, optimizer=pl.Adam(0.05), verbose=0, **options)


@pytest.fixture(scope="module")
def net() -> pl.Network:
    made = untrained("xla")
    learn(made)
    return made


@pytest.fixture(scope="module")
def twin(net: pl.Network, tmp_path_factory: pytest.TempPathFactory) -> pl.Network:
    """The same, saved and read on the reference engine."""
    path = tmp_path_factory.mktemp("xla") / "net.safetensors"
    net.save(path)
    return pl.load(path, engine="reference")


def test_traces(net: pl.Network, twin: pl.Network) -> None:
    one, other = net.trace(X[:5], Y[:5]), twin.trace(X[:5], Y[:5])
    assert list(one) == list(other)
    for path in one:
        np.testing.assert_allclose(one[path], other[path], **CLOSE, err_msg=path)


@pytest.mark.parametrize(
    ("path", "given"),
    [("dense_1", {"unit": 2}), ("dense_2.sum", {"unit": 1}), ("loss", {}), ("dense_1.kernel", {"index": (2, 1)})],
)
def test_explanations(net: pl.Network, twin: pl.Network, path: str, given: dict[str, Any]) -> None:
    backward = path.endswith("kernel")
    one, other = (n.explain(path, x=X[:5], y=Y[:5], backward=backward, **given) for n in (net, twin))
    assert one.total == pytest.approx(one.value, rel=1e-4, abs=1e-6)
    assert one.value == pytest.approx(other.value, rel=1e-4, abs=1e-6)
    assert len(one.text().splitlines()) == len(other.text().splitlines())


def test_patches(net: pl.Network, twin: pl.Network) -> None:
    one, other = (n.patch(X[:5], {"dense_1[o=1]": 0.5}) for n in (net, twin))
    assert np.all(one["dense_1"][:, 1] == 0.5)
    np.testing.assert_allclose(one["dense_2"], other["dense_2"], **CLOSE)
    assert np.abs(one["dense_2"] - net.predict(X[:5])).max() > 1e-3


def test_attributions(net: pl.Network, twin: pl.Network) -> None:
    one, other = (n.attribute(X[0], "dense_2.sum", unit=1) for n in (net, twin))
    np.testing.assert_allclose(one.values, other.values, **CLOSE)


def test_one_training_and_one_prediction_on_another_engine(net: pl.Network) -> None:
    other = untrained("reference")
    history = learn(other, engine="xla", validation_split=0.0)
    assert len(history["loss"]) == 4
    assert other.engine == "reference"
    for path, value in net.parameters.items():
        # XLA on a CPU promises no bits: two runs of one compiled program may differ by a rounding.
        np.testing.assert_allclose(other.parameters[path], value, rtol=1e-5, atol=1e-6, err_msg=path)
    np.testing.assert_allclose(other.predict(X), other.predict(X, engine="xla"), **CLOSE)
    assert other.evaluate(X, Y)["loss"] == pytest.approx(other.evaluate(X, Y, engine="xla")["loss"], rel=1e-5)


def test_what_is_saved_or_copied_is_the_same(net: pl.Network, twin: pl.Network, tmp_path: Path) -> None:
    np.testing.assert_allclose(twin.predict(X), net.predict(X), **CLOSE)
    net.save(tmp_path / "net.safetensors")
    again = pl.load(tmp_path / "net.safetensors", engine="xla")
    for path, value in net.parameters.items():
        assert np.array_equal(again.parameters[path], value), path
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert np.allclose(copied.predict(X), net.predict(X), atol=1e-6)


def test_the_lab(net: pl.Network) -> None:
    copy = net.clone()
    session = Session(task_of(copy, X, Y, validation_data=(X[:10], Y[:10]), batch_size=8))
    try:
        asker = Asker(session)
        seen = asker.ask("watch", input="test:3", paths=[{"path": "dense_2", "limit": 100}])
        state = asker.steps(3)
        assert state["step"] == seen["step"] + 3
        live = asker.event("live", lambda value: value["step"] == state["step"])
        assert not np.array_equal(live["values"]["dense_2"]["data"], seen["values"]["dense_2"]["data"])
        explained = asker.ask("explain", input="test:3", path="dense_2", index=[1])
        assert explained["value"] == pytest.approx(live["values"]["dense_2"]["data"][1], rel=1e-4)
    finally:
        session.close()
