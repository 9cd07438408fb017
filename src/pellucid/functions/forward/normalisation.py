"""Normalisation: numbers moved and scaled to mean 0 and variance 1, each channel over a batch or each vector by itself.

The derivative through mean and variance is stated in the fused form of the textbooks, which needs no adjoints of them.
"""

from __future__ import annotations

from typing import Any, Literal

from pellucid.formula import Tensor, define, define_all

Over = Literal["batch", "example", "group"]

# all axes, which of them a statistic keeps, and which it is taken over
_AXES: dict[Over, tuple[str, str, str]] = {
    "batch": ("…,c", "c", "…"),
    "example": ("…,c", "…", "c"),
    "group": ("n,…,g,c", "n,g", "…,c"),
}


def statistics(x: Tensor, *, over: Over, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance (the sum of squares over N, not N − 1).

    Notation: n batch, … places, c channel.
    Equation: over the batch μ[c] = Σ[n,…] x[n,…,c]/N and v[c] = Σ[n,…] (x[n,…,c] − μ[c])²/N; in an example Σ is over c,
    in a group over all places and the group's channels.
    Shapes: x (n, …, c) → (c,) and (c,) over the batch, (n, …) and (n, …) in an example; x (n, …, g, c) → (n, g) and
    (n, g) in a group.
    Source: Ioffe & Szegedy, Batch normalization, ICML 2015, algorithm 1, and section 3.2 for the places of a
    convolution; Ba, Kiros & Hinton, Layer normalization (2016), equation 3; Wu & He, Group normalization, ECCV 2018,
    equation 7.

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
    axes, kept, over_ = _AXES[over]
    count = _count(over_)
    moments = define_all(
        f"""μ[{kept}] = Σ[{over_}] x[{axes}]/{count}
        v[{kept}] = Σ[{over_}] (x[{axes}] − μ[{kept}])²/{count}""",
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
    axes, kept, over_ = _AXES[over]
    count = _count(over_)
    rule = f"""a[{kept}] = Σ[{over_}] dz[{axes}]/{count}
    r[{kept}] = Σ[{over_}] dz[{axes}]·z[{axes}]/{count}
    dx[{axes}] = (dz[{axes}] − a[{kept}] − z[{axes}]·r[{kept}])/√(v[{kept}] + ε)"""
    return define(
        f"z[{axes}] = (x[{axes}] − μ[{kept}])/√(v[{kept}] + ε)",
        x=x,
        μ=mean,
        v=variance,
        ε=epsilon,
        derivative={"x": rule} if own else None,
    )


def _count(axes: str) -> str:
    """How many numbers these axes have together."""
    sizes = [f"size({axis})" for axis in axes.split(",")]
    return sizes[0] if len(sizes) == 1 else f"({'·'.join(sizes)})"


def in_groups(x: Tensor, groups: int) -> Tensor:
    """The channels split into so many groups, in their order: x (n, …, q) → (n, …, g, c)."""
    size = x.axes[-1].size // groups
    if size == 1:
        return define("X[n,…,g,c<1] = x[n,…,g]", x=x)
    return define("X[n,…,g,c] = x[n,…, C·g + c]", extents={"g": groups, "c": size}, x=x, C=size)


def together(z: Tensor) -> Tensor:
    """The channels of all groups one behind the other: z (n, …, g, c) → (n, …, q)."""
    groups, size = (axis.size for axis in z.axes[-2:])
    if size == 1:
        return define("y[n,…,g] = z[n,…,g,0]", z=z)
    return define("y[n,…,q<Q] = Σ[g,c] [q = C·g + c]·z[n,…,g,c]", z=z, C=size, Q=groups * size)


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
