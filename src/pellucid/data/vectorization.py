"""Texts as inputs of a network: the vocabulary of many short texts, and their rows of numbers."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_integer
from ..errors import DataError, ModelFileError, nearest
from .text import UNKNOWN, Vocabulary, tokenize

KEY = "text_vectorization"
"""The entry of a network's metadata that holds a `TextVectorization`."""
PADDING, OOV = "", "[UNK]"
STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLIT = ("whitespace", "character", "word")
OUTPUT_MODES = ("int", "multi_hot", "count")
_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")


class TextVectorization:
    """Texts become rows of numbers, as Keras's layer of this name makes them; it is saved with the network.

        words = pl.TextVectorization(max_tokens=1000, output_sequence_length=20).adapt(texts)
        net = pl.Network(
            words,
            pl.Embedding(words.vocabulary_size(), 16, mask_zero=True),
            pl.GlobalAveragePool(),
            pl.Dense(1, activation="sigmoid"),
        )
        net.fit(texts, labels, epochs=20)
        net.save("reviews.safetensors")
        pl.load("reviews.safetensors").predict(["a text", "another"])

    In a row of integers, 0 is padding and 1 a token that the vocabulary lacks ("[UNK]"); tokens begin at 2, the most
    frequent first. In the other modes there is no padding, and the vocabulary begins with "[UNK]".

    Args:
        max_tokens: the maximum size of the vocabulary, padding and "[UNK]" included; all tokens by default.
        standardize: "lower_and_strip_punctuation" (ASCII's), "lower", "strip_punctuation", or None.
        split: "whitespace"; "character"; "word", words and marks of punctuation by the rules of Unicode (UAX #29), as
            `pellucid train TEXT --by word` reads; or None, which takes a text for one token.
        output_mode: "int", the tokens in their order, (n, length) int64; "multi_hot" (n, vocabulary) float32, 1 for
            each token that the text has; or "count", how often it has each.
        output_sequence_length: the length of the rows of integers: longer texts are cut off, shorter ones padded. By
            default as long as the longest text of a call, for networks with `Input((None,))`.
        vocabulary: the tokens, without padding and "[UNK]", in place of `adapt`.

    Raises:
        DataError: options of other values.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | None = "lower_and_strip_punctuation",
        split: str | None = "whitespace",
        *,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        vocabulary: Sequence[str] | None = None,
    ) -> None:
        self.max_tokens = None if max_tokens is None else check_integer(max_tokens, "max_tokens", minimum=3)
        self.standardize = _choice("standardize", standardize, STANDARDIZE, none=True)
        self.split = _choice("split", split, SPLIT, none=True)
        self.output_mode = str(_choice("output_mode", output_mode, OUTPUT_MODES))
        if output_sequence_length is not None:
            if output_mode != "int":
                raise DataError(f'output_sequence_length belongs to output_mode="int", got "{output_mode}".')
            output_sequence_length = check_integer(output_sequence_length, "output_sequence_length", minimum=1)
        self.output_sequence_length = output_sequence_length
        self._vocabulary: Vocabulary | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    def adapt(self, data: Any, *, min_count: int = 1) -> Self:
        """Take the vocabulary of texts: a list, an array or a column of them, or what gives them in batches.

        Args:
            min_count: how often a token has to occur to be in it.

        Raises:
            DataError: no texts.
        """
        tokens = [token for text in _each_text(data) for token in self.tokens(text)]
        size = None if self.max_tokens is None else self.max_tokens - 1
        if not tokens:
            raise DataError("the texts hold no words, expected some to take the vocabulary from.")
        self._vocabulary = Vocabulary.fit(tokens, max_size=size, min_count=min_count)
        return self

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text, standardized and split."""
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            text = text.lower()
        if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            text = _PUNCTUATION.sub("", text)
        if self.split == "whitespace":
            return text.split()
        if self.split is None:
            return [text]
        return tokenize(text, by="char" if self.split == "character" else "word", lower=False)

    def __call__(self, texts: Any) -> NDArray[Any]:
        """The rows of texts, as `output_mode` says; of a single text, one row.

        Raises:
            DataError: no texts, or no vocabulary yet.
        """
        if isinstance(texts, str):
            row: NDArray[Any] = self([texts])[0]
            return row
        known = self._known()
        rows = [known.encode(self.tokens(text)) for text in _each_text(texts)]
        if not rows:
            raise DataError("there are no texts, expected at least one.")
        if self.output_mode == "int":
            longest = max(1, max(map(len, rows)))
            length = self.output_sequence_length or longest
            ids = np.zeros((len(rows), length), dtype=np.int64)
            for place, row in enumerate(rows):
                ids[place, : len(row)] = row[:length] + 1
            return ids
        hot = np.zeros((len(rows), len(known)), dtype=np.float32)
        for place, row in enumerate(rows):
            if self.output_mode == "count":
                np.add.at(hot[place], row, 1)
            else:
                hot[place, row] = 1
        return hot

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens by number: padding "" and "[UNK]" first, unless they are left out."""
        tokens = list(self._known().tokens[1:])
        if not include_special_tokens:
            return tokens
        return [*([PADDING] if self.output_mode == "int" else []), OOV, *tokens]

    def set_vocabulary(self, vocabulary: Sequence[str]) -> None:
        """Take these tokens, in this order; padding "" and "[UNK]" may stand in front.

        Raises:
            DataError: tokens that are no texts or come twice, or more than `max_tokens`.
        """
        if isinstance(vocabulary, str) or not all(isinstance(token, str) for token in vocabulary):
            raise DataError("the vocabulary is no list of texts, expected one such as ['a', 'film'].")
        tokens = list(vocabulary)
        for special in (PADDING, OOV):
            if tokens[:1] == [special]:
                del tokens[0]
        size = len(tokens) + 1 + (self.output_mode == "int")
        if self.max_tokens is not None and size > self.max_tokens:
            raise DataError(f"the vocabulary has {size} tokens, expected at most max_tokens={self.max_tokens}.")
        self._vocabulary = Vocabulary((UNKNOWN, *tokens))

    def vocabulary_size(self) -> int:
        """How many tokens there are, padding and "[UNK]" included: the `input_dim` of an embedding."""
        return len(self.get_vocabulary())

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of one row, as a network takes it."""
        return (self.output_sequence_length,) if self.output_mode == "int" else (self.vocabulary_size(),)

    def metadata(self) -> dict[str, Any]:
        """As JSON, to be put into ``Network.metadata``; a network that begins with this object has it already."""
        return {
            KEY: {
                "max_tokens": self.max_tokens,
                "standardize": self.standardize,
                "split": self.split,
                "output_mode": self.output_mode,
                "output_sequence_length": self.output_sequence_length,
                "vocabulary": self.get_vocabulary(include_special_tokens=False),
            }
        }

    @classmethod
    def of(cls, source: Any) -> TextVectorization | None:
        """That of a network or of its metadata; None where there is none.

        Raises:
            ModelFileError: metadata of another form, as a damaged or foreign file may hold it.
        """
        metadata = source if isinstance(source, Mapping) else getattr(source, "metadata", {})
        entry = metadata.get(KEY)
        if entry is None:
            return None
        try:
            if not isinstance(entry["vocabulary"], list):
                raise TypeError("its vocabulary is no list")
            return cls(**entry)
        except (DataError, KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(
                f'the model\'s metadata "{KEY}" is damaged ({error}): train the model again.'
            ) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextVectorization) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        size = "not adapted" if self._vocabulary is None else f"{self.vocabulary_size():,} tokens"
        length = "" if self.output_sequence_length is None else f", length {self.output_sequence_length}"
        return f"TextVectorization({self.output_mode}, by {self.split}{length}, {size})"

    def _known(self) -> Vocabulary:
        if self._vocabulary is None:
            raise DataError("the TextVectorization has no vocabulary yet: call adapt(texts), or give vocabulary=[…].")
        return self._vocabulary


