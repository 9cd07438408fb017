"""A few steps of training of small networks that have a bit of everything."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.engines.llvm.support import Arrays, native

from pellucid.engines.llvm.run.executable import Executable
from pellucid.engines.llvm.run.native import Target
from pellucid.formula import BATCH, Program, Tensor, define, derivative
from pellucid.functions.forward.noise import dropout
from pellucid.functions.forward.recurrence import lstm
from pellucid.functions.learning.losses import loss, total
from pellucid.functions.learning.optimizers import Adam

BATCH_SIZE = 37
real = Tensor.input
STEP, RATE = Tensor.input("step", kind="int"), Tensor.input("lr")


def image_program() -> Program:
    """Convolution, pooling, dropout, two dense layers, Adam."""
    x, labels = real("x", n=BATCH, h=9, w=9, c=2), Tensor.input("labels", n=BATCH, kind="int")
    k, b = real("k", u=3, v=3, c=2, f=6), real("b", f=6)
    w, v = real("w", q=96, o=40), real("v", o=40, k=5)
    z = define("z[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i + u - p, j + v - p, c | 0]·k[u,v,c,f]", x=x, k=k, b=b, p=1)
    a = define("a[…] = relu(z[…])", z=z)
    m = define("m[n,i,j,f] = max[u<2, v<2] a[n, 2·i + u, 2·j + v, f]", a=a)
    flat = define("y[n,q<96] = Σ[i,j,f] [q = 24·i + 6·j + f]·m[n,i,j,f]", m=m)
    h = define("h[n,o] = tanh(Σ[q] y[n,q]·w[q,o])", y=flat, w=w)
    d = dropout(h, rate=0.3, seed=Tensor.input("seed", kind="int"), step=STEP, stream=1)
    s = define("s[n,k] = Σ[o] d[n,o]·v[o,k]", d=d, v=v)
    return _trained(total(loss("categorical_crossentropy")(s, labels, logits=True)), [k, b, w, v], d)


def text_program() -> Program:
    """Embedding, LSTM, a dense layer at every step, Adam."""
    ids, labels = (Tensor.input(name, n=BATCH, t=9, kind="int") for name in ("ids", "labels"))
    table, w = real("table", v=11, i=20), real("w", i=20, g=4, j=24)
    u, b, o = real("u", q=24, g=4, j=24), real("b", g=4, j=24), real("o", j=24, k=11)
    x = define("x[n,t,i] = E[ids[n,t],i]", E=table, ids=ids)
    h = lstm(x, kernel=w, recurrent_kernel=u, bias=b)["h"]
    s = define("s[n,t,k] = Σ[j] h[n,t,j]·o[j,k]", h=h, o=o)
    return _trained(total(loss("categorical_crossentropy")(s, labels, logits=True)), [table, w, u, b, o], s)


def large_program() -> Program:
    """Sizes from which on kernels are packed, sums taken in pieces, rows looked up and added to in groups."""
    ids, labels = Tensor.input("ids", n=BATCH, t=40, kind="int"), Tensor.input("labels", n=BATCH, kind="int")
    table, w = real("table", v=30, i=20), real("w", i=20, g=4, j=88)
    u, b, m, o = real("u", q=88, g=4, j=88), real("b", g=4, j=88), real("m", j=88, k=130), real("o", k=130, c=530)
    x = define("x[n,t,i] = E[ids[n,t],i]", E=table, ids=ids)
    h = lstm(x, kernel=w, recurrent_kernel=u, bias=b)["h"]
    y = define("y[n,t,k] = tanh(Σ[j] h[n,t,j]·m[j,k])", h=h, m=m)
    a = define("a[n,k] = Σ[t] y[n,t,k]/T", y=y, T=40)
    s = define("s[n,c] = Σ[k] a[n,k]·o[k,c]", a=a, o=o)
    return _trained(total(loss("categorical_crossentropy")(s, labels, logits=True)), [table, w, u, b, m, o], s)


def _trained(mean: Tensor, weights: list[Tensor], more: Tensor) -> Program:
    gradients = derivative(mean, weights)
    outputs: dict[str, Tensor] = {"loss": mean, "more": more}
    for w in weights:
        slots = {s: real(f"{w.name}:{s}", {a.name: a.size for a in w.axes}) for s in Adam().slots}
        new = Adam().update(w, gradients[w], slots, lr=RATE, step=STEP)
        outputs |= {w.name if s == "weight" else f"{w.name}:{s}": t for s, t in new.items()}
    return Program(outputs)


def start(program: Program) -> tuple[Arrays, Arrays, dict[str, Any]]:
    """Initial state, data of 100 examples, and what differs from step to step."""
    rng = np.random.default_rng(5)
    state: Arrays = {}
    data: Arrays = {}
    for name, t in program.inputs.items():
        if name in program.outputs:
            state[name] = np.zeros(t.shape) if ":" in name else rng.normal(size=t.shape) * 0.2  # type: ignore[arg-type]
        elif t.axes and t.axes[0].extent is BATCH:
            shape = (100, *t.shape[1:])
            data[name] = rng.integers(0, 5, shape) if t.kind == "int" else rng.normal(size=shape)  # type: ignore[arg-type]
    each: dict[str, Any] = {"lr": np.full(4, 0.01), "step": np.arange(1, 5), "seed": np.full(4, 9)}
    return state, data, {name: a for name, a in each.items() if name in program.inputs}


def trained(
    program: Program,
    *,
    threads: int = 1,
    target: Target | None = None,
    kind: str = "float32",
    examples: int = BATCH_SIZE,
) -> Arrays:
    """State and loss after four steps."""
    return finish(native(program, kind, threads=threads, target=target), program, examples)


def finish(run: Executable, program: Program, examples: int = BATCH_SIZE) -> Arrays:
    state, data, each = start(program)
    session = run.session(state)
    rows = np.stack([np.random.default_rng(k).permutation(100)[:examples] for k in range(4)])
    found = session.run(data, rows=rows, each=each)
    return {**{name: a.copy() for name, a in session.state.items()}, "loss": found["loss"], "more": found["more"]}
