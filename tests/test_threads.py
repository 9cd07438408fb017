"""One network in several threads: the answers are those of one thread."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import pellucid as pl

RNG = np.random.default_rng(0)
SIZES = (1, 3, 4, 5, 16, 17, 64, 100)

# A number of threads for each test, and another for the next.
pytestmark = pytest.mark.sample(1)


@pytest.fixture(autouse=True, params=[1, 2, 5])
def _often(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads take turns as often as they can, and share the work of a call."""
    monkeypatch.setenv("PELLUCID_THREADS", str(request.param))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def mlp(engine: str = "llvm", seed: int = 0) -> pl.Network:
    return pl.Network(
        pl.Dense(96, activation="relu"),
        pl.BatchNormalization(),
        pl.Dense(5, activation="softmax"),
        input_shape=(200,),
        engine=engine,
        seed=seed,
    )


def text() -> pl.Network:
    return pl.Network(
        pl.Embedding(11, 8), pl.LSTM(20, return_sequences=True), pl.Dense(11, activation="softmax"), input_shape=(9,)
    )


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b)


def agree(call: Callable[[int], Any], calls: int) -> None:
    """Calls from four threads at once against the same one after the other."""
    alone = [call(k) for k in range(len(SIZES))]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(call, [k % len(SIZES) for k in range(calls)], timeout=300))
    wrong = sum(not same(found, alone[k % len(SIZES)]) for k, found in enumerate(together))
    assert wrong == 0, f"{wrong} of {calls} answers were another's"


@pytest.mark.sample(2)
@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_predict(engine: str) -> None:
    net = mlp(engine)
    xs = [RNG.normal(size=(n, 200)).astype(np.float32) for n in SIZES]
    agree(lambda k: net.predict(xs[k]), 400)


def test_predict_with_equal_batches() -> None:
    net = mlp()
    xs = [RNG.normal(size=(64, 200)).astype(np.float32) for _ in SIZES]
    agree(lambda k: net.predict(xs[k]), 400)


def test_integers_and_recurrences() -> None:
    net = text()
    xs = [RNG.integers(0, 11, (n, 9)) for n in SIZES]
    agree(lambda k: net.predict(xs[k]), 200)


@pytest.mark.sample(2)
@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_evaluate_gradients_trace(engine: str) -> None:
    net = mlp(engine)
    xs = [RNG.normal(size=(n, 200)) for n in SIZES]
    ys = [RNG.integers(0, 5, n) for n in SIZES]
    agree(lambda k: net.evaluate(xs[k], ys[k], metrics=["accuracy"]), 60)
    agree(lambda k: net.gradients(xs[k], ys[k]), 60)
    agree(lambda k: dict(net.trace(xs[k], ys[k])), 24)


def test_gradients_of_large_batches() -> None:
    net = pl.Network(pl.Dense(24, activation="tanh"), pl.Dense(2), input_shape=(20,))
    xs = [RNG.normal(size=(n, 20)).astype(np.float32) for n in (8000, 16_000, 24_000)]

    def call(k: int) -> Any:
        return net.gradients(xs[k % 3], xs[k % 3][:, :2])

    alone = [call(k) for k in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert all(same(found, alone[k % 3]) for k, found in enumerate(pool.map(call, range(30), timeout=300)))


def test_steppers_of_their_own_and_neurons() -> None:
    net, neuron = text(), pl.Neuron([0.5, -1.5], bias=0.25, activation="tanh")
    xs = [RNG.integers(0, 11, (n, 9)) for n in SIZES]
    points = [RNG.normal(size=(n, 2)) for n in SIZES]

    def walk(k: int) -> Any:
        step = net.stepper()
        return tuple(step(xs[k][:, t]) for t in range(9))

    agree(walk, 48)
    agree(lambda k: neuron(points[k]), 200)


def test_a_shared_stepper_takes_whole_steps() -> None:
    net = text()
    step, x = net.stepper(), np.zeros(3, dtype=int)
    alone = [step(x) for _ in range(40)]
    step.reset()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: step(x), range(40), timeout=300))
    assert sorted(a.tobytes() for a in alone) == sorted(a.tobytes() for a in together)


def test_the_first_call_of_all() -> None:
    net, x = mlp(seed=7), RNG.normal(size=(20, 200))
    gate = threading.Barrier(4)

    def first(_: int) -> Any:
        gate.wait()
        return net.predict(x)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(first, range(4), timeout=300))
    assert all(np.array_equal(one, net.predict(x)) for one in found)


