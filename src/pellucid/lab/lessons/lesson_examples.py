"""The examples that a lesson is about, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import to_builtins

from pellucid.lab.lessons.addresses import read_address
from pellucid.lab.lessons.lesson_file import links, texts
from pellucid.lab.protocol.lessons import Lesson

_INPUT = re.compile(r"(?<=[?&]input=)(?:train|test)(?::|%3A)\d+", re.IGNORECASE)


def step_inputs(lesson: Lesson, first: str) -> list[str]:
    """The example that each step is about: that of its view, or of the last view before it that has one, or `first`."""
    inputs = []
    for step in lesson.steps:
        first = (read_address(step.view).input if step.view else None) or first
        inputs.append(first)
    return inputs


def step_moments(lesson: Lesson) -> list[int]:
    """How many steps the network has learned at each step: as its view says, or the last view before it that does."""
    moments, now = [], lesson.train
    for step in lesson.steps:
        said = read_address(step.view).step if step.view else None
        now = now if said is None else said
        moments.append(now)
    return moments


def inputs_of(lesson: Lesson) -> set[str]:
    """Every example that a lesson's views and links name."""
    views = [step.view for step in lesson.steps if step.view]
    addresses = [*views, *(address for _, text in texts(lesson) for _, address in links(text))]
    return {given for address in addresses if (given := read_address(address).input) is not None}


def renamed(lesson: Lesson, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A lesson as JSON, whose views and links call each example what it is called in a file, by set and name."""
    known = {old: new for every in names.values() for old, new in every.items()}

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(item) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item) for item in value]
        if isinstance(value, str):
            return _INPUT.sub(lambda found: known.get(found[0].replace("%3A", ":"), found[0]), value)
        return value

    plain: dict[str, Any] = put(to_builtins(lesson))
    return plain
