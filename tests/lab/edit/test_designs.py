"""A network changed in the page is the one that the code shows, and what cannot be is said without harm."""

from __future__ import annotations

import contextlib
import copy
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert, to_builtins

import pellucid as pl
from pellucid.lab.edit.choices import layer_kinds, optimizer_kinds, started
from pellucid.lab.edit.designs import Fault, changed, check, design_of, differences
from pellucid.lab.edit.plain_code import preamble
from pellucid.lab.gallery import TASKS, build
from pellucid.lab.protocol.requests import Design
from pellucid.lab.task import Task, task_of
from pellucid.lab.time.run import Run

KINDS = {kind["name"]: kind for kind in layer_kinds()}


def points() -> Task:
    data = pl.data.moons(60, noise=0.1, seed=1)
    net = pl.Network(
        pl.Dense(5, activation="tanh"), pl.Dense(2, activation="softmax"), input_shape=(2,), seed=3, engine="reference"
    )
    return task_of(net, data.x, data.y, validation_data=(data.x[:20], data.y[:20]), batch_size=16)


POINTS = points()


def images() -> Task:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 6, 6, 1)).astype(np.float32), rng.integers(0, 3, 24)
    net = pl.Network(
        pl.Conv2D(3, 3, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(3, activation="softmax"),
        input_shape=(6, 6, 1),
        engine="reference",
    )
    return task_of(net, x, y, batch_size=8)


def steps() -> Task:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(24, 5, 2)).astype(np.float32)
    net = pl.Network(pl.LSTM(4, return_sequences=True), pl.RNN(3), pl.Dense(1), input_shape=(5, 2), engine="reference")
    return task_of(net, x, x.sum(axis=(1, 2))[:, None], batch_size=8)


def branched() -> Task:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 4)).astype(np.float32), rng.integers(0, 2, 24)
    start = pl.Input(4)
    hidden = pl.Dense(4, activation="relu")(start)
    end = pl.Dense(2, activation="softmax")(pl.Add()(hidden, start))
    return task_of(pl.Network(inputs=start, outputs=end, engine="reference"), x, y, batch_size=8)


def one_change(design: dict[str, Any], rng: random.Random) -> None:
    """Change something, as a hand in the page would; what comes of it may not be possible."""
    network = design["network"]
    place = rng.randrange(1, len(network["layers"]))
    match rng.choice(("option", "option", "add", "remove", "move", "optimizer", "setting")):
        case "option":
            layer = network["layers"][place]
            fields = [f for f in KINDS[layer["class"]]["fields"] if f["kind"] != "fixed"]
            if fields:
                field = rng.choice(fields)
                values: dict[str, list[Any]] = {
                    "integer": [1, 2, 7, 0, -1, 10**9, None],
                    "number": [0.0, 0.5, -1, 1e30],
                    "flag": [True, False],
                    "choice": field["choices"] or [None],
                    "sizes": [1, 2, [2, 1], 50, [1, 2, 3]],
                    "penalty": [None, {"l1": 0.0, "l2": 0.01}, {"l2": -1}],
                }
                layer["options"][field["name"]] = rng.choice(values[field["kind"]])
        case "add":
            kind = rng.choice(sorted(KINDS))
            path = f"new_{len(network['layers'])}"
            use = network["uses"][place]
            network["layers"].append({"class": kind, "options": started(kind)})
            new = {"layer": len(network["layers"]) - 1, "path": path, "inputs": list(use["inputs"])}
            network["uses"].insert(place, new)
            use["inputs"] = [path]
        case "remove":
            use = network["uses"].pop(place)
            for other in network["uses"]:
                other["inputs"] = [use["inputs"][0] if one == use["path"] else one for one in other["inputs"]]
            if network["outputs"] == [use["path"]]:
                network["outputs"] = use["inputs"][:1]
            network["layers"].pop(use["layer"])
            for other in network["uses"]:
                other["layer"] -= other["layer"] > use["layer"]
        case "move":
            one, two = network["uses"][place], network["uses"][rng.randrange(1, len(network["uses"]))]
            one["layer"], two["layer"] = two["layer"], one["layer"]
        case "optimizer":
            chosen = rng.choice(optimizer_kinds())
            design["optimizer"] = {"name": chosen["name"]} | {f["name"]: f["start"] for f in chosen["fields"]}
            design["optimizer"]["learning_rate"] = rng.choice([0.01, 0.1, -1.0])
        case "setting":
            design |= {"batch_size": rng.choice([4, 7, 10_000])}
            network["seed"] = rng.randrange(9)


