"""A lesson is held to the network it is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pellucid.lab.gallery import build
from pellucid.lab.lessons.lesson_check import check_lesson
from pellucid.lab.lessons.lesson_examples import inputs_of, renamed
from pellucid.lab.lessons.lesson_file import read_lesson
from pellucid.lab.lessons.shipped import FOLDER

PAGE = Path(__file__).parents[3] / "docs" / "lessons.md"


def documented(folder: Path, *changes: tuple[str, str]) -> Path:
    """The lesson that the documentation shows, changed."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (text,) = (block for block in blocks if block.startswith("lesson: 1"))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "spirals.yaml").write_text(text, encoding="utf-8")
    return folder / "spirals.yaml"


def test_the_documented_lesson_fits(tmp_path: Path) -> None:
    file = read_lesson(documented(tmp_path))
    steps: list[tuple[int, int]] = []
    assert check_lesson(file, build("spirals"), lambda *at: steps.append(at)) == []
    assert steps == [(k, 500) for k in range(0, 501, 100)]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_shipped_ones_fit(path: Path) -> None:
    file = read_lesson(path)
    assert file.lesson.task is not None
    assert check_lesson(file, build(file.lesson.task)) == []


def test_what_does_not_fit_has_its_line(tmp_path: Path) -> None:
    changes = [
        ("train: 500", "train: 2"),
        ("#/view/boundary?input=test:0", "#/view/boundry"),
        ("#/dense_1.bias/index/3", "#/dense_1.bias/index/33"),
        ("#/dense_1/unit/3", "#/dense_1/unit/3/term/7?input=test:7000"),
        ("dense_1[3]", "dense_7[3]"),
        ("#/dense_3", "#/dense_4?input=test:0"),
        ("max: 1}", "max: -1}"),
    ]
    path = documented(tmp_path, *changes)
    said = check_lesson(read_lesson(path), build("spirals"))
    lines = path.read_text(encoding="utf-8").splitlines()

    def located(text: str) -> str:
        (line,) = (k for k, one in enumerate(lines, 1) if text in one)
        return f'"{path}", line {line}: '

    assert any(s.startswith(located("boundry")) and 'there is no view "boundry"' in s for s in said)
    assert any(s.startswith(located("term/7")) and "test:7000" in s for s in said)
    assert any(s.startswith(located("#/dense_4")) and '"dense_4"' in s for s in said)
    assert any(s.startswith(located("max: -1")) and "after 2 steps" in s and "at most -1" in s for s in said)


def test_its_examples_go_by_their_names_in_a_file(tmp_path: Path) -> None:
    lesson = read_lesson(documented(tmp_path, ("#/dense_1.bias/index/3", "#/dense_1?input=train:4"))).lesson
    assert inputs_of(lesson) == {"test:0", "train:4"}
    told = renamed(lesson, {"test": {"test:0": "test:9"}, "train": {"train:4": "train:1"}})
    assert told["steps"][0]["view"] == "#/view/boundary?input=test:9"
    assert "(#/dense_1?input=train:1)" in told["steps"][1]["text"]["en"]
