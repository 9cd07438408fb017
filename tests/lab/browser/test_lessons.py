"""The first lesson, clicked through: in the lab, in the files of a site, and in a saved file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.lab.browser.person import Person

from pellucid.lab.gallery import TASKS
from pellucid.lab.serve.site import write_site

TITLE = re.compile("How does it know that this is a 3")


def _clicks_through(page: Page) -> None:
    lesson = page.get_by_role("complementary", name=TITLE)

    def at(step: int) -> None:
        expect(lesson).to_contain_text(f"Step {step} of 7")
        expect(page).to_have_url(re.compile(rf"lesson=how-it-knows-a-3:{step}$"))

    def choose(name: str, verdict: str) -> None:
        lesson.get_by_role("button", name=name, exact=True).click()
        expect(lesson.get_by_role("status").filter(has_text=verdict)).to_be_visible()

    def answer(text: str, verdict: str) -> None:
        lesson.get_by_role("textbox").fill(text)
        lesson.get_by_role("textbox").press("Enter")
        expect(lesson.get_by_role("status").filter(has_text=verdict)).to_be_visible()

    def on() -> None:
        lesson.get_by_role("button", name="Next").click()

    at(1)
    expect(page).to_have_url(re.compile(r"#/dense_2\?.*input=test:313&step=700"))
    choose("5", "Not quite.")
    choose("2", "Right.")
    on()
    at(2)
    answer("0.5", "It is 0.75.")
    answer("0,75", "0.75: three quarters")
    on()
    at(3)
    expect(page).to_have_url(re.compile(r"#/conv2d_1/filter/4/at/6,4"))
    choose("Ink at the bottom of the window, with none to the left above it", "Right.")
    on()
    at(4)
    terms = page.get_by_role("region", name="Arithmetic")
    expect(terms).to_contain_text("Σ of all terms is the value")
    answer("1000", "It is 5.")
    page.keyboard.press("Escape")  # leaves the field
    on()
    at(5)
    answer("93 %", "Right.")
    on()
    at(6)
    choose("2", "Right.")
    on()
    at(7)
    lesson.get_by_role("button", name="End of the lesson").click()
    expect(lesson).to_have_count(0)
    expect(page).not_to_have_url(re.compile("lesson="))


def test_the_first_lesson_in_the_lab_and_saved(
    browse: Callable[..., Person], lab: Callable[..., str], tmp_path: Path
) -> None:
    person = browse(lab())
    person.page.get_by_role("button", name=TITLE).click()
    _clicks_through(person.page)
    with person.page.expect_download() as waiting:
        person.button("Save").click()
    waiting.value.save_as(tmp_path / "digits.html")
    saved = browse((tmp_path / "digits.html").as_uri(), offline=True)
    saved.button("Lesson").click()
    _clicks_through(saved.page)


def test_the_first_lesson_in_the_files_of_a_site(browse: Callable[..., Person], tmp_path: Path) -> None:
    write_site(tmp_path / "site", [TASKS["spirals"], TASKS["digits"]])
    person = browse((tmp_path / "site" / "index.html").as_uri(), offline=True)
    person.page.get_by_role("button", name=TITLE).click()
    expect(person.page).to_have_url(re.compile(r"/digits\.html#"))
    _clicks_through(person.page)
    person.page.goto((tmp_path / "site" / "spirals.html").as_uri())
    person.button("Gallery").click()
    person.page.get_by_role("button", name=TITLE).click()
    expect(person.page).to_have_url(re.compile(r"/digits\.html#/dense_2\?.*lesson=how-it-knows-a-3:1$"))
