"""The numbers on the page are those of `net.explain`, forward and backward, of every kind of layer and function.

Each run looks at a few places of a few networks; the same statements are compared one by one, without a browser, in
tests/lab/test_browser_formulas.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.lab.browser.person import Person
from tests.lab.browser.process import Process
from tests.sampling import some

from pellucid import layers
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS

SCRIPT = Path(__file__).parent / "networks.py"
FUNCTIONS = ["activations", "log_softmax", "step"]
KINDS = [
    "images",
    "image means",
    "volumes",
    "rows",
    "resized images",
    "resized rows",
    "rnn",
    "lstm",
    "gru",
    "both ways",
    "words",
    "attention",
    "merged",
    "states",
    "compared",
    "shapes",
]
TAKEN, PLACES = 3, 8
"""How many networks of a group, and how many places of each, a run looks at: to open a page takes as long as ten."""

# Each group is one process: starting Python and compiling what all networks have in common takes seconds.
GROUPS = {"functions": [*FUNCTIONS, *LOSSES], "images": KINDS[:6], "sequences": KINDS[6:10], "others": KINDS[10:]}


def test_the_networks_have_every_layer_and_every_function_in_them() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    every = [
        name
        for name, kind in vars(layers).items()
        if isinstance(kind, type) and issubclass(kind, layers.Layer) and kind is not layers.Layer
    ]
    made = {"FinalState": "return_state=True"}  # a layer that users do not write themselves
    missing = [name for name in every if not re.search(made.get(name, rf"pl\.{name}\("), text)]
    assert not missing
    assert len(ACTIVATIONS) > 10
    assert len(OPTIMIZERS) <= len(LOSSES) + len(FUNCTIONS)


@pytest.mark.parametrize("group", GROUPS)
def test_the_numbers_of_the_page_are_those_of_explain(
    group: str, started: Callable[..., Process], browse: Callable[..., Person]
) -> None:
    names = some(GROUPS[group], TAKEN)
    process = started(str(SCRIPT), *names)
    wrong: list[str] = []
    for name in names:
        told = process.told()
        assert told["name"] == name
        person = browse(told["url"])
        expect(person.panel("Network")).to_be_visible()
        for place in some(told["places"], PLACES):
            wrong += [f"{name}: {fault}" for fault in faults(person, place)]
        person.page.close()
    assert not wrong, "\n".join(wrong)


def faults(person: Person, told: dict[str, Any]) -> list[str]:
    """What the arithmetic at a place says otherwise than Python."""
    shown, wanted = read(person, told), spelled(told)
    where = f"{told['path']}{told['index']}"
    return [f"{where} {k}: {shown[k]!r}, Python says {wanted[k]!r}" for k in wanted if shown[k] != wanted[k]]


def spelled(told: dict[str, Any]) -> dict[str, Any]:
    """How the page has to write what Python tells of a place."""
    count, total = told["rest"]
    return {
        **{key: told[key] for key in ("value", "sentence")},
        **{key: plainly(told[key]) for key in ("formula", "substituted")},
        "terms": [[plainly(term["text"]), term["value"], plainly(term["numbers"])] for term in told["terms"]],
        "rest": [f"{count} more: {total}"] if count else [],
    }


def plainly(text: str) -> str:
    """Without what only the derivative heeds, and with one minus."""
    text = re.sub(r"(\d)e-(\d)", r"\1e−\2", text)
    bare = re.compile(r"(max|min)\b|(max|min)[_\[]|[^\s+−·/]+$")
    return re.sub(r"\bstop\(([^()]*)\)", lambda m: m[1] if bare.match(m[1]) else f"({m[1]})", text)


def read(person: Person, told: dict[str, Any]) -> dict[str, Any]:
    """What the arithmetic at a place says."""
    path, index = told["path"], ",".join(map(str, told["index"]))
    # What a weight becomes in one step, "w′", stands with the weight.
    person.goes(f"/{path.removesuffix('′') if is_weight(path) else path}/index/{index}?input=train:0")
    name = f"{path}[{index}]" if index else path
    panel = person.panel("Arithmetic")
    header = panel.locator("header", has=person.page.get_by_role("heading", name=name, exact=True))
    expect(header).to_be_visible()
    expect(person.terms).to_be_visible()
    # A link of each term says it whole: "Take apart term 0: x[0,1]·w[1,3] = 0.03648".
    links = re.findall(r"Take apart term \d+: (.*?) = (?:\S+ ≈ )?(\S+)\"", person.terms.aria_snapshot())
    numbers = person.terms.locator(".pieces").all_inner_texts()
    return {
        "value": header.get_by_role("status").inner_text(),
        "formula": panel.get_by_role("math").first.get_attribute("aria-label"),
        "substituted": " ".join(panel.locator(".substituted").all_inner_texts()),
        "sentence": panel.locator(".sentence").inner_text(),
        "terms": [[text, value, row] for (text, value), row in zip(links, numbers, strict=True)],
        "rest": person.terms.locator(".rest .what").all_inner_texts(),
    }


def is_weight(path: str) -> bool:
    """Whether it is what one step makes of a parameter, not of something that an optimiser keeps."""
    return path.endswith("′") and ":" not in path
