"""Formulas of every kind, and the statements that they and their gradients consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pellucid.formula import BATCH, Statement, Tensor, define, derivative
from pellucid.formula.axes import Extent
from pellucid.formula.derivative import reachable

Constants = Mapping[str, int | float | tuple[int, int]]


@dataclass(frozen=True)
class Formula:
    """A formula with the tensors it reads and the numbers it names; `wrt` are those whose gradients are taken."""

    text: str
    tensors: Mapping[str, Tensor]
    constants: Constants = field(default_factory=dict)
    wrt: tuple[str, ...] = ()
    extents: Mapping[str, int] = field(default_factory=dict)

    def define(self) -> Tensor:
        return define(self.text, extents=self.extents, derivative=None, **self.tensors, **self.constants)

    def statements(self) -> list[Statement]:
        """Those of the formula and of its gradients by all its real tensors."""
        result = self.define()
        upstream = Tensor(f"d{result.letter}", tuple(a.fresh() for a in result.axes))
        wanted = [t for t in self.tensors.values() if t.kind == "float"] if result.kind == "float" else []
        gradients = derivative(result, wanted, upstream=upstream) if wanted else {}
        return reachable([result, *gradients.values()])


def real(name: str, /, **axes: Extent) -> Tensor:
    return Tensor.input(name, axes)


def whole(name: str, /, **axes: Extent) -> Tensor:
    return Tensor.input(name, axes, kind="int")


def lstm(**steps: int) -> Formula:
    time = steps.get("t", 6)
    return Formula(
        """
        z[n,t,g,j] = b[g,j] + Σ[i] x[n,t,i]·W[i,g,j] + Σ[q] h[n,t-1,q | h0[n,q]]·U[q,g,j]
        i[n,t,j]   = σ(z[n,t,0,j])
        f[n,t,j]   = σ(z[n,t,1,j])
        g[n,t,j]   = tanh(z[n,t,2,j])
        o[n,t,j]   = σ(z[n,t,3,j])
        c[n,t,j]   = f[n,t,j]·c[n,t-1,j | c0[n,j]] + i[n,t,j]·g[n,t,j]
        h[n,t,j]   = o[n,t,j]·tanh(c[n,t,j])
        """,
        {
            "x": real("x", n=BATCH, t=time, i=5),
            "W": real("W", i=5, g=4, j=3),
            "U": real("U", q=3, g=4, j=3),
            "b": real("b", g=4, j=3),
            "h0": real("h0", n=BATCH, q=3),
            "c0": real("c0", n=BATCH, j=3),
        },
    )


def _image(**more: Extent) -> Tensor:
    return real("x", n=BATCH, h=12, w=11, c=3)


ZOO: dict[str, Callable[[], Formula]] = {
    "dense": lambda: Formula(
        "y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]",
        {"x": real("x", n=BATCH, i=5), "w": real("w", i=5, o=3), "b": real("b", o=3)},
    ),
    "convolution": lambda: Formula(
        "y[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i·s + u·d - p, j·s + v·d - q, c | 0]·k[u,v,c,f]",
        {"x": _image(), "k": real("k", u=3, v=2, c=3, f=4), "b": real("b", f=4)},
        {"s": 2, "d": 2, "p": (1, 2), "q": 0},
    ),
    "convolution, no names": lambda: Formula(
        "y[n,i,j,f] = Σ[u,v,c] x[n, 2·i + u - 1, 3·j + v, c | 0]·k[u,v,c,f]",
        {"x": _image(), "k": real("k", u=3, v=2, c=3, f=4)},
    ),
    "transposed convolution": lambda: Formula(
        "y[n,i<11,f] = Σ[u,c] x[n, (i + p - u)/s, c | 0]·k[u,c,f]",
        {"x": real("x", n=BATCH, t=5, c=2), "k": real("k", u=3, c=2, f=4)},
        {"s": 2, "p": 1},
    ),
    "max pooling": lambda: Formula(
        "y[n,i,j,c] = max[u<K, v<K] x[n, i·s + u - p, j·s + v - p, c | -inf]",
        {"x": _image()},
        {"K": 3, "s": 2, "p": 1},
    ),
    "min pooling": lambda: Formula("y[n,i,c] = min[u<2] x[n, 2·i + u, c]", {"x": real("x", n=BATCH, t=8, c=3)}),
    "average pooling": lambda: Formula(
        "y[n,i,c] = (Σ[u<K] x[n, i·s + u, c])/K", {"x": real("x", n=BATCH, t=8, c=3)}, {"K": 2, "s": 2}
    ),
    "softmax": lambda: Formula(
        "e[...,o] = exp(z[...,o] - stop(max[k] z[...,k]))\na[...,o] = e[...,o]/Σ[k] e[...,k]",
        {"z": real("z", n=BATCH, o=7)},
    ),
    "log-softmax loss": lambda: Formula(
        "l[n] = log(Σ[k] exp(z[n,k] - stop(max[j] z[n,j]))) + stop(max[j] z[n,j]) - Σ[k] [k = label[n]]·z[n,k]",
        {"z": real("z", n=BATCH, k=7), "label": whole("label", n=BATCH)},
    ),
    "mean loss": lambda: Formula(
        "L = Σ[n] (Σ[o] (y[n,o] - t[n,o])²/size(o))/size(n)",
        {"y": real("y", n=BATCH, o=3), "t": real("t", n=BATCH, o=3)},
    ),
    "huber": lambda: Formula(
        "l[n] = where(abs(r[n]) ≤ δ, r[n]²/2, δ·(abs(r[n]) - δ/2))", {"r": real("r", n=BATCH)}, {"δ": 1.5}
    ),
    "lstm": lstm,
    "reversed recurrence": lambda: Formula(
        "h[t,j] = tanh(x[t,j] + Σ[q] h[t+1, q | h0[q]]·U[q,j])",
        {"x": real("x", t=5, j=3), "U": real("U", q=3, j=3), "h0": real("h0", q=3)},
    ),
    "masked recurrence": lambda: Formula(
        "h[n,t] = where(0 < m[n,t], tanh(x[n,t] + h[n,t-1 | 0]), h[n,t-1 | 0])",
        {"x": real("x", n=BATCH, t=5), "m": whole("m", n=BATCH, t=5)},
    ),
    "embedding": lambda: Formula(
        "y[n,t,d] = E[ids[n,t],d]", {"E": real("E", v=10, d=3), "ids": whole("ids", n=BATCH, t=6)}
    ),
    "flatten": lambda: Formula(
        "y[n,q<42] = Σ[i,j] [q = w·i + j]·x[n,i,j]", {"x": real("x", n=BATCH, i=6, j=7)}, {"w": 7}
    ),
    "unflatten": lambda: Formula(
        "y[n,i,j] = x[n, w·i + j]", {"x": real("x", n=BATCH, q=42)}, {"w": 7}, extents={"i": 6, "j": 7}
    ),
    "slice and flip": lambda: Formula(
        "y[n,i<4,j] = x[n, 2·i + a, 4 - j]", {"x": real("x", n=BATCH, h=9, w=5)}, {"a": 1}, extents={"j": 5}
    ),
    "concatenation": lambda: Formula(
        "y[n,i<8] = where(i < 5, a[n,i | 0], b[n, i - 5 | 0])",
        {"a": real("a", n=BATCH, i=5), "b": real("b", n=BATCH, j=3)},
    ),
    "transpose": lambda: Formula("y[j,i] = x[i,j]", {"x": real("x", i=4, j=3)}),
    "diagonal": lambda: Formula("y[i] = x[i,i]·x[i,0]", {"x": real("x", i=4, j=4)}),
    "square of a sum": lambda: Formula("y[i] = (Σ[j] x[i,j])²", {"x": real("x", i=4, j=3)}),
    "product of sums": lambda: Formula(
        "y[i] = (Σ[j] x[i,j])·(Σ[j] x[i,j]·z[j])", {"x": real("x", i=4, j=3), "z": real("z", j=3)}
    ),
    "product of maxima": lambda: Formula("y = (Σ[j] max[u] x[j,u])·(Σ[j] max[u] x[j,u])", {"x": real("x", j=4, u=3)}),
    "argmax": lambda: Formula("y[n] = argmax[k] x[n,k]", {"x": real("x", n=BATCH, k=3)}),
    "argmin": lambda: Formula("y[n] = argmin[k] x[n,k]·x[n,0]", {"x": real("x", n=BATCH, k=3)}),
    "global maximum": lambda: Formula("y[c] = max[n,t] x[n,t,c]", {"x": real("x", n=BATCH, t=4, c=3)}),
    "gelu": lambda: Formula("a[…] = z[…]·(1 + erf(z[…]/√2))/2", {"z": real("z", n=BATCH, o=3)}),
    "silu": lambda: Formula("a[…] = z[…]·σ(β·z[…])", {"z": real("z", n=BATCH, o=3)}, {"β": 1.7}),
    "elu": lambda: Formula("a[…] = where(0 < z[…], z[…], α·expm1(z[…]))", {"z": real("z", n=BATCH, o=3)}, {"α": 1.5}),
    "every scalar function": lambda: Formula(
        "y[i] = exp(x[i]) + expm1(x[i]) + log(x[i]) + log1p(x[i]) + √x[i] + sin(x[i]) + cos(x[i]) + erf(x[i])"
        " + tanh(x[i]) + σ(x[i]) + softplus(x[i]) + relu(x[i]) + abs(x[i]) + sign(x[i]) + max(x[i], z[i])"
        " + min(x[i], z[i]) + x[i]^z[i]"
        " + x[i]/z[i] + [x[i] < z[i]] + [x[i] ≤ z[i] and 0 < z[i]]·x[i] + where(x[i] = z[i], x[i], z[i]) + stop(x[i])",
        {"x": real("x", i=4), "z": real("z", i=4)},
    ),
    "adam": lambda: Formula(
        "m[i] = β·v[i] + (1 - β)·g[i]\nw′[i] = w[i] - lr·m[i]/(1 - β^step)/(√(g[i]²) + 1e-8)",
        {"w": real("w", i=4), "v": real("v", i=4), "g": real("g", i=4), "step": real("step")},
        {"β": 0.9, "lr": 1e-3},
    ),
    "dropout": lambda: Formula(
        "y[…] = x[…]·[p ≤ uniform(key, 3, step, …)]/(1 - p)",
        {"x": real("x", n=BATCH, i=4, j=3), "key": whole("key"), "step": whole("step")},
        {"p": 0.25},
    ),
    "batch normalisation": lambda: Formula(
        """
        μ[c] = Σ[n,i] x[n,i,c]/size(n)/size(i)
        v[c] = Σ[n,i] (x[n,i,c] - μ[c])²/size(n)/size(i)
        y[n,i,c] = γ[c]·(x[n,i,c] - μ[c])/√(v[c] + ε) + β[c]
        """,
        {"x": real("x", n=BATCH, i=4, c=3), "γ": real("γ", c=3), "β": real("β", c=3)},
        {"ε": 1e-5},
    ),
    "an axis called like a number": lambda: Formula(
        "y[n,i] = Σ[u] x[n, i·s + u]·k[u]", {"x": real("x", n=BATCH, s=9), "k": real("k", u=3)}, {"s": 2}
    ),
    "a tensor called like an axis": lambda: Formula(
        "y[n,g] = g[n,g]·i[g]·r", {"g": real("g", n=BATCH, r=4), "i": real("i", q=4), "r": real("r")}
    ),
    "indices as values": lambda: Formula(
        "y[n,i] = x[n,i]·(2·i + 1) - i·w + 3·i·x[n,i] + i/2 - (i - 1)²",
        {"x": real("x", n=BATCH, i=4)},
        {"w": 7},
    ),
    "an index as a value under a window": lambda: Formula(
        "y[i] = Σ[u] (i + 1)·x[2·i + u]·k[u]", {"x": real("x", t=9), "k": real("k", u=3)}
    ),
    "quotients": lambda: Formula(
        "y[i] = 2/x[i] - 3/x[i]·z[i] + z[i]·(1/x[i]) + z[i]/x[i]/2 + (Σ[j] w[j]·x[i])/z[i] - 1/(x[i]·z[i])",
        {"x": real("x", i=4), "z": real("z", i=4), "w": real("w", j=3)},
    ),
    "powers": lambda: Formula(
        "y[i] = -x[i]² + (x[i]²)³ - 2^x[i] + x[i]^(-2) + (x[i]^0.5)^a + (-x[i])³",
        {"x": real("x", i=4)},
        {"a": 2.5},
    ),
    "conditions": lambda: Formula(
        "y[i] = where(0 ≤ i < 3 and x[i] > 0, x[i], where([x[i] = 1] = 0, z[i], 0))"
        " + [[x[i] < 1 and z[i] ≥ 2] = 0]·x[i]",
        {"x": real("x", i=4), "z": real("z", i=4)},
    ),
    "nested reductions": lambda: Formula(
        "y[i] = Σ[j] x[i,j]·max[k] (x[i,k] - Σ[j] x[j,k]) - min[j] -x[i,j] + 2·min[j] x[i,j]·3",
        {"x": real("x", i=4, j=4)},
    ),
    "integers as values": lambda: Formula(
        "y[n] = m[n]·x[n] + 2·m[n]", {"m": whole("m", n=BATCH), "x": real("x", n=BATCH)}
    ),
    "a constant alone": lambda: Formula("y[n] = x[n]·π + ∞·x[n] - 1e-05", {"x": real("x", n=BATCH)}),
    "outside another tensor": lambda: Formula(
        "y[t] = x[t-2 | z[t]·2]·w + x[t+1 | 0]",
        {"x": real("x", t=5), "z": real("z", t=5), "w": real("w")},
        extents={"t": 5},
    ),
    "one axis name in three reductions": lambda: Formula(
        "y[i] = Σ[j] x[i,j]·(Σ[j] x[j,i])·max[j] x[j,j]", {"x": real("x", i=4, j=4)}
    ),
    "outside along two axes": lambda: Formula(
        "y[i,j] = x[i-1, j+1 | 0]·x[j, i | 0]", {"x": real("x", i=4, j=4)}, extents={"i": 4, "j": 4}
    ),
    "a condition under a window": lambda: Formula(
        "y[i] = Σ[u] where(i < 2, x[2·i + u]·k[u], k[u]²·z[i])",
        {"x": real("x", t=9), "k": real("k", u=3), "z": real("z", i=4)},
    ),
    "a window over the batch": lambda: Formula(
        "y[n] = Σ[u<2] x[n]·x[n - u | 0]·x[n + 1 | 0]", {"x": real("x", n=BATCH)}
    ),
    "tensors of a recurrence read elsewhere too": lambda: Formula(
        "h[t,j] = tanh(Σ[q] h[t-1,q | x[0,q]]·U[q,j]) + x[t,j]\ny[t,j] = h[t,j]·x[t,j] + Σ[q] U[q,j]·h[t+1, q | 0]",
        {"x": real("x", t=5, j=3), "U": real("U", q=3, j=3)},
    ),
    "values outside that have gradients": lambda: Formula(
        "y[t] = x[t-2 | z[t]]·z[t] + x[2·t - 3 | z[4 - t]]",
        {"x": real("x", t=5), "z": real("z", t=5)},
        extents={"t": 5},
    ),
    "transposed and dilated": lambda: Formula(
        "y[i<13] = Σ[u,v] x[(i + 1 - 2·u - v)/3 | 0]·k[u,v]", {"x": real("x", t=5), "k": real("k", u=3, v=2)}
    ),
    "an index under a window as a value": lambda: Formula(
        "y[i] = Σ[u] (i + 1)·[i = u]·x[3·i + u]·k[u] + (i·i)·k[i | 0]", {"x": real("x", t=14), "k": real("k", u=3)}
    ),
    "a maximum over values outside": lambda: Formula(
        "y[i] = max[u<3] x[2·i + u - 1 | z[i]]", {"x": real("x", t=8), "z": real("z", i=4)}
    ),
    "two maxima of one statement": lambda: Formula(
        "y[i] = max[u<2] (x[i,u]·z[u]) + (Σ[j] max[u] x[j,u])·(Σ[j] max[u] x[j,u]·z[0])",
        {"x": real("x", i=4, u=2), "z": real("z", u=2)},
    ),
    "a quotient under a window": lambda: Formula(
        "y[i] = Σ[u] k[u]/(1 + x[2·i + u]²)/(1 + z[i]²)",
        {"x": real("x", t=9), "z": real("z", i=4), "k": real("k", u=3)},
    ),
    "a window that runs backwards": lambda: Formula(
        "y[i<4] = Σ[u] x[8 - 2·i - u]·k[u]", {"x": real("x", t=9), "k": real("k", u=3)}
    ),
    "an embedding read twice": lambda: Formula(
        "y[n,t] = Σ[d] E[ids[n,t - 1 | 0],d]·w[d]·E[t,d]",
        {"E": real("E", v=10, d=3), "ids": whole("ids", n=BATCH, t=6), "w": real("w", d=3)},
    ),
    "a diagonal and a steeper one": lambda: Formula("y[i] = x[i, 2·i | 0]·x[i,i]", {"x": real("x", i=4, j=4)}),
}
