"""What each example added to a weight, in the lab: the numbers of `pellucid.Ledger`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pellucid.errors import PellucidError
from pellucid.explain.ledger import Ledger
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.run import Run
from pellucid.lab.view.course import ledger
from pellucid.lab.view.look import Look
from pellucid.layers import Dense
from pellucid.network import BaseNetwork
from pellucid.training.fit import fit

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(25, 3)).astype(np.float32), RNG.integers(0, 3, 25)
PATH, PLACE = "dense_1.kernel", (1, 2)


def task() -> Task:
    net = BaseNetwork(Dense(4, activation="tanh"), Dense(3, activation="softmax"), input_shape=3, seed=1)
    return task_of(net, X, Y, batch_size=8)


@pytest.fixture
def run() -> Iterator[Run]:
    with Run(task().net, X, Y, batch_size=8) as run:
        yield run


def answer(run: Run, most: int = 1000, limit: int = 100) -> answers.Ledger:
    with run.ledger.steps(run.moment(), most) as steps:
        return ledger(task(), Look(task()).samples, steps, PATH, PLACE, limit)


def others(found: answers.Ledger) -> dict[str, float]:
    return {share["name"]: share["amount"] for share in found["others"]}


def total(found: answers.Ledger) -> float:
    parts = [share["amount"] for share in found["examples"]]
    return found["initial"] + sum(parts) + found["rest"]["sum"] + sum(others(found).values())


def test_examples_and_classes_are_those_of_the_ledger(run: Run) -> None:
    run.repeat({"do": "seek", "step": 12})
    found = answer(run)
    net, kept = task().net, Ledger([PATH])
    fit(net, X, Y, batch_size=8, epochs=3, callbacks=[kept], verbose=0)
    expected = kept.explain(PATH, PLACE, by="example")
    assert (found["first"], found["initial"], found["value"]) == (0, expected.initial, expected.value)
    entries = sorted(expected.entries, key=lambda entry: -abs(entry.amount))
    assert [(s["name"], s["amount"]) for s in found["examples"]] == [(f"train:{e.number}", e.amount) for e in entries]
    assert others(found) == {name: amount for name, amount in expected.others.items() if amount}
    classes = kept.explain(PATH, PLACE, by="class")
    assert found["classes"] is not None
    assert [c["amount"] for c in found["classes"]] == [e.amount for e in classes.entries]
    assert total(found) == pytest.approx(found["value"], abs=1e-12)
    few = answer(run, limit=3)
    assert few["examples"] == found["examples"][:3] and few["rest"]["count"] == 22


@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.1}, {"parameter": PATH, "index": list(PLACE), "value": 2.0}], ids=["rate", "weight"]
)
@pytest.mark.parametrize("at", [0, 5])
def test_it_leads_along_branches(run: Run, change: Any, at: int) -> None:
    run.repeat({"do": "seek", "step": at})
    before = float(run.moment().parameters[PATH][PLACE])
    run.repeat({"do": "seek", "step": 9}, {"do": "seek", "step": at}, {"do": "branch", "change": change})
    run.repeat({"do": "step", "count": 4})
    found = answer(run)
    assert found["value"] == float(run.moment().parameters[PATH][PLACE])
    assert total(found) == pytest.approx(found["value"], abs=1e-12)
    assert others(found).get("set by hand", 0.0) == (2.0 - before if "value" in change else 0.0)
    assert abs(others(found)["rounding"]) < 1e-5


def test_of_a_long_training_the_last_steps_are_taken_again(run: Run) -> None:
    run.repeat({"do": "seek", "step": 60})
    found = answer(run, most=20)
    assert 20 <= found["first"] <= 40 and "earlier steps" in others(found)
    assert total(found) == pytest.approx(found["value"], abs=1e-12)


def test_what_no_example_has_moved_is_refused(run: Run) -> None:
    with pytest.raises(PellucidError, match="no step was taken yet"):
        answer(run)
    run.repeat({"do": "step", "count": 1})
    with run.ledger.steps(run.moment(), 9) as steps, pytest.raises(PellucidError, match="no parameter"):
        ledger(task(), Look(task()).samples, steps, PATH, (1, 9), 3)
