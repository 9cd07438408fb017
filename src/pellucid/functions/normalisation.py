"""Normalisation: numbers moved and scaled to mean 0 and variance 1, each channel over a batch or each vector by itself.

The derivative through mean and variance is stated in the fused form of the textbooks, which needs no adjoints of them.
"""

from __future__ import annotations

from typing import Any, Literal

from pellucid.formula import Tensor, define, define_all

Over = Literal["batch", "example"]

# which axes a statistic keeps, and which it is taken over
_AXES: dict[Over, tuple[str, str]] = {"batch": ("c", "…"), "example": ("…", "c")}


def statistics(x: Tensor, *, over: Over) -> tuple[Tensor, Tensor]:
    """Mean and variance (the sum of squares over N, not N − 1).

    Notation: n batch, … places, c channel.
    Equation: over the batch μ[c] = Σ[n,…] x[n,…,c]/N and v[c] = Σ[n,…] (x[n,…,c] − μ[c])²/N; in an example Σ is over c.
    Shapes: x (n, …, c) → (c,) and (c,) over the batch, (n, …) and (n, …) in an example.
    Source: Ioffe & Szegedy, Batch normalization, ICML 2015, algorithm 1, and section 3.2 for the places of a
    convolution; Ba, Kiros & Hinton, Layer normalization (2016), equation 3.
    """
    kept, over_ = _AXES[over]
    found = define_all(
        f"""μ[{kept}] = Σ[{over_}] x[…,c]/size({over_})
        v[{kept}] = Σ[{over_}] (x[…,c] − μ[{kept}])²/size({over_})""",
        x=x,
    )
    return found["μ"], found["v"]


def standardise(x: Tensor, mean: Tensor, variance: Tensor, *, epsilon: float, over: Over, own: bool = True) -> Tensor:
    """z = (x − μ)/√(v + ε).

    Args:
        own: whether mean and variance are x's own `statistics`. Then the derivative by x passes through them too:
            dx = (dz − mean(dz) − z·mean(dz·z))/√(v + ε). Else they are numbers (running statistics): dx = dz/√(v + ε).

    Shapes: x (n, …, c) → (n, …, c).
    Source: as `statistics`; the derivative is that of Ioffe & Szegedy's section 3, simplified.
    """
    kept, over_ = _AXES[over]
    rule = f"""a[{kept}] = Σ[{over_}] dz[…,c]/size({over_})
    r[{kept}] = Σ[{over_}] dz[…,c]·z[…,c]/size({over_})
    dx[…,c] = (dz[…,c] − a[{kept}] − z[…,c]·r[{kept}])/√(v[{kept}] + ε)"""
    return define(
        f"z[…,c] = (x[…,c] − μ[{kept}])/√(v[{kept}] + ε)",
        x=x,
        μ=mean,
        v=variance,
        ε=epsilon,
        derivative={"x": rule} if own else None,
    )


def scale(z: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    """γ·z + β along the last axis: the scale and the centre that are learnt; either may be missing."""
    arguments: dict[str, Any] = (
        {"z": z} | ({} if gamma is None else {"γ": gamma}) | ({} if beta is None else {"β": beta})
    )
    text = ("" if gamma is None else "γ[c]·") + "z[…,c]" + ("" if beta is None else " + β[c]")
    return define(f"y[…,c] = {text}", **arguments)


def running(old: Tensor, new: Tensor, *, momentum: float) -> Tensor:
    """A running statistic after another batch; momentum is the weight of the old value (Keras's convention).

    Shapes: old (c,), new (c,) → (c,).
    """
    return define("m′[c] = momentum·m[c] + (1 − momentum)·b[c]", m=old, b=new, momentum=momentum)
