from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.errors import DataError, PellucidError
from pellucid.functions.learning.optimizers import SGD, optimizer
from pellucid.layers import Dense
from pellucid.model import Network
from pellucid.training import (
    METRICS,
    Callback,
    Checkpoint,
    CosineDecay,
    EarlyStopping,
    ExponentialDecay,
    LearningRateSchedule,
    ReduceLROnPlateau,
    StepDecay,
    WarmUp,
)

Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]
Make = Callable[..., Network]


class Pretend(Callback):
    """Writes values into the logs as if they were measured."""

    def __init__(self, name: str, values: list[float]) -> None:
        self.name, self.values = name, values

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        logs[self.name] = self.values[epoch]


def test_hooks_in_order(blobs: Blobs, classifier: Make) -> None:
    class Notes(Callback):
        def on_train_begin(self) -> None:
            notes.append("begin")

        def on_train_end(self) -> None:
            notes.append("end")

        def on_epoch_begin(self, epoch: int) -> None:
            notes.append(f"epoch {epoch}")

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            notes.append(f"ended {epoch} {sorted(logs)}")

        def on_batch_end(self, step: int, logs: Any) -> None:
            notes.append(f"step {step}")

    notes: list[str] = []
    classifier().fit(*blobs, epochs=2, batch_size=100, callbacks=[Notes()], verbose=0)
    once = [["epoch 0", "step 1", "step 2", "ended 0 ['loss']"], ["epoch 1", "step 3", "step 4", "ended 1 ['loss']"]]
    assert notes == ["begin", *once[0], *once[1], "end"]


