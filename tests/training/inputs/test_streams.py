"""Training on batches that come one after the other: the bits of arrays, whatever gives the batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid as pl
from pellucid.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)
W = RNG.uniform(0.5, 2, size=50)
Pair = tuple[NDArray[Any], ...]


def network() -> pl.Network:
    return pl.Network(pl.Dense(8, activation="relu"), pl.Dense(2, activation="softmax"), input_shape=(4,), seed=3)


def batches(*arrays: NDArray[Any], size: int = 16) -> Iterator[Pair]:
    for start in range(0, len(X), size):
        yield tuple(a[start : start + size] for a in arrays or (X, Y))


class Loader:
    """Like a torch DataLoader: it has a length and begins anew."""

    def __init__(self, length: int | None = 4) -> None:
        self.length, self.begun = length, 0

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("no length")
        return self.length

    def __iter__(self) -> Iterator[list[NDArray[Any]]]:
        self.begun += 1
        return (list(batch) for batch in batches())


def same(one: pl.Network, other: pl.Network) -> bool:
    return all(np.array_equal(one.parameters[path], other.parameters[path]) for path in one.parameters)


@pytest.fixture(scope="module")
def by_arrays() -> tuple[pl.Network, pl.History]:
    net = network()
    data: dict[str, Any] = {"validation_data": (X, Y), "metrics": ["accuracy"]}
    return net, net.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0, **data)


@pytest.mark.parametrize("prefetch", [0, 1, 5])
@pytest.mark.parametrize(
    "source",
    [batches, list(batches()), Loader(), Loader(None)],
    ids=["function", "list", "loader", "loader of unknown length"],
)
def test_batches_give_the_bits_of_arrays(by_arrays: tuple[pl.Network, pl.History], source: Any, prefetch: int) -> None:
    net = network()
    history = net.fit(
        source, epochs=3, verbose=0, metrics=["accuracy"], validation_data=lambda: batches(size=50), prefetch=prefetch
    )
    assert same(net, by_arrays[0])
    for name, curve in by_arrays[1].history.items():
        assert history[name] == pytest.approx(curve, rel=1e-6), name


def test_weights_and_class_weights() -> None:
    one, other, third = network(), network(), network()
    one.fit(X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0, sample_weight=W, class_weight={1: 2.0})
    other.fit(lambda: batches(X, Y, W), epochs=2, verbose=0, class_weight={1: 2.0})
    assert same(one, other)
    third.fit(lambda: batches(X, Y, W * np.where(Y == 1, 2.0, 1.0)), epochs=2, verbose=0)
    assert same(one, third)


def test_epochs_of_so_many_steps_go_on_behind_each_other() -> None:
    one, other = network(), network()
    history = one.fit(batches(size=10), steps_per_epoch=2, epochs=5, verbose=0)  # 5 batches, 10 steps asked for
    assert history.stopped == "the batches ended in epoch 3, after 1 of 2 steps"
    other.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    assert same(one, other)
    one, other = network(), network()
    one.fit(lambda: batches(size=10), steps_per_epoch=4, epochs=5, verbose=0)
    other.fit(X, Y, batch_size=10, epochs=4, shuffle=False, verbose=0)
    assert same(one, other)


def test_a_resumed_run_leaves_out_what_it_saw(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"

    class Stop(pl.Callback):
        losses_only = True

        def on_batch_end(self, step: int, logs: Any) -> None:
            if step == 6:
                raise RuntimeError

    whole, again = network(), network()
    whole.fit(batches, epochs=3, verbose=0)
    with pytest.raises(RuntimeError):
        again.fit(batches, epochs=3, verbose=0, callbacks=[pl.Checkpoint(path, every_steps=1), Stop()])
    again = network()
    again.fit(batches, epochs=3, verbose=0, resume=path)
    assert same(whole, again)


def test_the_reading_thread_ends() -> None:
    def broken() -> Iterator[Pair]:
        yield X, Y
        raise OSError("the disk is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        network().fit(broken, epochs=2, verbose=0)

    class Stop(pl.Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            raise RuntimeError

    def endless() -> Iterator[Pair]:
        while True:
            yield X, Y

    with pytest.raises(RuntimeError):
        network().fit(endless, epochs=2, verbose=0, callbacks=Stop())
    network().fit(endless, steps_per_epoch=3, epochs=2, verbose=0, validation_data=endless, validation_steps=2)
    assert threading.active_count() == before


def test_evaluate_on_batches() -> None:
    net = network()
    measured = net.evaluate(batches(), metrics=["accuracy"])
    assert measured == pytest.approx(net.evaluate(X, Y, metrics=["accuracy"]), rel=1e-6)


def test_the_bar_says_whether_the_length_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    network().fit(batches, epochs=2, verbose=1)
    network().fit(Loader(), epochs=1, verbose=1)
    assert capsys.readouterr().out.count("epoch") == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"x": batches(), "epochs": 3},
            "x is a generator, which gives its batches once, and 3 epochs take them as often",
        ),
        ({"x": batches(), "epochs": 3}, "steps_per_epoch"),
        ({"x": iter([])}, "x gave no batch"),
        ({"x": iter([X])}, r"batch 1 of x: it is ndarray of shape \(50, 4\), expected \(x, y\)"),
        ({"x": [{"pixels": X, "name": Y}]}, 'it has the keys "pixels", "name", .* pellucid.data.Batches'),
        ({"x": [(X, Y), (X, Y, W)]}, "batch 2 of x: some batches have sample weights"),
        ({"x": [(X, Y), (X, np.eye(2)[Y])]}, "batch 2 of x: its targets have another form"),
        ({"x": [(X, Y), (X[:, :3], Y)]}, r"batch 2 of x: x has shape \(50, 3\), expected \(n, 4\)"),
        (
            {"x": [(X[0], Y[0])]},
            r"batch 1 of x: it is one example \(y is [01]\), .* DataLoader\(dataset, batch_size=32\)",
        ),
        ({"x": [(X[0], Y[:1])]}, r"batch 1 of x: expected a batch, got one example of shape \(4,\)"),
        ({"x": batches, "class_weight": "balanced"}, "counts all examples"),
        ({"x": batches, "sample_weight": W}, "sample_weight goes into the batches"),
        ({"x": batches, "validation_split": 0.2}, "give validation_data"),
        ({"x": batches, "steps_per_epoch": 0}, "steps_per_epoch is 0"),
        ({"x": batches, "prefetch": -1}, "prefetch is -1"),
        ({"x": batches, "epochs": 2, "validation_data": batches()}, "validation_data is a generator"),
        ({"x": batches, "validation_data": 3}, "validation_data has another form"),
        ({"x": X, "y": Y, "steps_per_epoch": 2}, "steps_per_epoch is for batches"),
        ({"x": X, "y": Y, "validation_data": (X, Y), "validation_steps": 2}, "validation_steps is for batches"),
        ({"x": X}, "y is missing, expected targets: an autoencoder's are x itself"),
        ({"x": 3}, "y is missing|shape"),
    ],
)
def test_what_batches_cannot_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        network().fit(**given, verbose=0)


class Rows:
    """Like a data set of Hugging Face: rows by number, columns by name."""

    column_names = ("pixels", "label")

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"pixels": X[row], "label": int(Y[row])}

    def __len__(self) -> int:
        return len(X)


@pytest.mark.parametrize("names", [("image", "label"), ("pixels", "labels"), ("features", "target"), ("input_1", "y")])
def test_batches_by_names(by_arrays: tuple[pl.Network, pl.History], names: tuple[str, str]) -> None:
    def named() -> Iterator[dict[str, Any]]:
        for x, y in batches():
            yield {names[0]: list(x), names[1]: y.tolist()}

    net = network()
    net.fit(named, epochs=3, verbose=0)
    assert same(net, by_arrays[0])
    expected = net.predict(X)
    for given in (named, named(), batches, Loader(), Loader(None), (x for x, _ in batches())):
        np.testing.assert_allclose(net.predict(given), expected, rtol=1e-5)
    more = ({"image": x, "idx": y, "label": y, "weight": np.ones(len(y))} for x, y in batches())
    net.fit(more, epochs=1, verbose=0)


def test_rows_instead_of_batches_are_answered_with_the_spelling() -> None:
    net = network()
    rows = Rows()
    rows.column_names = ["pixels", "label"]  # type: ignore[assignment]
    for call in (lambda: net.fit(rows, epochs=1), lambda: net.predict(rows)):
        with pytest.raises(DataError, match=r'label is [01].*Batches\(dataset, x="pixels", y="label", shuffle=True\)'):
            call()
    with pytest.raises(DataError, match=r"it is one example \(label is [01]\).* dataset\.batch\(32\)"):
        net.fit(lambda: (rows[i] for i in range(9)), epochs=1)
    images = pl.Network(pl.Flatten(), pl.Dense(2), input_shape=(5, 5, 3))
    with pytest.raises(DataError, match=r"As batches: fit\(lambda: \(\(np\.moveaxis\(x, 1, -1\), y\)"):
        images.fit(lambda: iter([(np.zeros((4, 3, 5, 5)), np.zeros(4))]), epochs=1)
