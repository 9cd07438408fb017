"""A text of a person's own, of which the network learns what comes next."""

from __future__ import annotations

from pathlib import PurePosixPath

from pellucid.data import Vocabulary, split_tail, text_windows
from pellucid.data.text import text_in, tokenize, unspaced
from pellucid.default_layers import TEXT_HABITS, TEXT_RATE, reading_layers
from pellucid.errors import DataError
from pellucid.functions.learning.optimizers import Adam
from pellucid.lab.edit.plain_code import literal
from pellucid.lab.own_data.beginning import Beginning
from pellucid.lab.protocol.requests import DataChoices
from pellucid.messages import Message, gettext

SHORTEST = 8
"""So many tokens are read at a time at least."""
MAX_TOKENS = 2_000_000
MAX_WORDS = 10_000
SHOWN = 240
"""Characters of the beginning."""


class OwnText:
    """A text, and what a person chose of it.

    Raises:
        DataError: it is no text, or too short or too long.
    """

    def __init__(self, name: str, content: bytes, choices: DataChoices) -> None:
        self.name = PurePosixPath(name).name
        self.text = text_in(content, self.name)
        self.by = choices.by or "char"
        self.tokens = tokenize(self.text, by=self.by)
        self.habits = TEXT_HABITS[self.by]
        if len(self.tokens) > MAX_TOKENS:
            raise DataError(
                gettext(
                    '"{name}" has {count:,} characters or words, expected at most {most:,} in the lab: give a part of '
                    "it, or train in Python",
                    name=self.name,
                    count=len(self.tokens),
                    most=MAX_TOKENS,
                )
            )
        # a short text is read in shorter windows, of which the last tenth has to hold one
        longest = len(self.tokens) // 10 - 1
        self.length = choices.length or min(self.habits.length, max(longest, SHORTEST))
        self._longest = longest

    def beginning(self) -> Beginning:
        """The task that is begun with.

        Raises:
            DataError: too short for its windows, or one character alone.
        """
        if self.length > self._longest:
            raise DataError(
                gettext(
                    '"{name}" has {count} characters or words, expected at least {least} where {length} are read at a '
                    "time, as the last tenth is for testing: give a longer text, or read fewer at a time",
                    name=self.name,
                    count=len(self.tokens),
                    least=10 * (self.length + 1),
                    length=self.length,
                )
            )
        learned, tested = split_tail(self.tokens)
        vocabulary = Vocabulary.fit(learned, by=self.by, max_size=MAX_WORDS)
        if len(vocabulary) < 3:  # <unknown> and one other
            raise DataError(
                gettext(
                    '"{name}" has too few different characters or words to choose from: give another', name=self.name
                )
            )
        return Beginning(
            self.name,
            reading_layers(vocabulary),
            text_windows(vocabulary.encode(learned), self.length, step=self.habits.step(self.length)),
            text_windows(vocabulary.encode(tested), self.length),
            code=self.code(),
            optimizer=Adam(TEXT_RATE),
            batch_size=self.habits.batch_size(len(learned), self.length),
            vocabulary=vocabulary,
            metadata={"vocabulary": vocabulary.config()},
        )

    def code(self) -> str:
        """Python that makes `x`, `y` and `validation_data`."""
        return (
            f"text = pl.data.read_text({literal(self.name)})\n"
            f"learned, tested = pl.data.split_tail(pl.data.tokenize(text, by={literal(self.by)}))\n"
            f"vocabulary = pl.data.Vocabulary.fit(learned, by={literal(self.by)}, max_size={MAX_WORDS})\n"
            f"x, y = pl.data.text_windows(vocabulary.encode(learned), {self.length}, "
            f"step={self.habits.step(self.length)})\n"
            f"validation_data = pl.data.text_windows(vocabulary.encode(tested), {self.length})"
        )

    @property
    def excerpt(self) -> str:
        """How it begins."""
        return self.text[:SHOWN]

    def notes(self, begun: Beginning) -> list[Message]:
        """What was made of it, and what may surprise."""
        assert begun.vocabulary is not None
        counts = {"count": len(self.tokens), "different": len(begun.vocabulary) - 1}
        if self.by == "char":
            said = [gettext("{count:,} characters, {different} different ones.", **counts)]
        else:
            said = [gettext("{count:,} words and marks, {different} different ones that come twice.", **counts)]
            if unspaced(self.text) > 0.3:
                said.append(gettext("It has no spaces between its words: every character is read as a word."))
        return [*said, gettext("The network reads {length} at a time and learns what comes next.", length=self.length)]
