"""The recurrences once more, step by step: written for any array library, to be run by NumPy and by JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tests.functions.support import Array, Arrays

from pellucid.formula import BATCH, Tensor
from pellucid.functions.forward import recurrence

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru_before": 3}
AXES = {
    "x": "nti",
    "kernel": "igj",
    "recurrent_kernel": "qgj",
    "bias": "gj",
    "recurrent_bias": "gj",
    "hidden": "nq",
    "cell": "nq",
    "mask": "nt",
}


@dataclass(frozen=True)
class Configuration:
    """One recurrence: its sizes, what it is given, and how it runs."""

    kind: str
    n: int = 3
    t: int = 5
    i: int = 2
    q: int = 3
    bias: bool = True
    initial: bool = True
    masked: bool = False
    reverse: bool = False
    truncate: int | None = None
    seed: int = field(default=0)

    def arrays(self) -> Arrays:
        """Random inputs; the mask is 0 anywhere, not only at the end."""
        rng = np.random.default_rng(self.seed)
        names = ["x", "kernel", "recurrent_kernel"]
        names += ["bias", *(["recurrent_bias"] if self.kind == "gru" else [])] * self.bias
        names += ["hidden", *(["cell"] if self.kind == "lstm" else [])] * self.initial
        sizes = {"n": self.n, "t": self.t, "i": self.i, "q": self.q, "j": self.q, "g": GATES[self.kind]}
        found: Arrays = {name: rng.normal(size=[sizes[a] for a in self.axes(name)]) for name in names}
        if self.masked:
            found["mask"] = rng.integers(0, 2, (self.n, self.t)).astype(float)
        return found

    def axes(self, name: str) -> str:
        return AXES[name].replace("g", "") if self.kind == "rnn" else AXES[name]

    def formulas(self, arrays: Mapping[str, Array]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The inputs, and all tensors of the recurrence by letter."""
        given: dict[str, Any] = {}
        for name, array in arrays.items():
            extents: dict[str, Any] = dict(zip(self.axes(name), array.shape, strict=True))
            given[name] = Tensor.input(name, extents | ({"n": BATCH} if "n" in extents else {}))
        options: dict[str, Any] = {"reverse": self.reverse, "truncate": self.truncate}
        if self.kind == "gru_before":
            options["reset_after"] = False
        function: Callable[..., dict[str, Tensor]] = getattr(recurrence, self.kind.removesuffix("_before"))
        return given, function(**given, **options)


def cell(kind: str, xp: Any, a: Arrays, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """One step: x (n,i), h and c (n,q)."""

    def sigmoid(z: Array) -> Any:
        return 1 / (1 + xp.exp(-z))

    w, u = a["kernel"], a["recurrent_kernel"]
    if kind == "rnn":
        return xp.tanh(x @ w + h @ u + a.get("bias", 0.0)), c
    p = [x @ w[:, g] + (a["bias"][g] if "bias" in a else 0.0) for g in range(GATES[kind])]
    if kind == "lstm":
        i, f, g, o = (p[k] + h @ u[:, k] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * xp.tanh(g)
        return sigmoid(o) * xp.tanh(c), c
    d = a.get("recurrent_bias", np.zeros((3, 1)))
    z = sigmoid(p[0] + h @ u[:, 0] + d[0])
    r = sigmoid(p[1] + h @ u[:, 1] + d[1])
    inner = r * (h @ u[:, 2] + d[2]) if kind == "gru" else (r * h) @ u[:, 2]
    return z * h + (1 - z) * xp.tanh(p[2] + inner), c


def numpy_loop(of: Configuration, a: Arrays) -> Array:
    """All states (n,t,q), by a plain loop."""
    h = c = np.zeros((of.n, of.q))
    h, c = a.get("hidden", h), a.get("cell", c)
    states = np.zeros((of.n, of.t, of.q))
    for t in reversed(range(of.t)) if of.reverse else range(of.t):
        new = cell(of.kind, np, a, a["x"][:, t], h, c)
        there = a["mask"][:, t, None] > 0 if of.masked else True
        h, c = np.where(there, new[0], h), np.where(there, new[1], c)
        states[:, t] = h
    return states


def jax_scan(of: Configuration, a: Arrays, upstream: Array) -> tuple[Array, Arrays]:
    """All states, and the gradient of Σ upstream·states by every input but the mask, by jax.lax.scan."""
    import jax

    xp = jax.numpy
    place = np.arange(of.t)
    cuts = (place % of.truncate == 0) & (place > 0) if of.truncate else np.zeros(of.t, bool)

    def states(inputs: Arrays) -> Any:
        def step(carry: Any, at: Any) -> Any:
            x, m, cut = at
            h, c = (xp.where(cut, jax.lax.stop_gradient(s), s) for s in carry)
            new = cell(of.kind, xp, inputs, x, h, c)
            held = xp.where(m[:, None] > 0, new[0], h), xp.where(m[:, None] > 0, new[1], c)
            return held, held[0]

        zero = xp.zeros((of.n, of.q))
        mask = xp.asarray(a.get("mask", np.ones((of.n, of.t))))
        order = slice(None, None, -1) if of.reverse else slice(None)
        steps = xp.moveaxis(inputs["x"], 1, 0)[order], mask.T[order], xp.asarray(cuts)
        _, found = jax.lax.scan(step, (inputs.get("hidden", zero), inputs.get("cell", zero)), steps)
        return xp.moveaxis(found[order], 0, 1)

    def both(inputs: Arrays, dy: Array) -> Any:
        value, back = jax.vjp(states, inputs)
        return value, back(dy)[0]

    with jax.enable_x64(True):
        value, gradients = jax.jit(both)({k: v for k, v in a.items() if k != "mask"}, upstream)
        return np.asarray(value), {k: np.asarray(v) for k, v in gradients.items()}
