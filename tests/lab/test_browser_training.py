"""Training in a page by the engine's own code, held against Python's engine and against the formulas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lab.conftest import untrained_file
from tests.lab.node import run_script
from tests.sampling import some

from pellucid.functions.learning.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, Optimizer, RMSprop
from pellucid.functions.learning.penalties import L2
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.run import Run
from pellucid.lab.view.course import ledger
from pellucid.lab.view.look import Look
from pellucid.layers import LSTM, BatchNormalization, Conv2D, Dense, Dropout, Embedding, Flatten, MaxPool2D
from pellucid.network import BaseNetwork

Array = NDArray[Any]
LOSS, PARAMETER = 2e-5, 2e-4
"""How far a loss may be off, of itself, and a parameter, of the largest of its kind, after so many steps."""
STEPS = 12
RNG = np.random.default_rng(0)


def _images() -> Task:
    x, y = RNG.normal(size=(37, 12, 12, 1)).astype(np.float32), RNG.integers(0, 3, 37)
    net = BaseNetwork(
        Conv2D(4, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(8, activation="relu"),
        Dense(3, activation="softmax"),
        input_shape=(12, 12, 1),
        seed=2,
    )
    return task_of(net, x, y, batch_size=8, optimizer=Adam(0.004), validation_data=(x[:29] + 0.1, y[:29]))


def _words() -> Task:
    x, y = RNG.integers(1, 9, (21, 6)), RNG.integers(0, 2, 21)
    net = BaseNetwork(Embedding(9, 5), LSTM(7), Dense(2, activation="softmax"), input_shape=(6,), seed=3)
    metrics = ["accuracy", "precision", "recall", "f1", "top_1_accuracy"]
    return task_of(net, x, y, batch_size=8, optimizer=Adam(0.01), metrics=metrics, validation_data=(x[:11], y[:11]))


def _dropped() -> Task:
    x, y = RNG.normal(size=(20, 5)).astype(np.float32), RNG.normal(size=(20, 2)).astype(np.float32)
    net = BaseNetwork(Dense(16, activation="tanh"), BatchNormalization(), Dropout(0.3), Dense(2), input_shape=5, seed=5)
    held = x[5:] + 0.1, y[5:]
    optimizer = SGD(0.05, momentum=0.9)
    metrics = ["mae", "rmse", "mse"]
    return task_of(net, x, y, batch_size=8, loss="mse", optimizer=optimizer, metrics=metrics, validation_data=held)


TASKS = {"images": _images, "words": _words, "dropout": _dropped}


@pytest.mark.parametrize("name", TASKS)
def test_the_page_trains_as_the_engine_does(name: str, tmp_path: Path) -> None:
    """In the same order, with the last batch of an epoch smaller, into the second and third epoch."""
    task = TASKS[name]()
    rate, told = float(task.optimizer.learning_rate), untrained_file(task)
    found = run_script("training-steps.ts", {"document": told, "count": STEPS, "rate": rate}, tmp_path)
    with Run(task.net, task.x, task.y, batch_size=8, optimizer=task.optimizer, loss=task.loss) as run:
        run.repeat({"do": "seek", "step": STEPS})
        expected, parameters = run.history(0)["loss"], run.moment().parameters
    for how, made in found.items():
        assert made["losses"] == pytest.approx(expected.tolist(), rel=LOSS), how
        for path, array in parameters.items():
            there = np.asarray(made["parameters"][path], np.float32).reshape(array.shape)
            assert np.abs(there - array).max() <= PARAMETER * max(1.0, np.abs(array).max()), (how, path)


@pytest.mark.sample(2)
@pytest.mark.parametrize("formulas", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_a_file_branches_and_measures_as_the_lab_does(
    name: str, formulas: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same branches, losses, and values of every epoch; each step is the same when it is returned to."""
    if formulas:
        monkeypatch.setattr("pellucid.lab.serve.document._module", lambda *_, **__: None)
    task = TASKS[name]()
    path = task.net.parameters.trainable[-1]
    each = -(-len(task.x) // task.batch_size)
    weight = {"parameter": path, "index": [0], "value": 0.5}
    actions: list[Any] = [
        {"do": "seek", "step": 3 * each + 1},
        {"do": "seek", "step": each + 1},
        {"do": "branch", "change": weight},
        {"do": "seek", "step": 3 * each},
        {"do": "rate", "learning_rate": 0.002},
        {"do": "step", "count": 2},
        {"do": "seek", "step": 2 * each + 1},
        {"do": "rate", "learning_rate": 0.07},
        {"do": "seek", "step": 4 * each},
        {"do": "switch", "branch": 0},
        {"do": "seek", "step": 2},
        {"do": "switch", "branch": 2},
        {"do": "seek", "step": each + 1},
    ]
    questions: list[Any] = [q for action in actions for q in (["control", action], ["wait", {}])]
    asked = ["watch", {"input": "train:0", "paths": [{"path": path, "limit": 64}]}]
    questions += [["history", {"branch": branch, "from": 1}] for branch in range(3)]
    questions += [asked, ["control", {"do": "switch", "branch": 1}], ["wait", {}], asked]
    found = run_script("lab-answers.ts", {"document": untrained_file(task), "questions": questions}, tmp_path)
    states, (*histories, first, _, _, last) = found[1 : 2 * len(actions) : 2], found[2 * len(actions) :]
    with Run.of(task) as run:
        for action, state in zip(actions, states, strict=True):
            _same_state(state, run.repeat(action), str(action))
        for branch, history in enumerate(histories):
            expected = run.history(branch)
            assert history["loss"] == pytest.approx(expected["loss"].tolist(), rel=1e-3), branch
            assert [e["step"] for e in history["epochs"]] == [e["step"] for e in expected["epochs"]]
            for one, other in zip(history["epochs"], expected["epochs"], strict=True):
                _same_metrics(one["metrics"], other["metrics"], f"branch {branch}, step {one['step']}", formulas)
        _same_values(first["values"][path], run.moment().parameters[path])
        run.repeat({"do": "switch", "branch": 1})
        _same_values(last["values"][path], run.moment().parameters[path])


def _same_state(found: Any, expected: Any, where: str) -> None:
    assert found["stopped"] is None, where
    for key in ("branch", "step", "epoch", "branches", "measured"):
        assert found[key] == expected[key], (where, key)
    assert found["learning_rate"] == pytest.approx(expected["learning_rate"]), where
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3), where


