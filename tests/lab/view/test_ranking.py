"""Examples ranked by loss: each loss is the library's for that example alone, and their mean is that of `evaluate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.lab.conftest import array_of, now

from pellucid.lab import gallery
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.requests import RankingParams
from pellucid.lab.task import Task, task_of
from pellucid.lab.view.confusion import chosen
from pellucid.lab.view.look import Look
from pellucid.lab.view.samples import labels_of
from pellucid.layers import LSTM, Dense, Embedding
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import evaluate, predict
from pellucid.training.fit import fit

RNG = np.random.default_rng(0)


def ranked(look: Look, task: Task, **asked: Any) -> answers.Ranking:
    return look.ranking(now(task.net), RankingParams(**{"set": "test", "count": 100, **asked}))


def tokens() -> Task:
    """Sequences of unequal length, whose steps count, and a penalty."""
    net = BaseNetwork(
        Embedding(9, 4, mask_zero=True), LSTM(5, return_sequences=True), Dense(3), input_shape=(7,), seed=1
    )
    x = RNG.integers(1, 9, (30, 7))
    for row, length in zip(x, RNG.integers(1, 8, 30), strict=True):
        row[length:] = 0
    return task_of(net, x, RNG.normal(size=(30, 7, 3)).astype(np.float32), validation_data=(x, np.zeros((30, 7, 3))))


def penalised() -> Task:
    net = BaseNetwork(Dense(6, activation="relu", kernel_regularizer={"l2": 0.1}), Dense(2), input_shape=4, seed=1)
    x, y = RNG.normal(size=(40, 4)).astype(np.float32), RNG.normal(size=(40, 2)).astype(np.float32)
    return task_of(net, x, y, validation_data=(x[:20], y[:20]))


@pytest.mark.parametrize("name", ["spirals", "digits", "text", "prices", "autoencoder", "kernels"])
def test_losses_are_those_of_each_example_alone(name: str) -> None:
    task = gallery.build(name)
    look = Look(task)
    fit(task.net, task.x[:256], task.y[:256], loss=task.loss, optimizer=task.optimizer, epochs=1, verbose=False)
    answer = ranked(look, task)
    assert task.test is not None
    x, y = task.test
    assert answer["judged"] == answer["count"] == answer["matching"] == len(x)
    assert answer["mean"] == pytest.approx(evaluate(task.net, x, y, loss=task.loss)["loss"], rel=1e-5)
    losses = [one["loss"] for one in answer["examples"]]
    assert losses == sorted(losses, reverse=True)
    for one in [answer["examples"][k] for k in RNG.integers(0, min(len(x), 20), 3)]:
        place = int(one["example"]["name"].partition(":")[2])
        alone = evaluate(task.net, x[place : place + 1], y[place : place + 1], loss=task.loss)["loss"]
        assert one["loss"] == pytest.approx(alone, rel=1e-4, abs=1e-6)
        if one["answer"] is not None:
            np.testing.assert_allclose(array_of(one["answer"]), predict(task.net, x)[place], rtol=1e-5, atol=1e-6)
    lowest = ranked(look, task, highest=False)["examples"]
    assert lowest[0]["loss"] <= min(losses)


def test_a_cell_of_the_confusion_matrix() -> None:
    task = gallery.build("digits")
    look = Look(task)
    assert task.test is not None
    x, y = task.test
    truths, said = labels_of(y), chosen(task.net, predict(task.net, x))
    truth, answer = int(truths[0]), int(said[0])
    of = ranked(look, task, truth=truth, said=answer)
    places = {int(one["example"]["name"].partition(":")[2]) for one in of["examples"]}
    assert places == set(np.flatnonzero((truths == truth) & (said == answer)).tolist())
    assert of["matching"] == len(places)
    assert {(one["truth"], one["said"]) for one in of["examples"]} == {(truth, answer)}
    second = ranked(look, task, start=1, count=2)["examples"]
    names = [one["example"]["name"] for one in ranked(look, task, count=3)["examples"]]
    assert [one["example"]["name"] for one in second] == names[1:]


@pytest.mark.parametrize("make", [tokens, penalised])
def test_the_mean_is_the_loss_that_is_shown(make: Any) -> None:
    task: Task = make()
    assert task.test is not None
    answer = ranked(Look(task), task)
    shown = evaluate(task.net, *task.test, loss=task.loss)["loss"]
    assert answer["mean"] + (answer["penalty"] or 0.0) == pytest.approx(shown, rel=1e-5)
    assert (answer["penalty"] is not None) == (make is penalised)


def test_what_is_not_finite_comes_first_and_another_moment_is_judged_anew() -> None:
    task = gallery.build("spirals")
    look, first = Look(task), now(task.net)
    before = look.ranking(first, RankingParams(set="test"))
    task.net.parameters["dense_3.bias"] = np.array([np.nan, 0], np.float32)
    moment = now(task.net, step=1)
    after = look.ranking(moment, RankingParams(set="test"))
    assert all(np.isnan(one["loss"]) for one in after["examples"])
    again = look.ranking(first, RankingParams(set="test"))
    assert [one["loss"] for one in again["examples"]] == [one["loss"] for one in before["examples"]]
