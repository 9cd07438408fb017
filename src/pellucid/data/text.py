"""Texts as numbers: the vocabulary of characters or words, and the windows in which a network reads.

The rules:
- by "char", every character is a token, line breaks included; case is kept unless ``lower`` is given;
- by "word", a token is a word or a mark of punctuation by the default rules of Unicode (UAX #29): don't, 3.14 and
  हिन्दी are one token each; spaces and line breaks are dropped; everything is lower-cased unless ``lower=False``, and
  letters with marks are composed (NFC);
- Chinese, Japanese, Thai, Lao, Khmer and Burmese have no spaces between words: by "word", nearly every character of
  theirs is a token of its own;
- a token that the vocabulary does not hold is ``<unknown>``, number 0.
"""

from __future__ import annotations

import importlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import regex
from numpy.typing import ArrayLike, NDArray

from ..arrays import as_array, check_integer
from ..errors import DataError, nearest
from ..files import list_folder, read_bytes, reason
from ..messages import gettext

Ids = NDArray[np.int64]

UNKNOWN = "<unknown>"
BY = ("char", "word")
_BOUNDARY = regex.compile(r"\b", regex.WORD | regex.VERSION1)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}。、，！？]")
_CLOSING, _OPENING = ".,;:!?)]}%…", "([{"
_CURLY = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


def tokenize(text: str, *, by: str = "char", lower: bool | None = None) -> list[str]:
    """The tokens of a text; the module states the rules."""
    _check_by(by)
    if by == "word" if lower is None else lower:
        text = text.lower()
    if by == "char":
        return list(text)
    return [part for part in _BOUNDARY.split(unicodedata.normalize("NFC", text)) if part and not part.isspace()]


def unspaced(text: str) -> float:
    """The fraction of a text's characters, spaces left out, that belong to scripts without spaces between words."""
    letters = sum(not character.isspace() for character in text)
    return len(_UNSPACED.findall(text)) / max(letters, 1)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that a network knows, by number; ``<unknown>`` is number 0.

    ``vocabulary.encode("abc")`` gives int64 ids (tokens,), ``decode`` the text again.
    """

    tokens: tuple[str, ...]
    by: str = "char"
    lower: bool = False
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_by(self.by)
        if not self.tokens or self.tokens[0] != UNKNOWN or len(set(self.tokens)) != len(self.tokens):
            raise DataError(f"the tokens of a vocabulary begin with {UNKNOWN} and differ, but these do not.")
        object.__setattr__(self, "_places", {token: place for place, token in enumerate(self.tokens)})

    @classmethod
    def fit(
        cls,
        text: str | Sequence[str],
        *,
        by: str = "char",
        lower: bool | None = None,
        max_size: int | None = None,
        min_count: int | None = None,
    ) -> Vocabulary:
        """The vocabulary of a text, or of its tokens: the most frequent first, equally frequent ones in order.

        Args:
            max_size: the maximum number of tokens to keep, ``<unknown>`` included.
            min_count: how often a token has to occur; by default once for characters and twice for words, so that
                the network meets ``<unknown>`` in training.

        Raises:
            DataError: an empty text.
        """
        tokens = tokenize(text, by=by, lower=lower) if isinstance(text, str) else text
        if not tokens:
            raise DataError(f"the text holds no {'characters' if by == 'char' else 'words'}: give one to learn from.")
        needed = (1 if by == "char" else 2) if min_count is None else check_integer(min_count, "min_count", minimum=1)
        counts = Counter(tokens)
        known = sorted((token for token, count in counts.items() if count >= needed), key=lambda t: (-counts[t], t))
        if max_size is not None:
            known = known[: check_integer(max_size, "max_size", minimum=2) - 1]
        return cls((UNKNOWN, *known), by, by == "word" if lower is None else lower)

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str | Iterable[str], *, strict: bool = False) -> Ids:
        """The numbers of a text's tokens, or of tokens: (tokens,) int64.

        Raises:
            DataError: a token that is not in the vocabulary, if ``strict``; by default it becomes ``<unknown>``.
        """
        tokens = tokenize(text, by=self.by, lower=self.lower) if isinstance(text, str) else text
        if strict:
            tokens = list(tokens)
            for token in tokens:
                if token not in self._places:
                    raise DataError(self._unknown(token))
        return np.array([self._places.get(token, 0) for token in tokens], dtype=np.int64)

    def decode(self, ids: ArrayLike) -> str:
        """The text of numbers; words are spaced as in print, which is not always as they stood in their text."""
        array = as_array(ids, what="ids", dtype=np.int64).reshape(-1)
        if array.min() < 0 or array.max() >= len(self):
            raise DataError(f"ids go from {array.min()} to {array.max()}, expected numbers from 0 to {len(self) - 1}.")
        tokens = [self.tokens[i] for i in array]
        return "".join(tokens) if self.by == "char" else _spaced(tokens)

    def config(self) -> dict[str, Any]:
        """As JSON, for ``Network.metadata``."""
        return {"by": self.by, "lower": self.lower, "tokens": list(self.tokens)}

    @classmethod
    def restored(cls, config: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary of a ``config``.

        Raises:
            DataError: an entry of another form, as a damaged file may hold it.
        """
        try:
            tokens, by, lower = config["tokens"], config["by"], config["lower"]
            if not isinstance(tokens, (list, tuple)) or not all(isinstance(token, str) for token in (*tokens, by)):
                raise TypeError("its tokens are no texts")
            if not isinstance(lower, bool):
                raise TypeError(f"lower is {lower!r}, expected true or false")
            return cls(tuple(tokens), by, lower)
        except (KeyError, TypeError) as error:
            raise DataError(
                f"the vocabulary is damaged ({type(error).__name__} {error}): train the model again."
            ) from None

    def _unknown(self, token: str) -> str:
        kind = "character" if self.by == "char" else "word"
        hint = nearest(token, self.tokens[1:]) if self.by == "word" else ""
        return f'the {kind} "{token}" is not in the vocabulary of {len(self)} {kind}s.{hint}'


