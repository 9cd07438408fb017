"""Everything works by keyboard alone: the mouse is never touched here."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect
from tests.lab.browser.person import Person

FAR = 250
"""So many times Tab is pressed before one gives up."""


class Keys:
    """A person with a keyboard and nothing else."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.press = person.page.keyboard.press
        self.type = person.page.keyboard.type

    def reaches(self, target: Locator, key: str = "Tab") -> None:
        """Presses Tab until the target has the keyboard's focus, which has to be seen."""
        expect(target).to_be_visible()
        wanted = target.element_handle()
        for _ in range(FAR):
            focused = self.person.page.locator(":focus")
            if focused.count() and focused.evaluate("(here, target) => here === target", wanted):
                return
            self.press(key)
        raise AssertionError(f"Tab never comes to {target}")

    def enters(self, target: Locator, key: str = "Enter") -> None:
        self.reaches(target)
        self.press(key)

    def arrives(self) -> None:
        """Leaves what another test has trained, where the page asks."""
        leave = self.person.page.get_by_role("dialog", name="Leave this training?")
        expect(leave.or_(self.person.panel("Network")).first).to_be_visible()
        if leave.is_visible():
            self.enters(self.person.button(re.compile("^Open “"), leave))


def test_a_task_is_opened_trained_and_explained(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(gallery)
    keys = Keys(person)
    keys.enters(person.button(re.compile("Two spirals")).or_(person.button("Gallery")).first)
    expect(person.panel("Focus")).to_be_visible()

    # time, by its buttons and by single keys
    keys.enters(person.button("Batch"))
    person.waits_for_step(1)
    keys.press(".")
    person.waits_for_step(2)
    keys.press(",")
    person.waits_for_step(1)
    keys.enters(person.button("Play"))
    person.waits_beyond(10)
    keys.enters(person.button("Pause"))
    expect(person.button("Play")).to_be_visible()
    keys.reaches(person.scrubber)
    keys.press("Home")
    person.waits_for_step(0)
    keys.press("ArrowRight")
    person.waits_for_step(1)
    keys.reaches(person.page.get_by_role("textbox", name="Learning rate"), "Shift+Tab")
    keys.press("ControlOrMeta+A")
    keys.type("0.05")
    keys.press("Enter")
    expect(person.page.get_by_role("slider", name="Learning rate, logarithmic")).to_have_attribute(
        "aria-valuetext", "0.05"
    )

    # the depths: network, layer, unit, connection, product, and out again
    keys.enters(person.link("dense_1", person.panel("Network")))
    expect(person.panel("Focus").get_by_role("heading", name="dense_1", exact=True)).to_be_visible()
    keys.reaches(person.picture("dense_1", "Network"))
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    keys.press("Enter")
    expect(person.subject).to_have_text(re.compile(r"^dense_1\[\d+\]$"))
    keys.enters(person.terms.get_by_role("link", name=re.compile(r"^dense_1\.sum")).first)
    expect(person.subject).to_have_text(re.compile(r"^dense_1\.sum\[\d+\]$"))
    keys.enters(person.terms.get_by_role("link", name=re.compile("^Take apart term 0")))
    expect(person.here).to_have_text("term 0")
    keys.enters(person.link("Take the term apart"))
    expect(person.here).to_have_text("product")
    for depth in (r"^term 0$", r"^dense_1\.sum\[\d+\]$", r"^dense_1$", r"^network$"):
        keys.press("Escape")
        expect(person.here).to_have_text(re.compile(depth))

    # backward
    keys.enters(
        person.page.get_by_role("table", name="Layers").get_by_role("link", name=re.compile(r"^[\d.e−]+$")).first
    )
    expect(person.button("Backward")).to_have_attribute("aria-pressed", "true")
    keys.press("Escape")
    keys.press("Escape")
    expect(person.here).to_have_text("network")


def test_the_page_is_set_and_asked_by_keys(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=spirals")
    keys = Keys(person)
    keys.arrives()
    expect(person.panel("Network")).to_be_visible()
    root = person.page.locator("html")

    keys.enters(person.button("Dark colours"))
    expect(person.button("Light colours")).to_be_visible()
    keys.enters(person.button(re.compile("switch to Simplified Chinese")))
    expect(root).to_have_attribute("lang", "zh-Hans")
    expect(person.button("播放")).to_be_visible()
    keys.enters(person.button(re.compile("切换到英文")))
    expect(root).to_have_attribute("lang", "en")

    for name, title in (("What is wrong?", "What is wrong?"), ("Code", "The same in Python"), ("Help", "How to find")):
        keys.enters(person.button(name))
        dialog = person.page.get_by_role("dialog", name=re.compile(re.escape(title)))
        expect(dialog).to_be_visible()
        keys.press("Escape")
        expect(dialog).to_have_count(0)
        # One is where one was.
        expect(person.button(name)).to_be_focused()

    keys.press("?")
    expect(person.page.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    expect(person.page.get_by_role("dialog")).to_have_count(0)


def test_a_view_of_the_task_is_opened_by_keys(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=spirals")
    keys = Keys(person)
    keys.arrives()
    keys.enters(person.link("Decision boundary"))
    plane = person.panel("Focus").get_by_role("button", name=re.compile(r"−?\d"))
    keys.reaches(plane.first)
    keys.press("ArrowRight")
    keys.press("Enter")
    expect(person.page.get_by_role("combobox", name="Data set")).to_have_value("own")


def test_a_digit_is_drawn_by_keys(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=digits")
    keys = Keys(person)
    keys.arrives()
    keys.enters(person.button("Own"))
    pad = person.page.get_by_role("application", name=re.compile("^Drawing pad"))
    keys.reaches(pad)
    for _ in range(3):
        keys.press("ArrowUp")
    keys.press("Space")
    for _ in range(6):
        keys.press("ArrowDown")
    keys.press("Space")
    expect(person.page.get_by_role("dialog").get_by_role("term").filter(has_text="Predicted")).to_be_visible()
    keys.press("Escape")
    expect(person.page.get_by_role("combobox", name="Data set")).to_have_value("own")
    expect(person.page).to_have_url(re.compile("input=own:"))


def test_an_example_is_chosen_by_keys(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=digits")
    keys = Keys(person)
    keys.arrives()
    keys.enters(person.button("Next example"))
    expect(person.page).to_have_url(re.compile("input=test:1"))
    keys.enters(person.button(re.compile("^Choose an example")))
    cell = person.button(re.compile("^Example test:5,"))
    keys.enters(cell)
    expect(person.page).to_have_url(re.compile("input=test:5"))


def test_training_branches_by_keys(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=relus")
    keys = Keys(person)
    keys.arrives()
    keys.enters(person.button("Batch"))
    person.waits_for_step(1)
    keys.enters(person.button(re.compile("^Branch from step")))
    field = person.page.get_by_role("textbox", name="New value")
    expect(field).to_be_focused()
    keys.press("ControlOrMeta+A")
    keys.type("0.01")
    keys.press("Enter")
    expect(person.button(re.compile("^Switch to branch 1"))).to_have_attribute("aria-current", "true")
    keys.enters(person.button(re.compile("^Switch to branch 0")))
    expect(person.button(re.compile("^Switch to branch 0"))).to_have_attribute("aria-current", "true")
