"""Every task of the gallery: it is quick to open, learns in seconds, and every number in it can be followed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pellucid.engines.llvm.run import native
from pellucid.errors import PellucidError
from pellucid.explain import flow
from pellucid.lab import gallery
from pellucid.lab.gallery import TASKS, Prices
from pellucid.lab.protocol.requests import WatchedPath
from pellucid.lab.view.look import Look
from pellucid.training.evaluation import evaluate
from pellucid.training.fit import fit

from .conftest import now

NAMES = ("spirals", "digits", "kernels", "text", "prices", "autoencoder", "activations", "sigmoids", "relus")


NOTHING: Any = {}


def trained(name: str, epochs: int) -> tuple[Any, dict[str, float], dict[str, float]]:
    """A task after some epochs, and how it did on the test before and after them."""
    task = gallery.build(name)
    assert task.test is not None
    judge: dict[str, Any] = {"loss": task.loss, "metrics": task.metrics}
    before = evaluate(task.net, *task.test, **judge)
    options: dict[str, Any] = {"optimizer": task.optimizer, "batch_size": task.batch_size, "verbose": 0, **judge}
    fit(task.net, task.x, task.y, epochs=epochs, **options)
    return task, before, evaluate(task.net, *task.test, **judge)


def test_the_gallery_is_what_it_says() -> None:
    assert tuple(TASKS) == NAMES
    for name, entry in TASKS.items():
        task = entry()
        assert (task.name, task.kind) == (name, entry.kind)
        for said, message in ((task.title, entry.title), (task.about, entry.about)):
            assert said == {"en": message.text("en"), "zh": message.text("zh")}
        assert task.beside is None or task.beside in TASKS
        assert sum(a.size for a in task.net.parameters.values()) < 20_000
    with pytest.raises(PellucidError, match='Did you mean "digits"'):
        gallery.build("digit")


def test_a_task_opens_before_any_code_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds is left for what is asked first."""
    monkeypatch.setattr(native, "object_code", lambda *_: pytest.fail("machine code was made"))
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    for name in NAMES:
        Look(gallery.build(name))


@pytest.mark.parametrize(
    ("name", "epochs", "metric", "least"), [("spirals", 20, "accuracy", 0.97), ("digits", 8, "accuracy", 0.95)]
)
def test_classes_are_learned_in_a_few_epochs(name: str, epochs: int, metric: str, least: float) -> None:
    assert trained(name, epochs)[2][metric] > least


@pytest.mark.parametrize(
    ("name", "epochs", "share"), [("text", 2, 0.65), ("autoencoder", 20, 0.6), ("kernels", 80, 0.01)]
)
def test_the_loss_falls(name: str, epochs: int, share: float) -> None:
    _, before, after = trained(name, epochs)
    assert after["loss"] < share * before["loss"]


def test_the_convolution_finds_the_kernels_that_it_is_shown() -> None:
    task, _, _ = trained("kernels", 150)
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # as a layer lets it slide: not turned
    np.testing.assert_allclose(task.net.parameters["conv2d_1.kernel"][:, :, 0, 0], sobel, atol=0.15)


def test_sigmoids_do_not_learn_where_relus_do() -> None:
    (stack, _, sigmoids), (other, _, relus) = trained("sigmoids", 10), trained("relus", 10)
    assert sigmoids["accuracy"] < 0.6 and relus["accuracy"] > 0.85
    np.testing.assert_array_equal(stack.x, other.x)
    start = [gallery.build(name) for name in ("sigmoids", "relus")]
    ratios = []
    for task in start:
        found = flow(task.net, task.x[:64], task.y[:64], optimizer=task.optimizer)
        ratios.append(found["dense_1"].gradient / found["dense_8"].gradient)
    assert ratios[0] < 1e-3 < ratios[1]


def test_prices_are_told_apart_from_what_is_not_known_yet() -> None:
    task = gallery.build("prices")
    rows = task.rows
    assert isinstance(rows, Prices) and task.test is not None
    assert len(rows.origins) == len(task.x) + len(task.test[0])
    # the scaled target leads from the day's price to the next day's
    for k, y in ((0, task.y[0, 0]), (len(task.x) + 3, task.test[1][3, 0])):
        day = rows.origins[k]
        found = rows.values[day] * np.exp(rows.mean + rows.deviation * y)
        assert found == pytest.approx(rows.values[day + 1], rel=1e-5)
    assert task.y.mean() == pytest.approx(0, abs=1e-5) and task.y.std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_can_be_watched_and_followed(name: str) -> None:
    task = gallery.build(name)
    look, moment = Look(task), now(task.net)
    described = json.loads(json.dumps(look.describe(NOTHING, NOTHING)))
    assert described["task"] == name and described["parameters"] == sum(a.size for a in moment.parameters.values())
    values = [v for layer in described["layers"] for v in layer["values"] + layer["parameters"]] + described["loss"]
    paths = [v["path"] for v in values] + [f"d({v['path']})" for v in values if v["gradient"]]
    live = look.live(moment, "test:1", [WatchedPath(path=p, limit=64) for p in paths])
    assert set(live["values"]) == set(paths)
    given = {p for layer in described["layers"] for p in [v["path"] for v in layer["parameters"]]}
    given |= {layer["path"] for layer in described["layers"] if layer["kind"] == "Input"}
    shapes = {v["path"]: v["shape"] for v in values}
    for path in paths:
        whole = live["values"][path]["full"]
        assert whole == shapes[path.removeprefix("d(").removesuffix(")") if path.startswith("d(") else path]
        index = [n // 2 for n in whole]
        if path in given:
            with pytest.raises(PellucidError, match="has no arithmetic"):
                look.explain(moment, "test:1", path, index)
            continue
        found = json.loads(json.dumps(look.explain(moment, "test:1", path, index, limit=5)))
        total = sum(t["value"] for t in found["terms"]) + found["rest"]["sum"]
        assert total == pytest.approx(found["value"], rel=2e-4, abs=2e-5), path
