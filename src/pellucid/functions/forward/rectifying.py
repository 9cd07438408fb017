"""The leaky ReLU whose slope is learnt."""

from __future__ import annotations

from collections.abc import Collection

from pellucid.formula import Tensor, define

_LETTERS = "ijklmo"


def prelu(x: Tensor, alpha: Tensor, *, shared: Collection[int]) -> Tensor:
    """x where it is positive, else α·x; its derivative at 0 is α.

    Equation: y[n,i] = where(0 < x[n,i], x[n,i], α[i]·x[n,i])
    Shapes: x (n, …), α (…) with 1 for each axis of `shared`, counted from 1 → (n, …).
    Source: He et al., Delving deep into rectifiers, ICCV 2015, equation 1.
    """
    letters = _LETTERS[: x.rank - 1]
    place = ",".join(letters)
    slope = ",".join("0" if k in shared else letter for k, letter in enumerate(letters, 1))
    return define(f"y[n,{place}] = where(0 < x[n,{place}], x[n,{place}], α[{slope}]·x[n,{place}])", x=x, α=alpha)
