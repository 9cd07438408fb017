"""Masks: which steps of a sequence are there."""

from __future__ import annotations

from pellucid.formula import Tensor, define


def present(x: Tensor, *, value: float) -> Tensor:
    """1 for the steps that have some number other than `value`, 0 for the others: x (n,t,i) → m (n,t)."""
    return define("m[n,t] = max[i] (1 − [x[n,t,i] = v])", x=x, v=value)


def nonzero(ids: Tensor) -> Tensor:
    """1 for the entries that are not 0, the number kept for padding: ids (n,t) → m (n,t)."""
    return define("m[n,t] = 1 − [ids[n,t] = 0]", ids=ids)


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """x where a step is there, 0 elsewhere: x (n,t,i), m (n,t) → (n,t,i)."""
    return define("y[n,t,i] = x[n,t,i]·m[n,t]", x=x, m=mask)
