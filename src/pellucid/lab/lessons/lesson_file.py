"""A lesson's file: read, and refused in one sentence with its line where anything is wrong with it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pellucid.errors import DataError
from pellucid.lab.lessons import marked_yaml
from pellucid.lab.lessons.addresses import read_address, read_value
from pellucid.lab.lessons.marked_yaml import Marked
from pellucid.lab.protocol.lessons import Both, Lesson, Question
from pellucid.lab.protocol.reading import sentence
from pellucid.messages import gettext

MAX_BYTES = 1 << 18
_LINK = re.compile(r"\[([^\[\]]+)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
_KEY = re.compile(r'there is no key "(.*?)", expected')

Problem = tuple[marked_yaml.Path, str]


@dataclasses.dataclass(frozen=True)
class LessonFile:
    """A lesson, and where its parts stand in the file."""

    path: Path
    lesson: Lesson
    marked: Marked

    def located(self, problem: Problem) -> str:
        """A sentence with its file and line."""
        where, said = problem
        return f'"{self.path}", line {self.marked.line(where)}: {said}'


def read_lesson(path: str | os.PathLike[str]) -> LessonFile:
    """A lesson's file.

    Raises:
        DataError: it is no lesson; the sentence has the file and the line.
        OSError: it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f'"{path}" has more than {MAX_BYTES // 1024} kB, expected a lesson')
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise DataError(f'"{path}", line {line}: expected text in UTF-8, got the byte {content[error.start]}') from None
    try:
        marked = Marked(text)
    except DataError as error:
        raise DataError(f'"{path}", {error}') from None
    read = LessonFile(path, _converted(path, marked), marked)
    for problem in problems(read.lesson):
        raise DataError(read.located(problem))
    return read


def _converted(path: Path, marked: Marked) -> Lesson:
    try:
        return msgspec.convert(marked.data, Lesson)
    except msgspec.ValidationError as error:
        found = re.search(r"`\$([^`]*)`$", str(error))
        steps = re.findall(r"[^.\[\]]+", found[1]) if found else []
        place: tuple[str | int, ...] = tuple(int(step) if step.isdecimal() else step for step in steps)
        kind: Any = msgspec.inspect.type_info(Lesson)
        said = str(sentence(marked.data, kind, steps, gettext("the lesson"), part=gettext("key")))
        if (key := _KEY.match(said)) is not None:  # in what is wrong, or in something around it
            around = (place[:n] for n in range(len(place) + 1))
            place = next((one for each in around if (one := (*each, key[1])) in marked.lines), place)
        raise DataError(f'"{path}", line {marked.line(place)}: {said}') from None


def links(text: Both) -> Iterator[tuple[str, str]]:
    """The language and the address of each link in a text."""
    for language in ("en", "zh"):
        for link in _LINK.finditer(getattr(text, language)):
            yield language, link[2]


def texts(lesson: Lesson) -> Iterator[tuple[marked_yaml.Path, Both]]:
    """Every text of a lesson, by its path."""
    yield ("title",), lesson.title
    yield ("about",), lesson.about
    for k, step in enumerate(lesson.steps):
        at = ("steps", k)
        yield (*at, "title"), step.title
        yield (*at, "text"), step.text
        if step.do is not None:
            yield (*at, "do"), step.do
        if step.question is not None:
            for path, text in _asked(step.question):
                yield (*at, "question", *path), text


def _asked(question: Question) -> Iterator[tuple[marked_yaml.Path, Both]]:
    yield ("text",), question.text
    for k, choice in enumerate(question.choices):
        yield ("choices", k, "text"), choice.text
        yield ("choices", k, "answer"), choice.answer
    if question.number is not None:
        yield ("number", "right"), question.number.right
        yield ("number", "wrong"), question.number.wrong


def problems(lesson: Lesson) -> Iterator[Problem]:
    """What is wrong with a lesson, whatever network it is about."""
    for path, text in texts(lesson):
        for language, address in links(text):
            if (said := _refused(read_address, address) or _untaken(lesson, address)) is not None:
                yield (*path, language), said
    for k, step in enumerate(lesson.steps):
        at = ("steps", k)
        if step.view and (said := _refused(read_address, step.view) or _untaken(lesson, step.view)) is not None:
            yield (*at, "view"), said
        for c, claim in enumerate(step.claims):
            if (said := _refused(read_value, claim.value)) is not None:
                yield (*at, "claims", c, "value"), said
            if claim.min is None and claim.max is None:
                yield (*at, "claims", c), 'expected "min", "max" or both, which the number lies between, got neither'
        if step.question is not None:
            for path, said in _question(step.question):
                yield (*at, "question", *path), said


def _question(question: Question) -> Iterator[Problem]:
    choices, number = question.choices, question.number
    if (number is None) == (not choices):
        yield (), f'expected "choices" or "number", got {"both" if choices else "neither"}'
    elif choices:
        right = sum(choice.right for choice in choices)
        if len(choices) < 2:
            yield ("choices",), "expected two choices or more, got 1"
        if right != 1:
            yield ("choices",), f'expected one choice with "right: true", got {right or "none"}'
    elif number is not None and (said := _refused(read_value, number.value)) is not None:
        yield ("number", "value"), said


def _untaken(lesson: Lesson, address: str) -> str | None:
    """Why the step of an address is none that the network has learned."""
    step = read_address(address).step
    if step is None or step <= lesson.train:
        return None
    return f'the network has learned {lesson.train} steps ("train"), so there is no step={step}'


def _refused(read: Any, text: str) -> str | None:
    try:
        read(text)
    except DataError as error:
        return str(error)
    return None
