"""The same numbers under other indices.

The first axis is the batch and stays. Merging axes is the mixed-radix equation q = w·i + j, splitting one reads at it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.errors import ShapeError
from pellucid.formula import Tensor, define

_LETTERS = "ijklmopuv"  # not n, the batch, nor q, the merged axis


def extents(x: Tensor) -> tuple[int, ...]:
    """The extents of all axes but the batch."""
    return tuple(axis.size for axis in x.axes[1:])


def mixed_radix(letters: Sequence[str], sizes: Sequence[int]) -> str:
    """The place of an element when axes are laid out one after the other, the last one fastest: "12·i + 3·j + k"."""
    strides = [math.prod(sizes[place + 1 :]) for place in range(len(sizes))]
    return " + ".join(f"{s}·{a}" if s > 1 else a for a, s in zip(letters, strides, strict=True))


def flatten(x: Tensor) -> Tensor:
    """All axes but the batch as one, the last one fastest.

    Shapes: x (n, i, j) → (n, i·j); a tensor of shape (n,) gets an axis of 1.
    """
    sizes = extents(x)
    if len(sizes) == 1:
        return define("y[n,q] = x[n,q]", x=x)
    if not sizes:
        return define("y[n,q<1] = x[n]", x=x)
    axes = ",".join(_LETTERS[: len(sizes)])
    place = mixed_radix(_LETTERS[: len(sizes)], sizes)
    return define(f"y[n,q<{math.prod(sizes)}] = Σ[{axes}] [q = {place}]·x[n,{axes}]", x=x)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The numbers in their order (the last axis fastest) under another shape: flattened, then split.

    Args:
        shape: the extents without the batch; one of them may be −1, which is then what remains.

    Raises:
        ShapeError: the extents do not multiply to as many numbers as x has.
    """
    sizes = reshaped(extents(x), shape)
    flat = flatten(x)
    if len(sizes) == 1:
        return flat
    letters = _LETTERS[: len(sizes)]
    axes = ",".join(f"{a}<{size}" for a, size in zip(letters, sizes, strict=True))
    return define(f"y[n,{axes}] = x[n, {mixed_radix(letters, sizes)}]", x=flat)


def reshaped(sizes: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    """The new shape with its −1 worked out. See `reshape`."""
    wanted = tuple(int(size) for size in shape)
    total, known = math.prod(sizes), math.prod(s for s in wanted if s != -1)
    open_ = wanted.count(-1)
    bad = not wanted or open_ > 1 or any(s < 1 for s in wanted if s != -1) or len(wanted) > len(_LETTERS)
    if bad or (total % known if open_ else total != known):
        raise ShapeError(
            f"{total} numbers of shape {tuple(sizes)} cannot take the shape {wanted}: "
            f"expected extents whose product is {total}, one of which may be -1"
        )
    return tuple(total // known if s == -1 else s for s in wanted)


def squeeze(x: Tensor) -> Tensor:
    """Without the last axis, whose extent is 1: (n, …, 1) → (n, …)."""
    return define("p[…] = x[…,0]", x=x)


def permute(x: Tensor, order: Sequence[int]) -> Tensor:
    """The axes in another order: that of place `order[k]` (counted from 1, the batch left out) becomes axis k.

    Shapes: x (n, i, j) with the order (2, 1) → (n, j, i).
    """
    letters = _LETTERS[: len(order)]
    axes = ",".join(letters[place - 1] for place in order)
    return define(f"y[n,{axes}] = x[n,{','.join(letters)}]", x=x)


def repeat(x: Tensor, times: int) -> Tensor:
    """The same row at every step: x (n, i) → (n, t, i)."""
    return define("y[n,t<T,i] = x[n,i]", x=x, T=times)
