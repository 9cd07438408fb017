"""The lessons that come with Pellucid."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pellucid.lab.lessons.lesson_file import read_lesson
from pellucid.lab.protocol.lessons import Lesson

FOLDER = Path(__file__).parent / "files"


@cache
def shipped() -> tuple[Lesson, ...]:
    """Those of the gallery's tasks, in the order in which they are offered: the first is for who begins."""
    return tuple(read_lesson(path).lesson for path in sorted(FOLDER.glob("*.yaml")))
