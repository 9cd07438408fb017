"""Callbacks that write beside a training: the network, a table, TensorBoard's files; and functions as callbacks."""

from __future__ import annotations

import csv
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pellucid as pl
from pellucid.errors import DataError, PellucidError

Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]
Make = Callable[..., pl.Network]


class Pretend(pl.Callback):
    """Writes a value into the logs as if it were measured, and the number of the epoch into a bias."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        logs["val_loss"] = self.values[epoch]
        net = self.training.net
        path = list(net.specs)[-1]
        net.parameters[path] = np.full_like(net.parameters[path], epoch)


def kept(path: Path) -> float:
    """The number of the epoch that the network of a file comes from."""
    return float(list(pl.load(path).parameters.values())[-1].flat[0])


def table_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_best_network_is_kept(blobs: Blobs, classifier: Make, tmp_path: Path) -> None:
    best = tmp_path / "best.safetensors"
    callbacks = [Pretend([3.0, 1.0, 2.0, 1.0]), pl.ModelCheckpoint(best, save_best_only=True, mode="min")]
    classifier().fit(*blobs, epochs=4, validation_split=0.2, callbacks=callbacks, verbose=0)
    assert kept(best) == 1  # an equal one later is not better
    callbacks[1] = pl.ModelCheckpoint(best, save_best_only=True, mode="max", initial_value_threshold=1.5)
    classifier().fit(*blobs, epochs=4, validation_split=0.2, callbacks=callbacks, verbose=0)
    assert kept(best) == 0


def test_every_epoch_has_a_file(blobs: Blobs, classifier: Make, tmp_path: Path) -> None:
    path = tmp_path / "{epoch:02d}-{val_loss:.1f}.safetensors"
    callbacks = [Pretend([3.0, 1.0]), pl.ModelCheckpoint(path)]
    classifier().fit(*blobs, epochs=2, callbacks=callbacks, verbose=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["01-3.0.safetensors", "02-1.0.safetensors"]
    with pytest.raises(DataError, match=r"names \{val_los\}, but the epoch has epoch, loss"):
        classifier().fit(*blobs, callbacks=pl.ModelCheckpoint(tmp_path / "{val_los}.x"), verbose=0)
    with pytest.raises(DataError, match="write fields as"):
        classifier().fit(*blobs, callbacks=pl.ModelCheckpoint(tmp_path / "{epoch:q}.x"), verbose=0)
    with pytest.raises(DataError, match="ModelCheckpoint watches"):
        classifier().fit(*blobs, callbacks=pl.ModelCheckpoint(tmp_path / "x", save_best_only=True), verbose=0)


def test_a_resumed_training_knows_its_best_and_its_table(blobs: Blobs, classifier: Make, tmp_path: Path) -> None:
    best, state, table = (tmp_path / name for name in ("best", "state", "table.csv"))

    def callbacks() -> list[pl.Callback]:
        kinds: list[pl.Callback] = [pl.ModelCheckpoint(best, save_best_only=True, mode="min"), pl.CSVLogger(table)]
        return [Pretend([1.0, 3.0, 2.0, 0.5]), *kinds, pl.Checkpoint(state)]

    options: dict[str, Any] = {"validation_split": 0.2, "verbose": 0}
    classifier().fit(*blobs, epochs=2, callbacks=callbacks(), **options)
    assert kept(best) == 0
    best.unlink()
    classifier().fit(*blobs, epochs=3, callbacks=callbacks(), resume=state, **options)
    assert not best.exists()  # 2 is worse than 1
    classifier().fit(*blobs, epochs=4, callbacks=callbacks(), resume=state, **options)
    assert kept(best) == 3
    assert [row[0] for row in table_of(table)] == ["epoch", "0", "1", "2", "3"]


def test_a_table_of_the_epochs(blobs: Blobs, classifier: Make, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    net = classifier()
    history = net.fit(*blobs, epochs=3, metrics="accuracy", callbacks=pl.CSVLogger(path), verbose=0)
    rows = table_of(path)
    assert rows[0] == ["epoch", "accuracy", "loss"]
    assert [float(row[2]) for row in rows[1:]] == history.history["loss"]  # to the last digit
    net.fit(*blobs, epochs=1, callbacks=pl.CSVLogger(path, append=True), verbose=0)
    rows = table_of(path)
    assert len(rows) == 5 and rows[-1][:2] == ["0", "NA"]
    net.fit(*blobs, epochs=1, callbacks=pl.CSVLogger(path, separator=";"), verbose=0)
    assert path.read_text(encoding="utf-8").splitlines()[0] == "epoch;loss"
    with pytest.raises(DataError, match=r'begins with the column "epoch;loss", expected "epoch"'):
        net.fit(*blobs, epochs=1, callbacks=pl.CSVLogger(path, append=True), verbose=0)
    with pytest.raises(DataError, match="cannot be written"):
        net.fit(*blobs, epochs=1, callbacks=pl.CSVLogger(tmp_path / "no" / "log.csv"), verbose=0)
    with pytest.raises(DataError, match="expected one character"):
        pl.CSVLogger(path, separator=", ")


def test_functions_as_a_callback(blobs: Blobs, classifier: Make) -> None:
    notes: list[Any] = []
    callback = pl.LambdaCallback(
        on_train_begin=lambda logs: notes.append("begin"),
        on_epoch_begin=lambda epoch, logs: notes.append(("epoch", epoch)),
        on_train_batch_end=lambda batch, logs: notes.append((batch, *logs)),
        on_epoch_end=lambda epoch, logs: logs.update(mine=epoch),
        on_train_end=lambda logs: notes.append("end"),
    )
    history = classifier().fit(*blobs, epochs=2, batch_size=100, callbacks=callback, verbose=0)
    epochs = [[("epoch", epoch), (0, "loss"), (1, "loss")] for epoch in (0, 1)]
    assert notes == ["begin", *epochs[0], *epochs[1], "end"]
    assert history.history["mine"] == [0, 1]
    with pytest.raises(PellucidError, match=r"on_epoch_end takes other arguments, expected a function of \(epoch, log"):
        pl.LambdaCallback(on_epoch_end=lambda epoch: None)  # type: ignore[misc, arg-type]
    with pytest.raises(PellucidError, match="on_train_end is int"):
        pl.LambdaCallback(on_train_end=3)  # type: ignore[arg-type]


def test_functions_that_do_not_ask_for_steps_cost_no_calls() -> None:
    assert not pl.LambdaCallback(on_epoch_end=print).listening


def events(folder: Path) -> list[Any]:
    """The events of the files in a folder: a length, its check, the event, its check."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in folder.iterdir():
        content = path.read_bytes()
        while content:
            (size,) = struct.unpack("<Q", content[:8])
            found.append(Event.FromString(content[12 : 12 + size]))
            content = content[16 + size :]
    return found