@pytest.mark.parametrize(("make", "seed"), [(points, 1), (images, 3), (steps, 4), (branched, 5)])
def test_what_is_trained_after_random_changes_is_what_the_code_shows(make: Any, seed: int) -> None:
    task, rng, possible, refused = make(), random.Random(seed), 0, 0
    task.plain = True
    for _ in range(25):
        plan = to_builtins(design_of(task))
        one_change(plan, rng)
        before = copy.deepcopy(task.net.config())
        try:
            design = convert(plan, Design)
            after = changed(task, design)
        except Fault as fault:
            assert str(fault)
            assert fault.layer is None or 0 <= fault.layer < len(plan["network"]["layers"])
            assert task.net.config() == before
            refused += 1
            continue
        assert design_of(after).network.layers[0] == design.network.layers[0]
        if possible < 5:
            assert_repeats(after)
        task, possible = after, possible + 1
    assert possible > 4
    assert refused > 0


def assert_repeats(task: Task) -> None:
    """The code gives the weights of the run, to the bit."""
    known: dict[str, Any] = {"x": task.x, "y": task.y, "validation_data": task.test}
    with Run.of(task, preamble=preamble(task)) as run:
        with contextlib.suppress(pl.PellucidError):  # a loss that is not finite: the code ends where the run does
            run.repeat({"do": "epoch"})
        exec(run.code(), known)
        wanted = run.moment().parameters
    made = known["net"]
    assert isinstance(made, pl.Network)
    assert made.parameters.keys() == wanted.keys()
    for path, array in wanted.items():
        np.testing.assert_array_equal(made.parameters[path], array, path)


@pytest.mark.parametrize("name", TASKS)
def test_the_code_of_each_task_of_the_gallery_makes_its_network(name: str) -> None:
    task = build(name)
    assert "restored" not in preamble(task)
    known: dict[str, Any] = {}
    exec(preamble(task), known)
    assert known["net"].config() == task.net.config()
    for path, array in task.net.parameters.items():
        np.testing.assert_array_equal(known["net"].parameters[path], array, path)
    np.testing.assert_array_equal(known["x"], task.x)
    np.testing.assert_array_equal(known["validation_data"][1], task.test[1] if task.test else None)
    assert check(task, design_of(task)).config()["uses"] == task.net.config()["uses"]


def plan_of(task: Task) -> dict[str, Any]:
    plan: dict[str, Any] = to_builtins(design_of(task))
    return plan


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        ({"units": 0}, "units", "units of Dense: expected an integer from 1, got 0"),
        ({"units": 10**9}, "units", "1,000,000,000 numbers"),
        ({"units": 3_000_000}, None, "the network would learn 15,000,002"),
        ({"units": None}, "units", "expected an integer from 1, got –"),
        ({"activation": "rellu"}, "activation", 'Did you mean "relu"'),
        ({"unitz": 3}, "unitz", "no option"),
        ({"kernel_initializer": "nothing"}, "kernel_initializer", "nothing"),
    ],
)
def test_a_layer_that_cannot_be_is_named_with_its_option(options: dict[str, Any], field: str | None, said: str) -> None:
    task = points()
    plan = plan_of(task)
    plan["network"]["layers"][1]["options"] |= options
    with pytest.raises(Fault, match=said) as caught:
        changed(task, convert(plan, Design))
    assert caught.value.layer == 1
    if field is not None:
        assert caught.value.field == field


