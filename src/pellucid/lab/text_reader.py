"""How a network reads texts: by a `Vocabulary`, or by the `TextVectorization` that it begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import TextVectorization, Vocabulary

Array = NDArray[Any]


@dataclass(frozen=True)
class TextReader:
    """The rules by which a text becomes tokens and their numbers.

    Attributes:
        rules: what makes them.
        symbols: the token of each number; "" is padding.
        split: where a text is split: "char", "word", "whitespace" or "none".
        lower, strip: whether capitals become small letters, and punctuation is left out.
        unknown: the number of a token that is not known.
        filler: the number that stands where a text is too short.
        from_start: whether of a long text the beginning is read, and fillers stand behind a short one; else its end is
            read, and fillers stand before.
    """

    rules: Vocabulary | TextVectorization
    symbols: tuple[str, ...]
    split: str
    lower: bool
    strip: bool
    unknown: int
    filler: int
    from_start: bool

    @classmethod
    def of(cls, rules: Any) -> TextReader | None:
        """The reader by these rules; None where they make no tokens in their order."""
        if isinstance(rules, Vocabulary):
            char = rules.by == "char"
            blank = int(rules.encode("\n")[0]) if char else 0
            return cls(rules, rules.tokens, rules.by, rules.lower, False, 0, blank, False)
        if not isinstance(rules, TextVectorization) or rules.output_mode != "int":
            return None
        how = rules.standardize or ""
        split = {"character": "char", None: "none"}.get(rules.split, rules.split) or "none"
        symbols = tuple(rules.get_vocabulary())
        return cls(rules, symbols, split, how.startswith("lower"), "strip" in how, 1, 0, True)

    def encode(self, text: str) -> Array:
        """The numbers of a text's tokens, (tokens,) int64: all of them, and no filler."""
        if isinstance(self.rules, Vocabulary):
            return self.rules.encode(text)
        places = {token: place for place, token in enumerate(self.symbols)}
        return np.array([places.get(token, self.unknown) for token in self.rules.tokens(text)], np.int64)

    def fitted(self, ids: Array, length: int) -> Array:
        """As many numbers as the network reads at once."""
        short = np.full(max(0, length - len(ids)), self.filler, np.int64)
        return np.concatenate([ids[:length], short] if self.from_start else [short, ids[-length:]])

    def decode(self, ids: Array) -> str:
        """The text that numbers stand for, without padding."""
        if isinstance(self.rules, Vocabulary):
            return self.rules.decode(ids)
        tokens = [self.symbol(i) for i in ids.reshape(-1).tolist()]
        return ("" if self.split == "char" else " ").join(token for token in tokens if token)

    def symbol(self, number: int) -> str:
        """The token of a number; the number itself where an embedding has more entries than there are tokens."""
        return self.symbols[number] if number < len(self.symbols) else str(number)
