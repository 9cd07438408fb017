"""A person gives data of their own in the page, begins with them, and sees the numbers that Python has for them."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from tests.lab.browser.appearance import AXE
from tests.lab.browser.conftest import Watched
from tests.lab.browser.person import Person
from tests.lab.browser.test_edit import SERIOUS
from tests.lab.own_data.given import image

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  return transfer;
}"""


def drops(person: Person, name: str, content: bytes, onto: Locator) -> None:
    transfer = person.page.evaluate_handle(DROP, [name, base64.b64encode(content).decode()])
    onto.dispatch_event("drop", {"dataTransfer": transfer})


def chooses(person: Person, path: Path) -> Locator:
    """From the dialog of the editor: gives the one in which the files were understood."""
    person.button("Change").click()
    person.button("Use your own data").click()
    dialog = person.page.get_by_role("dialog", name="Your own data")
    with person.page.expect_file_chooser() as chooser:
        person.button("Choose a folder …" if path.is_dir() else "Choose files …", dialog).click()
    chooser.value.set_files(path)
    expect(dialog.get_by_text(path.name, exact=True)).to_be_visible()
    return dialog


def begins(person: Person, dialog: Locator, title: str) -> None:
    person.button("Begin with this data", dialog).click()
    expect(dialog).to_have_count(0)
    expect(person.link(title, person.page.get_by_role("banner"))).to_be_visible()
    person.waits_for_step(0)


def python(person: Person, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the code of the page makes where the files are."""
    person.button("Code").click()
    dialog = person.page.get_by_role("dialog")
    code = dialog.get_by_role("region").inner_text()
    person.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    monkeypatch.chdir(folder)
    known: dict[str, Any] = {}
    exec(code, known)
    return known


def number(text: str) -> float:
    return float(re.sub(r"[\s\u2009,]", "", text).replace("\N{MINUS SIGN}", "-"))


def close(text: str, value: float) -> bool:
    return math.isclose(number(text), value, rel_tol=2e-3)


def rows(names: Iterable[str]) -> bytes:
    random = np.random.default_rng(3)
    lines = [f"{random.normal(k % 3):.3f},{random.normal(5):.3f},{'red' if k % 2 else 'blue'}" for k in range(60)]
    return "\n".join([",".join(names), *(f"{line},{'abc'[k % 3]}" for k, line in enumerate(lines))]).encode()


def test_a_person_learns_from_their_own_data(
    gallery: str, browse: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = browse(gallery, bypass_csp=True)
    page = person.page
    given = page.get_by_role("region", name="Use your own data")

    # a file that cannot be read is refused in words, and another taken
    drops(person, "damaged.csv", b"a,b\n1,2\n3\n", given.get_by_text("Drop a table"))
    dialog = page.get_by_role("dialog", name="Your own data")
    expect(dialog.get_by_role("alert")).to_have_text("damaged.csv, line 3 has 1 cells, expected 2.")

    table = rows(["size", "weight", "colour", "kind"])
    (tmp_path / "things.csv").write_bytes(table)
    drops(person, "things.csv", table, dialog.get_by_text("Drop files or a folder here"))
    expect(dialog.get_by_text("60 examples: 48 for training, 12 for testing")).to_be_visible()
    expect(dialog.get_by_role("alert")).to_have_count(0)
    columns = dialog.get_by_role("table").get_by_role("row")
    expect(columns).to_have_count(5)
    expect(columns.nth(3)).to_contain_text("blue 30, red 30")
    dialog.get_by_label("Target column").select_option("weight")
    expect(dialog.get_by_label("The target is")).to_have_value("regression")
    dialog.get_by_label("Use of kind").select_option("leave")
    expect(dialog.get_by_text("Begins with this network")).to_be_visible()
    dialog.get_by_label("Target column").select_option("kind")
    expect(dialog.get_by_label("The target is")).to_have_value("classification")
    page.add_script_tag(content=AXE.read_text())
    assert page.evaluate(SERIOUS) == []
    begins(person, dialog, "things")
    person.epoch()
    person.waits_for_step(2)
    known = python(person, tmp_path, monkeypatch)
    x, y = known["validation_data"]
    assert close(person.read("loss (test)"), known["net"].evaluate(x, y)["loss"])
    chances = known["net"].predict(x[:1])[0]
    expect(page.get_by_role("banner")).to_contain_text(f"{'abc'[chances.argmax()]} {100 * chances.max():.0f}")
    expect(person.panel("Focus")).to_contain_text("weight")

    # images in folders
    for k, kind in ((k, kind) for k in range(8) for kind in ("cat", "dog")):
        (tmp_path / "pets" / kind).mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / kind / f"{k}.png").write_bytes(image(k, 9 + k % 2, 9))
    dialog = chooses(person, tmp_path / "pets")
    expect(dialog.get_by_role("list", name="One image of each class").get_by_role("img")).to_have_count(2)
    dialog.get_by_label("Size of the images").select_option("8")
    expect(dialog.get_by_text("Each image has 8 × 8 pixels")).to_be_visible()
    begins(person, dialog, "pets")
    person.batch()
    known = python(person, tmp_path, monkeypatch)
    assert known["x"].shape == (13, 8, 8, 3)
    assert close(person.read("loss (test)"), known["net"].evaluate(*known["validation_data"])["loss"])

    # a text
    (tmp_path / "fox.txt").write_bytes(b"the quick brown fox jumps over the lazy dog. " * 8)
    dialog = chooses(person, tmp_path / "fox.txt")
    dialog.get_by_label("Read at a time").fill("12")
    dialog.get_by_label("Read at a time").press("Enter")
    expect(dialog.get_by_text("The network reads 12 at a time")).to_be_visible()
    begins(person, dialog, "fox")
    expect(person.panel("Focus").get_by_role("heading", name="Text").first).to_be_visible()
    person.batch()
    known = python(person, tmp_path, monkeypatch)
    assert known["x"].shape[1] == 12
    assert person.read("Loss") != "–"

    # what was trained before is there when it is taken back
    person.button("Change").click()
    person.button("Take back").click()
    page.keyboard.press("Escape")
    person.waits_for_step(1)
    expect(person.link("pets", page.get_by_role("banner"))).to_be_visible()
