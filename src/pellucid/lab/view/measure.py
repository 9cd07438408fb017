"""The health of a network: the flow of its gradients, how far back they reach, and what is wrong with it."""

from __future__ import annotations

import math
import threading
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import NonFiniteError, PellucidError
from pellucid.explain import Flow, diagnose, diagnosis
from pellucid.explain.findings import SIGNS, WORDS
from pellucid.explain.flow import Probe
from pellucid.explain.guessing import loss_of_constant
from pellucid.functions.learning.optimizers import optimizer
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment, put
from pellucid.lab.view.samples import Samples
from pellucid.messages import words
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import goals
from pellucid.training.running.failures import causes
from pellucid.training.running.history import History

Array = NDArray[Any]

BATCH = 64
DIAGNOSED = 512
LIMITS = ("dead", "saturated", "vanishing", "exploding", "vanishing_steps", "hasty", "timid", "rough")
NEAR = 10
"""Steps over which the way that the weights went is still about that of single updates."""


class Gauge:
    """Measures the flow of one fixed batch at whatever moment. It puts `net`, its own, into that moment."""

    def __init__(self, task: Task, net: BaseNetwork, samples: Samples) -> None:
        self._task, self._net, self._samples = task, net, samples
        self._lock = threading.RLock()
        self._before: Moment | None = None
        self._latest: Flow | None = None
        """The flow at that moment."""
        self._initial = net.parameters.snapshot()
        self._made: tuple[Probe, dict[str, Array]] | None = None
        self._first: Flow | None = None

    def flow(self, moment: Moment, *, past: bool = False) -> Flow:
        """The flow now; the updates are those since the moment measured before, if that was a few steps ago. One of the
        `past` leaves no trace in those to come.
        """
        with self._lock:
            probe, batch = self._probe()
            before, now = self._before, moment.parameters
            updates: dict[str, Array] = {}
            if past:
                return probe(batch, now, updates, step=moment.step)
            if self._latest is not None and before is not None and before.parameters is now:
                return self._latest
            if before is not None and before.branch == moment.branch and 0 < moment.step - before.step <= NEAR:
                steps = moment.step - before.step
                updates = {p: (now[p] - before.parameters[p]) / steps for p in self._net.parameters.trainable}
            self._before, self._latest = moment, probe(batch, now, updates, step=moment.step)
            return self._latest

    def diagnosis(
        self, moment: Moment, history: answers.History, fault: NonFiniteError | None
    ) -> list[answers.Finding]:
        """What is wrong."""
        with self._lock:
            put(self._net, moment.parameters)
            _, (x, y) = self._samples.spread("train", DIAGNOSED)
            evidence: list[Any] = [past(self._task, history, moment.learning_rate)]
            if fault is not None:
                evidence.append(fault)
            if all(np.isfinite(array).all() for array in moment.parameters.values()):
                evidence += [self._start(), self.flow(moment)] if moment.step else [self.flow(moment)]
            return cast(list[answers.Finding], diagnose(self._net, *evidence, x=x, y=y, loss=self._task.loss).json())

    def standing(self) -> dict[str, Any]:
        """What no training changes of a diagnosis: see `serve/document.py`."""
        net, task = self._net, self._task
        with self._lock:
            _, (x, y) = self._samples.spread("train", DIAGNOSED)
            given = diagnosis.of_data(net, self._start(), x, y, task.loss)
            try:
                constant = loss_of_constant(net, *goals(net, y, task.loss))
            except PellucidError:
                constant = None
        penalties = {path: spec.penalty for path, spec in net.specs.items() if spec.penalty is not None}
        return {
            "given": given.json(),
            "constant": constant,
            "penalties": {path: [penalty.l1, penalty.l2] for path, penalty in penalties.items()},
            "trainable": list(net.parameters.trainable),
        }

    def _probe(self) -> tuple[Probe, dict[str, Array]]:
        if self._made is None:
            _, (x, y) = self._samples.spread("train", BATCH)
            self._made = Probe(self._net, [self._samples.goal]), self._samples.arrays(x, y)
        return self._made

    def _start(self) -> Flow:
        """The flow before the first step."""
        if self._first is None:
            probe, batch = self._probe()
            self._first = probe(batch, self._initial, {})
        return self._first


def vocabulary() -> dict[str, Any]:
    """The words of a diagnosis, and what is judged by, for the browser."""
    return {
        "words": {kind: [words(part) for part in parts] for kind, parts in WORDS.items()},
        "signs": {name: words(sign) for name, sign in SIGNS.items()},
        "causes": {name: words(cause) for name, cause in causes().items()},
        "order": list(diagnosis.ORDER),
        "limits": {name: getattr(diagnosis, name.upper()) for name in LIMITS},
    }


def past(task: Task, history: answers.History, rate: float | None = None) -> History:
    """The history of the protocol, which has the loss of every step, as one by epochs; with the learning rate now."""
    config = optimizer(task.optimizer).config()
    epochs = History(params={"optimizer": config if rate is None else {**config, "learning_rate": rate}})
    losses, start = np.asarray(history["loss"], np.float64), int(history["from"])
    begin = start
    for entry in history["epochs"]:
        end = int(entry["step"])
        part = losses[max(0, begin - start) : max(0, end + 1 - start)]
        logs = {"loss": float(part.mean())} if len(part) else {}
        epochs.append(int(entry["epoch"]) - 1, {**logs, **entry["metrics"]})
        begin = end + 1
    rest = losses[max(0, begin - start) :]
    if len(rest) and not np.isfinite(rest).all():  # the epoch in which it went wrong did not end
        epochs.append(epochs.epoch[-1] + 1 if epochs.epoch else 0, {"loss": math.nan})
    return epochs


def column(flow: Flow, branch: int) -> answers.Flow:
    """A flow as a column of the page's ribbon; what is not there, or not finite, is null."""
    names = ("activation", "gradient", "dead", "saturated", "ratio")
    layers: list[Any] = [{"path": row.path} | {name: _finite(getattr(row, name)) for name in names} for row in flow]
    return {"branch": branch, "step": flow.step, "layers": layers}


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
