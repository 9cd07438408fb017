"""More places or fewer: a sequence, an image or a volume repeated, padded with zeros, or cropped.

Notation: n batch, t step, h w image, d h w volume, i j l places of the output, c channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.errors import ShapeError
from pellucid.formula import Tensor, define
from pellucid.functions.forward.shaping import extents
from pellucid.functions.forward.sliding_window import LETTERS
from pellucid.messages import gettext

Ends = Sequence[tuple[int, int]]
"""For each axis of places, how many at its low and at its high end."""


def upsample(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Every place so many times: the nearest place of the smaller image.

    Of the sum one term is there, the place whose index is an integer.

    Equation: y[n,i,j,c] = Σ[u<S,v<S] x[n, (i − u)/S, (j − v)/S, c | 0]
    Shapes: x (n, h, w, c) → (n, h·S, w·S, c), or a sequence (n, t, c) → (n, t·S, c), and so for a volume.
    """
    letters = LETTERS[len(sizes)]
    axes = list(zip(letters.steps, letters.taps, "STR"[: len(sizes)], sizes, strict=True))
    if max(sizes) == 1:
        return define("y[…] = x[…]", x=x)
    places = ", ".join(f"({i} − {u})/{s}" if size > 1 else i for i, u, s, size in axes)
    summed = ",".join(f"{u}<{s}" for _, u, s, size in axes if size > 1)
    wide = {i: extent * size for (i, _, _, size), extent in zip(axes, extents(x)[:-1], strict=True)}
    numbers: dict[str, Any] = {s: size for _, _, s, size in axes if size > 1}
    return define(f"y[n,{','.join(letters.steps)},c] = Σ[{summed}] x[n, {places}, c | 0]", extents=wide, x=x, **numbers)


def zero_pad(x: Tensor, ends: Ends) -> Tensor:
    """Zeros round a sequence, an image or a volume.

    Equation: y[n,i,j,c] = x[n, i − p, j − q, c | 0]
    Shapes: x (n, h, w, c) → (n, h + low + high, w + low + high, c), and so for (n, t, c) and (n, d, h, w, c).
    """
    return _moved(x, "−", ends, 1, outside=" | 0")


def crop(x: Tensor, ends: Ends) -> Tensor:
    """A sequence, an image or a volume without some of its first and last places.

    Equation: y[n,i,j,c] = x[n, i + p, j + q, c]
    Shapes: x (n, h, w, c) → (n, h − low − high, w − low − high, c), and so for (n, t, c) and (n, d, h, w, c).

    Raises:
        ShapeError: nothing would be left.
    """
    return _moved(x, "+", ends, -1, outside="")


def _moved(x: Tensor, sign: str, ends: Ends, growth: int, *, outside: str) -> Tensor:
    """Each place as that of x which is so far away; the axes grow, or shrink, by their ends."""
    steps, names = LETTERS[len(ends)].steps, "pqr"[: len(ends)]
    inside = extents(x)[:-1]
    moved = {p: low for p, (low, high) in zip(names, ends, strict=True) if low or high}
    places = ", ".join(f"{i} {sign} {p}" if p in moved else i for i, p in zip(steps, names, strict=True))
    sizes = {i: extent + growth * sum(pair) for i, extent, pair in zip(steps, inside, ends, strict=True)}
    if min(sizes.values()) < 1:
        raise ShapeError(gettext("nothing is left of places {inside}: crop fewer than there are", inside=inside))
    numbers: dict[str, Any] = dict(moved)
    return define(f"y[n,{','.join(steps)},c] = x[n, {places}, c{outside}]", extents=sizes, x=x, **numbers)
