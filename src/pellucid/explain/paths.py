"""Paths of values: `lstm_1.gate.forget[t=5]` is a tensor's name and the elements of it that are meant."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pellucid.errors import PellucidError, nearest
from pellucid.formula import Tensor

WORDS = {"time": "t", "example": "n"}
"""What people may write for the letter of an axis. `unit` is the last axis."""


def split(
    path: str,
    tensors: Mapping[str, Tensor],
    shape: Callable[[Tensor], tuple[int, ...]],
    known: Callable[[str], Tensor],
) -> tuple[str, dict[int, int]]:
    """A path without its `[t=5]`, and the places of the axes named there.

    Args:
        tensors: all tensors by name; some names end with brackets themselves.
        shape: a tensor's shape.
        known: the tensor of a name, or an error.

    Raises:
        PellucidError: no such tensor, axis or place.
    """
    match = None if path in tensors else re.fullmatch(r"(.+)\[(\w+=-?\d+(?:, ?\w+=-?\d+)*)\]", path)
    if match is None:
        return path, {}
    tensor, at = known(match[1]), {}
    letters = [a.name for a in tensor.axes]
    for part in match[2].split(","):
        word, _, number = part.strip().partition("=")
        letter = letters[-1] if word == "unit" and letters else WORDS.get(word, word)
        if letter not in letters:
            raise PellucidError(f"{match[1]} has the axes {', '.join(letters) or 'none'}, got {word}")
        place = len(letters) - 1 if word == "unit" else letters.index(letter)
        extent = shape(tensor)[place]
        if not -extent <= int(number) < extent:
            raise PellucidError(f"{match[1]} has {extent} along its axis {letter}, so there is no {number}")
        at[place] = int(number) % extent
    return match[1], at


def hint(path: str, tensors: Iterable[str]) -> str:
    """The value that was meant, or which there are; what a loss is computed by has no name that people know."""
    known = [name for name in tensors if not name.startswith(("loss.", "d(loss"))]
    main = [name for name in known if "." not in name and not name.startswith("d(")]
    return nearest(path, known) or f" It has {', '.join(main[:10])}{', …' if len(main) > 10 else ''}."


def integers(given: Any, what: str) -> tuple[int, ...]:
    """An index as integers: one, or one for each axis.

    Raises:
        PellucidError: it is something else, such as a fraction.
    """
    try:
        return (operator.index(given),)
    except TypeError:
        pass
    try:
        return tuple(operator.index(i) for i in given)
    except TypeError:
        raise PellucidError(f"{what} is {given!r}, expected an integer, or one for each axis") from None
