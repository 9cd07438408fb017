"""Exercises: every topic draws problems whose answer is the engine's and whose wrong answers can be told from it."""

from __future__ import annotations

import html.parser
import itertools
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.errors import DataError, PellucidError
from pellucid.exercises import TOPICS, Exercise, document, exercise
from pellucid.exercises.rendering import Grid, Text

SEEDS = range(4)
Given = dict[str, np.ndarray[Any, Any]]


def grids(problem: Exercise) -> Given:
    """The numbers that a question gives, by their names."""
    return {
        block.name: np.array([[float(cell.replace("−", "-")) for cell in row] for row in block.rows])
        for block in problem.question
        if isinstance(block, Grid)
    }


def asked(problem: Exercise) -> str:
    return " ".join(block.message.text() for block in problem.question if isinstance(block, Text))


@pytest.mark.parametrize("topic", TOPICS)
def test_answers_and_slips_can_be_told_apart(topic: str) -> None:
    for seed in SEEDS:
        problem = exercise(topic, seed=seed)
        assert problem == exercise(topic, seed=seed)
        texts = [choice.text for choice in problem.choices]
        assert len(texts) == len(set(texts)) >= 4
        assert [choice.reason for choice in problem.choices].count(None) == 1
        assert problem.check(problem.answer).right
        assert problem.check(problem.rounded(problem.answer)).right
        for choice in problem.choices:
            for answer in (choice.letter, choice.text, choice.text.replace(".", ",").replace("-", "−"), choice.value):
                verdict = problem.check(answer)
                assert verdict.right is (choice.reason is None)
                assert choice.reason is None or str(choice.reason) in str(verdict)
    assert exercise(topic, seed=1) != exercise(topic, seed=2)


def test_an_answer_that_nobody_knows_and_one_that_is_none() -> None:
    problem = exercise("neuron", seed=1)
    assert "no slip known here" in str(problem.check(77.0))
    with pytest.raises(DataError, match=r'expected a number or one of the letters a, b, c, .*, got "one half"'):
        problem.check("one half")
    with pytest.raises(PellucidError, match=r'there is no topic "neurons".* Did you mean "neuron"'):
        exercise("neurons")


def test_a_neuron_by_plain_arithmetic() -> None:
    for seed in range(6):
        problem = exercise("neuron", seed=seed)
        given = grids(problem)
        z = (given["x"] @ given["w"].T + given["b"]).item()
        assert problem.answer == pytest.approx(1 / (1 + math.exp(-z)) if "sigmoid" in asked(problem) else math.tanh(z))


def test_sizes_by_counting_places() -> None:
    for seed in range(8):
        problem = exercise("size", seed=seed)
        k, _, n, _, s, p = (int(number) for number in re.findall(r"\d+", asked(problem)))
        assert problem.answer == len(range(0, n + 2 * p - k + 1, s))


def test_a_kernel_slid_by_loops() -> None:
    for seed in range(8):
        problem = exercise("convolution", seed=seed)
        given = grids(problem)
        s, p, b, i, j, _ = (int(number) for number in re.findall(r"-?\d+", asked(problem)))
        x, k = np.pad(given["x"], p), given["k"]
        total = b
        for u, v in itertools.product(*map(range, k.shape)):
            total += x[i * s + u, j * s + v] * k[u, v]
        assert problem.answer == total


def test_backpropagation_by_differences() -> None:
    for seed in range(4):
        problem = exercise("backprop", seed=seed)
        given = grids(problem)
        found = re.search(r"rate ([\d.]+)\. .* w\[(\d),(\d)\]", asked(problem))
        assert found is not None
        rate, at, kind = float(found[1]), (int(found[2]), int(found[3])), "activation tanh" in asked(problem)

        def loss(by: float, given: Given = given, at: tuple[int, int] = at, tanh: bool = kind) -> float:
            w = given["dense_1.kernel"].copy()
            w[at] += by
            z = given["x"] @ w + given["dense_1.bias"]
            hidden = np.tanh(z) if tanh else 1 / (1 + np.exp(-z))
            p = 1 / (1 + np.exp(-(hidden @ given["dense_2.kernel"] + given["dense_2.bias"])))
            return float(((p - given["y"]) ** 2).item())

        slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
        expected = given["dense_1.kernel"][at] - rate * slope
        assert problem.answer == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("topic", TOPICS)
def test_both_languages_have_the_same_numbers(topic: str) -> None:
    problem = exercise(topic, seed=3)
    english, chinese = (problem.text(solution=True, language=language) for language in ("en", "zh"))
    assert re.search("[\u3400-\u9fff]", chinese)
    numbers = [sorted(re.findall(r"−?\d+\.\d+", text)) for text in (english, chinese)]
    assert numbers[0] == numbers[1]
    assert "Solution" in english and "Solution" not in problem.text()
    right = next(choice for choice in problem.choices if choice.reason is None)
    assert f"Answer: {right.text} ({right.letter})." in english


class Tags(html.parser.HTMLParser):
    """Checks that tags close in order, and collects what a page would ask other machines for."""

    void = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.asked += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    problems = [exercise(topic, seed=2) for topic in TOPICS]
    text = document(problems, "html", solution=True)
    tags = Tags()
    tags.feed(text)
    assert tags.open == [] and tags.asked == []
    assert "url(" not in text and "@import" not in text and "<script" not in text
    assert text.count("<section>") == 2 * len(TOPICS)
    with pytest.raises(DataError, match='expected the form md, tex, html, got "pdf"'):
        document(problems, "pdf")


def test_latex_is_whole(tmp_path: Path) -> None:
    problems = [exercise(topic, seed=seed) for topic in TOPICS for seed in (0, 1)]
    text = document(problems, "tex", solution=True)
    assert text.isascii(), sorted({sign for sign in text if not sign.isascii()})
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    assert text.count(r"\[") == text.count(r"\]")
    assert text.replace(r"\{", "").count("{") == text.replace(r"\}", "").count("}")
    assert all(line.count("$") % 2 == 0 for line in text.splitlines())
    assert r"\documentclass[UTF8]{ctexart}" in problems[0].latex(language="zh")
    if shutil.which("pdflatex"):
        (tmp_path / "e.tex").write_text(text, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "e.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
        assert done.returncode == 0, done.stdout[-3000:]
