"""Layers as a user might write them, with formulas that no layer of the library has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pellucid as pl
from pellucid.formula import Tensor, define
from pellucid.layers.base import Context


@dataclass(eq=False, repr=False)
class Whitened(pl.Layer):
    """Sums over the batch that wait for each other: a mean, what is left, its spread, and the mean cube of that."""

    masking = "refuse"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if not context.training:
            return define("y[…] = 2·x[…]", x=x)
        m = define("m[c] = Σ[n,…] x[n,…,c]/(size(n)·size(…))", x=x)
        d = define("d[n,…,c] = x[n,…,c] − m[c]", x=x, m=m)
        v = define("v[c] = Σ[n,…] d[n,…,c]²/(size(n)·size(…))", d=d)
        z = define("z[n,…,c] = d[n,…,c]/√(v[c] + 1)", d=d, v=v)
        k = define("k[c] = Σ[n,…] z[n,…,c]³/(size(n)·size(…))", z=z)
        return define("y[n,…,c] = z[n,…,c] + k[c]·x[n,…,c]", z=z, k=k, x=x)


@dataclass(eq=False, repr=False)
class Against(pl.Layer):
    """Each example against the mean of the batch, along all of its numbers."""

    masking = "refuse"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if not context.training:
            return define("y[…] = x[…]/2", x=x)
        m = define("m[…] = Σ[n] x[n,…]/size(n)", x=x)
        s = define("s[n] = Σ[…] x[n,…]·m[…]/size(…)", x=x, m=m)
        return define("y[n,…] = tanh(s[n])·x[n,…]", s=s, x=x)


@dataclass(eq=False, repr=False)
class Fading(pl.Layer):
    """A sum over the steps so far, of which the older count less, and which looks two steps back."""

    masking = "refuse"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return define("s[n,t,c] = x[n,t,c] + 0.5·s[n,t − 1,c | 0] − 0.25·s[n,t − 2,c | 0]", x=x)


@dataclass(eq=False, repr=False)
class Pairs(pl.Layer):
    """The product of every two numbers of an example."""

    masking = "refuse"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return define("y[n,i,j] = x[n,i]·x[n,j]", x=x)


@dataclass(eq=False, repr=False)
class Winner(pl.Layer):
    """Each channel at the place where the first channel is largest, and how far the others are from it."""

    masking = "refuse"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        best = define("b[n] = argmax[t] x[n,t,0]", x=x)
        at = define("y[n,c] = x[n,b[n],c]", x=x, b=best)
        return define("y[n,t,c] = w[n,c] − 0.5·x[n,t,c]", w=at, x=x)


OWN = {kind.__name__: kind for kind in (Whitened, Against, Fading, Pairs, Winner)}
