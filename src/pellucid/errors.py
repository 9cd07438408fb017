"""The errors that Pellucid raises for its users.

Each message is one sentence that names what was given, what was expected and what to do about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SURROGATE = re.compile("[\ud800-\udfff]")


class PellucidError(ValueError):
    """Anything that the user can put right; `message` is a text, or a `Message` in several languages."""

    def __init__(self, message: object = "") -> None:
        # a name in a foreign file may hold half of a surrogate pair, which no terminal and no browser takes
        text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", str(message))
        self.message = text if isinstance(message, str) else message
        super().__init__(text)


class FormulaError(PellucidError):
    """A formula cannot be read; the message points into its text with a caret."""


class ShapeError(PellucidError):
    """The extents of two tensors, or of a tensor and an array, do not agree."""


class DataError(PellucidError):
    """The data given cannot be used: wrong kind, rank, width, range, or not finite."""


class ModelFileError(PellucidError):
    """A file is truncated, foreign, damaged or cannot be written."""


class UnknownNameError(PellucidError):
    """Nothing that is registered has the name given: no layer, no activation, …"""


class NonFiniteError(PellucidError):
    """A value stopped being finite during training; `origin` names the first such value, and in which step."""

    def __init__(self, message: object, origin: object = None) -> None:
        super().__init__(message)
        self.origin = origin


def closest(word: object, choices: Iterable[str]) -> str | None:
    """The choice that a mistyped word may have meant, or None if nothing is near."""
    import difflib

    spelled = {choice.lower(): choice for choice in choices}
    matches = difflib.get_close_matches(str(word).lower(), spelled, n=1, cutoff=0.5)
    return spelled[matches[0]] if matches else None


def nearest(word: object, choices: Iterable[str]) -> str:
    """The hint ' Did you mean "relu"?' for a mistyped word, or '' if nothing is near."""
    near = closest(word, choices)
    return "" if near is None else f' Did you mean "{near}"?'


Spelling = Callable[[str, object], object]
"""How an argument is given where the person is, a text or a message, by its name and value; None where it cannot be."""


def _in_python(name: str, value: object) -> str:
    return f"{name}={value if isinstance(value, bool | tuple) else json.dumps(value, ensure_ascii=False)}"


_spelling: ContextVar[Spelling] = ContextVar("spelling", default=_in_python)


def argument(name: str, value: object) -> object:
    """What a message calls an argument: fill="mean" in Python, --fill mean on a command line that takes it, or None."""
    return _spelling.get()(name, value)


def advice(*choices: object) -> str:
    """Ways to go on, joined by "or"; those that are not there are left out."""
    known = [str(choice) for choice in choices if choice]
    return " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)


@contextmanager
def spelled(spelling: Spelling) -> Iterator[None]:
    """Let messages call arguments as `spelling` does."""
    token = _spelling.set(spelling)
    try:
        yield
    finally:
        _spelling.reset(token)
