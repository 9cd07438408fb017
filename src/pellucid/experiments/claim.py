"""What a claim is: sentences, a measurement, a judgement by the numbers, a figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pellucid.messages import Message

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .trial import Trial

Numbers = dict[str, Any]
Word = Literal["supported", "not supported here", "undecided"]
Text = str | Message
"""What people read: as it is, or a message that can be said in each language."""


@dataclass(frozen=True)
class Verdict:
    """What the numbers say of a claim, and in one sentence why."""

    word: Word
    because: Text


@dataclass(frozen=True)
class Table:
    """The key numbers for people: the heads of the columns, and rows of text."""

    columns: Sequence[Text]
    rows: Sequence[Sequence[Text]]


class Claim(ABC):
    """A claim that an experiment can refute. Subclass it, one class a file:

        class Deeper(Claim):
            statement = "Two hidden layers learn the spirals better than one."
            source = "A textbook, chapter 3"
            refuted_if = "the difference in test accuracy, with its 95 % interval, lies below 0"
            setup = "five seeds, 2,000 parameters each, the learning rate chosen on validation data"

            def measure(self, trial): …   # plain numbers in dicts and lists
            def judge(self, numbers): …   # a Verdict, from the numbers alone
            def table(self, numbers): …   # a Table
            def draw(self, numbers): …    # a matplotlib figure

    `judge`, `table` and `draw` see what stands in the JSON file, so that a reader of the file can call them again.

    Attributes:
        statement: the claim in a sentence.
        source: who makes it.
        refuted_if: what would refute it.
        setup: what is varied, what is equal, and how many times it is repeated.
        takes_series: whether it also looks at a time series of the user's own, `trial.series`.
    """

    statement: ClassVar[Text]
    source: ClassVar[Text]
    refuted_if: ClassVar[Text]
    setup: ClassVar[Text]
    takes_series: ClassVar[bool] = False

    @abstractmethod
    def measure(self, trial: Trial) -> Numbers:
        """Run the experiment: numbers, texts, True, False and None in dicts with texts as keys, and lists."""

    @abstractmethod
    def judge(self, numbers: Numbers) -> Verdict:
        """The verdict, a pure function of the numbers."""

    @abstractmethod
    def table(self, numbers: Numbers) -> Table:
        """The key numbers."""

    @abstractmethod
    def draw(self, numbers: Numbers) -> Figure:
        """The figure."""


SENTENCES = ("statement", "source", "refuted_if", "setup")
"""The attributes that every claim has to state."""
