"""A run that is killed and resumed ends with the bits of a run that never was."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data import load as data_set
from pellucid.errors import DataError, ModelFileError
from pellucid.files import read_tensors, write_tensors
from pellucid.functions.updates import SGD
from pellucid.layers import Dense
from pellucid.model import Network
from pellucid.training import (
    Callback,
    Checkpoint,
    CosineDecay,
    EarlyStopping,
    LearningRateSchedule,
    ReduceLROnPlateau,
    checkpoint,
)

KILLS = 20
WORKER = Path(__file__).with_name("interrupted.py")
Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]
Make = Callable[..., Network]


def _same(a: Network, b: Network) -> bool:
    return all(np.array_equal(a.parameters[path], b.parameters[path]) for path in a.parameters)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    digits = data_set("digits", images=False)
    data = tmp_path / "digits.npz"
    np.savez(data, x=digits.x, y=digits.y)

    def start(run: Path) -> subprocess.Popen[str]:
        run.mkdir(exist_ok=True)
        command = [sys.executable, str(WORKER), str(data), str(run / "run.ckpt"), str(run / "result")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process.stdout as told:
            assert told.readline() == "ready\n"
        return process

    whole = tmp_path / "whole"
    began = time.perf_counter()
    assert start(whole).wait() == 0
    seconds = time.perf_counter() - began
    expected, weights = read_tensors(whole / "result", "result")

    moments = random.Random(0)
    kills = runs = 0
    while kills < KILLS:
        run, runs = tmp_path / f"run{runs}", runs + 1
        while not (run / "result").exists():
            process = start(run)
            try:
                assert process.wait(timeout=moments.uniform(0, seconds / 8)) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
        history, found = read_tensors(run / "result", "result")
        assert history == expected
        assert found.keys() == weights.keys()
        assert all(np.array_equal(found[name], weights[name]) for name in weights)
        assert {p.name for p in run.iterdir() if ".part" not in p.name} == {"run.ckpt", "result"}


class Stop(Callback):
    """Leave in the middle, as an error would."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_batch_end(self, step: int, logs: Any) -> None:
        if step == self.at:
            raise RuntimeError("enough")


@pytest.mark.parametrize("at", [1, 8, 9, 10, 17, 18, 26])
def test_resumed_at_every_kind_of_place(at: int, tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    # 135 examples in batches of 16 are 9 steps an epoch: after its first step, before, at and after its last
    def fit(net: Network, *more: Callback, **options: Any) -> Any:
        saved = Checkpoint(tmp_path / "run", every_steps=1)
        # two that set the learning rate: what the second one does at the end of an epoch has to survive, too
        rates = LearningRateSchedule(CosineDecay(0.1, 40), per="step")
        lower = ReduceLROnPlateau("loss", patience=1, min_delta=100.0)
        others = [EarlyStopping("loss", patience=10), rates, lower, *more]
        return net.fit(*blobs, epochs=3, batch_size=16, callbacks=[saved, *others], metrics="auc", verbose=0, **options)

    whole, parts, rest = classifier(), classifier(), classifier()
    expected = fit(whole)
    with pytest.raises(RuntimeError):
        fit(parts, Stop(at + 1))
    history = fit(rest, resume=tmp_path / "run")
    assert _same(whole, rest)
    assert history.history == expected.history
    assert history.epoch == [0, 1, 2]


def test_more_epochs_from_a_finished_run(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    whole, first, second = classifier(), classifier(), classifier()
    whole.fit(*blobs, epochs=5, verbose=0)
    first.fit(*blobs, epochs=2, verbose=0, callbacks=[Checkpoint(tmp_path / "run")])
    history = second.fit(*blobs, epochs=5, verbose=0, resume=tmp_path / "run")
    assert _same(whole, second)
    assert history.epoch == [0, 1, 2, 3, 4]


def test_a_stopped_run_stays_stopped(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    def fit(net: Network, **options: Any) -> Any:
        callbacks = [EarlyStopping("loss", patience=1, min_delta=10.0), Checkpoint(tmp_path / "run")]
        return net.fit(*blobs, epochs=9, callbacks=callbacks, verbose=0, **options)

    one, two = classifier(), classifier()
    expected = fit(one)
    assert expected.epoch == [0, 1]
    again = fit(two, resume=tmp_path / "run")
    assert again.epoch == [0, 1]
    assert again.stopped == expected.stopped != ""
    assert _same(one, two)


def test_every_second_epoch(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    path = tmp_path / "run"
    seen = []

    class Look(Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            seen.append(read_tensors(path, checkpoint.KIND)[0]["state"]["epoch"] if path.exists() else None)

    classifier().fit(*blobs, epochs=5, callbacks=[Checkpoint(path, every_epochs=2), Look()], verbose=0)
    assert seen == [None, None, 2, 2, 4]
    assert read_tensors(path, checkpoint.KIND)[0]["state"]["epoch"] == 5  # the last one, whatever its number


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 16}, "its batch_size is 32, but 16 came"),
        ({"optimizer": SGD(0.1)}, "its optimizer is"),
        ({"loss": "mse", "one_hot": True}, "its loss is"),
        ({"seed": 4}, "its seed is 0, but 4 came"),
        ({"metrics": ["accuracy"]}, "its metrics is"),
        ({"fewer": 3}, "its examples is 135, but 132 came"),
        ({"layers": 5}, "another network, dense_1.kernel differs"),
        ({"callbacks": []}, "written with the callback EarlyStopping: add it"),
    ],
)
def test_another_training(change: dict[str, Any], message: str, tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    x, y = blobs
    stopping = EarlyStopping("loss")
    classifier().fit(x, y, callbacks=[Checkpoint(tmp_path / "run"), stopping], verbose=0)
    net = classifier(seed=change.pop("seed", 0))
    if units := change.pop("layers", 0):
        net = Network(Dense(units), Dense(3, activation="softmax"), input_shape=4)
    keep = len(x) - change.pop("fewer", 0)
    target = np.eye(3)[y] if change.pop("one_hot", False) else y
    with pytest.raises(DataError, match=message):
        net.fit(x[:keep], target[:keep], resume=tmp_path / "run", verbose=0, **{"callbacks": [stopping], **change})


def test_no_checkpoint(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    with pytest.raises(ModelFileError, match="there is no file"):
        classifier().fit(*blobs, resume=tmp_path / "none", verbose=0)
    classifier().save(tmp_path / "net")
    with pytest.raises(ModelFileError, match="is a pellucid network file, expected a pellucid checkpoint file"):
        classifier().fit(*blobs, resume=tmp_path / "net", verbose=0)
    write_tensors(tmp_path / "empty", checkpoint.KIND, {}, {})
    with pytest.raises(ModelFileError, match="is damaged"):
        classifier().fit(*blobs, resume=tmp_path / "empty", verbose=0)


def test_damaged(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    classifier().fit(*blobs, verbose=0, callbacks=[Checkpoint(tmp_path / "run")])
    whole = (tmp_path / "run").read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "run").write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="is truncated"):
            classifier().fit(*blobs, resume=tmp_path / "run", verbose=0)


def test_unwritable(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    with pytest.raises(ModelFileError, match="there is no such folder"):
        classifier().fit(*blobs, verbose=0, callbacks=[Checkpoint(tmp_path / "nowhere" / "run")])
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="every_steps of Checkpoint is 0"):
        Checkpoint(tmp_path, every_steps=0)
    shutil.rmtree(tmp_path)
