"""Whatever a person chooses in the editor that cannot be, the page says why in their language, in Chinese too."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from msgspec import ValidationError, convert, to_builtins
from tests.lab.browser.test_language import ENGLISH
from tests.lab.edit.test_designs import KINDS, branched, images, points, steps
from tests.sampling import some

import pellucid as pl
from pellucid.lab.edit.choices import loss_names, optimizer_kinds, started
from pellucid.lab.edit.designs import Fault, check, design_of
from pellucid.lab.protocol.requests import Design
from pellucid.lab.task import Task, task_of
from pellucid.messages import Message

VALUES: dict[str, list[Any]] = {
    "integer": [7, 0, -1, 10**9, None, 2.5],
    "number": [0.0, -1, 1.0, 1e30],
    "sizes": [0, -1, 50, [2, 1], [1, 2, 3], [0, 1]],
    "penalty": [{"l2": -1}],
    "flag": [True, False],
}
"""What may be entered for an option of each kind, and is possible for few of them."""


def tokens() -> Task:
    x = np.arange(48).reshape(12, 4) % 9
    net = pl.Network(pl.Embedding(9, 4, mask_zero=True), pl.GRU(3), pl.Dense(1), input_shape=(4,), engine="reference")
    return task_of(net, x, np.ones((12, 1)))


MAKERS: list[Callable[[], Task]] = [points, images, steps, branched, tokens]


def english(task: Task, design: dict[str, Any]) -> list[str]:
    """The English in what is said of a design in Chinese; none where it is possible, or cannot be written down."""
    try:
        check(task, convert(design, Design))
    except Fault as fault:
        said = fault.message.text("zh") if isinstance(fault.message, Message) else str(fault.message)
        return [said] if ENGLISH.search(said) or said == str(fault) else []
    except ValidationError:
        pass
    return []


def bad_options(design: dict[str, Any], number: int, kind: str) -> Iterator[dict[str, Any]]:
    for field in KINDS[kind]["fields"]:
        for value in field["choices"] or VALUES.get(field["kind"], []):
            other = copy.deepcopy(design)
            other["network"]["layers"][number]["options"][field["name"]] = value
            yield other


def choices(task: Task, kind: str) -> Iterator[dict[str, Any]]:
    """A layer of this kind in every place, and with every bad option; and those of the layers that are there."""
    plan = to_builtins(design_of(task))
    count = len(plan["network"]["uses"])
    for place in range(1, count + 1):
        design = copy.deepcopy(plan)
        network = design["network"]
        network["layers"].append({"class": kind, "options": started(kind)})
        number, several = len(network["layers"]) - 1, KINDS[kind]["inputs"] > 1
        after = network["uses"][place]["inputs"] if place < count else [network["uses"][-1]["path"]]
        network["uses"].insert(place, {"layer": number, "path": "new", "inputs": after * (1 + several)})
        if place < count:
            network["uses"][place + 1]["inputs"] = ["new"]
        else:
            network["outputs"] = ["new"]
        yield design
        if place in (1, count):
            yield from bad_options(design, number, kind)


@pytest.mark.parametrize(
    ("make", "kind"),
    some([(m, k) for m in MAKERS for k in sorted(KINDS)], 14),
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_layer_that_cannot_be(make: Callable[[], Task], kind: str) -> None:
    task = make()
    assert [found for design in choices(task, kind) for found in english(task, design)] == []


@pytest.mark.parametrize("make", some(MAKERS, 2))
def test_settings_that_cannot_be(make: Callable[[], Task]) -> None:
    task = make()
    plan = to_builtins(design_of(task))
    designs: list[dict[str, Any]] = []
    for chosen in optimizer_kinds():
        start = {"name": chosen["name"]} | {f["name"]: f["start"] for f in chosen["fields"]}
        wrong = [(f["name"], v) for f in chosen["fields"] for v in (0, -1, 1, 1e30, None)]
        designs += [plan | {"optimizer": start | {name: value}} for name, value in wrong]
    designs += [plan | {"loss": name} for name in loss_names()]
    designs += [plan | {"batch_size": size} for size in (0, -1, 10**6)]
    designs += [plan | {"noise": 0.5}]
    for number, layer in enumerate(plan["network"]["layers"][1:], 1):
        designs += bad_options(plan, number, layer["class"])
        without = copy.deepcopy(plan)
        use = without["network"]["uses"].pop(number)
        for other in without["network"]["uses"]:
            other["inputs"] = [use["inputs"][0] if one == use["path"] else one for one in other["inputs"]]
        if without["network"]["outputs"] == [use["path"]]:
            without["network"]["outputs"] = use["inputs"][:1]
        designs.append(without)
    assert [found for design in designs for found in english(task, design)] == []
