"""What the lab's tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.functions.learning.optimizers import optimizer
from pellucid.lab.protocol import answers
from pellucid.lab.serve.document import document
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment
from pellucid.lab.view.look import Look
from pellucid.network import BaseNetwork


def now(net: BaseNetwork, *, branch: int = 0, step: int = 0) -> Moment:
    """The moment in which a network is."""
    return Moment(branch, step, {path: np.array(array) for path, array in net.parameters.items()})


def untrained_file(task: Task) -> dict[str, Any]:
    """The document of a task before its first step."""
    rate = optimizer(task.optimizer).initial_rate
    branch = {"id": 0, "parent": None, "at": 0, "last": 0, "change": None}
    rates: dict[str, Any] = {"learning_rate": rate, "speed": 0, "pace": 0, "loss": None, "metrics": {}}
    state: Any = {"branch": 0, "branches": [branch], "step": 0, "epoch": 0, "playing": False, "stopped": None, **rates}
    history: answers.History = {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}
    return document(Look(task), state, history, now(task.net))


def array_of(numbers: answers.Numbers) -> NDArray[Any]:
    """The array of a protocol `Numbers`."""
    return np.asarray(numbers["data"]).reshape(numbers["shape"])
