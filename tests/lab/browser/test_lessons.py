"""The first lesson clicked through in the lab, in the files of a site and in a saved file; the others to their end.

Of the others one, whose steps are at several moments of the training, in the files of a site, which begin later; all
with PELLUCID_LAB=long in the environment.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.lab.browser.appearance import AXE, accessible, measured
from tests.lab.browser.looks import CHINESE, SCREENS, Screen, settled
from tests.lab.browser.person import Person
from tests.lab.lessons.test_lesson_check import documented
from tests.sampling import some

from pellucid.lab.gallery import TASKS
from pellucid.lab.lessons.lesson_file import read_lesson
from pellucid.lab.lessons.shipped import shipped
from pellucid.lab.protocol.lessons import Both, Lesson
from pellucid.lab.serve.site import write_site

TITLE = re.compile("How does it know that this is a 3")
LONG = os.environ.get("PELLUCID_LAB") == "long"


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
    saved.page.get_by_role("dialog").get_by_role("button", name=TITLE).click()
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


def _plays(page: Page, lesson: Lesson, language: str = "en", look: Callable[[str], None] = lambda _: None) -> None:
    """To its end, with the right answers, which the page has to call right.

    Args:
        look: called at every step, before it is answered and after.
    """

    def said(text: Both) -> str:
        return text.zh if language == "zh" else text.en

    def ours(text: str) -> str:
        return CHINESE[text] if language == "zh" else text

    box = page.get_by_role("complementary", name=said(lesson.title))
    for k, step in enumerate(lesson.steps, 1):
        expect(box).to_contain_text(ours("Step {step} of {count}").format(step=k, count=len(lesson.steps)))
        expect(box.locator(".missing")).to_have_count(0)
        if (at := re.search(r"step=(\d+)", step.view)) is not None:
            expect(page).to_have_url(re.compile(rf"step={at[1]}\b") if at[1] != "0" else re.compile(r"^((?!step=).)*$"))
        look(f"step {k}")
        question = step.question
        if question is not None and question.choices:
            (right,) = (choice for choice in question.choices if choice.right)
            box.get_by_role("button", name=said(right.text), exact=True).click()
        elif question is not None and question.number is not None:
            field = box.get_by_role("textbox")
            field.fill("123456")
            field.press("Enter")
            told = box.get_by_role("status").filter(has_text=ours("Not quite."))
            expect(told).to_be_visible()
            # Code and strong words are marked in the file, and a number is not parted from its sign.
            written = " ".join(re.sub(r"[`*]", "", said(question.number.wrong)).split())
            pattern = re.escape(written).replace(r"\{value\}", r"([−\-\d.e]+)")
            found = re.search(pattern, " ".join(told.inner_text().split()))
            assert found is not None, told.inner_text()
            field.fill(found[1])
            field.press("Enter")
        if question is not None:
            expect(box.get_by_role("status").filter(has_text=ours("Right."))).to_be_visible()
            look(f"step {k}, answered")
        last = k == len(lesson.steps)
        box.get_by_role("button", name=ours("End of the lesson" if last else "Next")).click()
    expect(box).to_have_count(0)


@pytest.mark.parametrize("where", some(["lab", "site", "saved"], 1))
def test_a_lesson_of_ones_own_plays_wherever_it_is(
    where: str, browse: Callable[..., Person], lab: Callable[..., str], tmp_path: Path
) -> None:
    """The one that the documentation shows, put into a file by a stranger."""
    path = documented(tmp_path)
    lesson = read_lesson(path).lesson
    if where == "site":
        entry = replace(TASKS["spirals"], steps=lesson.train)
        write_site(tmp_path / "site", [entry], lessons=[lesson])
        person = browse((tmp_path / "site" / "index.html").as_uri(), offline=True)
        person.page.get_by_role("button", name=lesson.title.en).click()
    else:
        person = browse(lab("--lesson", str(path)))
        expect(person.page).to_have_url(re.compile(r"lesson=one-neuron:1"))
        expect(person.page.get_by_role("complementary", name=lesson.title.en)).to_contain_text("Each point belongs")
    if where == "saved":
        with person.page.expect_download() as waiting:
            person.button("Save").click()
        waiting.value.save_as(tmp_path / "mine.html")
        person = browse((tmp_path / "mine.html").as_uri(), offline=True)
        person.button("Lesson").click()
        person.page.get_by_role("dialog").get_by_role("button", name=lesson.title.en).click()
    _plays(person.page, lesson)


PLAYED = [
    (lesson, where)
    for lesson in shipped()[1:]
    for where in ("lab", "site")
    if LONG or (lesson.name == "how-it-learns" and where == "site")
]


@pytest.mark.parametrize(("lesson", "where"), PLAYED, ids=lambda given: getattr(given, "name", given))
def test_the_others_play_to_their_end(
    lesson: Lesson, where: str, browse: Callable[..., Person], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    assert lesson.task is not None
    if where == "lab":
        person = browse(request.getfixturevalue("lab")())
    else:
        entry = TASKS[lesson.task]
        write_site(tmp_path / "site", [replace(entry, steps=max(lesson.train, 40))])
        person = browse((tmp_path / "site" / "index.html").as_uri(), offline=True)
    person.page.get_by_role("button", name=lesson.title.en).click()
    _plays(person.page, lesson)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: python hatch_build.py check")
@pytest.mark.parametrize(
    ("lesson", "screen"),
    some(list(itertools.product(shipped(), SCREENS)), 1, "looks"),
    ids=lambda given: getattr(given, "name", str(given)),
)
def test_a_lesson_looks_as_it_should_at_each_step(
    lesson: Lesson, screen: Screen, browse: Callable[..., Person], gallery: str
) -> None:
    page = browse(f"{gallery}#/?task={lesson.task}&lesson={lesson.name}:1", **screen.options).page
    wrong: list[str] = []

    def look(where: str) -> None:
        settled(page)
        wrong.extend(f"{where}: {finding}" for finding in [*accessible(page), *measured(page)])

    leave = page.locator("dialog[open] .button.main")  # where a lesson before this one has trained a network
    expect(page.locator("aside.lesson").or_(leave).first).to_be_visible()
    if leave.is_visible():
        leave.click()
    _plays(page, lesson, screen.language, look)
    assert not wrong, "\n".join(wrong)
