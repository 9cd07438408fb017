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


def counts(mask: Tensor) -> Tensor:
    """How many real steps each sequence has: m (n,t) → c (n,)."""
    return define("c[n] = Σ[t] m[n,t]", m=mask)


def whole_windows(mask: Tensor, *, steps: int, size: int, stride: int = 1, dilation: int = 1) -> Tensor:
    """1 for the windows whose steps are all real, 0 for those that see padding: m (n,t) → w (n, steps)."""
    return define("w[n,t<T] = min[u<K] m[n, t·s + u·d]", m=mask, T=steps, K=size, s=stride, d=dilation)


def weights(mask: Tensor, *sizes: int) -> Tensor:
    """What each element counts in the mean of a sequence over the steps that are there; without any, all count 0.

    Shapes: m (n,t), and the sizes of the axes that a step has → (n, t, *sizes).
    """
    step = define("s[n,t] = m[n,t]/max(Σ[r] m[n,r], 1)", m=mask)
    if not sizes:
        return step
    axes = {f"k{place}": size for place, size in enumerate(sizes, 1)}
    count = "·".join(f"size({axis})" for axis in axes)
    return define(f"w[n,t,{','.join(axes)}] = s[n,t]/({count})", extents=axes, s=step)