def test_what_tensorboard_reads(blobs: Blobs, classifier: Make, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    net = classifier()
    board = pl.TensorBoard(tmp_path, histogram_freq=2, update_freq=2)
    history = net.fit(
        *blobs, epochs=3, batch_size=50, metrics="accuracy", validation_split=0.25, callbacks=board, verbose=0
    )
    for part, prefix in (("train", ""), ("validation", "val_")):
        read = [(v.tag, e.step, v) for e in events(tmp_path / part) for v in e.summary.value]
        for name in ("loss", "accuracy"):
            values = [(step, v.simple_value) for tag, step, v in read if tag == f"epoch_{name}"]
            assert values == [(n, pytest.approx(x, rel=1e-6)) for n, x in enumerate(history.history[prefix + name])]
    read = [(v.tag, e.step, v) for e in events(tmp_path / "train") for v in e.summary.value]
    assert {step for tag, step, _ in read if tag == "batch_loss"} == set(range(2, 3 * history.params["steps"] + 1, 2))
    assert [step for tag, step, _ in read if tag == "epoch_learning_rate"] == [0, 1, 2]
    histograms = [(tag, step) for tag, step, v in read if v.HasField("histo")]
    assert histograms == [(path.replace(".", "/"), step) for step in (0, 2) for path in net.specs]


def test_tensorboard_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(PellucidError, match=r'pip install "pellucid\[tensorboard\]"'):
        pl.TensorBoard()
