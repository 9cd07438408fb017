"""A weight is its initial value and every update since."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
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
        ("dense_1.kernel", (0, 0), "day", "expected one of epoch, step"),
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