def split_tail(sequence: Sequence[Any] | NDArray[Any], test: float = 0.1) -> tuple[Any, Any]:
    """The sequence cut in two: its last fraction ``test`` is for testing, what stands before is to learn from."""
    if not 0 < test < 1:
        raise DataError(f"test is {test!r}, expected a fraction between 0 and 1.")
    cut = len(sequence) - max(1, round(len(sequence) * test))
    return sequence[:cut], sequence[cut:]


def text_windows(ids: ArrayLike, length: int, *, step: int | None = None) -> tuple[Ids, Ids]:
    """Stretches of ``length`` tokens, each with the tokens that follow them: x (n, length) and y (n, length).

    y[n,t] is the token after x[n,t]. A window begins ``step`` tokens after the one before, by default ``length``, so
    that each token is learned once; what is left at the end and fills no window is dropped.

    Raises:
        DataError: fewer than ``length`` + 1 tokens.
    """
    array = as_array(ids, what="the text", dtype=np.int64)
    length = check_integer(length, "length", minimum=1)
    step = length if step is None else check_integer(step, "step", minimum=1)
    if array.ndim != 1 or len(array) <= length:
        raise DataError(
            f"the text has {array.size} tokens, expected at least {length + 1} for windows of length {length}:"
            " give a longer text or a smaller length."
        )
    rows = np.lib.stride_tricks.sliding_window_view(array, length + 1)[::step]
    return np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, 1:])


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a mark of the byte order.

    Raises:
        DataError: a file that cannot be read, is in another encoding, is no text, or is blank.
    """
    try:
        content = read_bytes(path)
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error
    return text_in(content, path)


def text_in(content: bytes, path: str | os.PathLike[str]) -> str:
    """As `read_text`, of bytes that were read already from the file that messages name."""
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        sentence = gettext('"{path}" is not UTF-8 text at byte {at}: save it as UTF-8.', path=path, at=error.start)
        raise DataError(sentence) from error
    if "\0" in text:
        raise DataError(gettext('"{path}" holds zero bytes, expected a text file.', path=path))
    if not text.strip():
        raise DataError(gettext('"{path}" is empty, expected a text to learn from.', path=path))
    return text.replace("\r\n", "\n")


def load_text_folder(folder: str | os.PathLike[str]) -> tuple[list[str], Ids, tuple[str, ...]]:
    """The texts of a folder with one folder of .txt files for each class: the texts, their classes' numbers (n,), and
    the classes' names, in sorted order.

    Raises:
        DataError: fewer than two classes, a class without texts, or a file that is no text.
    """
    root = Path(folder)
    try:
        classes = [p for p in list_folder(root) if p.is_dir() and not p.name.startswith(".")]
        files = [[f for f in list_folder(c) if f.suffix.lower() == ".txt" and f.name[0] != "."] for c in classes]
    except OSError as error:
        raise DataError(f'cannot read the folder "{folder}": {reason(error)}.') from error
    if len(classes) < 2:
        raise DataError(f'"{folder}" holds {len(classes)} folders, expected one folder of texts for each class.')
    for place, texts in zip(classes, files, strict=True):
        if not texts:
            raise DataError(f'the folder "{place}" holds no text (.txt): add some or remove it.')
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(texts) for texts in files])
    return [read_text(file) for texts in files for file in texts], labels, tuple(c.name for c in classes)


def topics() -> str:
    """The embedded text: the prose of Python's own help topics, about 260,000 characters, one paragraph a line.

    It comes with every Python (``pydoc_data.topics``), so it differs a little from one version to the next. Grammar,
    code and headings are left out, and of paragraphs that occur more than once all but the first: the last tenth, on
    which a model is tested, must not repeat what it learned from.
    """
    source: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    paragraphs: dict[str, None] = {}
    for name in sorted(source):
        for block in re.split(r"\n\s*\n", source[name].translate(_CURLY)):
            line = re.sub(r"\s+", " ", re.sub(r"-\n\s*", "-", block.strip()))
            prose = len(line.split()) >= 8 and line[-1] in ".:!?"
            if prose and "::=" not in line and ">>>" not in line:
                paragraphs[line] = None
    return "\n".join(paragraphs)


def _spaced(tokens: Sequence[str]) -> str:
    """Words and punctuation with spaces between them, as in print."""
    parts: list[str] = []
    quoted = glued = dense = False
    for token in tokens:
        closes = token in _CLOSING or (token == '"' and quoted)
        after, dense = dense, _UNSPACED.match(token) is not None
        parts += [token] if closes or glued or (after and dense) or not parts else [" ", token]
        if token == '"':
            quoted = not quoted
        glued = token in _OPENING or (token == '"' and quoted)
    return "".join(parts)


def _check_by(by: str) -> None:
    if by not in BY:
        raise DataError(f'by is "{by}", expected "char" or "word".{nearest(str(by), BY)}')
