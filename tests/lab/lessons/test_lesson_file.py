"""A lesson's file says what it says, or one sentence with its line says what is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pellucid.errors import DataError
from pellucid.lab.gallery import TASKS
from pellucid.lab.lessons.addresses import Address, read_address, read_value
from pellucid.lab.lessons.lesson_file import LessonFile, read_lesson
from pellucid.lab.lessons.shipped import FOLDER, shipped

TINY = """\
lesson: 1
name: tiny
task: digits
title: {en: Tiny, zh: 小}
about: {en: Tiny., zh: 小。}
steps:
  - title: {en: One, zh: 一}
    text: {en: "See [it](#/dense_2).", zh: 看}
    view: "#/dense_2/unit/3?input=test:5"
    panes: [network]
"""
QUESTION = "    question:\n      text: {en: A, zh: B}\n"
CHOICE = "        - {text: {en: a, zh: b}, right: RIGHT, answer: {en: a, zh: b}}\n"
NUMBER = "      number: {value: 'VALUE', tolerance: 0.1, right: {en: a, zh: b}, wrong: {en: a, zh: b}}\n"


def read(folder: Path, text: str) -> LessonFile:
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")
    return read_lesson(folder / "tiny.yaml")


def test_a_lesson(tmp_path: Path) -> None:
    lesson = read(tmp_path, TINY + QUESTION + NUMBER.replace("VALUE", "dense_2[3]")).lesson
    assert (lesson.name, lesson.task, lesson.train, lesson.title.zh) == ("tiny", "digits", 0, "小")
    (step,) = lesson.steps
    assert (step.view, step.panes, step.do) == ("#/dense_2/unit/3?input=test:5", ["network"], None)
    assert step.question is not None and step.question.number is not None
    assert step.question.number.tolerance == 0.1


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("name: tiny", "name: Tiny One", 2, '"name" is "Tiny One", expected a text that matches'),
        ("task: digits", "taks: digits", 3, 'there is no key "taks", expected .* Did you mean "task"?'),
        (", zh: 小}", "}", 4, '"title.zh" is missing'),
        ("en: Tiny,", "en: no,", 4, '"title.en" is false, expected a text'),
        ("en: Tiny,", "en: 2026-11-27,", 0, ""),
        ("lesson: 1", "lesson: 2", 1, '"lesson" is 2, expected 1'),
        ("lesson: 1", "train: -1\nlesson: 1", 1, '"train" is -1, expected an integer from 0 to'),
        ("lesson: 1", "lesson: 1\nlesson: 1", 2, '"lesson" stands twice'),
        ("[network]", "[netwrok]", 10, '"steps\\[0\\].panes\\[0\\]" is "netwrok", .* Did you mean "network"?'),
        ("[network]", "network", 10, "expected a list of at most 4 names"),
        ("en: Tiny,", "en: *a,", 4, "got a reference"),
        ("en: Tiny,", "en: &a b,", 4, "got a reference"),
        ("en: Tiny,", "en: !!python/object:os.system b,", 4, "got a tag"),
        ("en: Tiny,", "en: [,", 4, "this is no YAML"),
        ("en: Tiny,", "en: Tiny?,", 4, r"a text with one of : \? #"),
        ("en: Tiny,", "en: \x07,", 4, "a control character"),
        ("steps:", "---\nsteps:", 6, "a second document"),
        ("steps:", "steps: []\nx:", 7, 'there is no key "x"'),
        ("#/dense_2/unit/3", "dense_2", 9, "expected a view such as"),
        ("unit/3", "unt/3", 9, 'cannot read "unt/3"'),
        ("test:5", "test:5&branch=7", 9, 'takes "input" and "step" alone, got "branch"'),
        ("test:5", "test:5&step=x", 9, 'expected a number of steps, got "x"'),
        ("test:5", "test:5&step=7", 9, "learned 0 steps .* no step=7"),
        ("(#/dense_2)", "(https://example.org)", 8, "expected a view such as"),
    ],
)
def test_what_is_wrong_has_its_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in TINY
    text = TINY.replace(old, new, 1)
    if not said:
        assert read(tmp_path, text).lesson.title.en == "2026-11-27", "a date is a text"
        return
    with pytest.raises(DataError, match=said) as raised:
        read(tmp_path, text)
    assert str(raised.value).startswith(f'"{tmp_path / "tiny.yaml"}", line {line}: ')
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("asked", "line", "said"),
    [
        (QUESTION, 11, 'expected "choices" or "number", got neither'),
        (QUESTION + "      choices:\n" + CHOICE.replace("RIGHT", "true"), 13, "two choices or more, got 1"),
        (QUESTION + "      choices:\n" + 2 * CHOICE.replace("RIGHT", "false"), 13, '"right: true", got none'),
        (QUESTION + "      choices:\n" + 2 * CHOICE.replace("RIGHT", "true"), 13, '"right: true", got 2'),
        (QUESTION + "      choices:\n" + 2 * CHOICE.replace("RIGHT", "3"), 14, "expected true or false"),
        (QUESTION + NUMBER.replace("VALUE", "dense_2["), 13, "expected a number of the run such as"),
        ("    claims:\n      - {value: loss}\n", 12, 'expected "min", "max" or both'),
    ],
)
def test_questions_and_claims_are_whole(tmp_path: Path, asked: str, line: int, said: str) -> None:
    with pytest.raises(DataError, match=f", line {line}: .*{said}"):
        read(tmp_path, TINY + asked)


def test_strange_files(tmp_path: Path) -> None:
    for text, said in (("", "the lesson is null"), ("[" * 5000, "lists within lists"), ("a" * 300_000, "256 kB")):
        with pytest.raises(DataError, match=said):
            read(tmp_path, text)
    (tmp_path / "tiny.yaml").write_bytes(TINY.encode().replace("小".encode(), b"\xff", 1))
    with pytest.raises(DataError, match="line 4: expected text in UTF-8"):
        read_lesson(tmp_path / "tiny.yaml")


def test_addresses() -> None:
    assert read_address("#/") == Address()
    assert read_address("#/?input=test:3") == Address(input="test:3")
    assert read_address("#/view/boundary") == Address(view="boundary")
    assert read_address("#/conv2d_1/filter/3/at/4,5?input=own:1") == Address("conv2d_1", (4, 5, 3), input="own:1")
    assert read_address("#/lstm_1/time/2/unit/7/term/1/product") == Address("lstm_1", (2, 7), 1)
    assert read_address("#/d(dense_1.kernel)/index/0,3") == Address("d(dense_1.kernel)", (0, 3))
    assert read_address("#/loss/index/") == Address("loss", ())
    assert read_value("dense_1.kernel[0, 3]") == ("dense_1.kernel", (0, 3))
    assert read_value("loss") == ("loss", ())


def test_the_shipped_ones_are_about_tasks_and_have_names_of_their_own() -> None:
    lessons = shipped()
    assert len(lessons) == len(list(FOLDER.glob("*"))) > 0
    assert len({lesson.name for lesson in lessons}) == len(lessons)
    assert all(lesson.task in TASKS for lesson in lessons)
    han = re.compile(r"[\u3400-\u9fff]")
    assert all(han.search(lesson.title.zh) and not han.search(lesson.title.en) for lesson in lessons)
