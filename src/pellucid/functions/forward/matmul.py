"""Sums of products over the axes that two tensors share."""

from __future__ import annotations

from pellucid.formula import Tensor, define


def dense(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """The sums of a fully connected layer, at every place of the leading axes.

    Notation: n batch, i input unit, o output unit.
    Equation: the formula below.
    Shapes: x (n, …, i), w (i, o), b (o,) → (n, …, o).
    Source: Rumelhart, Hinton & Williams, Learning representations by back-propagating errors, Nature 323 (1986),
        equation 1.

    Raises:
        ShapeError: x's last axis is not w's first.
    """
    if b is None:
        return define("y[…,o] = Σ[i] x[…,i]·w[i,o]", x=x, w=w)
    return define("y[…,o] = b[o] + Σ[i] x[…,i]·w[i,o]", x=x, w=w, b=b)
