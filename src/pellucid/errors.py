"""The errors that Pellucid raises for its users.

Each message is one sentence that names what came, what was expected and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PellucidError(ValueError):
    """Anything that the user can put right."""


class FormulaError(PellucidError):
    """A formula cannot be read; the message points into its text with a caret."""


class ShapeError(PellucidError):
    """The extents of two tensors, or of a tensor and an array, do not agree."""


class DataError(PellucidError):
    """The data given cannot be used: wrong kind, rank, width, range, or not finite."""


class ModelFileError(PellucidError):
    """A file is truncated, foreign, damaged or cannot be written."""


class NonFiniteError(PellucidError):
    """A value stopped being finite during training; `origin` tells the first such value, and in which step."""

    def __init__(self, message: str, origin: object = None) -> None:
        super().__init__(message)
        self.origin = origin


def nearest(word: str, choices: Iterable[str]) -> str:
    """The hint ' Did you mean "relu"?' for a mistyped word, or '' if nothing is near."""
    spelled = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.5)
    return f' Did you mean "{spelled[found[0]]}"?' if found else ""
