"""What a saved file measures at the end of every epoch, and when it rests, held against Python."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lab.conftest import now, untrained_file
from tests.lab.node import run_script
from tests.sampling import some

from pellucid.formula import Tensor, define
from pellucid.functions.learning.losses import LOSSES, loss
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.functions.learning.penalties import L1, L2
from pellucid.lab.gallery import build
from pellucid.lab.protocol.requests import RankingParams
from pellucid.lab.serve import document as documents
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.run import Run
from pellucid.lab.time.settling import Settling
from pellucid.lab.view.look import Look
from pellucid.layers import GRU, LSTM, Conv2D, Dense, Embedding
from pellucid.network import BaseNetwork
from pellucid.training.metrics import METRICS

Array = NDArray[Any]
SEEDS = range(64)
"""Of the random networks; each run of the tests takes some."""


with patch.dict(LOSSES):  # other tests know the library's own alone

    @loss
    def cubic(y: Tensor, p: Tensor) -> Tensor:
        return define("l[…] = abs(p[…] − y[…])^3", y=y, p=p)


def gap(y: Array, p: Array) -> float:
    """A metric of Python's alone."""
    return float(np.abs(p.mean() - y.mean()))


CLASSES = ["accuracy", "precision", "recall", "f1", "auc"]
VALUES = ["mse", "rmse", "mae", "r2", cubic, loss("huber", delta=0.3)]
KINDS = ("yes", "logit", "classes", "one hot", "several", "values", "maps", "steps", "step values")


def _task(seed: int) -> Task:
    rng = np.random.default_rng([seed, 11])
    kind, count, units = KINDS[seed % len(KINDS)], int(rng.integers(20, 40)), int(rng.choice([2, 3, 7]))
    penalty = [None, L2(0.05), L1(0.01)][rng.integers(3)]
    hidden: list[Any] = [Dense(6, activation="tanh", kernel_regularizer=penalty)]
    shape: tuple[int, ...] = (4,)
    y: Any
    x: Array = rng.normal(size=(count, 4)).astype(np.float32)
    of: Any = None
    metrics: list[Any] = [*CLASSES, *VALUES]
    match kind:
        case "yes" | "logit":
            end: Any = Dense(1, activation="sigmoid" if kind == "yes" else "linear")
            y, of = rng.integers(0, 2, count).astype(np.float32), "binary_crossentropy"
        case "classes" | "one hot":
            end, y = Dense(units, activation="softmax"), rng.integers(0, units, count)
            metrics.append(f"top_{min(2, units)}_accuracy")
            y = np.eye(units, dtype=np.float32)[y] if kind == "one hot" else y
        case "several":
            end, of = Dense(units, activation="sigmoid"), "binary_crossentropy"
            y = rng.integers(0, 2, (count, units)).astype(np.float32)
        case "values":
            end, of, metrics = Dense(units), "mse", VALUES
            y = rng.normal(size=(count, units)).astype(np.float32)
        case "maps":
            hidden, end, shape = [Conv2D(3, 3, activation="relu")], Conv2D(units, 2), (6, 6, 1)
            x, of, metrics = rng.normal(size=(count, *shape)).astype(np.float32), "mae", VALUES
            y = rng.normal(size=(count, 3, 3, units)).astype(np.float32)
        case _:
            kinds: list[Any] = [LSTM, GRU]
            layer = kinds[rng.integers(2)](5, return_sequences=True)
            hidden, shape = [Embedding(9, 4, mask_zero=True), layer], (6,)
            x = rng.integers(1, 9, (count, 6))
            for row, length in zip(x, rng.integers(1, 7, count), strict=True):
                row[length:] = 0
            if kind == "steps":
                end, y = Dense(units, activation="softmax"), rng.integers(0, units, (count, 6))
            else:
                end, of, metrics = Dense(units), "mse", VALUES
                y = rng.normal(size=(count, 6, units)).astype(np.float32)
    net = BaseNetwork(*hidden, end, input_shape=shape, seed=seed)
    chosen = [metrics[k] for k in rng.permutation(len(metrics))[: rng.integers(2, len(metrics) + 1)]]
    held = count // 2 + 3
    return task_of(
        net,
        x,
        y,
        loss=of,
        batch_size=int(rng.choice([7, 8, 16])),
        optimizer=[Adam(0.01), SGD(0.1)][rng.integers(2)],
        metrics=chosen,
        validation_data=(x[:held], y[:held]),
    )


