"""What a saved file says of a network's health, from the browser's own code, held to Python's for random networks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lab.conftest import now
from tests.lab.node import run_script
from tests.sampling import some

from pellucid.errors import NonFiniteError
from pellucid.functions.learning.optimizers import SGD, Adam, Optimizer
from pellucid.functions.learning.penalties import L2
from pellucid.lab.protocol.answers import History
from pellucid.lab.serve import document as documents
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look
from pellucid.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
)
from pellucid.network import BaseNetwork

Array = NDArray[Any]
EPOCHS = 5
SEEDS = range(48)
"""Of the random networks; each run of the tests takes some."""
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@dataclass
class Case:
    """A network that was trained for some epochs, and what Python says of it."""

    told: dict[str, Any]
    expected: list[Any]
    column: list[Any]
    reach: list[Any]


def _stack(rng: np.random.Generator) -> tuple[list[Any], tuple[int, ...]]:
    """Hidden layers, and the shape of an example."""
    activation = str(rng.choice(["relu", "sigmoid", "tanh", "linear"]))
    kind = rng.choice(["dense", "dense", "images", "steps"])
    if kind == "images":
        return [Conv2D(3, 3, activation=activation), Flatten(), Dense(6, activation=activation)], (6, 6, 1)
    if kind == "steps":
        cells: list[Any] = [RNN, LSTM, GRU]
        layer = cells[rng.integers(3)](4, return_sequences=bool(rng.integers(2)))
        return [Bidirectional(layer) if rng.integers(3) == 0 else layer], (int(rng.choice([4, 30])), 3)
    mores: list[list[Any]] = [[], [BatchNormalization()], [Dropout(0.3)]]
    more = mores[rng.integers(3)]
    depth = int(rng.choice([1, 2, 5]))
    penalty = L2(0.01) if rng.integers(3) == 0 else None
    return [*(Dense(8, activation=activation, kernel_regularizer=penalty) for _ in range(depth)), *more], (4,)


def _task(seed: int) -> Task:
    rng = np.random.default_rng([seed, 5])
    hidden, shape = _stack(rng)
    classes = bool(rng.integers(2))
    end = Dense(3, activation="softmax") if classes else Dense(2)
    net = BaseNetwork(*hidden, end, input_shape=shape, seed=seed)
    ((_, given),) = net.output_shapes.items()
    x = (rng.normal(size=(22, *shape)) * rng.choice([0.001, 1, 1, 1, 20])).astype(np.float32)
    y: Array = rng.integers(0, 3, (22, *given[:-1])) if classes else rng.normal(size=(22, *given))
    for path in net.parameters.trainable:  # so that something is wrong
        net.parameters[path] = net.parameters[path] * rng.choice([1e-9, 0.01, 1, 1, 1, 3])
    if rng.integers(4) == 0:
        for path in (p for p in net.parameters.trainable if p.endswith(".bias")):
            net.parameters[path] = net.parameters[path] - 20
    rate = float(rng.choice([1e-12, 1e-6, 1e-3, 0.03, 1.0, 1e3]))
    optimizer: Optimizer = Adam(rate) if rng.integers(2) else SGD(rate, momentum=float(rng.choice([0.0, 0.9])))
    held = x[:9] + 1, y[:9]
    return task_of(net, x, y, batch_size=8, optimizer=optimizer, validation_data=held)


def _case(seed: int) -> Case:
    task = _task(seed)
    rate = float(task.optimizer.learning_rate)
    branch = {"id": 0, "parent": None, "at": 0, "last": 0, "change": None}
    rates: dict[str, Any] = {"learning_rate": rate, "speed": 0, "pace": 0, "loss": None, "metrics": {}}
    state: Any = {"branch": 0, "branches": [branch], "step": 0, "epoch": 0, "playing": False, "stopped": None, **rates}
    history: History = {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}
    begin = now(task.net)
    look = Look(task)
    told = documents.document(look, state, history, begin)
    with Run.of(task) as run:
        run.act({"do": "seek", "step": EPOCHS * 3})
        run.wait()
        moment, past = run.moment(), run.past(run.moment())
        before = run.reached(0, moment.step - 1) if moment.step else None
        fault: NonFiniteError | None = run.fault
        slots = run._timeline.state().slots
    if before is not None:
        look.flow(before)
    column = look.flow(moment)["layers"]
    expected = [{**finding} for finding in look.diagnose(moment, past, fault)]
    question = {
        "document": told,
        "step": moment.step,
        "now": _listed(moment),
        "before": None if before is None else _listed(before),
        "start": _listed(begin) if moment.step else None,
        "epochs": _epochs(past),
        "rate": rate,
        "fault": None if fault is None else _listed(moment) | {n: a.reshape(-1).tolist() for n, a in slots.items()},
    }
    return Case(question, expected, column, look.reach(moment))


def _listed(moment: Moment) -> dict[str, list[float]]:
    return {path: np.asarray(array).reshape(-1).tolist() for path, array in moment.parameters.items()}


def _epochs(history: History) -> list[Any]:
    return [{"epoch": e["epoch"], "step": e["step"], "metrics": dict(e["metrics"])} for e in history["epochs"]]


def test_a_file_says_what_is_wrong_as_python_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same findings in the same order and words; of their numbers the last digit may be another."""
    monkeypatch.setattr(documents, "_module", lambda *_, **__: None)  # the formulas measure
    cases = {str(seed): _case(seed) for seed in some(SEEDS, 3)}
    found = run_script("health-cases.ts", {"cases": {n: c.told for n, c in cases.items()}}, tmp_path)
    for name, case in cases.items():
        answer = found[name]
        assert "error" not in answer, (name, answer["error"])
        assert [f["kind"] for f in answer["findings"]] == [f["kind"] for f in case.expected], name
        for one, other in zip(answer["findings"], case.expected, strict=True):
            assert one["where"] == other["where"], name
            if one["kind"] == "nan":  # which element it is, and its arithmetic, hangs on the last bits of large numbers
                assert one["en"]["fix"] == other["en"]["fix"], name
                continue
            for language in ("en", "zh"):
                for part in ("what", "evidence", "fix"):
                    _same_words(one[language][part], other[language][part], f"{name}: {language} {part}")
        assert [r["path"] for r in answer["reach"]] == [f"{r['path']}.state" for r in case.reach]
        for reach, wanted in zip(answer["reach"], case.reach, strict=True):
            np.testing.assert_allclose(reach["norms"], wanted["norms"], rtol=1e-2, atol=1e-30, err_msg=name)
        for layer, row in zip(answer["column"], case.column, strict=True):
            assert layer["path"] == row["path"]
            for key in ("activation", "gradient", "dead", "saturated", "ratio"):
                wanted = None if row[key] is None else pytest.approx(row[key], rel=2e-2, abs=1e-30)
                assert layer[key] == wanted, (name, layer["path"], key)


def _same_words(one: str, other: str, where: str) -> None:
    assert NUMBER.sub("0", one) == NUMBER.sub("0", other), f"{where}\n{one}\n{other}"
    for mine, theirs in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True):
        a, b = (float(text.replace("−", "-")) for text in (mine, theirs))
        assert a == pytest.approx(b, rel=0.1, abs=1e-30), f"{where}\n{one}\n{other}"
