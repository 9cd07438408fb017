"""Time travel is exact: what is repeated is the same to the bit, and a branch changes only what was changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import expect
from tests.lab.browser.person import Person
from tests.lab.browser.process import Process
from tests.lab.browser.saved import losses, parameters, saves

STEPS = 40


def test_a_replay_gives_the_same_bits(
    lab: Callable[..., str], browse: Callable[..., Person], started: Callable[..., Process], tmp_path: Path
) -> None:
    address = lab("--task", "digits")
    person = browse(address)
    expect(person.panel("Network")).to_be_visible()
    person.trains_to(STEPS)
    first = saves(person, tmp_path / "first.html")
    assert len(losses(first)) == STEPS, "those on the way to the moment that is shown"
    table = [(step, loss) for step, loss in person.losses() if int(step) <= STEPS]
    digits = [float(loss.replace("−", "-")) for _, loss in table]
    assert digits == [float(f"{losses(first)[int(step) - 1]:.4g}") for step, _ in table]

    # back, and the same way again
    person.scrubs_to(5)
    person.play()
    person.waits_beyond(STEPS)
    person.pause()
    person.scrubs_to(STEPS)
    again = saves(person, tmp_path / "again.html")
    assert np.array_equal(losses(again).view(np.int64), losses(first).view(np.int64))
    for path, array in parameters(first).items():
        assert np.array_equal(array.view(np.int32), parameters(again)[path].view(np.int32)), path

    # A second tab shows the same.
    other = browse(address)
    expect(other.panel("Network")).to_be_visible()
    other.waits_for_step(STEPS)
    assert other.read("Loss") == person.read("Loss")
    assert other.losses() == person.losses()

    # The code that the page gives does the same in a process of its own.
    person.button("Code").click()
    code = person.page.get_by_role("dialog").get_by_role("region", name="Code")
    expect(code).to_contain_text("import pellucid")
    (tmp_path / "code.py").write_text(code.inner_text() + ENDING, encoding="utf-8")
    told = started(str(tmp_path / "code.py")).told()
    for path, array in parameters(again).items():
        assert np.array_equal(np.asarray(told[path], np.float32).reshape(array.shape), array), path


ENDING = """
import json
print(json.dumps({path: array.tolist() for path, array in net.parameters.items()}))
"""


def test_a_branch_changes_only_what_was_changed(
    lab: Callable[..., str], browse: Callable[..., Person], tmp_path: Path
) -> None:
    person = browse(lab("--task", "spirals"))
    expect(person.panel("Network")).to_be_visible()
    person.trains_to(STEPS)
    trunk = person.last()
    before = saves(person, tmp_path / "before.html")

    # one weight, at step 10
    person.scrubs_to(10)
    root = saves(person, tmp_path / "root.html")
    person.goes("/dense_2.kernel/index/3,2")
    expect(person.subject.first).to_have_text("dense_2.kernel[3,2]")
    person.button("Branch from step 10").click()
    person.page.get_by_role("textbox", name="New value").fill("0.75")
    person.button("Branch", person.panel("Time")).click()
    expect(person.button(re.compile("^Switch to branch 1"))).to_have_attribute("aria-current", "true")
    expect(person.value).to_have_text("0.75")
    changed = saves(person, tmp_path / "changed.html")
    differing = {
        f"{path}[{','.join(map(str, place))}]"
        for path, array in parameters(root).items()
        for place in np.argwhere(array != parameters(changed)[path]).tolist()
    }
    assert differing == {"dense_2.kernel[3,2]"}
    assert parameters(changed)["dense_2.kernel"][3, 2] == np.float32(0.75)
    person.batch()
    person.batch()
    leaf = saves(person, tmp_path / "leaf.html")
    assert leaf["description"]["state"]["branch"] == 1

    # The trunk is as it was.
    person.button(re.compile("^Switch to branch 0")).click()
    person.waits_for_step(trunk)
    person.scrubs_to(STEPS)
    after = saves(person, tmp_path / "after.html")
    assert np.array_equal(losses(after).view(np.int64), losses(before).view(np.int64))
    for path, array in parameters(before).items():
        assert np.array_equal(array, parameters(after)[path]), path

    # A branch by its learning rate begins with the same parameters.
    person.scrubs_to(10)
    person.goes("/")
    person.button("Branch from step 10").click()
    person.page.get_by_role("textbox", name="New value").fill("0.001")
    person.button("Branch", person.panel("Time")).click()
    expect(person.button(re.compile("^Switch to branch 2"))).to_have_attribute("aria-current", "true")
    slower = saves(person, tmp_path / "slower.html")
    for path, array in parameters(root).items():
        assert np.array_equal(array, parameters(slower)[path]), path
    assert json.dumps(slower["description"]["state"]["learning_rate"]) == "0.001"
