"""A saved file's answers, from the browser's own code, against those of Python for the same network."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lab.conftest import now
from tests.lab.node import run_script

from pellucid.lab import gallery
from pellucid.lab.protocol.answers import History
from pellucid.lab.protocol.requests import HistogramsParams, WatchedPath
from pellucid.lab.serve import links
from pellucid.lab.serve.document import MAX_STEPS, _history, document, packed
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look
from pellucid.layers import Dense
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import evaluate

TASKS = ("spirals", "digits", "kernels", "text", "prices", "autoencoder")
HISTORY: History = {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}
MOST = 3_000_000 - 350_000  # bytes; the page's script and styles are the rest


def saved(name: str) -> tuple[Look, Moment, dict[str, Any]]:
    task = gallery.build(name)
    rng = np.random.default_rng(3)
    moved = {path: a + rng.normal(scale=0.05, size=a.shape).astype(a.dtype) for path, a in task.net.parameters.items()}
    moment = Moment(0, 3, moved, 0.01)
    branch = {"id": 0, "parent": None, "at": 0, "last": 3, "change": None}
    rates = {"learning_rate": 0.01, "speed": 0, "pace": 12.0, "loss": 1.0, "metrics": {}, "stopped": None}
    state: Any = {"branch": 0, "branches": [branch], "step": 3, "epoch": 0, "playing": True, **rates}
    history: History = {"branch": 0, "from": 1, "loss": np.array([3.0, 2.0, np.nan]), "epochs": []}
    look = Look(task)
    return look, moment, document(look, state, history, moment, code="net.fit(x, y)")


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", TASKS)
def test_a_file_answers_as_python_does(name: str, tmp_path: Path) -> None:
    look, moment, told = saved(name)
    text = json.dumps(told, allow_nan=False)
    assert len(text) < MOST
    description = told["description"]
    values = [v for layer in description["layers"] for v in layer["values"]]
    parameters = [v for layer in description["layers"] for v in layer["parameters"]]
    wanted: list[Any] = [{"path": p, "limit": 50} for v in values + parameters for p in (v["path"], f"d({v['path']})")]
    wanted.append({"path": "loss", "limit": 1})
    live = look.live(moment, "train:0", [WatchedPath(**one) for one in wanted])
    places = [(v["path"], [n // 2 for n in v["shape"]]) for v in values if v["path"] != told["input"]]
    places += [(f"d({v['path']})", [n // 2 for n in v["shape"]]) for v in values + parameters if v["gradient"]]
    questions: list[Any] = [["watch", {"input": "train:0", "paths": wanted}]]
    questions += [["explain", {"input": "train:0", "path": path, "index": at}] for path, at in places]
    questions += [["curve", {"input": "train:0", "path": path, "index": at}] for path, at in places]
    expected: list[Any] = [live]
    expected += [look.explain(moment, "train:0", path, at) for path, at in places]
    expected += [look.curve(moment, "train:0", path, at) for path, at in places]
    more: dict[str, tuple[dict[str, Any], Any]] = {
        "example": ({"name": "train:0"}, look.example("train:0")),
        "reach": ({}, look.reach(moment)),
    }
    if "boundary" in description["views"]:
        more["boundary"] = {"size": 9, "units": True}, look.boundary(moment, 9, units=True)
    if "confusion" in description["views"]:
        more["confusion"] = {"set": "test"}, look.confusion(moment, "test")
    if "latent" in description["views"]:
        latent = look.latent(moment)
        code = [0.5] * latent["centre"].size
        more["latent"] = {}, latent
        more["decode"] = {"path": latent["path"], "code": code}, look.decode(moment, latent["path"], code)
    if "convolve" in description["views"]:
        kernel = [[1.0, 0.5, 0.0], [0.0, -1.0, 0.25]]
        options: dict[str, Any] = {"stride": 2, "padding": 1, "dilation": 2}
        more["convolve"] = {"image": None, "kernel": kernel, **options}, look.convolve(None, kernel, **options)
    if description["sample"] == "text":
        more["own"] = {"text": "the number"}, look.own(text="the number")
    questions += [[method, params] for method, (params, _) in more.items()]
    expected += [answer for _, answer in more.values()]
    found = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    for (method, params), answer, one in zip(questions, found, expected, strict=True):
        if method == "explain":
            _same_explanation(_unmoved(answer), one, str(params))
        else:
            _same(_unmoved(answer), one, f"{method} {params}")


@pytest.mark.parametrize("name", ["spirals"])
def test_a_file_counts_its_numbers_as_python_does(name: str, tmp_path: Path) -> None:
    look, moment, told = saved(name)
    asked = [("dense_1.kernel", None), ("dense_2.kernel", 3), ("dense_2", 1), ("d(dense_2.kernel)", None)]
    questions: list[Any] = [["histograms", {"path": path, "unit": unit}] for path, unit in asked]
    found = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    for (path, unit), answer in zip(asked, found, strict=True):
        one = look.histograms(0, moment, [], HistogramsParams(path=path, unit=unit))
        column, expected = answer["columns"][-1], one["columns"][-1]
        assert (column["step"], sum(column["counts"]), column["lost"]) == (3, sum(expected["counts"]), 0)
        for key in ("low", "high", "mean", "std"):
            assert column[key] == pytest.approx(expected[key], rel=1e-4, abs=1e-6)
        # a number at the very edge of two parts may lie in either, by a rounding
        moved = np.abs(np.cumsum(column["counts"]) - np.cumsum(expected["counts"])).max()
        assert moved <= (0 if answer["examples"] == 0 else 0.02 * sum(expected["counts"]) + 1)


@pytest.mark.parametrize("name", ["digits", "spirals"])
def test_a_file_ranks_its_examples_by_their_loss(name: str, tmp_path: Path) -> None:
    look, _, told = saved(name)
    questions: list[Any] = [["ranking", {"set": "test", "count": 100}], ["ranking", {"set": "test", "highest": False}]]
    highest, lowest = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    assert highest["judged"] == highest["count"] == told["description"]["sets"][1]["count"]
    losses = [one["loss"] for one in highest["examples"]]
    assert losses == sorted(losses, reverse=True)
    assert lowest["examples"][0]["loss"] <= losses[-1]
    for one in [*highest["examples"][:3], lowest["examples"][0]]:
        example = one["example"]
        x = np.reshape(example["x"]["data"], (1, *example["x"]["shape"])).astype(np.float32)
        alone = evaluate(look.net, x, np.array([example["y"]]), loss=look.task.loss)["loss"]
        assert one["loss"] == pytest.approx(alone, rel=1e-4, abs=1e-6)
        assert one["truth"] == example["y"]
        assert one["said"] == int(np.argmax(one["answer"]["data"]))


def _unmoved(answer: Any) -> Any:
    """An answer without the moment that it says it is about: that of the file."""
    if not isinstance(answer, dict) or "input" in answer or "step" not in answer:
        return answer
    assert (answer["branch"], answer["step"]) == (0, 3)
    found = {key: value for key, value in answer.items() if key not in ("branch", "step")}
    return found["layers"] if list(found) == ["layers"] else found


def _same_explanation(found: Any, expected: Any, where: str) -> None:
    """The values behind both differ in their last bits, so numbers written with four digits may too."""
    assert set(found) == set(expected), f"{where}: {found}"
    for key in ("path", "index", "formula", "latex", "outside", "field"):
        _same(found[key], expected[key], f"{where} {key}")
    assert len(found["terms"]) == len(expected["terms"]), where
    assert found["rest"]["count"] == expected["rest"]["count"], where
    size = max((abs(t["value"]) for t in expected["terms"]), default=1.0)
    assert found["value"] == pytest.approx(expected["value"], rel=1e-3, abs=1e-3 * size), where
    assert [t["value"] for t in found["terms"]] == pytest.approx(
        [t["value"] for t in expected["terms"]], rel=1e-3, abs=1e-3 * size
    ), where


def _same(found: Any, expected: Any, where: str) -> None:
    if isinstance(expected, np.ndarray):
        scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(np.asarray(found, float), expected, rtol=1e-3, atol=1e-4 * scale, err_msg=where)
    elif isinstance(expected, dict):
        assert isinstance(found, dict) and set(found) == set(expected), f"{where}: {found}"
        for key, item in expected.items():
            _same(found[key], item, f"{where} {key}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), f"{where}: {found}"
        for k, item in enumerate(expected):
            _same(found[k], item, f"{where} {k}")
    elif isinstance(expected, float):
        assert float(found) == pytest.approx(expected, rel=1e-3, abs=1e-4, nan_ok=True), where
    else:
        assert found == expected, where


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    _, moment, told = saved("spirals")
    weights = "00000000.AAAA"
    questions = [
        ["describe", {}],
        ["history", {"branch": 0, "from": 2}],
        ["code", {}],
        ["save", {}],
        ["explain", {"input": "own:1", "path": "dense_1", "index": [0]}],
        ["own", {"x": [0.5, -0.5]}],
        ["explain", {"input": "own:1", "path": "dense_1", "index": [0]}],
        ["explain", {"input": "own:1", "path": "d(dense_1)", "index": [0]}],
        ["weights", {}],
        ["adopt", {"weights": weights}],
    ]
    found = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    description, history, code, save, missing, own, value, gradient, link, damaged = found
    assert not description["can"]["gallery"] and not description["can"]["save"]
    assert description["can"]["own"] and not description["state"]["playing"]
    assert history["from"] == 2 and [float(v) for v in history["loss"]] == pytest.approx([2.0, np.nan], nan_ok=True)
    assert code == "net.fit(x, y)"
    assert "a saved file already" in save["refused"]
    assert "no example" in missing["refused"]
    assert own["name"] == "own:1" and own["y"] is None
    assert value["path"] == "dense_1" and value["terms"]
    assert "no target" in gradient["refused"]
    assert link == links.packed(moment.parameters)
    assert "damaged" in damaged["refused"]


def test_a_small_network_trains_in_the_file_and_every_step_can_be_returned_to(tmp_path: Path) -> None:
    _, _, told = saved("spirals")
    look = ["watch", {"input": "train:0", "paths": [{"path": "dense_1.kernel", "limit": 64}]}]
    questions = [
        ["control", {"do": "step", "count": 120}],
        ["wait", {}],
        look,
        ["history", {"branch": 0, "from": 4}],
        ["control", {"do": "seek", "step": 57}],
        ["wait", {}],
        look,
        ["confusion", {"set": "train"}],
        ["control", {"do": "seek", "step": 123}],
        ["wait", {}],
        look,
        ["control", {"do": "seek", "step": 1}],
        ["control", {"do": "reset"}],
        look,
    ]
    found = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    started, rested, last, history, _, between, middle, table, _, _, again, past, reset, first = found
    assert told["description"]["can"]["train"] and started["playing"]
    assert (rested["step"], between["step"], reset["step"]) == (123, 57, 3)
    assert len(history["loss"]) == 120
    assert np.mean(history["loss"][-40:]) < np.mean(history["loss"][:40])
    assert again["values"] == last["values"] != middle["values"] != first["values"]
    assert sum(table["counts"]["data"]) > 100
    assert "saved at step 3" in past["refused"]


def untrained() -> tuple[Task, Any]:
    """A task whose batch is all of its examples, so that their order does not matter, and its file."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)).astype(np.float32), rng.integers(0, 2, 12)
    net = BaseNetwork(Dense(4, activation="tanh"), Dense(2, activation="softmax"), input_shape=3, seed=1)
    task = task_of(net, x, y, batch_size=12, optimizer="adam")
    branch = {"id": 0, "parent": None, "at": 0, "last": 0, "change": None}
    rates: dict[str, Any] = {"learning_rate": 0.001, "speed": 0, "pace": 0, "loss": None, "metrics": {}}
    state: Any = {"branch": 0, "branches": [branch], "step": 0, "epoch": 0, "playing": False, "stopped": None, **rates}
    told = document(Look(task), state, HISTORY, now(net))
    return task, told


