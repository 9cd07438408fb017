from __future__ import annotations

from pathlib import Path

from pellucid.exercises import TOPICS, exercise

from .conftest import Run


def test_the_topics_are_listed(run: Run) -> None:
    text = run("exercise", "list").output
    assert all(name in text for name in TOPICS)
    assert "反向传播" in run("exercise", "list", "--language", "zh").output


def test_the_command_line_draws_what_python_draws(run: Run) -> None:
    problem = exercise("delta", seed=7)
    assert run("exercise", "delta", "--seed", "7").output == problem.text()
    text = run("exercise", "delta", "--seed", "7", "--solution", "--format", "tex", "--language", "zh").output
    assert text == problem.latex(solution=True, language="zh")


def test_answers_are_checked(run: Run) -> None:
    problem = exercise("softmax", seed=7)
    right = next(choice for choice in problem.choices if choice.reason is None)
    assert run("exercise", "softmax", "--seed", "7", "--check", right.text).output == f"Right: {right.text}.\n"
    wrong = next(choice for choice in problem.choices if choice.reason is not None)
    for answer in (wrong.text, wrong.letter):
        said = run("exercise", "softmax", "--seed", "7", "--check", answer, code=1).output
        assert said == f"Not right. {wrong.text}: {wrong.reason}.\n"
    assert "不正确" in run("exercise", "softmax", "--seed", "7", "--check", "99", "--language", "zh", code=1).output
    said = run("exercise", "softmax", "--check", "one", code=2).output
    assert 'expected a number or one of the letters' in said  # fmt: skip


def test_several_are_written_in_the_form_of_the_file(run: Run, tmp_path: Path) -> None:
    assert run("exercise", "size", "--count", "3", "--solution", "--output", "size.html").output == "wrote size.html\n"
    text = (tmp_path / "size.html").read_text(encoding="utf-8")
    assert "Exercise 3" in text and "Solution 3" in text and text.startswith("<!doctype html>")
    run("exercise", "size", "--output", "size.txt")
    assert (tmp_path / "size.txt").read_text(encoding="utf-8") == exercise("size", seed=0).text()


def test_what_cannot_be_drawn_is_said(run: Run) -> None:
    said = run("exercise", "bakcprop", code=2).output
    assert 'there is no topic "bakcprop", expected list or one of neuron' in said and 'mean "backprop"' in said
    assert "leave --count out" in run("exercise", "size", "--count", "2", "--check", "3", code=2).output