def test_a_kernel_larger_than_the_image_is_said_with_its_layer() -> None:
    task = images()
    plan = plan_of(task)
    plan["network"]["layers"][1]["options"]["kernel_size"] = 9
    with pytest.raises(Fault, match="larger than the image") as caught:
        changed(task, convert(plan, Design))
    assert (caught.value.layer, caught.value.field) == (1, None) or caught.value.field == "padding"


def test_the_output_has_to_stay_what_the_examples_ask_for() -> None:
    task = points()
    plan = plan_of(task)
    plan["network"]["layers"][2]["options"]["units"] = 5
    with pytest.raises(Fault, match=r"shape \(5,\), expected \(2,\): one number for each class") as caught:
        changed(task, convert(plan, Design))
    assert caught.value.layer == 2
    plan["network"]["layers"][2]["options"] |= {"units": 1, "activation": "sigmoid"}
    assert changed(task, convert(plan, Design)).net.output_shapes == {"dense_2": (1,)}


def test_batches_optimisers_and_losses_are_checked() -> None:
    task = points()
    for change, field in (
        ({"batch_size": 1000}, "batch_size"),
        ({"optimizer": {"name": "adam", "learning_rate": -1.0}}, "learning_rate"),
        ({"optimizer": {"name": "adamm"}}, "optimizer"),
        ({"loss": "binary_crossentropy"}, "loss"),
        ({"noise": 0.5}, "noise"),
    ):
        with pytest.raises(Fault) as caught:
            changed(task, convert(plan_of(task) | change, Design))
        assert caught.value.field == field


def test_the_noise_of_made_up_points_can_be_changed() -> None:
    task = build("spirals")
    plan = plan_of(task) | {"noise": 0.1}
    after = changed(task, convert(plan, Design))
    assert not np.array_equal(after.x, task.x)
    known: dict[str, Any] = {}
    exec(preamble(after), known)
    np.testing.assert_array_equal(known["x"], after.x)


def test_differences_are_said_in_a_few_words() -> None:
    task = points()
    before = design_of(task)
    plan = plan_of(task)
    plan["network"]["layers"][1]["options"]["activation"] = "relu"
    plan["network"]["seed"] = 4
    said = [str(one) for one in differences(before, convert(plan, Design))]
    assert said == ["activation: tanh → relu", "seed: 3 → 4"]
    plan["network"]["layers"][1] = {"class": "PReLU", "options": {}}
    assert "layers: Dense 5, Dense 2 → PReLU, Dense 2" in map(str, differences(before, convert(plan, Design)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=4,
)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_whatever_stands_in_an_option_is_refused_in_words_or_taken(kind: str, data: st.DataObject) -> None:
    task = POINTS
    plan = plan_of(task)
    options = {field["name"]: data.draw(JSON) for field in KINDS[kind]["fields"] if data.draw(st.booleans())}
    plan["network"]["layers"][1] = {"class": kind, "options": started(kind) | options}
    setting = data.draw(st.sampled_from(["learning_rate", "beta_1", "epsilon", "name", "other"]))
    plan["optimizer"] |= {setting: data.draw(JSON)} if data.draw(st.booleans()) else {}
    with contextlib.suppress(Fault):
        check(task, convert(plan, Design))


@pytest.mark.filterwarnings("ignore:step cannot learn")
def test_weights_that_are_given_stay_where_their_layer_does() -> None:
    task = build("activations")
    plan = plan_of(task)
    (number,) = (use["layer"] for use in plan["network"]["uses"] if use["path"] == "tanh")
    plan["network"]["layers"][number]["options"]["units"] = 2
    after = changed(task, convert(plan, Design))
    assert set(task.given) - set(after.given) == {"tanh.kernel", "tanh.bias", "answer.kernel"}
    np.testing.assert_array_equal(after.net.parameters["step.kernel"], task.net.parameters["step.kernel"])
    assert_repeats(after)