def test_a_step_in_the_browser_is_a_step_in_python(tmp_path: Path) -> None:
    task, told = untrained()
    kernel = "dense_1.kernel"
    places: list[tuple[str, tuple[int, ...]]] = [
        (f"{kernel}′", (1, 2)),
        (f"d({kernel})′", (1, 2)),
        (f"{kernel}:first_moment′", (1, 2)),
        ("loss′", ()),
    ]
    why = [["explain", {"input": "train:0", "path": path, "index": index}] for path, index in places]
    back: list[Any] = [["control", {"do": "seek", "step": 3}], ["wait", {}]]
    questions = [why[0], ["control", {"do": "step", "count": 5}], ["wait", {}], *why, *back, *why]
    questions.append(["history", {"branch": 0, "from": 1}])
    found = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    assert "begins at step 0" in found[0]["refused"]
    with Run.of(task) as run:
        run.repeat({"do": "seek", "step": 5})
        assert found[-1]["loss"] == pytest.approx(run.history(0)["loss"], rel=1e-5)
        look = Look(task, run.update)
        for step, answers in ((5, found[3:7]), (3, found[9:13])):
            run.repeat({"do": "seek", "step": step})
            for (path, index), answer in zip(places, answers, strict=True):
                assert (answer.pop("branch"), answer.pop("step")) == (0, step)
                expected = look.explain(run.moment(), "train:0", path, index)
                _same_explanation(answer, expected, f"{path} at step {step}")
                marked = [[s.get("given", False) for s in t["sources"]] for t in expected["terms"]]
                assert [[s.get("given", False) for s in t["sources"]] for t in answer["terms"]] == marked


