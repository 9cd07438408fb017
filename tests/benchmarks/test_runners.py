"""Every library's reading of a network: the same losses, the same outputs."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from benchmarks.runners import Job, graph, settings
from benchmarks.workloads import BATCHES, WORKLOADS, Array, Task

import pellucid as pl
from pellucid.errors import PellucidError

BATCH = 3
TASKS = {
    "mlp64": Task("mlp64", batch=BATCH, width=20),
    "lenet": Task("lenet", batch=BATCH, width=20),
    "conv1d": Task("conv1d", batch=BATCH, length=40),
    "autoencoder": Task("autoencoder", batch=BATCH),
    "rnn": Task("rnn", batch=BATCH, length=5, width=16),
    "gru": Task("gru", batch=BATCH, length=5, width=16),
    "bilstm": Task("bilstm", batch=BATCH, length=5, width=16, vocabulary=30),
    "words": Task("words", batch=BATCH, length=5, width=16, vocabulary=30),
    "transformer": Task("transformer", batch=BATCH, length=5, width=8),
}
JOBS = [*TASKS, "residual"]


def job(name: str) -> Job:
    return residual() if name == "residual" else Job.of(TASKS[name])


def residual() -> Job:
    """A graph with a shortcut over another stride, batch normalisation, pools, and padding that a dense layer sees."""
    image = pl.Input((6, 5, 2))
    x = pl.Activation("relu")(pl.BatchNormalization()(pl.Conv2D(4, 3, strides=2, padding=1, use_bias=False)(image)))
    x = pl.Add()(x, pl.Conv2D(4, 1, strides=2)(image))
    x = pl.Flatten()(pl.MaxPool2D(2, strides=1)(x))
    net = pl.Network(inputs=image, outputs=pl.Dense(3, activation="softmax")(x))
    rng = np.random.default_rng(0)
    count = BATCH * BATCHES
    return Job(net, rng.random((count, 6, 5, 2), dtype=np.float32), rng.integers(0, 3, count), BATCH, pl.Adam())


def runner(name: str) -> Any:
    needed = {"pytorch": ["torch"], "xla": ["jax"], "onnx": ["onnx", "onnxruntime"], "scikit": ["threadpoolctl"]}
    for package in needed.get(name, []):
        pytest.importorskip(package)
    return importlib.import_module(f"benchmarks.runners.{name}")


@cache
def losses(library: str, name: str) -> Array:
    steps = runner(library).training(job(name))
    # as a worker does: the first steps, then more of them, on through the data
    return np.concatenate([steps(2), steps(BATCHES - 1)])


@pytest.mark.sample(5)
@pytest.mark.parametrize("peer", ["xla", "pytorch"])
@pytest.mark.parametrize("name", JOBS)
def test_peers_train_the_same_network_on_the_same_data(peer: str, name: str) -> None:
    np.testing.assert_allclose(losses(peer, name), losses("own", name), rtol=2e-4)


@pytest.mark.sample(8)
@pytest.mark.parametrize("peer", ["xla", "pytorch", "onnx"])
@pytest.mark.parametrize("name", JOBS)
def test_peers_predict_what_the_network_predicts(peer: str, name: str) -> None:
    given = job(name).first()
    np.testing.assert_allclose(runner(peer).inference(given)(2), given.net.predict(given.x), atol=1e-6)


@pytest.mark.parametrize("name", ["mlp64", "gru", "residual"])
def test_an_epoch_of_fit_loses_what_pytorch_s_loop_loses(name: str) -> None:
    # of one batch: with more, every library has an order of its own
    own, torch = (runner(library).fit(job(name).first())(4) for library in ("own", "pytorch"))
    assert own.shape == (4,)
    np.testing.assert_allclose(torch, own, rtol=2e-4)


@pytest.mark.parametrize("mode", ["training", "fit", "inference"])
def test_scikit_learn_has_the_same_table(mode: Any) -> None:
    given = Job.of(Task("table32", mode))
    scikit = runner("scikit")
    if mode == "inference":
        np.testing.assert_allclose(scikit.inference(given)(2), given.net.predict(given.x), atol=1e-6)
        return
    first, *rest = getattr(scikit, mode)(given.first())(3)
    np.testing.assert_allclose(first, runner("own").training(given)(1)[0], rtol=1e-5)
    assert len(rest) == 2 and rest[-1] < first


def test_scikit_learn_refuses_what_is_no_table() -> None:
    with pytest.raises(PellucidError, match="dense layers alone"):
        runner("scikit").training(Job.of(TASKS["gru"]))


def test_a_layer_that_nobody_has_written_is_named() -> None:
    translations: graph.Translations[Any] = graph.Translations()
    with pytest.raises(PellucidError, match="nobody has written Dense"):
        translations.find(Task("mlp").network().uses[1])


def test_the_walk_follows_the_graph_and_forgets_what_nobody_reads() -> None:
    walk = graph.Graph(residual().net)
    read: dict[str, tuple[str, ...]] = {}

    def apply(path: str, *values: str) -> str:
        read[path] = values
        return path

    assert walk(apply, "image") == "dense_1"
    assert read["add_1"] == ("activation_1", "conv2d_2")
    assert read["conv2d_1"] == read["conv2d_2"] == ("image",)
    finished = [path for _, _, paths in walk.steps for path in paths]
    assert sorted(finished) == sorted({"input_1", *read} - {"dense_1"})


def test_channels_stand_first_up_to_where_places_end() -> None:
    net = residual().net
    assert graph.channels_first(net) == {u.path for u in net.uses} - {"flatten_1", "dense_1"}
    net = Task("conv1d", length=40).network()
    assert graph.channels_first(net) == {"input_1", "conv1d_1", "conv1d_2", "conv1d_3"}
    assert graph.channels_first(Task("gru").network()) == set()


def test_padding_that_a_library_cannot_say_is_refused() -> None:
    net = pl.Network(pl.Conv2D(1, 2, padding="same"), input_shape=(4, 4, 1))
    with pytest.raises(PellucidError, match="both ends"):
        graph.even_padding(net.uses[1])


def test_optimizers_that_peers_do_not_have_are_refused() -> None:
    assert settings(pl.SGD(0.1))["learning_rate"] == 0.1
    for other in (pl.RMSprop(), pl.SGD(momentum=0.9), pl.AdamW()):
        with pytest.raises(PellucidError, match="Adam or plain SGD"):
            settings(other)


def test_workloads_have_their_data() -> None:
    for name in WORKLOADS:
        task = Task(name, batch=2, width=8, vocabulary=9)
        given = Job.of(task)
        count, (output,) = 2 * BATCHES, given.net.output_shapes.values()
        assert given.x.shape == (count, *next(iter(given.net.input_shapes.values())))
        assert given.x.dtype.kind == "i" or given.x.dtype == given.net.dtype
        assert given.y.shape in ((count, *output), (count, *output[:-1]))
        assert len(given.batches()) == BATCHES
        assert len(Job.of(Task(name, "inference", 2, width=8, vocabulary=9)).x) == 2
