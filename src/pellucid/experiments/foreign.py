"""Errors in a file that somebody else wrote, in a line, with the place in that file."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from pellucid.errors import DataError, PellucidError

from .claim import Claim


@contextmanager
def located(claim: Claim, method: str) -> Iterator[None]:
    """What a claim of the user's own raises becomes an error with the line of its file.

    Raises:
        DataError: the method failed; an error of Pellucid's stays what it is.
    """
    try:
        yield
    except PellucidError:
        raise
    except Exception as error:
        if type(claim).__module__.startswith("pellucid."):
            raise
        file = getattr(inspect.getmodule(type(claim)), "__file__", None) or "?"
        raise DataError(f"{method} of {type(claim).__name__} failed: {place_of(error, file)}") from error


def place_of(error: Exception, file: str) -> str:
    """An exception in a line, with the last line of the file at which it was."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}."
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}."