def test_numbers_take_a_byte_where_that_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    grey = (rng.integers(0, 17, (40, 8, 8)) / 16).astype(np.float32)
    assert packed(grey)["over"] == 16
    assert packed(np.round(grey * 100) / 255)["over"] == 255
    assert "over" not in packed(rng.normal(size=(40, 8)).astype(np.float32))
    assert packed(np.arange(300))["numbers"]["$"][0] == "i4"
    assert packed(np.arange(200))["numbers"]["$"][0] == "u1"


def test_a_long_history_is_thinned() -> None:
    loss = np.arange(2.0 * MAX_STEPS + 1)
    told = _history({"branch": 0, "from": 1, "loss": loss, "epochs": []})
    kept = np.frombuffer(base64.b64decode(told["loss"]["$"][1]), "<f8")
    assert (told["every"], told["steps"]) == (3, len(loss))
    assert kept.tolist() == loss[::3].tolist()


# Where a value in two runs is compared.
COMPARED: dict[str, list[tuple[str, list[int]]]] = {
    "digits": [("dense_2.sum", [3]), ("max_pool2d_1", [1, 1, 2]), ("d(dense_1.kernel)", [3, 2])],
    "text": [("lstm_1.gate.forget", [5, 3]), ("lstm_1.cell", [5, 3]), ("dense_1", [6, 2]), ("embedding_1", [4, 1])],
    "prices": [("rnn_1.state", [4, 2]), ("input_1", [19, 0]), ("loss", [])],
}

