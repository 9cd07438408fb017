"""Pooling: one number for all that a window sees, or for a whole image or sequence.

`sliding_window.py` defines stride and padding. Places that padding adds count for nothing: −∞ for a maximum,
∞ for a minimum, and an average divides by how many places of the window are inside (Keras's convention; PyTorch counts
the padding too).
"""

from __future__ import annotations

from typing import Any

from pellucid.errors import ShapeError
from pellucid.formula import Tensor, define
from pellucid.functions.forward.shaping import extents
from pellucid.functions.forward.sliding_window import LETTERS, Letters, Padding, Sizes, Window
from pellucid.messages import gettext

_TAKEN = gettext("a sequence (n, t, c), an image (n, h, w, c) or a volume (n, d, h, w, c)")


def max_pool(x: Tensor, *, size: Sizes, stride: Sizes | None = None, padding: Padding = "valid") -> Tensor:
    """The largest number in each window; where two are equal, the first takes the gradient.

    Notation: n batch, h w image, i j places of the output, c channel, u v window; K its size, s stride, p padding.
    Equation: y[n,i,j,c] = max[u<K,v<K] x[n, i·s + u − p, j·s + v − p, c | −∞]
    Shapes: x (n, h, w, c) → (n, i, j, c), or a sequence (n, t, c) → (n, t′, c), or a volume (n, d, h, w, c) →
    (n, i, j, l, c).
    Source: Riesenhuber & Poggio, Hierarchical models of object recognition in cortex, Nature Neuroscience 2 (1999).

    Args:
        stride: as large as the window by default.

    Raises:
        ShapeError: the window is larger than the padded image, or the padding as large as the window.
    """
    return _extreme("max", "−inf", x, size, stride, padding)


def min_pool(x: Tensor, *, size: Sizes, stride: Sizes | None = None, padding: Padding = "valid") -> Tensor:
    """The smallest number in each window. See `max_pool`.

    Equation: y[n,i,j,c] = min[u<K,v<K] x[n, i·s + u − p, j·s + v − p, c | ∞]
    """
    return _extreme("min", "inf", x, size, stride, padding)


def average_pool(x: Tensor, *, size: Sizes, stride: Sizes | None = None, padding: Padding = "valid") -> Tensor:
    """The mean of each window's places inside the image. See `max_pool`.

    Equation: y[n,i,j,c] = Σ[u<K,v<K] x[n, i·s + u − p, j·s + v − p, c | 0]/m[i,j], where m is K², or with padding the
    number of places inside, m[i,j] = Σ[u<K,v<K] [0 ≤ i·s + u − p < H]·[0 ≤ j·s + v − p < W].
    Source: LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86 (1998),
    section II.B, there with a weight and a bias.
    """
    window, letters = _window(x, size, stride, padding)
    steps, taps = letters.steps, letters.taps
    at, places, within = ",".join(steps), window.places(steps, taps), window.taps(taps)
    numbers: dict[str, Any] = {**window.sizes, **window.numbers}
    if not window.padded:
        power = {2: "K²", 3: "K³"}.get(len(taps)) if len(set(window.size)) == 1 else None
        count = power or f"({'·'.join(window.sizes)})"
        return define(f"y[n,{at},c] = Σ[{within}] x[n, {places}, c]/{count}", x=x, **numbers)
    inside = extents(x)[:-1]
    ends = letters.places.upper()
    numbers |= zip(ends, inside, strict=True)
    brackets = "·".join(f"[0 ≤ {place} < {end}]" for place, end in zip(places.split(", "), ends, strict=True))
    return define(
        f"""m[{at}] = Σ[{within}] {brackets}
        S[n,{at},c] = Σ[{within}] x[n, {places}, c | 0]
        y[n,{at},c] = S[n,{at},c]/m[{at}]""",
        extents=dict(zip(steps, window.steps(inside), strict=True)),
        x=x,
        **numbers,
    )


def _window(x: Tensor, size: Sizes, stride: Sizes | None, padding: Padding) -> tuple[Window, Letters]:
    """The window, and the letters of its axes."""
    if x.rank - 2 not in LETTERS:
        raise ShapeError(gettext("pooling takes {places}, got {x!r}", places=_TAKEN, x=x))
    window = Window.over(
        extents(x)[:-1], size, stride=size if stride is None else stride, padding=padding, what="window"
    )
    if any(max(pair) >= k for pair, k in zip(window.padding, window.size, strict=True)):
        raise ShapeError(
            f"the padding {window.padding} is as large as the window {window.size}, which would see nothing there; "
            "take a smaller one"
        )
    return window, LETTERS[x.rank - 2]


def _extreme(word: str, outside: str, x: Tensor, size: Sizes, stride: Sizes | None, padding: Padding) -> Tensor:
    window, letters = _window(x, size, stride, padding)
    numbers: dict[str, Any] = {**window.sizes, **window.numbers}
    beyond = f" | {outside}" if window.padded else ""
    places, taps = window.places(letters.steps, letters.taps), window.taps(letters.taps)
    text = f"y[n,{','.join(letters.steps)},c] = {word}[{taps}] x[n, {places}, c{beyond}]"
    return define(text, x=x, **numbers)


def global_max_pool(x: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The largest number of each channel: (n, …, c) → (n, c).

    Args:
        mask: (n,t), 0 for the steps of a sequence that do not count; 0 comes of a sequence that has no other.
    """
    if mask is None:
        return define("y[n,c] = max[…] x[n,…,c]", x=_with_places(x))
    return define(
        "y[n,c] = where(0 < Σ[t] m[n,t], max[t] where(0 < m[n,t], x[n,t,c], −inf), 0)", x=_with_places(x), m=mask
    )


def global_average_pool(x: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """The mean of each channel: (n, …, c) → (n, c).

    Source: Lin, Chen & Yan, Network in network, ICLR 2014, section 3.2.

    Args:
        mask: as for `global_max_pool`.
    """
    if mask is None:
        return define("y[n,c] = Σ[…] x[n,…,c]/size(…)", x=_with_places(x))
    return define("y[n,c] = (Σ[t] x[n,t,c]·m[n,t])/max(Σ[t] m[n,t], 1)", x=_with_places(x), m=mask)


def _with_places(x: Tensor) -> Tensor:
    if x.rank < 3:
        raise ShapeError(gettext("global pooling takes {places}, got {x!r}", places=_TAKEN, x=x))
    return x
