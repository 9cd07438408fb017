"""Two runs side by side: what `pellucid.compare` says, of examples and of steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from pellucid.errors import PellucidError
from pellucid.explain.intervention.differences import Difference, compare
from pellucid.lab.protocol import answers
from pellucid.lab.task import task_of
from pellucid.lab.time.moments import put
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look
from pellucid.layers import LSTM, Dense
from pellucid.network import BaseNetwork

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 5, 2)).astype(np.float32), RNG.integers(0, 3, 24)

FORK: Mapping[str, Any] = {"do": "branch", "change": {"learning_rate": 0.1}}


def network() -> BaseNetwork:
    return BaseNetwork(LSTM(4), Dense(3, activation="softmax"), input_shape=(5, 2), seed=1)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with Run(network(), X, Y, batch_size=8) as run:
        run.repeat({"do": "seek", "step": 20}, FORK, {"do": "step", "count": 4})
        yield run


@pytest.fixture(scope="module")
def look() -> Look:
    return Look(task_of(network(), X, Y, batch_size=8))


def same(found: answers.Compared, expected: Difference) -> None:
    assert found["values"] == list(expected.comparison.values)
    assert (found["weights"], found["inputs"]) == (expected.weights, expected.inputs)
    assert [(t["weights"], t["inputs"]) for t in found["terms"]] == [(t.weights, t.inputs) for t in expected.terms]
    assert [t["moved"] for t in found["terms"]] == [t.pair.moved for t in expected.terms]
    assert [(d["path"], d["largest"]) for d in found["differing"]] == list(expected.differing)


def test_two_examples_are_compared_as_in_python(run: Run, look: Look) -> None:
    moment = run.moment()
    net = network()
    put(net, moment.parameters)
    found = look.compare(moment, "train:2", moment, "train:7", "lstm_1.cell", [3, 1])
    same(found, compare(net, net, X[7], "lstm_1.cell", other=X[2], time=3, unit=1))
    assert found["weights"] == 0 and found["differing"][0]["path"] == "input_1"


@pytest.mark.parametrize(("branch", "step"), [(0, 0), (0, 13), (1, 21), (0, None)])
def test_two_steps_are_compared_as_in_python(run: Run, look: Look, branch: int, step: int | None) -> None:
    """At any step of any branch, kept or not."""
    moment, then = run.moment(), run.reached(branch, step)
    assert (moment.branch, then.branch, then.step) == (1, branch, 20 if step is None else step)
    other, net = network(), network()
    put(net, moment.parameters)
    with Run(other, X, Y, batch_size=8) as again:  # the same steps, taken in another run
        again.repeat({"do": "seek", "step": min(20, then.step)})
        if then.step > 20:
            again.repeat(FORK, {"do": "step", "count": then.step - 20})
    found = look.compare(moment, "train:2", then, "train:2", "dense_1.sum", [1])
    same(found, compare(other, net, X[2], "dense_1.sum", unit=1))
    assert found["differing"][0]["learned"]
    both = look.beside(moment, "train:2", then, "train:2", "dense_1", 9)
    before, after, difference = both["before"], both["after"], both["difference"]
    assert before is not None and after is not None and difference is not None
    np.testing.assert_array_equal(difference["data"], np.float64(after["data"]) - np.float64(before["data"]))
    assert [c["path"] for c in both["changed"]][-1] == "dense_1" and "input_1" not in str(both["changed"])


def test_what_was_given_has_no_terms(run: Run, look: Look) -> None:
    moment, first = run.moment(), run.reached(0, 0)
    found = look.compare(moment, "train:2", first, "train:2", "dense_1.kernel", [0, 1])
    before, after = first.parameters["dense_1.kernel"][0, 1], moment.parameters["dense_1.kernel"][0, 1]
    assert found["terms"] == [] and found["weights"] == float(after) - float(before) and found["inputs"] == 0
    found = look.compare(moment, "train:2", moment, "train:3", "input_1", [4, 1])
    assert found["inputs"] == float(X[2, 4, 1]) - float(X[3, 4, 1]) and found["weights"] == 0


def test_what_cannot_be_compared_is_refused(run: Run, look: Look) -> None:
    moment = run.moment()
    name = look.own(x=X[0].ravel().tolist())["name"]
    with pytest.raises(PellucidError, match="one of the two has no target"):
        look.compare(moment, "train:0", moment, name, "loss", [])
    with pytest.raises(PellucidError, match="is not compared"):
        look.compare(moment, "train:0", moment, "train:1", "dense_1.kernel′", [0, 0])
    with pytest.raises(PellucidError, match="nothing at"):
        look.compare(moment, "train:0", moment, "train:1", "dense_1", [3])
    with pytest.raises(PellucidError, match="branch 0 has 20 steps, so there is no step 21"):
        run.reached(0, 21)
    with pytest.raises(PellucidError, match="from 0 to 1"):
        run.reached(7)
