"""Normalisation: numbers moved and scaled to mean 0 and variance 1, each channel over a batch or each vector by itself.

The derivative through mean and variance is stated in the fused form of the textbooks, which needs no adjoints of them.
"""

from __future__ import annotations

from typing import Any, Literal

from pellucid.formula import Tensor, define, define_all

Over = Literal["batch", "example"]

# which axes a statistic keeps, and which it is taken over
_AXES: dict[Over, tuple[str, str]] = {"batch": ("c", "…"), "example": ("…", "c")}


def statistics(x: Tensor, *, over: Over, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance (the sum of squares over N, not N − 1).

    Notation: n batch, … places, c channel.
    Equation: over the batch μ[c] = Σ[n,…] x[n,…,c]/N and v[c] = Σ[n,…] (x[n,…,c] − μ[c])²/N; in an example Σ is over c.
    Shapes: x (n, …, c) → (c,) and (c,) over the batch, (n, …) and (n, …) in an example.
    Source: Ioffe & Szegedy, Batch normalization, ICML 2015, algorithm 1, and section 3.2 for the places of a
    convolution; Ba, Kiros & Hinton, Layer normalization (2016), equation 3.

    Args:
        mask: (n,t), 0 for the steps of sequences that do not count, over the batch only.
    """
    if mask is not None:
        moments = define_all(
            """N[] = max(Σ[n,t] m[n,t], 1)
            μ[c] = (Σ[n,t] m[n,t]·x[n,t,c])/N[]
            v[c] = (Σ[n,t] m[n,t]·(x[n,t,c] − μ[c])²)/N[]""",
            x=x,
            m=mask,
        )
        return moments["μ"], moments["v"]
    kept, over_ = _AXES[over]
    moments = define_all(
        f"""μ[{kept}] = Σ[{over_}] x[…,c]/size({over_})
        v[{kept}] = Σ[{over_}] (x[…,c] − μ[{kept}])²/size({over_})""",
        x=x,
    )
    return moments["μ"], moments["v"]


def standardise(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    epsilon: float,
    over: Over,
    own: bool = True,
    mask: Tensor | None = None,
) -> Tensor:
    """z = (x − μ)/√(v + ε).

    Args:
        own: whether mean and variance are x's own `statistics`. Then the derivative by x passes through them too:
            dx = (dz − mean(dz) − z·mean(dz·z))/√(v + ε). Else they are numbers (running statistics): dx = dz/√(v + ε).
        mask: that of its `statistics`; where it is 0, so is z.

    Shapes: x (n, …, c) → (n, …, c).
    Source: as `statistics`; the derivative is that of Ioffe & Szegedy's section 3, simplified.
    """
    if mask is not None and own:
        rule = """N[] = max(Σ[n,t] m[n,t], 1)
        a[c] = (Σ[n,t] m[n,t]·dz[n,t,c])/N[]
        r[c] = (Σ[n,t] dz[n,t,c]·z[n,t,c])/N[]
        dx[n,t,c] = m[n,t]·(dz[n,t,c] − a[c] − z[n,t,c]·r[c])/√(v[c] + ε)"""
        return define(
            "z[n,t,c] = m[n,t]·(x[n,t,c] − μ[c])/√(v[c] + ε)",
            x=x,
            μ=mean,
            v=variance,
            ε=epsilon,
            m=mask,
            derivative={"x": rule},
        )
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


def running(old: Tensor, new: Tensor, *, momentum: float, mask: Tensor | None = None) -> Tensor:
    """A running statistic after another batch; momentum is the weight of the old value (Keras's convention).

    With a mask (n,t), a batch without any real step leaves it as it is.

    Shapes: old (c,), new (c,) → (c,).
    """
    if mask is not None:
        return define(
            """k[] = Σ[n,t] s[n,t]
            m′[c] = where(0 < k[], momentum·m[c] + (1 − momentum)·b[c], m[c])""",
            m=old,
            b=new,
            momentum=momentum,
            s=mask,
        )
    return define("m′[c] = momentum·m[c] + (1 − momentum)·b[c]", m=old, b=new, momentum=momentum)


def scaled(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """z = (x − μ)/σ, with statistics that were measured before.

    Shapes: x (n, …, c), mean (c,), deviation (c,) → (n, …, c).
    """
    return define("z[…,c] = (x[…,c] − μ[c])/σ[c]", x=x, μ=mean, σ=deviation)


def unscaled(z: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """y = z·σ + μ, the inverse of `scaled`. Shapes: z (n, …, c), mean (c,), deviation (c,) → (n, …, c)."""
    return define("y[…,c] = z[…,c]·σ[c] + μ[c]", z=z, μ=mean, σ=deviation)
