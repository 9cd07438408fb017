"""Networks and what they give can be copied, pickled and sent to other processes, before and after their first use."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.formula import Tensor, define
from pellucid.functions.activations import ACTIVATIONS

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda it: pickle.loads(pickle.dumps(it)),
    "deepcopy": copy.deepcopy,
}
X = np.random.default_rng(0).normal(size=(37, 6, 6, 1)).astype(np.float32)
Y = np.arange(37) % 4


def bent(z: Tensor) -> Tensor:
    return define("a[…] = z[…]/(2 + abs(z[…]))", z=z)


if multiprocessing.parent_process() is not None:
    pl.activation(bent)  # a process that unpickles it has imported this file


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    """An activation of one's own, for these tests alone."""
    pl.activation(bent)
    yield
    del ACTIVATIONS["bent"]


def network() -> pl.Network:
    return pl.Network(
        pl.Conv2D(4, 3, activation="bent"),
        pl.BatchNormalization(),
        pl.Flatten(),
        pl.Dropout(0.3),
        pl.Dense(5, activation=pl.leaky_relu(slope=0.2)),
        pl.Dense(4, activation="softmax"),
        input_shape=(6, 6, 1),
        seed=3,
    )


def predicted(net: pl.Network) -> np.ndarray:
    answer: np.ndarray = net.predict(X)
    return answer


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_a_copy_is_the_same_network_and_has_its_own_parameters(way: str, used: bool, engine: str) -> None:
    net = network()
    net.engine = engine
    if used:
        net.fit(X, Y, verbose=0)
    twin = COPIES[way](net)
    before = net.predict(X)
    assert np.array_equal(twin.predict(X), before)
    twin.fit(X, Y, verbose=0)
    assert not np.array_equal(twin.predict(X), before)
    assert np.array_equal(net.predict(X), before)


@pytest.mark.parametrize("way", COPIES)
def test_what_a_network_gives(way: str) -> None:
    net = network()
    history = net.fit(X, Y, verbose=0, epochs=2)
    same = COPIES[way]
    assert same(history).history == history.history
    trace = net.trace(X[:3], Y[:3])
    other = same(trace)
    assert list(other) == list(trace)
    assert all(np.array_equal(other[path], trace[path]) for path in trace)
    for path, index in (("dense_2.sum", (1, 3)), ("d(conv2d_1.kernel)", (0, 2, 0, 1)), ("loss", ())):
        explanation = trace.explain(path, index=index)
        assert same(explanation).text() == explanation.text() == other.explain(path, index=index).text()
    assert str(same(net.flow(X, Y))) == str(net.flow(X, Y))
    same(net.layers[0])
    same(pl.EarlyStopping())


@pytest.mark.parametrize("way", COPIES)
def test_a_stepper_goes_on_where_it_is(way: str) -> None:
    net = pl.Network(pl.LSTM(4), pl.Dense(2), input_shape=(5, 3))
    step, x = net.stepper(), np.ones((2, 3))
    step(x)
    twin = COPIES[way](step)
    for _ in range(2):
        assert np.array_equal(twin(x), step(x))


@pytest.mark.parametrize("way", COPIES)
def test_deep_networks(way: str) -> None:
    net = pl.Network(*(pl.Dense(3, activation="tanh") for _ in range(100)), input_shape=(3,))
    x = np.ones((2, 3))
    assert np.array_equal(COPIES[way](net).predict(x), net.predict(x))
    COPIES[way](net.trace(x))


def test_joblib() -> None:
    joblib = pytest.importorskip("joblib")
    net = network()
    before = net.predict(X)
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(predicted)(net) for _ in range(3))
    assert all(np.array_equal(one, before) for one in found)


@pytest.mark.parametrize("start", [s for s in ("spawn", "fork") if s in multiprocessing.get_all_start_methods()])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:.*fork:RuntimeWarning")
@pytest.mark.skipif(sys.platform == "darwin", reason="system libraries of macOS do not survive a fork")
def test_process_pools(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "2")
    net = network()
    net.fit(X, Y, verbose=0)
    before = net.predict(X)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        for one in pool.map(predicted, [net] * 4, timeout=120):
            assert np.array_equal(one, before)
