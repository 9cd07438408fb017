"""A person changes a network in the page, takes it back, and trains two side by side."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect
from tests.lab.browser.appearance import AXE
from tests.lab.browser.conftest import Watched
from tests.lab.browser.person import Person, whole


def dialog(person: Person) -> Locator:
    person.button("Change").click()
    found = person.page.get_by_role("dialog", name="Change the network")
    expect(found.get_by_text("354 parameters")).to_be_visible()
    return found


def test_a_network_is_changed_taken_back_and_trained_beside_another(gallery: str, browse: Watched) -> None:
    person = browse(gallery, bypass_csp=True)
    page = person.page
    person.opens("Two spirals")
    person.epoch()
    person.waits_for_step(16)

    # what cannot be is said where it stands, and nothing is lost
    editor = dialog(person)
    units = editor.get_by_label("1 Dense: units")
    units.fill("0")
    expect(editor.get_by_text("units of Dense: expected an integer from 1, got 0")).to_be_visible()
    expect(units).to_have_attribute("aria-invalid", "true")
    expect(person.button("Begin with this network", editor)).to_be_disabled()
    page.add_script_tag(content=AXE.read_text())
    assert page.evaluate(SERIOUS) == []

    # another network begins; the one before is there when it is taken back
    units.fill("8")
    editor.get_by_label("Add a layer after 1 Dense").select_option("LayerNormalization")
    expect(editor.get_by_text("218 parameters")).to_be_visible()
    person.button("Begin with this network", editor).click()
    expect(editor).to_have_count(0)
    expect(person.panel("Network").get_by_text("layer_normalization_1")).to_be_visible()
    person.waits_for_step(0)
    person.button("Code").click()
    code = page.get_by_role("dialog").get_by_role("region")
    expect(code).to_contain_text('    pl.Dense(8, activation="tanh"),\n    pl.LayerNormalization(),\n')
    page.keyboard.press("Escape")
    person.button("Change").click()
    person.button("Take back").click()
    expect(page.get_by_role("dialog").get_by_text("354 parameters")).to_be_visible()
    page.keyboard.press("Escape")
    person.waits_for_step(16)

    # two in one view, in step
    editor = dialog(person)
    editor.get_by_label("Activation of all hidden layers").select_option("relu")
    person.button("Train it beside the present one", editor).click()
    sides = [
        page.get_by_role("region", name=re.compile(name)).first for name in ("The present network", "The changed one")
    ]
    expect(sides[1]).to_contain_text("activation: tanh → relu")
    person.play()
    person.waits_beyond(40)
    person.pause()
    step = person.step()
    for side in sides:
        expect(side.get_by_text(str(step), exact=True)).to_be_visible()
        expect(side.locator("canvas")).to_be_visible()
    losses = [side.get_by_text(re.compile("loss")).first.locator("xpath=..").inner_text() for side in sides]
    assert losses[0] != losses[1]
    assert page.evaluate(SERIOUS) == []
    person.button("End side by side").click()
    expect(person.panel("Network")).to_be_visible()

    # what was trained is lost only if a person says so
    person.button("Begin anew").click()
    asked = page.get_by_role("dialog", name="Begin anew?")
    expect(asked).to_contain_text(re.compile(r"\d+ steps? of this training"))
    assert whole(asked.get_by_text(re.compile(r"\d+ steps? of this training")).inner_text()) == step
    person.button("Keep them", asked).click()
    assert person.step() == step
    person.begins_anew()
    person.waits_for_step(0)


SERIOUS = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const serious = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return serious.map((one) => [one.id, one.nodes.map((node) => node.html)]);
}"""