# A value to be set, and the unit of the output of which the example is shared out.
ASKED: dict[str, tuple[list[tuple[str, list[int], float]], int]] = {
    "digits": ([("dense_1", [3], 1.0), ("conv2d_1", [2, 3, 1], 0.5), ("dense_2.kernel", [3, 7], -1.0)], 3),
    "text": ([("lstm_1.gate.forget", [5, 3], 1.0), ("input_1", [4], 7.0), ("lstm_1.kernel", [0, 2, 1], 0.5)], 9),
    "prices": ([("rnn_1.state", [4, 2], 0.9), ("input_1", [19, 0], 2.0)], 0),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ASKED)
def test_a_file_says_what_would_be_as_python_does(name: str, tmp_path: Path) -> None:
    look, moment, told = saved(name)
    settings, unit = ASKED[name]
    questions: list[Any] = [
        ["suppose", {"input": "train:0", "path": path, "index": index, "value": value, "whole": whole}]
        for path, index, value in settings
        for whole in (False, True)
        if len(index) > 1 or not whole
    ]
    questions += [["attribute", {"input": "train:0", "unit": unit}]]
    questions += [["suppose", {"input": "train:0", "path": "d(dense_1)", "index": [0], "value": 1.0, "whole": False}]]
    pairs = _pairs(name)
    found = run_script("lab-answers.ts", {"document": told, "questions": questions + pairs}, tmp_path)
    of_pairs, found = found[len(questions) :], found[: len(questions)]
    for (method, params), answer in zip(pairs, of_pairs, strict=True):
        _same_pair(answer, look, moment, method, params)
    refused = found.pop()
    assert "set a value" in refused["refused"]
    shares = _unmoved(found.pop())
    expected: Any = look.attribute(moment, "train:0", unit)
    scale = abs(expected["output"] - expected["baseline"])
    assert abs(shares["missing"]) <= 2e-3 * max(scale, abs(expected["output"]))
    for key in ("output", "baseline", "scores", "path", "index"):
        _same(shares[key], expected[key], key)
    for (_, asked), answer in zip(questions, found, strict=False):
        wanted: Any = look.suppose(
            moment, asked["input"], asked["path"], asked["index"], asked["value"], whole=asked["whole"]
        )
        for key in ("output", "before", "after", "loss"):
            _same(answer[key], wanted[key], f"{asked} {key}")
        largest = {layer["path"]: layer["largest"] for layer in wanted["changed"] if layer["largest"] > 1e-6}
        there = {layer["path"]: layer["largest"] for layer in answer["changed"] if layer["largest"] > 1e-6}
        assert there == pytest.approx(largest, rel=1e-3, abs=1e-6), asked


