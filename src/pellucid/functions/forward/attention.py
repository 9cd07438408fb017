"""Attention: every step of one sequence asks all steps of another, and takes of each as much as it fits."""

from __future__ import annotations

from typing import Any

from pellucid.formula import Tensor, define
from pellucid.functions.activations import softmax

NEVER = -1e30
"""The score of a step that must not be looked at. Finite, so that a sequence without any step gives no NaN."""


def projection(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """The queries, keys or values of all heads: x (n,t,i), kernel W (i,h,d), bias b (h,d) → (n,t,h,d)."""
    if bias is None:
        return define("p[n,t,h,d] = Σ[i] x[n,t,i]·W[i,h,d]", x=x, W=kernel)
    return define("p[n,t,h,d] = b[h,d] + Σ[i] x[n,t,i]·W[i,h,d]", x=x, W=kernel, b=bias)


def scaled_dot_product(
    query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None, causal: bool = False
) -> dict[str, Tensor]:
    """Attention of several heads, each on its own.

    Notation: n batch, t step that asks, s step that is asked, h head, d feature of a head.
    Equation: z[n,h,t,s] = (Σ[d] Q[n,t,h,d]·K[n,s,h,d])/√D, a = softmax of z over s, y[n,t,h,d] = Σ[s]
    a[n,h,t,s]·V[n,s,h,d]
    Shapes: query Q (n,t,h,d), key K and value V (n,s,h,d), mask m (n,s) → scores z and weights a (n,h,t,s), result y
    (n,t,h,d).

    Args:
        mask: 0 for the steps s that nobody may look at.
        causal: t looks at no later step, s ≤ t.

    Source: Vaswani et al., Attention is all you need, NIPS 2017, equation 1.
    """
    score = "(Σ[d] Q[n,t,h,d]·K[n,s,h,d])/√D"
    allowed = " and ".join(["s ≤ t"] * causal + ["0 < m[n,s]"] * (mask is not None))
    masked: dict[str, Any] = {} if mask is None else {"m": mask}
    z = define(
        f"z[n,h,t,s] = where({allowed}, {score}, never)" if allowed else f"z[n,h,t,s] = {score}",
        Q=query,
        K=key,
        D=query.axes[-1].size,
        never=NEVER,
        **masked,
    )
    a = softmax(z)
    return {"z": z, "a": a, "y": define("y[n,t,h,d] = Σ[s] a[n,h,t,s]·V[n,s,h,d]", a=a, V=value)}


def joined(y: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """The heads' results as one vector again: y (n,t,h,d), kernel W (h,d,o), bias b (o,) → (n,t,o)."""
    if bias is None:
        return define("z[n,t,o] = Σ[h,d] y[n,t,h,d]·W[h,d,o]", y=y, W=kernel)
    return define("z[n,t,o] = b[o] + Σ[h,d] y[n,t,h,d]·W[h,d,o]", y=y, W=kernel, b=bias)
