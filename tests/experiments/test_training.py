from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.experiments import gradients
from pellucid.experiments.tasks import Task, embedded, toy
from pellucid.experiments.training import accuracy, dense, fitted


def test_parts_are_apart_and_scaled_by_the_first() -> None:
    task = embedded("wine", 0)
    parts = [x for x, _ in (task.train, task.validation, task.test)]
    assert sum(map(len, parts)) == 178
    assert np.abs(parts[0].mean(axis=0)).max() < 1e-5
    rows = {tuple(row) for part in parts for row in part.round(5).tolist()}
    assert len(rows) == 178, "no example is in two parts"
    assert (task.classes, task.features) == (3, 13)
    assert len(task.first(10).train[0]) == 10


def test_points_of_a_toy_are_new_in_every_part_and_for_every_seed() -> None:
    tasks = [toy("moons", seed, n=20) for seed in (0, 1)]
    points = np.concatenate([x for task in tasks for x, _ in (task.train, task.validation, task.test)])
    assert len(np.unique(points, axis=0)) == 120


def test_images_keep_their_shape_and_values() -> None:
    x = embedded("digits", 0, images=True).train[0]
    assert x.shape[1:] == (8, 8, 1) and x.min() == 0 and x.max() == 1


def test_the_rate_is_chosen_on_validation_data() -> None:
    task = toy("blobs", 0, n=64)
    best = fitted(dense(task, [8], "tanh", 0), task, steps=20, rates=(1e-6, 3e-2))
    assert best.rate == 3e-2 and best.validation > 0.9 and best.test == accuracy(best.net, *task.test)
    assert len(best.loss) == 10


def test_a_training_that_explodes_counts_as_nothing_learned() -> None:
    task = toy("blobs", 0, n=64)
    wild = Task(task.name, (task.train[0] * 1e30, task.train[1]), task.validation, task.test, task.classes)
    best = fitted(dense(task, [8, 8], "relu", 0), wild, steps=4, rates=(1e-3, 1e-2))
    assert best.validation == 0 and 0 <= best.test <= 1


def test_the_factor_is_that_of_a_layer() -> None:
    assert gradients.factor([1.0, 2.0, 4.0, 8.0]) == pytest.approx(0.5)
    assert pytest.approx(0.1) == gradients.VANISHES**19


def test_gradients_by_layer_are_those_of_the_loss() -> None:
    task = toy("blobs", 0, n=64)
    sizes = gradients.by_layer(task, "sigmoid", 2, 0)
    net = dense(task, [32, 32], "sigmoid", 0)()
    x, y = task.train
    run = net.trace(x, y)
    step = 1e-2
    moved = pl.Network(pl.Dense(3, activation="softmax"), input_shape=32, seed=0)
    for key in ("kernel", "bias"):
        moved.parameters[f"dense_1.{key}"] = net.parameters[f"dense_3.{key}"]
    hidden = run["dense_2"].astype(np.float64)
    changed = hidden.copy()
    changed[0, 0] += step
    loss = [moved.evaluate(h.astype(np.float32), y)["loss"] for h in (hidden, changed)]
    assert (loss[1] - loss[0]) / step == pytest.approx(run["d(dense_2)"][0, 0], rel=0.05)
    assert sizes[1] == pytest.approx(np.sqrt(np.mean(run["d(dense_2)"].astype(np.float64) ** 2)))