def test_a_callback_that_reads_losses_only(blobs: Blobs, classifier: Make) -> None:
    class Losses(Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            seen.append((step, logs["loss"]))
            taken.append(self.training.state.step)

    class Quick(Losses):
        losses_only = True

    runs = []
    for callbacks in ([Losses()], [Quick()], [Losses(), Quick()]):
        seen: list[tuple[int, float]] = []
        taken: list[int] = []
        net = classifier()
        net.fit(*blobs, epochs=3, batch_size=2, callbacks=callbacks, verbose=0)
        runs.append((list(dict.fromkeys(seen)), [v.tobytes() for v in net.parameters.values()], len(set(taken))))
    assert runs[0][:2] == runs[1][:2] == runs[2][:2]
    assert [step for step, _ in runs[1][0]] == list(range(1, runs[0][2] + 1))
    assert runs[1][2] < runs[0][2] == runs[2][2]  # calls of the engine: one a step only where a callback reads more


@pytest.mark.parametrize(
    ("monitor", "values", "options", "epochs", "best"),
    [
        ("wrongness", [3, 2, 1, 1.5, 1.2, 0], {"patience": 2, "mode": "min"}, 5, 2),
        ("wrongness", [3, 2, 1, 1.5, 0.5, 0], {"patience": 2, "mode": "min"}, 6, 5),
        ("accuracy_of_mine", [0.1, 0.5, 0.4, 0.3, 0.9], {"patience": 2, "mode": "max"}, 4, 1),
        ("accuracy", [0.1, 0.5, 0.4, 0.3, 0.9], {"patience": 2}, 4, 1),
        ("wrongness", [3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.5, "mode": "min"}, 3, 0),
        ("wrongness", [math.nan, 2, math.nan, math.nan, 1], {"patience": 2, "mode": "min"}, 4, 1),
    ],
)
def test_early_stopping(
    monitor: str, values: list[float], options: dict[str, Any], epochs: int, best: int, blobs: Blobs, classifier: Make
) -> None:
    class Keep(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            kept.append([v.copy() for v in self.training.net.parameters.values()])

    kept: list[list[NDArray[Any]]] = []
    for restore in (True, False):
        kept.clear()
        net = classifier()
        stopping = EarlyStopping(monitor, restore_best_weights=restore, **options)
        callbacks = [Pretend(monitor, values), Keep(), stopping]
        history = net.fit(*blobs, epochs=len(values), metrics=["accuracy"], callbacks=callbacks, verbose=0)
        assert len(history.epoch) == epochs
        assert bool(history.stopped) == (epochs < len(values))
        end = kept[best if restore else -1]
        assert all(np.array_equal(a, b) for a, b in zip(end, net.parameters.values(), strict=True))


def test_one_callback_for_two_trainings(blobs: Blobs, classifier: Make) -> None:
    stopping = EarlyStopping("loss", patience=1, min_delta=100.0)
    lengths = [len(classifier().fit(*blobs, epochs=5, callbacks=[stopping], verbose=0).epoch) for _ in range(2)]
    assert lengths == [2, 2]


def test_what_is_not_measured(blobs: Blobs, classifier: Make) -> None:
    with pytest.raises(DataError, match='watches "val_loss", but there is no validation: give validation_data'):
        classifier().fit(*blobs, callbacks=[EarlyStopping()], verbose=0)
    with pytest.raises(
        DataError, match=r'watches "acuracy", but the epoch has loss, accuracy.*Did you mean "accuracy"'
    ):
        classifier().fit(*blobs, metrics="accuracy", callbacks=[EarlyStopping("acuracy")], verbose=0)
    with pytest.raises(DataError, match="mode is 'most'"):
        EarlyStopping("loss", mode="most")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
def test_a_direction_that_is_not_known_is_asked_for(
    kind: type[EarlyStopping | ReduceLROnPlateau], blobs: Blobs, classifier: Make
) -> None:
    def balanced(y: NDArray[Any], p: NDArray[Any]) -> float:
        seen.append(len(y))
        return float(np.mean(p.argmax(axis=1) == y))

    seen: list[int] = []
    options: dict[str, Any] = {"metrics": [balanced], "validation_split": 0.2, "verbose": 0, "epochs": 3}
    words = f'{kind.__name__} watches "val_balanced", of which it is not known .* give mode="max"'
    with pytest.raises(DataError, match=words):
        classifier().fit(*blobs, callbacks=[kind("val_balanced")], **options)
    assert not seen  # before the first step
    classifier().fit(*blobs, callbacks=[kind("val_balanced", mode="max")], **options)
    for name in METRICS:
        options["metrics"] = [name] if name != "top_5_accuracy" else ["top_2_accuracy"]
        monitor = f"val_{options['metrics'][0]}"
        y = np.eye(3)[blobs[1]]
        classifier().fit(blobs[0], y, callbacks=[kind(monitor)], **options)
    with pytest.raises(DataError, match='watches "score", of which it is not known'):
        classifier().fit(*blobs, callbacks=[Pretend("score", [1.0]), kind("score")], verbose=0)


def test_directions(blobs: Blobs, classifier: Make) -> None:
    class Look(Callback):
        def on_train_begin(self) -> None:
            found.append({name: up for name, up in self.training.rises.items() if up is not None})

    found: list[dict[str, bool]] = []
    names = ["accuracy", "top_2_accuracy", "auc", "mse", "mae", "rmse", "r2", "precision", "recall", "f1"]
    classifier().fit(*blobs, metrics=[*names, lambda y, p: 0.0], callbacks=[Look()], verbose=0)
    falling = {"loss", "mse", "mae", "rmse"}
    assert found == [{name: name not in falling for name in ["loss", *names]}]


def test_a_value_that_is_never_finite_is_told_as_such(blobs: Blobs, classifier: Make) -> None:
    stopping = EarlyStopping("score", mode="max", patience=2)
    history = classifier().fit(*blobs, epochs=9, callbacks=[Pretend("score", [math.nan] * 9), stopping], verbose=0)
    assert history.stopped == "stopped after epoch 2: score was never a finite number"


def test_reduce_on_plateau(blobs: Blobs, classifier: Make) -> None:
    values = [3.0, 2, 2, 2, 2, 2, 2, 1, 1, 1]
    reduce = ReduceLROnPlateau("wrongness", mode="min", factor=0.5, patience=2, cooldown=1, min_lr=0.2)
    history = classifier().fit(
        *blobs, epochs=10, optimizer=SGD(1.0), callbacks=[Pretend("wrongness", values), reduce], verbose=0
    )
    # best at epoch 1; two waits, then half; one epoch of cooling, two waits, half again; never below 0.2
    assert history.history["learning_rate"] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_the_rate_is_used_in_the_next_step() -> None:
    # loss = (w − 0)², gradient 2·w: each step multiplies w by 1 − 2·rate
    rates = [0.1, 0.2, 0.3]
    net = Network(Dense(1, use_bias=False), input_shape=1, dtype="float64")
    net.parameters["dense_1.kernel"] = [[1.0]]
    schedule = LearningRateSchedule(lambda step: [*rates, 9.0][step], per="step")
    net.fit(np.ones((3, 1)), np.zeros(3), batch_size=1, optimizer=SGD(7.0), callbacks=[schedule], verbose=0)
    assert net.parameters["dense_1.kernel"][0, 0] == pytest.approx(0.8 * 0.6 * 0.4)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps each call of the engine takes."""
    from pellucid.engines.llvm.run.session import Session

    calls: list[int] = []
    run = Session.run

    def noted(self: Session, data: Any, *, rows: NDArray[Any], each: Any) -> Any:
        calls.append(len(rows))
        return run(self, data, rows=rows, each=each)

    monkeypatch.setattr(Session, "run", noted)
    return calls


@pytest.mark.parametrize("kind", ["epoch", "step", "optimizer", "plateau"])
def test_who_only_sets_the_rate_costs_no_calls(
    kind: str, monkeypatch: pytest.MonkeyPatch, blobs: Blobs, classifier: Make
) -> None:
    calls = counted(monkeypatch)
    monkeypatch.setattr("pellucid.training.running.loop.MOMENT", 1e9)

    def trained(**options: Any) -> list[int]:
        calls.clear()
        classifier().fit(*blobs, batch_size=1, epochs=4, verbose=0, **options)
        return list(calls)

    plain = trained()
    assert max(plain) > 64
    callback: Callback = (
        ReduceLROnPlateau("loss", patience=1, min_delta=9.0)
        if kind == "plateau"
        else LearningRateSchedule(ExponentialDecay(0.1, every=50), per="step" if kind == "step" else "epoch")
    )
    if kind == "optimizer":
        assert trained(optimizer=SGD(ExponentialDecay(0.1, every=50))) == plain
    else:
        assert trained(optimizer=SGD(0.1), callbacks=[callback]) == plain


def test_a_schedule_gives_each_step_its_rate(blobs: Blobs, classifier: Make) -> None:
    class Listen(Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            rates.append(self.training.learning_rate)

    rates: list[float] = []
    schedule = WarmUp(30, CosineDecay(0.3, 200))
    runs = []
    choices: tuple[dict[str, Any], ...] = (
        {"optimizer": SGD(schedule)},
        {"optimizer": SGD(0.7), "callbacks": [LearningRateSchedule(schedule, per="step")]},
        {"optimizer": SGD(0.7), "callbacks": [Listen(), LearningRateSchedule(schedule, per="step")]},
    )
    for options in choices:
        net = classifier()
        net.fit(*blobs, epochs=3, batch_size=2, verbose=0, **options)
        runs.append([v.tobytes() for v in net.parameters.values()])
    assert runs[0] == runs[1] == runs[2]
    assert rates == [schedule(step + 1) for step in range(3 * 68)]


def test_a_schedule_resumes(tmp_path: Any, blobs: Blobs, classifier: Make) -> None:
    whole, half = classifier(), classifier()
    optimizer = SGD(CosineDecay(0.3, 20), momentum=0.5)
    whole.fit(*blobs, epochs=4, optimizer=optimizer, verbose=0)
    half.fit(*blobs, epochs=2, optimizer=optimizer, callbacks=[Checkpoint(tmp_path / "c")], verbose=0)
    other = classifier()
    other.fit(*blobs, epochs=4, optimizer=optimizer, resume=tmp_path / "c", verbose=0)
    assert [v.tobytes() for v in whole.parameters.values()] == [v.tobytes() for v in other.parameters.values()]


@pytest.mark.parametrize("schedule", [StepDecay(0.1, 5), WarmUp(3, CosineDecay(1.0, 2, final=0.5))])
def test_an_optimizer_with_a_schedule_is_stored(schedule: Any) -> None:
    rule = optimizer("sgd", learning_rate=schedule, momentum=0.5)
    assert rule == optimizer(json.loads(json.dumps(rule.config()))) == SGD(schedule, momentum=0.5)


def test_schedules_that_cannot_be(blobs: Blobs, classifier: Make) -> None:
    with pytest.raises(PellucidError, match='there is no schedule "test_schedules'):
        optimizer(json.loads(json.dumps(SGD(lambda step: 0.1).config())))
    with pytest.raises(DataError, match="gives the learning rate nan at step 0"):
        SGD(lambda step: math.nan)
    with pytest.raises(DataError, match=r"gives the learning rate -1\.0 at step 2"):
        classifier().fit(*blobs, optimizer=SGD(lambda step: 1.0 - step), verbose=0)
    decay = CosineDecay(0.1, 9)
    others: tuple[Callback, ...] = (ReduceLROnPlateau("loss"), LearningRateSchedule(decay))
    for other in others:
        with pytest.raises(DataError, match=f"and {type(other).__name__} sets the learning rate too: take one of them"):
            classifier().fit(*blobs, optimizer=SGD(decay), callbacks=[other], verbose=0)
    with pytest.raises(DataError, match=r"learning_rate is 1e\+300, which float32 cannot hold"):
        classifier().fit(*blobs, optimizer=SGD(1e300), verbose=0)


def test_a_schedule_by_epochs(blobs: Blobs, classifier: Make) -> None:
    schedule = LearningRateSchedule(StepDecay(0.4, every=2))
    history = classifier().fit(*blobs, epochs=5, callbacks=[schedule], verbose=0)
    assert history.history["learning_rate"] == [0.4, 0.4, 0.2, 0.2, 0.1]
    later = classifier().fit(*blobs, epochs=5, initial_epoch=3, callbacks=[schedule], verbose=0)
    assert later.history["learning_rate"] == [0.2, 0.1]
    with pytest.raises(DataError, match=r"gives the learning rate -1\.0 at epoch 0"):
        classifier().fit(*blobs, callbacks=[LearningRateSchedule(lambda epoch: -1)], verbose=0)


def test_schedules() -> None:
    assert [ExponentialDecay(1.0, every=2, factor=0.25)(t) for t in range(3)] == pytest.approx([1, 0.5, 0.25])
    assert [CosineDecay(1.0, 4, final=0.2)(t) for t in (0, 2, 4, 9)] == pytest.approx([1, 0.6, 0.2, 0.2])
    assert [WarmUp(4, CosineDecay(1.0, 2))(t) for t in range(7)] == pytest.approx([0.25, 0.5, 0.75, 1, 1, 0.5, 0])
    for bad in (lambda: StepDecay(0.0, every=2), lambda: CosineDecay(1.0, 0), lambda: WarmUp(-1, StepDecay(1.0, 1))):
        with pytest.raises(DataError, match="expected a number above 0"):
            bad()


def test_the_range_test(tmp_path: Any, blobs: Blobs, classifier: Make) -> None:
    net = classifier()
    before = [v.copy() for v in net.parameters.values()]
    found = net.find_learning_rate(*blobs, optimizer="sgd", lowest=1e-4, highest=1e3, steps=60)
    assert all(np.array_equal(a, b) for a, b in zip(before, net.parameters.values(), strict=True))
    assert 1e-3 < found.suggestion < 10
    assert found.suggestion in found.rates
    assert len(found.rates) == len(found.losses) <= 60
    assert repr(found).startswith("suggested learning rate ")
    found.plot(tmp_path / "rates.svg")
    assert (tmp_path / "rates.svg").exists()
    trained, other = classifier(), classifier()
    trained.fit(*blobs, epochs=15, optimizer=SGD(found.suggestion), verbose=0)
    other.fit(*blobs, epochs=15, optimizer=SGD(1e-4), verbose=0)
    assert trained.evaluate(*blobs)["loss"] < other.evaluate(*blobs)["loss"]
    with pytest.raises(DataError, match="expected 0 < lowest < highest"):
        net.find_learning_rate(*blobs, lowest=1.0)
