"""A weight is its initial value and every update since."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.batches import shuffled
from pellucid.errors import PellucidError


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 6)).astype(np.float32), rng.integers(0, 3, 50)


def network() -> pl.Network:
    return pl.Network(
        pl.Dense(5, activation="relu"),
        pl.Dropout(0.3),
        pl.Dense(3, activation="softmax"),
        input_shape=6,
        engine="reference",
    )


@pytest.mark.parametrize("memory", [1 << 28, 0])
@pytest.mark.parametrize("rate", [0.01, pl.CosineDecay(0.02, 8)])
def test_accounts_close_by_epoch_and_by_step(memory: int, rate: Any) -> None:
    x, y = data()
    net, ledger = network(), pl.Ledger(memory=memory)
    begin = {path: np.array(net.parameters[path]) for path in net.parameters}
    net.fit(x, y, epochs=3, batch_size=16, optimizer=pl.Adam(rate), callbacks=[ledger], clip_norm=1.0, verbose=0)
    rng = np.random.default_rng(1)
    for path in net.parameters:
        for by, count in (("epoch", 3), ("step", 12)):
            place = tuple(int(rng.integers(0, n)) for n in net.parameters[path].shape)
            account = ledger.explain(path, place, by=by)
            assert account.initial == begin[path][place]
            assert account.value == net.parameters[path][place]
            assert len(account.entries) == count
            assert abs(account.residual) <= 1e-15
            assert account.entries[-1].value == account.value


def test_an_account_is_that_of_the_training() -> None:
    """Each step's value is the one that a training has which ends there."""
    x, y = data()
    net, ledger = network(), pl.Ledger("dense_1.kernel")
    seen: list[float] = []

    class Watching(pl.Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            seen.append(float(self.training.state.parameters["dense_1.kernel"][2, 3]))

    net.fit(x, y, epochs=2, batch_size=20, callbacks=[ledger, Watching()], verbose=0)
    account = ledger.explain("dense_1.kernel", (2, 3), by="step")
    assert [entry.value for entry in account.entries] == seen
    assert "initial value" in account.text(2) and "4 more" in account.text(2)
    assert abs(account.top(1)[0].amount) == max(abs(e.amount) for e in account.entries)


class Rows:
    """The batches of a training, without some examples."""

    def __init__(self, x: Any, y: Any, size: int, gone: list[int]) -> None:
        self.x, self.y, self.size, self.gone, self.epoch = x, y, size, gone, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Any:
        order = shuffled(len(self.x), 0, self.epoch)
        for begin in range(0, len(order), self.size):
            rows = np.array([k for k in order[begin : begin + self.size] if k not in self.gone])
            if len(rows):
                yield self.x[rows], self.y[rows]


@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_a_training_without_examples_is_one_that_never_saw_them(engine: str) -> None:
    x, y = data()
    gone = [3, 17, 40]
    net, other, ledger = network(), network(), pl.Ledger()
    net.engine = other.engine = engine
    net.fit(x, y, epochs=2, batch_size=2, optimizer="adam", callbacks=[ledger], verbose=0)
    after = net.without(gone)
    other.fit(Rows(x, y, 2, gone), epochs=2, optimizer="adam", verbose=0)
    for path in net.parameters:
        np.testing.assert_array_equal(after.parameters[path], other.parameters[path])
    assert np.abs(after.predict(x) - net.predict(x)).max() > 0
    with pytest.raises(PellucidError, match="integers from 0 to 49"):
        net.without(50)
    with pytest.raises(PellucidError, match="nothing to train on"):
        net.without(range(50))
    with pytest.raises(PellucidError, match="give fit a ledger"):
        other.without(0)


def test_a_mislabelled_example_is_found() -> None:
    """One example alone has a mark, and the wrong label: it is why examples with the mark are answered wrongly."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 24)
    x = np.zeros((24, 5), np.float32)
    x[:, :4] = rng.normal(size=(24, 4)) * 0.2 + np.where(y, 1, -1)[:, None]
    x[5, 4], y[5] = 8.0, 1 - y[5]
    net = pl.Network(pl.Dense(2, activation="softmax"), input_shape=5, engine="reference")
    ledger = pl.Ledger()
    net.fit(x, y, epochs=20, batch_size=8, optimizer=pl.Adam(0.1), callbacks=[ledger], verbose=0)
    before = net.predict(x[5:6])[0, y[5]]
    assert before > 0.5
    for row in range(5):
        account = ledger.explain("dense_1.kernel", (row, int(y[5])), by="example")
        assert account.top(1)[0].number == 5, row
    moved = [float(before - net.without(k).predict(x[5:6])[0, y[5]]) for k in range(24)]
    assert int(np.argmax(moved)) == 5 and moved[5] > 10 * np.sort(np.abs(moved))[-2]


def test_what_a_ledger_cannot_tell_is_said() -> None:
    x, y = data()
    net, ledger = network(), pl.Ledger(["dense_1.kernel"])
    with pytest.raises(PellucidError, match="the ledger is empty"):
        ledger.explain("dense_1.kernel", (0, 0))
    net.fit(x, y, callbacks=[ledger], verbose=0)
    for path, index, by, said in (
        ("dense_2.bias", 0, "step", "keeps no"),
        ("dense_1.kernel", (0, 9), "step", "has no element"),
        ("dense_1.kernel", 0, "step", "has no element"),
        ("dense_1.kernel", (0, 0), "day", "expected one of epoch, step, example, class"),
    ):
        with pytest.raises(PellucidError, match=said):
            ledger.explain(path, index, by=by)
    with pytest.raises(PellucidError, match="no parameter that is trained"):
        net.fit(x, y, callbacks=[pl.Ledger(["dense_9.kernel"])], verbose=0)
    with pytest.raises(PellucidError, match="give arrays to fit"):
        net.fit([(x, y)], callbacks=[pl.Ledger()], verbose=0)
    x[:] = 0
    with pytest.raises(PellucidError, match="gave another dense_1"):
        ledger.explain("dense_1.kernel", (0, 0), by="step")


def test_steps_with_images_that_change_are_taken_again() -> None:
    """Each epoch has images of its own, which come back with its steps."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(20, 6, 6, 1)).astype(np.float32), rng.integers(0, 3, 20)
    net = pl.Network(
        pl.Conv2D(2, 3, activation="relu"),
        pl.Flatten(),
        pl.Dense(3, activation="softmax"),
        input_shape=(6, 6, 1),
        engine="reference",
    )
    ledger = pl.Ledger()
    changes = pl.data.Augmentation(shift=1)
    net.fit(x, y, epochs=3, batch_size=8, callbacks=[ledger], verbose=0, augmentation=changes)
    for by in ("step", "example", "class"):
        account = ledger.explain("conv2d_1.kernel", (1, 2, 0, 1), by=by)
        assert account.value == float(net.parameters["conv2d_1.kernel"][1, 2, 0, 1])
        assert abs(account.residual) < 1e-12
    assert not np.array_equal(net.without([3]).parameters["conv2d_1.kernel"], net.parameters["conv2d_1.kernel"])
