"""A run that is killed and resumed ends with the bits of a run that never was."""

from __future__ import annotations

import copy
import itertools
import math
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sampling import ALL, TURN

from pellucid.data import load as data_set
from pellucid.errors import DataError, ModelFileError, PellucidError
from pellucid.files import read_tensors, write_tensors
from pellucid.functions.learning.optimizers import SGD
from pellucid.layers import Dense, Input, Masking
from pellucid.model import Network
from pellucid.training import Callback, Checkpoint, CosineDecay, EarlyStopping, LearningRateSchedule, ReduceLROnPlateau
from pellucid.training.running.state import State
from pellucid.training.saved import checkpoint_file

KILLS, APART = (20, 1 / 8) if ALL else (4, 1 / 2)
"""How many at least, and how far apart at most, as a share of the whole training."""

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
        with process.stdout as lines:
            assert lines.readline() == "ready\n"
        return process

    whole = tmp_path / "whole"
    began = time.perf_counter()
    assert start(whole).wait() == 0
    seconds = time.perf_counter() - began
    expected, weights = read_tensors(whole / "result", "result")

    moments = random.Random(TURN)
    kills = runs = 0
    while kills < KILLS:
        run, runs = tmp_path / f"run{runs}", runs + 1
        while not (run / "result").exists():
            process = start(run)
            try:
                assert process.wait(timeout=moments.uniform(0, seconds * APART)) == 0
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
            seen.append(read_tensors(path, checkpoint_file.KIND)[0]["state"]["epoch"] if path.exists() else None)

    classifier().fit(*blobs, epochs=5, callbacks=[Checkpoint(path, every_epochs=2), Look()], verbose=0)
    assert seen == [None, None, 2, 2, 4]
    assert read_tensors(path, checkpoint_file.KIND)[0]["state"]["epoch"] == 5  # the last one, whatever its number


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 16}, "its batch size is 32, got 16"),
        ({"optimizer": SGD(0.1)}, "its optimizer is"),
        ({"loss": "mse", "one_hot": True}, "its loss is"),
        ({"seed": 4}, "its seed is 0, got 4"),
        ({"metrics": ["accuracy"]}, "its metrics is"),
        ({"fewer": 3}, "its examples is 135, got 132"),
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
    with pytest.raises(ModelFileError, match="to be a pellucid checkpoint file, got a pellucid network file"):
        classifier().fit(*blobs, resume=tmp_path / "net", verbose=0)
    write_tensors(tmp_path / "empty", checkpoint_file.KIND, {}, {})
    with pytest.raises(ModelFileError, match="is damaged"):
        classifier().fit(*blobs, resume=tmp_path / "empty", verbose=0)


