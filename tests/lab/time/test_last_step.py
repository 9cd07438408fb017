"""Why a weight is what it is: the step that led to it, taken again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.lab.protocol.requests import WatchedPath
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look

KERNEL, BIAS = "dense_1.kernel", "dense_2.bias"


def task(**options: Any) -> Task:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)
    net = pl.Network(pl.Dense(4, activation="relu"), pl.Dense(2, activation="softmax"), input_shape=(3,), seed=1)
    return task_of(net, x, y, validation_data=(x[:16], y[:16]), batch_size=8, **options)


def made(run: Run, look: Look, path: str, index: tuple[int, ...]) -> Any:
    return look.explain(run.moment(), "train:0", path, index)


def source(found: dict[str, Any], path: str) -> dict[str, Any]:
    return next(s for t in found["terms"] for s in t["sources"] if s["path"] == path)


@pytest.mark.parametrize("rule", ["sgd", "adam", {"name": "sgd", "momentum": 0.9}, "rmsprop"])
def test_the_update_made_the_weight_that_is_there(rule: Any) -> None:
    shown = task(optimizer=rule)
    with Run.of(shown, memory=0) as run:
        look = Look(shown, run.update)
        for step in (1, 2, 7, 8, 9, 23, 16, 5, 40):
            run.repeat({"do": "seek", "step": step})
            now = run.moment().parameters
            for path, index in ((KERNEL, (1, 2)), (BIAS, (1,))):
                assert made(run, look, f"{path}′", index)["value"] == now[path][index], step


def test_the_update_has_the_gradient_of_the_batch_and_what_the_optimizer_remembers() -> None:
    shown = task(optimizer="adam")
    with Run.of(shown) as run:
        look = Look(shown, run.update)
        run.repeat({"do": "seek", "step": 12})
        before = run.moment().parameters[KERNEL][1, 2]
        run.repeat({"do": "step", "count": 1})
        found = made(run, look, f"{KERNEL}′", (1, 2))
        old = source(found, KERNEL)
        assert old["value"] == before
        assert old["given"] is True
        gradient = made(run, look, f"d({KERNEL})′", (1, 2))
        assert len(gradient["terms"]) + gradient["rest"]["count"] == 8, "a term for each example of the batch"
        moment = made(run, look, f"{KERNEL}:first_moment′", (1, 2))
        kept = source(moment, f"{KERNEL}:first_moment")
        assert kept["value"] != 0
        assert kept["given"] is True
        assert source(moment, f"d({KERNEL})′")["value"] == gradient["value"]
        run.repeat({"do": "seek", "step": 12})
        last = made(run, look, f"{KERNEL}:first_moment′", (1, 2))
        assert last["value"] == kept["value"]


def test_every_place_in_an_update_leads_on_within_it() -> None:
    shown = task(optimizer="adam")
    with Run.of(shown) as run:
        look = Look(shown, run.update)
        run.repeat({"do": "seek", "step": 20})
        waiting, seen = [(f"{KERNEL}′", (1, 2))], set()
        while waiting:
            path, index = waiting.pop()
            found = made(run, look, path, index)
            for one in (s for t in found["terms"] for s in t["sources"]):
                place = one["path"], tuple(one["index"])
                if not one.get("given") and place not in seen:
                    seen.add(place)
                    waiting.append(place)
                    assert made(run, look, *place)["value"] == one["value"]
        assert {path for path, _ in seen} >= {f"d({KERNEL})′", f"{KERNEL}:first_moment′", "dense_2.sum′"}


def test_a_branch_is_updated_by_its_own_steps_and_those_before_it() -> None:
    shown = task(optimizer="sgd")
    with Run.of(shown, memory=0) as run:
        look = Look(shown, run.update)
        run.repeat({"do": "seek", "step": 20}, {"do": "seek", "step": 10})
        last = made(run, look, f"{KERNEL}′", (0, 0))["value"]
        run.repeat({"do": "branch", "change": {"parameter": KERNEL, "index": [0, 0], "value": 3.0}})
        assert made(run, look, f"{KERNEL}′", (0, 0))["value"] == last, "a person's change is no step's"
        run.repeat({"do": "step", "count": 1})
        found = made(run, look, f"{KERNEL}′", (0, 0))
        assert source(found, KERNEL)["value"] == 3.0
        run.repeat({"do": "rate", "learning_rate": 0.5}, {"do": "step", "count": 2})
        assert source(made(run, look, f"{KERNEL}′", (0, 0)), "learning_rate")["value"] == 0.5
        run.repeat({"do": "rate", "learning_rate": 0.25})
        found = made(run, look, f"{KERNEL}′", (0, 0))
        assert source(found, "learning_rate")["value"] == 0.5, "of the step, not of the next"
        run.repeat({"do": "seek", "step": 6})
        assert made(run, look, f"{KERNEL}′", (0, 0))["value"] == run.moment().parameters[KERNEL][0, 0]


def test_before_the_first_step_there_was_none() -> None:
    shown = task()
    with Run.of(shown) as run:
        look = Look(shown, run.update)
        with pytest.raises(PellucidError, match="no step was taken yet"):
            made(run, look, f"{KERNEL}′", (0, 0))
        live = look.live(run.moment(), "train:0", [WatchedPath(path=f"{KERNEL}′", limit=9)])
        assert live["values"] == {}
        run.repeat({"do": "step", "count": 1})
        live = look.live(run.moment(), "train:0", [WatchedPath(path=f"d({KERNEL})′", limit=99)])
        assert live["values"][f"d({KERNEL})′"]["data"].shape == (12,)
        run.repeat({"do": "reset"})
        with pytest.raises(PellucidError, match="no step was taken yet"):
            made(run, look, f"{KERNEL}′", (0, 0))
    with pytest.raises(PellucidError, match="looked at, not trained"):
        Look(shown).explain(run.moment(), "train:0", f"{KERNEL}′", (0, 0))


def test_the_run_goes_on_as_if_nobody_had_asked() -> None:
    shown, other = task(metrics=["accuracy"]), task(metrics=["accuracy"])
    with Run.of(shown) as run, Run.of(other) as alone:
        look = Look(shown, run.update)
        for step in (3, 11, 30):
            run.repeat({"do": "seek", "step": step})
            made(run, look, f"{KERNEL}′", (0, 0))
            for path, value in run.moment().parameters.items():
                np.testing.assert_array_equal(shown.net.parameters[path], value)
        run.repeat({"do": "step", "count": 1})
        moment = run.moment()
        run.repeat({"do": "reset"})
        with pytest.raises(PellucidError, match="begun anew"):
            look.explain(moment, "train:0", f"{BIAS}′", (0,))
        run.repeat({"do": "seek", "step": 30})
        alone.repeat({"do": "seek", "step": 30})
        mine, theirs = run.history(0), alone.history(0)
        assert mine["loss"].tolist() == theirs["loss"].tolist()
        assert mine["epochs"] == theirs["epochs"]
