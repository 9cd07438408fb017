"""Several tensors into one: sums, differences, extremes and concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.formula import Tensor, define


def add(tensors: Sequence[Tensor]) -> Tensor:
    """The sum, element by element, of tensors of one shape."""
    letters: dict[str, Any] = {f"x{number}": tensor for number, tensor in enumerate(tensors, 1)}
    terms = " + ".join(f"{letter}[…]" for letter in letters)
    return define(f"y[…] = {terms}", **letters)


def multiply(tensors: Sequence[Tensor]) -> Tensor:
    """The product, element by element, of tensors of one shape."""
    letters: dict[str, Any] = {f"x{number}": tensor for number, tensor in enumerate(tensors, 1)}
    terms = "·".join(f"{letter}[…]" for letter in letters)
    return define(f"y[…] = {terms}", **letters)


def concatenate(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one behind the other along their last axis: a sum of reads that are 0 outside their own tensor."""
    starts: dict[str, Any] = {}
    letters: dict[str, Any] = {}
    total = 0
    for number, tensor in enumerate(tensors, 1):
        letters[f"x{number}"], starts[f"s{number}"] = tensor, total
        total += tensor.axes[-1].size
    terms = " + ".join(f"x{n}[…, j - s{n} | 0]" for n in range(1, len(tensors) + 1))
    return define(f"y[…, j<J] = {terms}", J=total, **letters, **starts)


def average(tensors: Sequence[Tensor]) -> Tensor:
    """The mean, element by element, of tensors of one shape."""
    letters: dict[str, Any] = {f"x{number}": tensor for number, tensor in enumerate(tensors, 1)}
    terms = " + ".join(f"{letter}[…]" for letter in letters)
    return define(f"y[…] = ({terms})/{len(letters)}", **letters)


def subtract(tensors: Sequence[Tensor]) -> Tensor:
    """The first less the second, element by element."""
    first, second = tensors
    return define("y[…] = x1[…] − x2[…]", x1=first, x2=second)


def maximum(tensors: Sequence[Tensor]) -> Tensor:
    """The largest, element by element, of tensors of one shape; where several are equal, no gradient passes."""
    return _extreme("max", tensors)


def minimum(tensors: Sequence[Tensor]) -> Tensor:
    """The smallest, element by element, of tensors of one shape; where several are equal, no gradient passes."""
    return _extreme("min", tensors)


def _extreme(word: str, tensors: Sequence[Tensor]) -> Tensor:
    letters: dict[str, Any] = {f"x{number}": tensor for number, tensor in enumerate(tensors, 1)}
    first, *others = (f"{letter}[…]" for letter in letters)
    text = first
    for other in others:
        text = f"{word}({text}, {other})"
    return define(f"y[…] = {text}", **letters)