def test_two_trainings_at_once_give_the_bits_of_one_after_the_other() -> None:
    x, y = RNG.normal(size=(300, 200)), RNG.integers(0, 5, 300)

    def train(seed: int) -> dict[str, np.ndarray]:
        net = mlp(seed=seed)
        net.fit(x, y, epochs=3, batch_size=48, verbose=0)
        return dict(net.parameters)

    alone = [train(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, range(4), timeout=300))
    assert all(map(same, alone, together))


def test_predictions_while_it_trains_are_those_of_a_finished_step() -> None:
    net, x, y = mlp(), RNG.normal(size=(96, 200)), RNG.integers(0, 5, 96)
    states = [net.parameters.snapshot()]
    answers: list[np.ndarray] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answers.append(net.predict(x[:5]))

    class Keep(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: MutableMapping[str, float]) -> None:
            states.append(net.parameters.snapshot())

    thread = threading.Thread(target=ask)
    thread.start()
    net.fit(x, y, epochs=30, batch_size=32, verbose=0, callbacks=[Keep()])
    over.set()
    thread.join()
    known = set()
    for state in states:
        net.parameters.replace(state)
        known.add(net.predict(x[:5]).tobytes())
    assert len(known) > 2
    assert {a.tobytes() for a in answers} <= known


def test_two_threads_that_train_one_network_are_refused() -> None:
    net, x, y = mlp(), RNG.normal(size=(32, 200)), RNG.integers(0, 5, 32)
    refused: list[BaseException] = []

    class Again(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: MutableMapping[str, float]) -> None:
            def other() -> None:
                try:
                    net.fit(x, y, verbose=0)
                except pl.PellucidError as error:
                    refused.append(error)

            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    net.fit(x, y, verbose=0, callbacks=[Again()])
    assert "another thread is training this network" in str(refused[0])


@contextmanager
def changing() -> Iterator[pl.Network]:
    """A network whose parameters another thread changes all the time, all of them to one number."""
    net = pl.Network(*(pl.Dense(5) for _ in range(12)), input_shape=5)
    shapes = {path: array.shape for path, array in net.parameters.items()}
    over = threading.Event()

    def change(number: int) -> None:
        net.parameters.replace({path: np.full(shape, number) for path, shape in shapes.items()})

    def work() -> None:
        number = 0
        while not over.is_set():
            change(number := number + 1)

    change(0)
    thread = threading.Thread(target=work)
    thread.start()
    yield net
    over.set()
    thread.join()


def whole(net: pl.Network) -> bool:
    return len({number for array in net.parameters.values() for number in array.flat}) == 1


@pytest.mark.sample(2)
@pytest.mark.parametrize("way", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_of_a_network_that_is_trained_is_of_one_step(way: Callable[[pl.Network], pl.Network]) -> None:
    with changing() as net:
        torn = sum(not whole(way(net)) for _ in range(60))
    assert torn == 0


def test_a_shallow_copy_has_the_same_layers() -> None:
    net = mlp()
    twin = copy.copy(net)
    net.parameters["dense_1.bias"] = np.ones(96)
    assert twin.parameters["dense_1.bias"] is net.parameters["dense_1.bias"]
    assert twin.layers == net.layers


def in_a_child(work: Callable[[], bool]) -> bool:
    """Whether a forked process says yes, and says something."""
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if work() else 1)
    return os.waitpid(child, 0)[1] == 0


forks = pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform == "darwin", reason="a process of this system does not fork"
)


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:.*fork:RuntimeWarning")
def test_a_fork_finds_the_parameters_of_one_step() -> None:
    with changing() as net:
        torn = sum(not in_a_child(lambda: whole(net)) for _ in range(30))
    assert torn == 0


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:.*fork:RuntimeWarning")
def test_a_fork_computes_while_another_thread_compiles(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = mlp(), RNG.normal(size=(64, 200))
    before = net.predict(x)
    over = threading.Event()

    def compile_on() -> None:
        for number in range(10_000):
            if over.is_set():
                return
            monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / str(number)))
            mlp().predict(x)

    thread = threading.Thread(target=compile_on)
    thread.start()
    try:
        answers = [
            in_a_child(lambda: same(net.predict(x), before) and same(mlp().predict(x), before)) for _ in range(6)
        ]
    finally:
        over.set()
        thread.join()
    assert all(answers)
