"""What is on screen is of the step that is shown: after going back, in a second tab, after a new start."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Locator, expect
from tests.lab.browser.conftest import LAB, Watched
from tests.lab.browser.person import Person, whole
from tests.lab.browser.process import Process


def moments(person: Person, panel: str) -> Locator:
    return person.panel(panel).get_by_text(re.compile(r"\bstep [\d\s]+\b"))


def test_every_panel_is_of_the_step_gone_back_to(gallery: str, browse: Watched) -> None:
    person = browse(gallery)
    person.opens("Two spirals")
    person.play()
    person.waits_beyond(40)
    person.pause()
    person.scrubs_to(5)
    person.page.goto(f"{person.page.url.split('#')[0]}#/dense_2.kernel/index/1,2")
    for panel in ("Network", "Focus", "Arithmetic"):
        for moment in moments(person, panel).all():
            expect(moment).to_have_text(re.compile(r"^step 5$"))
    assert moments(person, "Arithmetic").count() >= 1
    expect(
        person.panel("Arithmetic").get_by_text(re.compile("One update: the weight (rises|falls) by"))
    ).to_be_visible()
    person.scrubs_to(0)
    expect(person.panel("Arithmetic").get_by_text(re.compile("no step was taken yet"))).to_be_visible()


def test_while_it_plays_the_arithmetic_says_of_which_step_it_is(gallery: str, browse: Watched) -> None:
    person = browse(gallery)
    person.opens("Handwritten digits")
    person.page.goto(f"{person.page.url.split('#')[0]}#/dense_1.sum/index/3")
    # faster, it would have learned all and rest before a slow machine has looked twice
    person.page.get_by_role("combobox", name="Speed").select_option(label="20 steps/s")
    person.play()
    person.waits_beyond(30)
    told = moments(person, "Arithmetic").first
    expect(told).to_be_visible()
    before = whole(told.inner_text())
    person.waits_beyond(before + 30)
    expect(told).not_to_have_text(f"step {before}")
    person.pause()
    shown = f"{person.step():,}".replace(",", r"\s")
    expect(told).to_have_text(re.compile(rf"^step {shown}$"))


def test_a_second_tab_follows_and_says_so(lab: Callable[..., str], browse: Watched) -> None:
    address = lab()
    one = browse(address)
    one.opens("Two spirals")
    other = browse(address)
    expect(other.panel("Network")).to_be_visible()
    expect(other.page).to_have_url(re.compile("task=spirals"))
    other.link("dense_1", other.panel("Network")).click()
    one.opens("Handwritten digits")
    expect(other.page.get_by_role("alert")).to_contain_text("Another tab opened “Handwritten digits”")
    expect(other.page).to_have_url(re.compile(r"#/\?task=digits"))
    expect(other.page).to_have_title(re.compile("Handwritten digits"))
    expect(one.page.get_by_role("alert")).to_have_count(0)


def test_no_training_is_left_without_a_question(gallery: str, browse: Watched) -> None:
    one = browse(gallery)
    one.opens("Two spirals")
    one.begins_anew() if one.button("Begin anew").is_enabled() else None
    one.batch()
    asked = one.page.get_by_role("dialog", name="Leave this training?")
    one.button("Gallery").click()
    card = one.button(re.compile("Tomorrow's price"))
    card.press("Enter")
    expect(asked).to_contain_text("1 step of “Two spirals” will be lost.")
    one.page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(card).to_be_focused()
    card.press("Enter")
    one.button("Keep them", asked).press("Enter")
    one.page.keyboard.press("Escape")
    assert one.step() == 1
    # a link in another tab
    other = browse(gallery + "#/?task=prices")
    again = other.page.get_by_role("dialog", name="Leave this training?")
    other.button("Keep them", again).click()
    expect(other.page).to_have_url(re.compile("task=spirals"))
    other.waits_for_step(1)
    other.page.goto(f"{gallery}#/dense_1?task=prices")
    other.button("Keep them", again).click()
    expect(other.page).to_have_url(re.compile("task=spirals"))
    assert one.step() == 1
    # a network that was changed, whose first training can be returned to
    one.button("Change", one.page.get_by_role("banner")).click()
    one.page.get_by_label("Activation of all hidden layers").select_option("relu")
    one.button("Begin with this network").click()
    one.waits_for_step(0)
    one.button("Gallery").click()
    card.click()
    expect(asked).to_contain_text("1 step of")
    one.button("Open “Tomorrow's price”", asked).click()
    expect(one.page).to_have_url(re.compile("task=prices"))
    one.button("Gallery").click()
    one.button(re.compile("Handwritten digits")).click()
    expect(one.page).to_have_url(re.compile("task=digits"))


def test_after_a_new_start_there_is_a_new_beginning(started: Callable[..., Process], browse: Watched) -> None:
    first = started(*LAB)
    address = first.address()
    person = browse(address)
    person.opens("Two spirals")
    person.play()
    person.waits_beyond(20)
    first.end(signal.SIGINT)
    expect(person.page.get_by_text(re.compile("The connection was lost"))).to_be_visible()
    started(*LAB[:-1], str(urlsplit(address).port)).address()
    expect(person.page.get_by_role("alert")).to_contain_text("started again")
    person.waits_for_step(0)
    expect(person.panel("Network")).to_be_visible()
    person.batch()
    # the page was told by the browser, in its own words, that the line broke
    browse.errors[:] = [said for said in browse.errors if "WebSocket" not in said]