def _pairs(name: str) -> list[Any]:
    asked = {"input": "train:0", "other": {"input": "train:1"}}
    compared: list[Any] = [["compare", {**asked, "path": p, "index": i, "limit": 20}] for p, i in COMPARED[name]]
    return compared + [["beside", {**asked, "path": p, "limit": 50}] for p, _ in COMPARED[name]]


def _same_pair(answer: Any, look: Look, moment: Moment, method: str, params: Any) -> None:
    """Two examples are compared as Python does it; but for what rounding makes another in one of the two."""
    where, path, name, other = f"{method} {params}", params["path"], params["input"], params["other"]["input"]
    answer = _unmoved({**answer, "input": name})
    expected: Any = (
        look.compare(moment, name, moment, other, path, params["index"], 20)
        if method == "compare"
        else look.beside(moment, name, moment, other, path, 50)
    )
    for one in (answer, expected):
        for key in ("input", "branch", "step"):
            one.pop(key, None)
        for key in {"changed", "differing"} & set(one):
            one[key] = {d["path"]: d["largest"] for d in one[key] if d["largest"] > 1e-5}
        terms = one.pop("terms", [])
        one["sums"] = [sum(t[key] for t in terms) for key in ("weights", "inputs")]
        one["sums"] += [sum(t["values"][k] for t in terms) for k in (0, 1)]
    _same(answer, expected, where)
    if method == "compare":
        before, after = expected["values"]
        size = max(1.0, abs(before), abs(after))
        assert answer["weights"] + answer["inputs"] == pytest.approx(after - before, abs=2e-5 * size), where


def test_a_file_compares_two_steps_as_python_does(tmp_path: Path) -> None:
    """Steps that are not kept are taken again."""
    task, told = untrained()
    asked = {"input": "train:0", "path": "dense_2.sum", "index": [1], "limit": 9}
    steps = (0, 57, 120)
    questions: list[Any] = [["control", {"do": "step", "count": 121}], ["wait", {}]]
    questions += [["compare", {**asked, "other": {"step": step}}] for step in (*steps, 500)]
    questions += [["compare", {**asked, "other": {"branch": 0, "input": "train:1"}}]]
    _, _, *found, refused, last = run_script("lab-answers.ts", {"document": told, "questions": questions}, tmp_path)
    assert "no step 500" in refused["refused"] and last["other"] == {"branch": 0, "step": 121}
    with Run.of(task) as run:
        run.repeat({"do": "seek", "step": 121})
        look, moment = Look(task), run.moment()
        for step, answer in zip(steps, found, strict=True):
            expected = look.compare(moment, "train:0", run.reached(0, step), "train:0", "dense_2.sum", [1], 9)
            for key in ("values", "weights", "inputs", "formula", "other"):
                _same(answer[key], expected[key], f"step {step} {key}")
            assert [one["path"] for one in answer["differing"]] == [one["path"] for one in expected["differing"]]
            assert answer["differing"][0]["learned"]


@pytest.mark.parametrize("large", [True, False])
def test_a_file_that_does_not_train_says_why(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    task, told = untrained()
    assert "untrained" not in told["description"]
    monkeypatch.setattr("pellucid.lab.serve.document._module", lambda *_, **__: None)
    monkeypatch.setattr("pellucid.lab.serve.document._evaluable", lambda *_: False)
    if large:
        for name in ("MAX_TRAINED", "MAX_EXAMPLES", "MIN_EXAMPLES"):
            monkeypatch.setattr(f"pellucid.lab.serve.document.{name}", 5)
    told = document(Look(task), told["description"]["state"], HISTORY, now(task.net))
    description = told["description"]
    assert told["training"] is None and not description["can"]["train"] and not description["can"]["branch"]
    why = description["untrained"]
    assert ("12 examples to learn from 5 fit" if large else "takes a browser too long") in why["en"]
    assert why["zh"] != why["en"]