def test_damaged(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    classifier().fit(*blobs, verbose=0, callbacks=[Checkpoint(tmp_path / "run")])
    whole = (tmp_path / "run").read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "run").write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="is truncated"):
            classifier().fit(*blobs, resume=tmp_path / "run", verbose=0)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a JSON document holds a value, records and lists included."""
    if place:
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _places(inner, (*place, key))


def _at(content: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        content = content[key]
    return content


def _interrupted(path: Path, blobs: Blobs, net: Network) -> Callable[[], Any]:
    """A checkpoint in the middle of an epoch, and the call that goes on from it."""
    x, y = blobs
    options: dict[str, Any] = {"epochs": 2, "metrics": ["accuracy", "auc"], "validation_split": 0.2, "verbose": 0}

    def fit(*more: Callback, **resume: Any) -> Any:
        saved = Checkpoint(path, every_steps=1)
        callbacks = [EarlyStopping("val_loss"), ReduceLROnPlateau("loss"), *more]
        return net.fit(x, y, callbacks=callbacks if resume else [saved, *callbacks], **options, **resume)

    with pytest.raises(RuntimeError):
        fit(Stop(7))
    return lambda: fit(resume=path)


HOSTILE: list[Any] = [None, True, -1, 10**9, 10**30, 1e-300, math.nan, math.inf, -math.inf, "x", [], {}, [[]], [{}]]
HOSTILE += [{"\0tensor": "nothing"}, {"\0tensor": "state/parameters/dense_1.bias"}, {"\0tensor": []}]


def test_every_field_has_a_type_and_a_range(
    tmp_path: Path, blobs: Blobs, classifier: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume = _interrupted(tmp_path / "run", blobs, classifier())
    content, tensors = read_tensors(tmp_path / "run", checkpoint_file.KIND)
    assert {field.name for field in fields(State)} == set(content["state"])
    refused = 0
    for place, value in random.Random(0).sample(list(itertools.product(_places(content), [*HOSTILE, "missing"])), 400):
        changed = copy.deepcopy(content)
        if value == "missing":
            del _at(changed, place[:-1])[place[-1]]
        else:
            _at(changed, place[:-1])[place[-1]] = value
        monkeypatch.setattr(checkpoint_file, "read_tensors", lambda path, kind, changed=changed: (changed, tensors))
        try:
            resume()
        except PellucidError:
            refused += 1
    assert refused > 300


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("state.learning_rate", -1, "state.learning_rate is -1, expected a finite number of at least 0"),
        ("state.learning_rate", math.inf, "state.learning_rate is inf, expected a finite number of at least 0"),
        ("state.batch", 10**9, "state.batch is 1000000000, expected an integer from 0 to 4"),
        ("state.batch", 1.0, "state.batch is 1.0, expected an integer from 0 to 4"),
        ("state.examples", -8, "state.examples is -8, expected an integer from 64 to 64"),
        ("state.stopped", None, "state.stopped is None, expected a text"),
        ("state.surprise", 1, "state.surprise has no meaning there"),
        ("history.interrupted", 1, "history.interrupted is 1, expected true or false"),
        ("history.epoch", ["0"], "history.epoch.0 is '0', expected an integer"),
        ("history.history.loss", [], "history.history.loss has 0 values, expected 1"),
        (
            "callbacks.EarlyStopping 1.watch.waited",
            -1,
            "callbacks.EarlyStopping 1: watch.waited is -1, expected an integer",
        ),
        ("callbacks.ReduceLROnPlateau 1.cooling", "x", "callbacks.ReduceLROnPlateau 1: cooling is 'x', expected an"),
        ("state.metrics", [[], [], []], "state.metrics has 3 entries, expected 2"),
        ("state.metrics.0", [], None),
        (
            "state.best_parameters",
            {"a": {"\0tensor": "state/parameters/dense_1.bias"}},
            "state.best_parameters are not",
        ),
    ],
)
def test_damaged_fields_are_named(
    place: str, value: Any, message: str | None, tmp_path: Path, blobs: Blobs, classifier: Make
) -> None:
    resume = _interrupted(tmp_path / "run", blobs, classifier())
    content, tensors = read_tensors(tmp_path / "run", checkpoint_file.KIND)
    *before, last = (int(key) if key.isdigit() else key for key in place.split("."))
    _at(content, tuple(before))[last] = value
    write_tensors(tmp_path / "run", checkpoint_file.KIND, content, tensors)
    if message is None:
        resume()
        return
    with pytest.raises(ModelFileError, match=f'run" is damaged: {re.escape(message)}'):
        resume()


@pytest.mark.parametrize("outputs", [1, 2])
def test_resumed_with_masks(outputs: int, tmp_path: Path) -> None:
    lengths = np.random.default_rng(0).integers(1, 6, 24)
    x = np.where(np.arange(6)[:, None] < lengths[:, None, None], 1.0, 0.0)
    targets = [np.ones((24, 6, 1)) for _ in range(outputs)]

    def make() -> Network:
        start = Input((6, 1))
        masked = Masking()(start)
        return Network(inputs=[start], outputs=[Dense(1, name=f"y{k}")(masked) for k in range(outputs)])

    def fit(net: Network, *callbacks: Callback, **options: Any) -> Any:
        y = targets[0] if outputs == 1 else {f"y{k}": target for k, target in enumerate(targets)}
        options |= {"epochs": 2, "batch_size": 4, "loss": "mse", "metrics": ["mae", "r2"], "verbose": 0}
        return net.fit(x, y, callbacks=callbacks, **options)

    whole, part, rest = make(), make(), make()
    expected = fit(whole)
    with pytest.raises(RuntimeError):
        fit(part, Checkpoint(tmp_path / "run", every_steps=1), Stop(3))
    assert fit(rest, resume=tmp_path / "run").history == expected.history
    assert _same(whole, rest)


def test_a_metric_that_needs_a_whole_epoch(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    def balanced(y: Any, p: Any) -> float:
        if len(y) < len(blobs[0]):
            raise ValueError("a class is absent")
        return 1.0

    def fit(net: Network, *callbacks: Callback, **options: Any) -> Any:
        return net.fit(*blobs, epochs=2, metrics=[balanced], callbacks=callbacks, verbose=0, **options)

    with pytest.raises(RuntimeError):
        fit(classifier(), Checkpoint(tmp_path / "run", every_steps=1), Stop(3))
    assert fit(classifier(), resume=tmp_path / "run")["balanced"] == [1.0, 1.0]


def test_labels_that_there_are_not(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    resume = _interrupted(tmp_path / "run", blobs, classifier())
    content, tensors = read_tensors(tmp_path / "run", checkpoint_file.KIND)
    tensors["state/metrics/1/0"][0] = 37_753_856
    write_tensors(tmp_path / "run", checkpoint_file.KIND, content, tensors)
    with pytest.raises(ModelFileError, match=r"state\.metrics are not what the metrics remember"):
        resume()


def test_a_callback_that_remembers_too_much(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    class Deep(Callback):
        def state_dict(self) -> dict[str, Any]:
            state: dict[str, Any] = {}
            for _ in range(100_000):
                state = {"x": state}
            return state

    with pytest.raises(ModelFileError, match="what a callback remembers is nested too deeply"):
        classifier().fit(*blobs, verbose=0, callbacks=[Checkpoint(tmp_path / "run"), Deep()])


def test_a_callback_that_cannot_go_on(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    class Own(Callback):
        def state_dict(self) -> dict[str, Any]:
            return {"count": 3}

        def load_state_dict(self, state: Mapping[str, Any]) -> None:
            raise LookupError("another count")

    classifier().fit(*blobs, verbose=0, callbacks=[Checkpoint(tmp_path / "run"), Own()])
    with pytest.raises(ModelFileError, match=r"callbacks.Own 1 cannot be taken up: LookupError another count"):
        classifier().fit(*blobs, verbose=0, callbacks=[Own()], resume=tmp_path / "run")


def test_unwritable(tmp_path: Path, blobs: Blobs, classifier: Make) -> None:
    with pytest.raises(ModelFileError, match="there is no such folder"):
        classifier().fit(*blobs, verbose=0, callbacks=[Checkpoint(tmp_path / "nowhere" / "run")])
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="every_steps of Checkpoint is 0"):
        Checkpoint(tmp_path, every_steps=0)
    shutil.rmtree(tmp_path)
