"""The single file: small, opened from disk with the network cable out, and it explains a digit drawn by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.lab.browser.person import Person
from tests.lab.browser.process import Process
from tests.lab.browser.saved import document, saves
from tests.lab.browser.test_numbers import read, spelled

LARGEST = 3_000_000
# Trains the digits of the gallery, saves the lab as a file, and tells what Python says of an example in it.
SCRIPT = """
import json
import pellucid as pl
from pellucid.explain.arithmetic import number
from pellucid.lab.gallery import build

task = build("digits")
net = pl.Network.restored(task.net.config())
for path, value in task.net.parameters.items():
    net.parameters[path] = value
net.fit(task.x, task.y, epochs=15, optimizer=pl.Adam(0.004), verbose=0)
net.lab(task.x, task.y, validation_data=task.test, title="digits").save("digits.html")

run = pl.explain.trace(net, task.x[:1], task.y[:1])
told = []
for path, index in PLACES:
    place = index if path in net.parameters or path[2:-1] in net.parameters else [0, *index]
    found = run.explain(path, index=tuple(place))
    data = found.json(12)
    told.append({
        "path": path, "index": index, "value": number(found.value), "formula": found.formula,
        "substituted": found.with_values, "sentence": found.sentence(),
        "terms": [{"value": number(t["value"]), "numbers": t["numbers"], "text": t["text"]} for t in data["terms"]],
        "rest": [data["rest"]["count"], number(data["rest"]["sum"])],
    })
print(json.dumps(told))
"""
PLACES: list[tuple[str, list[int]]] = [
    ("conv2d_1.sum", [4, 4, 3]),
    ("conv2d_1", [4, 4, 3]),
    ("max_pool2d_1", [2, 2, 3]),
    ("dense_1.sum", [5]),
    ("dense_2", [7]),
    ("d(dense_2.kernel)", [3, 7]),
    ("d(conv2d_1.kernel)", [1, 1, 0, 3]),
]


@pytest.fixture(scope="module")
def made(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The file, and what Python says of some places in it."""
    folder = tmp_path_factory.mktemp("file")
    (folder / "make.py").write_text(SCRIPT.replace("PLACES", repr(PLACES)), encoding="utf-8")
    process = Process([str(folder / "make.py")], environment, folder)
    told = process.told()
    said = process.end(None)
    assert process.code == 0, said
    return folder / "digits.html", told


def opened(browse: Callable[..., Person], path: Path) -> Person:
    """In a browser without any network."""
    person = browse(path.as_uri(), offline=True)
    expect(person.panel("Network")).to_be_visible()
    return person


def draws(person: Person, *lines: list[tuple[float, float]]) -> None:
    """Opens the sheet and draws with the mouse; points in shares of the sheet."""
    person.button("Own").click()
    pad = person.page.get_by_role("application", name=re.compile("^Drawing pad"))
    expect(pad).to_be_visible()
    box = pad.bounding_box()
    assert box is not None
    mouse = person.page.mouse
    for line in lines:
        for number, (x, y) in enumerate(line):
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4 if number else 1)
            if number == 0:
                mouse.down()
        mouse.up()


SEVEN = [(0.25, 0.12), (0.75, 0.12), (0.62, 0.45), (0.45, 0.9)]


def predicted(person: Person) -> str:
    term = person.page.get_by_role("term").filter(has_text="Predicted")
    said = person.page.get_by_role("banner").locator("dl > div").filter(has=term).get_by_role("link")
    expect(said).to_be_visible()
    return said.inner_text()


def test_the_file_is_small_and_explains_a_digit_drawn_by_hand(
    made: tuple[Path, list[dict[str, Any]]], browse: Callable[..., Person]
) -> None:
    path, _ = made
    assert path.stat().st_size < LARGEST
    person = opened(browse, path)
    draws(person, SEVEN)
    expect(person.page).to_have_url(re.compile("input=own:"))
    person.page.keyboard.press("Escape")
    assert predicted(person) == "7"

    # forward, down to one product
    person.link("conv2d_1", person.panel("Network")).click()
    expect(person.subject).to_have_text(person.picks("conv2d_1", "Network"))
    person.terms.get_by_role("link", name=re.compile(r"^conv2d_1\.sum")).first.click()
    person.terms.get_by_role("link", name=re.compile("^Take apart term 0")).click()
    person.link("Take the term apart").click()
    expect(person.here).to_have_text("product")

    # backward, once it is said what it truly is
    person.goes("/dense_1/unit/5")
    person.button("Backward").click()
    panel = person.panel("Arithmetic")
    panel.get_by_role("combobox").select_option(label="7")
    person.button("Take it").click()
    expect(person.subject).to_have_text("d(dense_1)[5]")
    expect(person.terms.get_by_role("link", name=re.compile("^Take apart term 0"))).to_be_visible()


def test_the_numbers_of_the_file_are_those_of_explain(
    made: tuple[Path, list[dict[str, Any]]], browse: Callable[..., Person]
) -> None:
    path, told = made
    person = opened(browse, path)
    for place in told:
        shown, wanted = read(person, place), spelled(place)
        for key in ("formula", "terms"):
            assert len(shown[key]) == len(wanted[key])
        # The browser counts in float64, the engine in float32: their last digits may differ, and the order of equals.
        assert close(shown["value"], wanted["value"]), place["path"]
        for ours, theirs in list(zip(shown["terms"], wanted["terms"], strict=True))[:5]:
            assert close(ours[1], theirs[1]), (place["path"], ours, theirs)


def close(ours: str, theirs: str) -> bool:
    a, b = (float(text.replace("−", "-")) for text in (ours, theirs))
    return math.isclose(a, b, rel_tol=2e-3, abs_tol=2e-6)


def test_the_file_of_the_save_button(lab: Callable[..., str], browse: Callable[..., Person], tmp_path: Path) -> None:
    person = browse(lab("--task", "digits"))
    expect(person.panel("Network")).to_be_visible()
    person.trains_to(30)
    path = tmp_path / "saved.html"
    told = saves(person, path)
    assert path.stat().st_size < LARGEST
    assert told == document(path)
    loss = person.read("Loss")
    kept = opened(browse, path)
    assert kept.step() == 30
    assert kept.read("Loss") == loss
    expect(kept.page.get_by_role("region", name="Time")).to_be_visible()
    kept.goes("/view/confusion")
    expect(kept.panel("Focus").get_by_role("table")).to_be_visible()
    # In two languages, in two colours, as everywhere.
    kept.button("Dark colours").click()
    kept.button(re.compile("switch to Simplified Chinese")).click()
    expect(kept.button("浅色")).to_be_visible()