def _same_metrics(found: dict[str, float], expected: dict[str, float], where: str, formulas: bool) -> None:
    """The formulas look at the examples to judge by only now and then."""
    wanted = {name: value for name, value in expected.items() if name in found or not formulas}
    assert {name for name in expected if not name.startswith("val_")} <= set(found), where
    assert found == pytest.approx(wanted, rel=1e-3, abs=1e-6), where


def _same_values(found: Any, array: Array) -> None:
    data = np.asarray(found["data"], np.float32)
    assert data == pytest.approx(array.reshape(-1)[: len(data)], rel=1e-2, abs=1e-3)


RULES: dict[str, Optimizer] = {
    "adam": Adam(0.01),
    "adamw": AdamW(0.01, weight_decay=0.1),
    "nadam": Nadam(0.01),
    "lion": Lion(0.01),
    "adagrad": Adagrad(0.01),
    "rmsprop": RMSprop(0.01),
    "nesterov": SGD(0.05, momentum=0.9, nesterov=True),
    "sgd": SGD(0.05),
}


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", ["dense", "images", "words"])
def test_a_file_says_which_examples_moved_a_weight_as_the_ledger_does(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the formulas, of several optimizers, along a branch with a weight set by hand."""
    monkeypatch.setattr("pellucid.lab.serve.document._module", lambda *_, **__: None)
    names = some(RULES, 2, kind)
    for name in names:
        task = replace(_penalised() if kind == "dense" else TASKS[kind](), optimizer=RULES[name])
        path = next(p for p in task.net.parameters.trainable if p.endswith("kernel"))
        place = [0] * task.net.parameters[path].ndim
        other = task.net.parameters.trainable[-1]
        actions: list[Any] = [
            {"do": "seek", "step": 4},
            {"do": "branch", "change": {"parameter": path, "index": place, "value": 0.25}},
            {"do": "step", "count": 3},
            {"do": "branch", "change": {"parameter": other, "index": [0], "value": 0.5}},
            {"do": "step", "count": 2},
        ]
        questions: list[Any] = [q for action in actions for q in (["control", action], ["wait", {}])]
        questions.append(["ledger", {"path": path, "index": place, "limit": 6}])
        found = run_script("lab-answers.ts", {"document": untrained_file(task), "questions": questions}, tmp_path)[-1]
        assert "refused" not in found, found
        with Run.of(task) as run:
            run.repeat(*actions)
            moment = run.moment()
            with run.ledger.steps(moment, 2000) as steps:
                expected: Any = ledger(task, Look(task).samples, steps, path, place, 6)
        assert (found["branch"], found["step"]) == (moment.branch, moment.step)
        size = max(abs(part["amount"]) for part in expected["examples"])
        close = {"rel": 1e-3, "abs": 1e-3 * size}
        for key in ("first", "path", "index"):
            assert found[key] == expected[key], (name, key)
        for key in ("initial", "value"):
            assert found[key] == pytest.approx(expected[key], **close), (name, key)
        amounts = [[part["amount"] for part in one["examples"]] for one in (found, expected)]
        assert amounts[0] == pytest.approx(amounts[1], **close), name
        assert {e["name"] for e in found["examples"][:3]} <= {e["name"] for e in expected["examples"]}, name
        assert found["rest"]["count"] == expected["rest"]["count"]
        assert found["rest"]["sum"] == pytest.approx(expected["rest"]["sum"], **close), name
        labels = [[(c["label"]) for c in one["classes"] or []] for one in (found, expected)]
        assert labels[0] == labels[1], name
        others = [
            {o["name"]: o["amount"] for o in one["others"] if o["name"] != "rounding"} for one in (found, expected)
        ]
        assert others[0] == pytest.approx(others[1], **close), name


def _penalised() -> Task:
    x, y = RNG.normal(size=(20, 5)).astype(np.float32), RNG.integers(0, 3, 20)
    layers = Dense(6, activation="tanh", kernel_regularizer=L2(0.1)), Dense(3, activation="softmax")
    return task_of(BaseNetwork(*layers, input_shape=5, seed=7), x, y, batch_size=8)
