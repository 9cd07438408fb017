"""An exercise: a question with small numbers, its answer, and the numbers that classic slips give instead."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.errors import DataError
from pellucid.exercises.rendering import Block, Text, html, markdown, tex
from pellucid.messages import Message, gettext

LETTERS = "abcdefg"
FORMATS = ("md", "tex", "html")


@dataclass(frozen=True)
class Slip:
    """A wrong number, and the slip that gives it."""

    value: float
    reason: Message


@dataclass(frozen=True)
class Choice:
    """One of the answers to choose from; `reason` is the slip that gives it, None for the right one."""

    letter: str
    text: str
    value: float
    reason: Message | None


@dataclass(frozen=True)
class Verdict:
    """What became of an answer."""

    right: bool
    message: Message

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True)
class Exercise:
    """A problem to be worked by hand.

    Attributes:
        topic, seed: what it was drawn by; the same two give the same exercise.
        question: its text, formulas and tables.
        answer: the engine's number.
        digits: how many decimals are asked for.
        slips: wrong numbers with the slip that gives each, all apart from the answer and from each other at these
            digits.
        steps: the solution, from the question to the answer.
    """

    topic: str
    seed: int
    question: tuple[Block, ...]
    answer: float
    digits: int
    slips: tuple[Slip, ...]
    steps: tuple[Block, ...]

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The answer among the numbers that slips give, in an order that does not betray it."""
        numbers: list[tuple[float, Message | None]] = [(self.answer, None)]
        numbers += [(slip.value, slip.reason) for slip in self.slips[: len(LETTERS) - 1]]
        random.Random(f"choices {self.topic} {self.seed}").shuffle(numbers)
        return tuple(
            Choice(letter, self.rounded(value), value, reason)
            for letter, (value, reason) in zip(LETTERS, numbers, strict=False)
        )

    @property
    def tolerance(self) -> float:
        """How far an answer may be from the engine's: one unit of the last decimal, for who rounded on the way."""
        return 10.0**-self.digits if self.digits else 0.0

    def rounded(self, value: float) -> str:
        """A number at the digits that are asked for."""
        text = f"{value:.{self.digits}f}"
        return text.removeprefix("-") if float(text) == 0 else text

    @property
    def solution(self) -> tuple[Block, ...]:
        """The steps, the answer, and what each of the wrong choices comes from."""
        right = next(choice for choice in self.choices if choice.reason is None)
        ends = [Text(gettext("Answer: {answer} ({letter}).", answer=right.text, letter=right.letter))]
        for choice in self.choices:
            if choice.reason is not None:
                what = gettext("({letter}) {value}: {slip}.")
                ends.append(Text(what.filled(letter=choice.letter, value=choice.text, slip=choice.reason)))
        return (*self.steps, *ends)

    def check(self, answer: float | str) -> Verdict:
        """Whether an answer, a number or the letter of a choice, is right; if not, which slip gives it.

        Raises:
            DataError: neither a number nor a letter.
        """
        number = self._number(answer)
        if abs(number - self.answer) <= self.tolerance * (1 + 1e-9):
            return Verdict(True, gettext("Right: {answer}.", answer=self.rounded(self.answer)))
        near = min(self.slips, key=lambda slip: abs(slip.value - number))
        given = self.rounded(number)
        if abs(number - near.value) <= self.tolerance * (1 + 1e-9):
            return Verdict(False, gettext("Not right. {given}: {slip}.", given=given, slip=near.reason))
        return Verdict(False, gettext("Not right, and {given} is what no slip known here gives.", given=given))

    def _number(self, answer: float | str) -> float:
        for choice in self.choices:
            if isinstance(answer, str) and answer.strip().lower() == choice.letter:
                return choice.value
        try:
            number = float(answer.strip().replace(",", ".").replace("−", "-") if isinstance(answer, str) else answer)
        except ValueError:
            number = float("nan")
        if not abs(number) < float("inf"):
            letters = ", ".join(choice.letter for choice in self.choices)
            raise DataError(f'expected a number or one of the letters {letters}, got "{answer}".')
        return number

    def text(self, *, solution: bool = False, language: str = "en") -> str:
        """The exercise in Markdown."""
        return document([self], "md", solution=solution, language=language)

    def latex(self, *, solution: bool = False, language: str = "en") -> str:
        """The exercise as a document of LaTeX."""
        return document([self], "tex", solution=solution, language=language)

    def html(self, *, solution: bool = False, language: str = "en") -> str:
        """The exercise as a page of its own."""
        return document([self], "html", solution=solution, language=language)

    def _repr_markdown_(self) -> str:
        return self.text()

    def __str__(self) -> str:
        return self.text()


def document(exercises: Sequence[Exercise], form: str = "md", *, solution: bool = False, language: str = "en") -> str:
    """Exercises as one document, the solutions after all of them.

    Args:
        form: "md" (Markdown), "tex" (LaTeX) or "html".
        solution: whether the solutions are given too.
        language: "en" or "zh".

    Raises:
        DataError: another form.
    """
    if form not in FORMATS:
        raise DataError(f'expected the form {", ".join(FORMATS)}, got "{form}".')
    writer = {"md": markdown, "tex": tex, "html": html}[form]
    parts: list[tuple[Message, Sequence[Block], Sequence[str]]] = []
    for number, exercise in enumerate(exercises, start=1):
        head = gettext("Exercise {number}", number=number) if len(exercises) > 1 else gettext("Exercise")
        choices = [f"({choice.letter}) {choice.text}" for choice in exercise.choices]
        parts.append((head, exercise.question, choices))
    if solution:
        for number, exercise in enumerate(exercises, start=1):
            head = gettext("Solution {number}", number=number) if len(exercises) > 1 else gettext("Solution")
            parts.append((head, exercise.solution, ()))
    return writer(parts, language)