@pytest.mark.filterwarnings("ignore:no native code for d")  # the gradient of how many steps there are
@pytest.mark.parametrize("formulas", [False, True])
def test_a_file_measures_what_python_does(formulas: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values of every epoch, of a branch that leaves in the middle of one too; and the losses of the examples."""
    if formulas:
        monkeypatch.setattr(documents, "_module", lambda *_, **__: None)
    for seed in some(SEEDS, 3, str(formulas)):
        task = _task(seed)
        each = -(-len(task.x) // task.batch_size)
        actions: list[Any] = [
            {"do": "seek", "step": 2 * each},
            {"do": "seek", "step": each + 1},
            {"do": "branch", "change": {"learning_rate": 0.05}},
            {"do": "seek", "step": 3 * each},
        ]
        questions: list[Any] = [["ranking", {"set": "test", "count": 8}]]
        questions += [q for action in actions for q in (["control", action], ["wait", {}])]
        questions += [["history", {"branch": branch, "from": 1}] for branch in range(2)]
        told = untrained_file(task)
        assert told["training"] is not None, seed
        assert (told["training"]["module"] is None) == formulas, seed
        ranking, *found = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
        _same_ranking(ranking, Look(task).ranking(now(task.net), RankingParams(set="test", count=8)), seed)
        with Run.of(task) as run:
            run.repeat(*actions)
            for branch, history in enumerate(found[-2:]):
                expected = run.history(branch)
                assert [e["step"] for e in history["epochs"]] == [e["step"] for e in expected["epochs"]], seed
                for one, other in zip(history["epochs"], expected["epochs"], strict=True):
                    mine, theirs = one["metrics"], {**other["metrics"]}
                    if formulas:  # which look at the examples to judge by only now and then
                        theirs = {n: v for n, v in theirs.items() if n in mine or not n.startswith("val_")}
                    assert set(mine) == set(theirs), (seed, branch, one["step"])
                    for name, value in theirs.items():
                        close = pytest.approx(value, rel=2e-3, abs=1e-5, nan_ok=True)
                        assert float(mine[name]) == close, (seed, name, branch, one["step"])


def _same_ranking(found: Any, expected: Any, seed: int) -> None:
    losses = [[one["loss"] for one in ranking["examples"]] for ranking in (found, expected)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4, abs=1e-6), seed
    assert found["mean"] == pytest.approx(expected["mean"], rel=1e-4), seed
    assert found["penalty"] == (None if expected["penalty"] is None else pytest.approx(expected["penalty"], rel=1e-4))


def test_every_metric_of_the_library_is_measured() -> None:
    assert {m for m in METRICS if not m.startswith("top_")} == {m for m in (*CLASSES, *VALUES) if isinstance(m, str)}


def test_a_metric_of_python_is_named_and_the_others_are_measured(tmp_path: Path) -> None:
    task = replace(_task(KINDS.index("values")), metrics=("mae", gap, cubic))
    told = untrained_file(task)
    said = told["description"]["unmeasured"]
    assert "gap" in said["en"]
    assert "gap" in said["zh"]
    assert said["zh"] != said["en"]
    assert told["description"]["training"]["metrics"] == ["mae", "gap", "cubic"]
    questions = [["control", {"do": "epoch"}], ["wait", {}]]
    state = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)[-1]
    assert set(state["metrics"]) == {"loss", "mae", "cubic", "val_loss", "val_mae", "val_cubic"}
    assert untrained_file(replace(task, metrics=("mae",)))["description"]["unmeasured"] is None


def test_a_file_rests_by_the_rule_of_the_lab(tmp_path: Path) -> None:
    """The same step and the same words, for losses of many shapes and of a run that is changed meanwhile."""
    rng = np.random.default_rng(3)
    cases = []
    for _ in range(40):
        steps, count = int(rng.integers(5, 300)), int(rng.integers(1, 900))
        settling = Settling(steps, int(rng.integers(1, 60)))
        rule = settling.rule()
        begin = int(rng.choice([0, 0, count // 2]))
        curve = np.exp(-np.arange(count) / rng.choice([10.0, 100.0, 1e9])) + rng.normal(size=count) * rng.choice(
            [0, 0.1]
        )
        losses = rng.choice([1e-3, 1.0, 500.0]) * (curve + rng.choice([0.0, 2.0]))
        settling.begin(begin)
        expected = None
        for step in range(1, count + 1):
            if settling.due(step) and (said := settling.judge(losses[:step])) is not None:
                expected = [step, said.text("en"), said.text("zh")]
                break
        cases.append(({"rule": rule, "begin": begin, "losses": losses.tolist()}, expected))
    found = run_script("settling-cases.ts", [case for case, _ in cases], tmp_path)
    assert found == [expected for _, expected in cases]
    assert sum(expected is not None for _, expected in cases) > 10


def test_a_task_that_is_played_in_a_file_rests_and_goes_on(tmp_path: Path) -> None:
    task = replace(build("spirals"), learned=40)
    told = untrained_file(task)
    told["description"]["state"]["speed"] = task.speed
    rests: list[Any] = [["control", {"do": "speed", "speed": 0}], ["control", {"do": "play"}], ["wait", {}]]
    questions = [["describe", {}], *rests, ["history", {"branch": 0, "from": 1}]]
    questions += [["control", {"do": "reset"}], ["control", {"do": "play"}], ["wait", {}]]
    described, *_, state, history, begun, _, again = run_script(
        "lab-answers.ts", {"document": told, "questions": questions}, tmp_path
    )
    assert (described["state"]["speed"], described["state"]["settled"]) == (20, None)
    assert state["step"] >= 40
    assert begun["settled"] is None
    settling = Settling(40, described["training"]["steps_per_epoch"])
    for one in (state, again):
        assert "hardly falls" in one["settled"]["en"], json.dumps(one)
    said = settling.judge(np.asarray(history["loss"]))
    assert said is not None
    assert state["settled"] == {"en": said.text("en"), "zh": said.text("zh")}
