"""Training in a page by the engine's own code, held against Python's engine and against the formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lab.conftest import now
from tests.lab.node import run_script

from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.lab.protocol.answers import History
from pellucid.lab.serve.document import document
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.run import Run
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
    return task_of(net, x, y, batch_size=8, optimizer=Adam(0.004))


def _words() -> Task:
    x, y = RNG.integers(1, 9, (21, 6)), RNG.integers(0, 2, 21)
    net = BaseNetwork(Embedding(9, 5), LSTM(7), Dense(2, activation="softmax"), input_shape=(6,), seed=3)
    return task_of(net, x, y, batch_size=8, optimizer=Adam(0.01))


def _dropped() -> Task:
    x, y = RNG.normal(size=(20, 5)).astype(np.float32), RNG.normal(size=(20, 2)).astype(np.float32)
    net = BaseNetwork(Dense(16, activation="tanh"), BatchNormalization(), Dropout(0.3), Dense(2), input_shape=5, seed=5)
    return task_of(net, x, y, batch_size=8, loss="mse", optimizer=SGD(0.05, momentum=0.9))


TASKS = {"images": _images, "words": _words, "dropout": _dropped}


@pytest.mark.parametrize("name", TASKS)
def test_the_page_trains_as_the_engine_does(name: str, tmp_path: Path) -> None:
    """In the same order, with the last batch of an epoch smaller, into the second and third epoch."""
    task = TASKS[name]()
    rate = float(task.optimizer.learning_rate)
    branch = {"id": 0, "parent": None, "at": 0, "last": 0, "change": None}
    rates: dict[str, Any] = {"learning_rate": rate, "speed": 0, "pace": 0, "loss": None, "metrics": {}}
    state: Any = {"branch": 0, "branches": [branch], "step": 0, "epoch": 0, "playing": False, "stopped": None, **rates}
    history: History = {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}
    told = document(Look(task), state, history, now(task.net))
    found = run_script("training-steps.ts", {"document": told, "count": STEPS, "rate": rate}, tmp_path)
    with Run(task.net, task.x, task.y, batch_size=8, optimizer=task.optimizer, loss=task.loss) as run:
        run.repeat({"do": "seek", "step": STEPS})
        expected, parameters = run.history(0)["loss"], run.moment().parameters
    for how, made in found.items():
        assert made["losses"] == pytest.approx(expected.tolist(), rel=LOSS), how
        for path, array in parameters.items():
            there = np.asarray(made["parameters"][path], np.float32).reshape(array.shape)
            assert np.abs(there - array).max() <= PARAMETER * max(1.0, np.abs(array).max()), (how, path)