def _each_text(data: Any) -> Iterable[str]:
    """The texts of a list, an array (n,) or (n, 1), a column, or of what gives such in turn."""
    if isinstance(data, str):
        raise DataError(f'expected a list of texts, got the text "{data[:40]}": put it into a list.')
    for part in data:
        if hasattr(part, "as_py"):  # Arrow's
            part = part.as_py()
        if isinstance(part, bytes):
            yield part.decode()
        elif isinstance(part, str):
            yield part
        elif part is None or isinstance(part, float):
            raise DataError(f"expected texts, got {part!r}: give an empty text where there is none.")
        elif hasattr(part, "__iter__"):
            yield from _each_text(part)
        else:
            raise DataError(f"expected texts, got {type(part).__name__}: {part!r:.60}.")


def _choice(what: str, value: Any, choices: Sequence[str], *, none: bool = False) -> str | None:
    if (value is None and none) or (isinstance(value, str) and value in choices):
        return value
    listed = ", ".join(f'"{choice}"' for choice in choices) + (" or None" if none else "")
    if callable(value):
        raise DataError(
            f"{what} is a function, which a model file cannot hold, expected {listed}: change the texts first."
        )
    raise DataError(f"{what} is {value!r}, expected {listed}.{nearest(str(value), choices)}")
