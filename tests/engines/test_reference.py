"""The reference engine against the naive interpreter and plain NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.naive import agree, random_inputs
from tests.engines.test_reference_gradients import LSTM

from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Affine, Axis, Tensor, define
from pellucid.formula.expressions import Constant, Index, Operation, Read, Reduction
from pellucid.formula.program import Loop, Program
from pellucid.formula.scalar import SCALARS


def run(y: Tensor, dtype: Any = np.float64, **inputs: Any) -> Any:
    return compile_program(Program({"y": y}), engine="reference", dtype=dtype)(
        {n: np.asarray(a) for n, a in inputs.items()}
    )["y"]


def test_dense_by_hand() -> None:
    x, w, b = Tensor.input("x", n=BATCH, i=2), Tensor.input("w", i=2, o=2), Tensor.input("b", o=2)
    y = define("y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]", x=x, w=w, b=b)
    # 1·1 + 2·3 + 10 = 17,  1·2 + 2·4 + 20 = 30
    assert run(y, x=[[1, 2]], w=[[1, 2], [3, 4]], b=[10, 20]).tolist() == [[17, 30]]


def test_convolution_and_its_transpose_by_hand() -> None:
    x, k = Tensor.input("x", i=3), Tensor.input("k", u=2)
    # padded 0 1 2 3 0: places 0 and 2, with the kernel (10, 1): 0·10 + 1·1, 2·10 + 3·1
    y = define("y[i] = Σ[u] x[i·s + u - p | 0]·k[u]", x=x, k=k, s=2, p=1)
    assert run(y, x=[1, 2, 3], k=[10, 1]).tolist() == [1, 23]
    # stride 2 backwards: 1, 2, 3 at places 0, 2, 4, each times the kernel
    z = define("z[h<6] = Σ[u] x[(h - u)/s | 0]·k[u]", x=x, k=k, s=2)
    assert run(z, x=[1, 2, 3], k=[10, 1]).tolist() == [10, 1, 20, 2, 30, 3]


def test_max_takes_the_first_of_equals() -> None:
    x = Tensor.input("x", i=2, j=3)
    for array, winner in (
        ([[0, 5, 5], [5, 1, 2]], 1),
        ([[-1, -1, -2], [-1, -1, -1]], 0),
        ([[0, 0, 0], [0, 0, 9]], 5),
    ):
        assert run(define("m = argmax[i,j] x[i,j]", x=x), x=array) == winner
        assert run(define("m = max[i,j] x[i,j]", x=x), x=array) == np.max(array)
    big = Tensor.input("x", n=BATCH, i=9, j=3)
    agree(define("m[n,i] = argmax[j] x[n,i,j]", x=big), batch=40)
    agree(define("m[n] = argmax[i,j] x[n,i,j]", x=big), x=np.random.default_rng(0).integers(0, 3, (4, 9, 3)))


NEEDS = {"log": "abs(x[…]) + 0.1", "sqrt": "abs(x[…])", "log1p": "abs(x[…])", "pow": "abs(x[…]) + 0.1"}
SIGNS = {
    "pow": "({a})^({b})",
    "div": "({a})/({b})",
    "lt": "[{a} < {b}]",
    "le": "[{a} ≤ {b}]",
    "eq": "[{a} = {b}]",
    "and": "[{a} < {b} and {b} < 1]",
}


@pytest.mark.parametrize("name", sorted(set(SCALARS) - {"uniform", "where"}))
def test_every_scalar_function(name: str) -> None:
    x, y = Tensor.input("x", n=BATCH, i=5), Tensor.input("y", i=5)
    args = [NEEDS.get(name, "x[…]"), "y[i]"][: SCALARS[name].arity]
    body = (
        SIGNS[name].format(a=args[0].replace("…", "n,i"), b=args[-1])
        if name in SIGNS
        else f"{name}({', '.join(args)})".replace("…", "n,i")
    )
    bindings: dict[str, Any] = {"x": x, "y": y} if "y[" in body else {"x": x}
    agree(define(f"r[n,i] = {body}", **bindings))
    agree(define(f"r[n,i] = 2·{body} + 1", **bindings), batch=1)


def test_where_compares_and_constants() -> None:
    x = Tensor.input("x", n=BATCH, i=5)
    for text in (
        "y[n,i] = where(0 < x[n,i], sqrt(x[n,i]), 0)",
        "y[n,i] = where(0 < x[n,i], 1, 2)",
        "y[n,i] = where(i < 2, x[n,i], 0.5)",
        "y[n,i] = [0 < x[n,i]] + [i = 3] + [1 ≤ i < 4]·3",
        "y[n,i] = 1 − [0 < x[n,i]]·[i < 2]",
        "y[n,i] = i·x[n,i]/4 + n",
        "y[n,i] = exp(1)·x[n,i] + max(i, 2)/3",
        "y[n,i] = x[n,i]^3 − x[n,i]² + 1/(1 + x[n,i]²) − (1 + x[n,i]²)^(0 − 1)",
        "y[n,i] = min(x[n,i], 0.5)·size(n)·size(i)",
        "y[n,i<5] = 3 + x[n,0]",
        "y[n,i] = where(1 < 2, x[n,i], 0)",
    ):
        agree(define(text, x=x))


def test_infinities_and_nans_pass_without_warnings() -> None:
    x = Tensor.input("x", n=BATCH)
    found = run(define("y[n] = log(x[n])/x[n] + exp(x[n])", x=x), np.float32, x=[-1.0, 0.0, 1000.0])
    assert np.isnan(found[0]) and found[1] == -np.inf and found[2] == np.inf


def test_views_transposes_and_diagonals() -> None:
    x = Tensor.input("x", n=BATCH, i=4, j=4)
    for text in (
        "y[n,j,i] = x[n,i,j]",
        "y[j,n] = x[n,2,j]",
        "y[n,i] = x[n,i,i]",
        "y[n,i<4,j] = x[n, 3 - i, j]",
        "y[n,i<2,j] = x[n, 2·i + 1, j]",
        "y[n,i<4,j<4] = x[n, i - 1, j + 1 | 7]",
        "y[n,i<4,j<5] = x[n, 2·i - 3, 5 - 2·j | 0]",
        "y[n,i<3,u<2] = x[n, i + u, 2·u]",
        "y[n,i<4,j] = x[n, i + 1, j | 10·i + j]",
        "y[n,h<9,j] = x[n, (h - 1)/2, j | -1]",
        "y[n,h<9,j] = x[n, (h - 1)/2, j | h]",
        "y[n,i] = x[n, 5, i | 3]",
        "y[n,i,j,k<2] = x[n,i,j]",
    ):
        agree(define(text, x=x), batch=2)


def test_sums() -> None:
    x, w, v = Tensor.input("x", n=BATCH, i=5), Tensor.input("w", i=5, o=3), Tensor.input("v", o=3)
    for text in (
        "y[n] = Σ[i] x[n,i]",
        "y[i] = Σ[n] x[n,i]",
        "y = Σ[n,i] x[n,i]²",
        "y[n] = Σ[i,k<4] x[n,i]",
        "y[n] = x[n,0] + Σ[i<5] 2",
        "y[n] = Σ[i] (x[n,i] + 1)²/(1 + i)",
        "y[i,k<5] = Σ[n] x[n,i]·x[n,k]",
        "y[n,m] = Σ[i] x[n,i]·x[m,i]",
        "y[n] = Σ[i] x[n,i]·(x[n,i] − Σ[k] x[n,k])",
        "y[n,i] = x[n,i]·Σ[k<3] k",
        "y[i] = Σ[n] [0 < x[n,i]]",
        "y = Σ[n,i] [x[n,i] < 0]·[1 < i]",
        "y[n] = Σ[i] where(n < 1, x[n,i], 0)",
    ):
        agree(define(text, x=x))
    for text in (
        "y[n,o] = Σ[i] x[n,i]·w[i,o]·v[o]",
        "y[n] = Σ[i,o] x[n,i]·w[i,o]·v[o]",
        "y = Σ[n,i,o] x[n,i]·w[i,o]·v[o]",
        "y[o,i,n] = x[n,i]·w[i,o]·v[o]",
        "y[n,o] = Σ[i] (x[n,i]·w[i,o] + v[o]·x[n,i])/(2 + v[o]²)",
        "y[n,o] = Σ[i] x[n,i]·w[i,o]/(1 + x[n,i]²) + v[o]",
        "y[n,o] = Σ[i] where(0 < x[n,i], x[n,i]·w[i,o], 0) + v[o]",
        "y[n,o] = Σ[i] where(0 < w[i,o], x[n,i]·w[i,o]·v[o], 0)",
        "y[o] = Σ[n,i] Σ[k<3] x[n,i]·w[i,o]·v[k]",
    ):
        agree(define(text, x=x, w=w, v=v))


def test_batched_products() -> None:
    q, k = Tensor.input("q", n=BATCH, h=2, t=5, d=3), Tensor.input("k", n=BATCH, s=4, h=2, d=3)
    agree(define("a[n,h,t,s] = Σ[d] q[n,h,t,d]·k[n,s,h,d]", q=q, k=k))
    agree(define("a[n,t,h,s] = Σ[d] q[n,h,t,d]·k[n,s,h,d]", q=q, k=k), batch=1)
    agree(define("a[h,d] = Σ[n,t,s] q[n,h,t,d]·k[n,s,h,d]", q=q, k=k))
    x, w = Tensor.input("x", n=BATCH, h=6, c=3), Tensor.input("w", u=3, c=3)
    agree(define("y[n,i,c] = Σ[u] x[n, i + u - 1, c | 0]·w[u,c]", x=x, w=w))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_contractions_drawn_at_random(data: st.DataObject) -> None:
    letters = "abcde"
    axes = {a: data.draw(st.integers(1, 4), label=a) for a in letters}
    some = st.lists(st.sampled_from(letters), max_size=4, unique=True)
    tensors = [data.draw(some) for _ in range(data.draw(st.integers(1, 4)))]
    inside = sorted({a for t in tensors for a in t})
    free = data.draw(st.permutations(data.draw(st.lists(st.sampled_from(inside), unique=True)) if inside else []))
    summed = [a for a in inside if a not in free]
    bindings: dict[str, Any] = {f"T{k}": Tensor.input(f"T{k}", {a: axes[a] for a in t}) for k, t in enumerate(tensors)}
    body = "·".join(f"T{k}[{','.join(t)}]" if t else f"T{k}" for k, t in enumerate(tensors))
    sums = f"Σ[{','.join(summed)}] " if summed else ""
    agree(define(f"y[{','.join(free)}] = {sums}{body}" if free else f"y = {sums}{body}", **bindings))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_affine_reads_drawn_at_random(data: st.DataObject) -> None:
    """T[(a·i + b·j + c)/s, …] for all small coefficients, at once within bounds and beyond, constants and
    formulas outside.
    """
    size = data.draw(st.integers(1, 5))
    i, j, k = Axis("i", data.draw(st.integers(1, 4))), Axis("j", data.draw(st.integers(1, 3))), Axis("k", 2)
    small = st.integers(-3, 3)
    source = Tensor.input("x", a=size, b=3)
    target = Tensor("y", (k, i, j))
    index = Affine.of(data.draw(small))
    for axis in (i, j):
        by = data.draw(small)
        index = index + Affine.of(axis).scaled(Affine.of(by).offset[0]) if by else index
    divisor = data.draw(st.integers(1, 3))
    if divisor > 1:
        index = index.over(Affine.of(divisor).offset[0])
    second = data.draw(st.sampled_from([Affine.of(j), Affine.of(k), Affine.of(1), Affine.of(4)]))
    outside = data.draw(
        st.sampled_from([Constant(0), Constant(-2.5), Index(Affine.of(i)), Read(source, (Affine.of(0), Affine.of(k)))])
    )
    e = Read(source, (index, second), outside)
    target.define(e)
    agree(target)
    summed = Tensor("s", (k, i))
    other = Tensor.input("w", i=i.size, j=j.size)
    summed.define(Reduction("sum", (j,), Operation("mul", (e, Read(other, (Affine.of(i), Affine.of(j)))))))
    agree(summed)


@settings(max_examples=40, deadline=None)
@given(
    *(st.integers(1, 3) for _ in range(3)),
    st.integers(0, 2),
    st.integers(1, 20),
    st.integers(1, 3),
    st.integers(1, 17),
)
def test_convolution_and_its_transpose_drawn_at_random(
    s: int, d: int, window: int, p: int, more: int, c: int, f: int
) -> None:
    x, k = Tensor.input("x", n=BATCH, h=d * (window - 1) + more, c=c), Tensor.input("k", u=window, c=c, f=f)
    agree(define("y[n,i,f] = Σ[u,c] x[n, i·s + u·d - p, c | 0]·k[u,c,f]", x=x, k=k, s=s, p=p, d=d), batch=2)
    k = Tensor.input("k", u=window, c=c, f=f)
    h = max(1, (more - 1) * s + window - 2 * p)
    agree(
        define(
            "y[n,h,f] = Σ[u,c] x[n, (h + p - u·d)/s, c | 0]·k[u,c,f]",
            x=x,
            k=k,
            s=s,
            p=p,
            d=d,
            extents={"h": h},
        ),
        batch=2,
    )


def test_convolution_in_plain_numpy() -> None:
    x, k, b = (
        Tensor.input("x", n=BATCH, h=9, w=8, c=2),
        Tensor.input("k", u=3, v=2, c=2, f=5),
        Tensor.input("b", f=5),
    )
    y = define(
        "y[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i·s + u·d - p, j·s + v·d - p, c | 0]·k[u,v,c,f]",
        x=x,
        k=k,
        b=b,
        s=2,
        p=1,
        d=2,
    )
    inputs = random_inputs(Program({"y": y}))
    padded = np.pad(inputs["x"], ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((3, 4, 4, 5)) + inputs["b"]
    for u, v in itertools.product(range(3), range(2)):
        expected += padded[:, 2 * u : 2 * u + 7 : 2, 2 * v : 2 * v + 7 : 2] @ inputs["k"][u, v]
    np.testing.assert_allclose(run(y, **inputs), expected, rtol=1e-12)


def test_sums_that_have_quicker_ways() -> None:
    x, k = Tensor.input("x", n=BATCH, i=5, j=4, f=3), Tensor.input("k", u=3, f=3, c=1)
    agree(define("y[f] = Σ[n,i,j] x[n,i,j,f]", x=x), batch=5)
    agree(define("y[n,i,j,f] = Σ[u<2,v<2] x[n, i + u, j + v, f]", x=x), batch=5)
    agree(define("y[n,h<7,j,c] = Σ[u,f] x[n, h - u, j, f | 0]·k[u,f,c]", x=x, k=k), batch=5)
    agree(define("y[n,h<7,j] = Σ[u<3] x[n, h - u, j, u | 0]·(1 + u)", x=x), batch=5)


def test_brackets() -> None:
    x, z = Tensor.input("x", n=BATCH, i=3, j=4), Tensor.input("z", n=BATCH, j=4)
    for text in (
        "y[n,q<12] = Σ[i,j] [q = 4·i + j]·x[n,i,j]",
        "y[q<12,n] = Σ[i,j] [4·i + j = q]·x[n,i,j]²",
        "y[n,q<12] = Σ[i,j] [q = i + 3·j]·x[n,i,j]",
        "y[n,q<9] = Σ[i,j] [q = 2·i + j]·x[n,i,j]",
        "y[q<3,n] = Σ[i,j] [q = i]·x[n,i,j]",
        "y[n,g<3,j] = x[n,0,j]·[g = 1] + x[n,1,j]²·[g = 2]",
        "y[n,g<3,j] = x[n,0,j] + x[n,1,j]·[g = 1] + x[n,2,j]·[2·g = 2]",
        "y[n,g<3,j] = x[n,1,j]·[g = 5]",
        "y[g<3] = [g = 1] + 0·Σ[n] x[n,0,0]",
        "y[n,g<2] = [g = 1]·Σ[i,j] x[n,i,j]",
    ):
        agree(define(text, x=x))
    agree(define("y[n,j,k<4] = z[n,j]·[j = k]", z=z))
    flat = Tensor.input("x", n=BATCH, q=12)
    agree(define("y[n,i<3,j<4] = x[n, 4·i + j]", x=flat))


def test_reads_by_integers() -> None:
    table, ids = Tensor.input("E", v=6, d=3), Tensor.input("ids", n=BATCH, t=4, kind="int")
    p, label = Tensor.input("p", n=BATCH, k=5), Tensor.input("label", n=BATCH, kind="int")
    numbers = np.array([[0, 2, 2, 5], [2, 0, 0, 1], [5, 5, 5, 5]])
    for text in (
        "y[n,t,d] = E[ids[n,t],d]",
        "y[d,t,n] = E[ids[n,t],d]",
        "y[n,t] = E[ids[n,t],1]",
        "y[n,t,d<2] = E[ids[n,t], d + 1]",
        "y[n,d] = Σ[t] E[ids[n,t],d]",
        "y[n,v<6] = Σ[t,d] [v = ids[n,t]]·E[2,d]",
    ):
        agree(define(text, E=table, ids=ids), ids=numbers)
    agree(define("y[n,t,d] = E[ids[n,t], d | -1]", E=table, ids=ids), ids=numbers * 2 - 3)
    agree(define("y[n,t] = E[ids[n,t], ids[n,0] | t]", E=table, ids=ids), ids=numbers - 1)
    agree(define("y[n] = p[n, label[n]]", p=p, label=label), label=[4, 0, 2])
    agree(define("y[n,k] = p[n,k] − [k = label[n]]", p=p, label=label), label=[4, 0, 2])
    agree(define("y[v<5] = Σ[n] [v = label[n]]", label=label), label=[4, 4, 9])
    agree(define("y[v<7] = Σ[n,k] [v = label[n]]·p[n,k]", p=p, label=label), label=[4, 4, -1])
    agree(define("y[n] = label[n]/2 + 3·label[n]", label=label), label=[4, 1, -1])


def test_random_numbers_in_formulas() -> None:
    seed, step = Tensor.input("key", kind="int"), Tensor.input("step", kind="int")
    x = Tensor.input("x", n=BATCH, i=5)
    agree(
        define("r[n,i] = x[n,i]·[uniform(key, 3, step, 5·n + i) < 0.5]", x=x, key=seed, step=step),
        key=2**33 + 5,
        step=7,
    )


def lstm(T: int, H: int, text: str = LSTM) -> Tensor:
    x, W, U = (
        Tensor.input("x", n=BATCH, t=T, i=3),
        Tensor.input("W", i=3, g=4, j=H),
        Tensor.input("U", q=H, g=4, j=H),
    )
    b, h0, c0 = (
        Tensor.input("b", g=4, j=H),
        Tensor.input("h0", n=BATCH, q=H),
        Tensor.input("c0", n=BATCH, j=H),
    )
    return define(text, x=x, W=W, U=U, b=b, h0=h0, c0=c0)


@pytest.mark.parametrize("back", [False, True])
def test_lstm_in_plain_numpy(back: bool) -> None:
    y = lstm(6, 4, LSTM.replace("t-1", "t+1") if back else LSTM)
    inputs = random_inputs(Program({"y": y}))
    h, c = inputs["h0"], inputs["c0"]
    expected = np.zeros((3, 6, 4))
    for t in reversed(range(6)) if back else range(6):
        z = (
            inputs["b"]
            + np.einsum("ni,igj->ngj", inputs["x"][:, t], inputs["W"])
            + np.einsum("nq,qgj->ngj", h, inputs["U"])
        )
        i, f, o = (1 / (1 + np.exp(-z[:, g])) for g in (0, 1, 3))
        c = f * c + i * np.tanh(z[:, 2])
        expected[:, t] = h = o * np.tanh(c)
    np.testing.assert_allclose(run(y, **inputs), expected, rtol=1e-12)
    assert any(isinstance(stage, Loop) for stage in Program({"y": y}).stages)


def test_recurrences_of_other_kinds() -> None:
    x = Tensor.input("x", n=BATCH, t=6)
    for text in (
        "y[n,t] = x[n,t] + y[n, t - 1 | 0]",
        "y[n,t] = x[n,t]·y[n, t + 1 | n] + t",
        "y[n,t] = y[n, t - 1 | 1] + y[n, t - 2 | 0]·[t < 4] + x[n,t]/6",
        "y[n,t] = where(t < 3, x[n,t], y[n, t - 1 | 0])",
        "y[n,t] = x[n,t] + max(y[n, t - 1 | 0], t/10)",
        "y[t,n] = Σ[u<3] x[n, t + u - 1 | 0] + exp(-t)·y[t - 1, n | 0]",
    ):
        agree(define(text, x=x))


def test_trace_gives_every_tensor_in_order() -> None:
    y = lstm(3, 2)
    program = Program({"y": y})
    inputs = random_inputs(program)
    values = compile_program(program, engine="reference", dtype=np.float64).trace(inputs)
    assert list(values) == list(program.tensors)
    np.testing.assert_array_equal(values["x"], inputs["x"])
    np.testing.assert_array_equal(values["h"], run(y, **inputs))
    assert not any(np.shares_memory(a, b) for a in values.values() for b in inputs.values())


def test_outputs_share_no_memory() -> None:
    x = Tensor.input("x", n=BATCH, i=4)
    flat = define("y[n,a<2,b<2] = x[n, 2·a + b]", x=x)
    y = define("z[n,i] = 2·x[n,i]", x=x)
    view = define("w[n,a<2,b<2] = z[n, 2·a + b]", z=y)
    outputs = compile_program(Program({"x": x, "flat": flat, "y": y, "again": y, "view": view}), engine="reference")(
        {"x": np.ones((2, 4), np.float32)}
    )
    for one, two in itertools.combinations(outputs.values(), 2):
        assert not np.shares_memory(one, two)


def test_the_batch_may_change_from_run_to_run() -> None:
    x = Tensor.input("x", n=BATCH, i=4)
    mean = compile_program(
        Program({"m": define("m[i] = Σ[n] x[n,i]/size(n)", x=x)}), engine="reference", dtype=np.float64
    )
    for n in (5, 1, 3, *range(1, 15), 5):
        array = np.random.default_rng(n).normal(size=(n, 4))
        np.testing.assert_allclose(mean({"x": array})["m"], array.mean(axis=0), rtol=1e-12)


def test_an_id_that_does_not_exist() -> None:
    table, ids = Tensor.input("E", v=6, d=3), Tensor.input("ids", n=BATCH, kind="int")
    y = define("y[n,d] = E[ids[n],d]", E=table, ids=ids)
    for number in (6, -1):
        with pytest.raises(PellucidError, match=rf"ids holds {number}, but E has 6 along v: 0 to 5 exist"):
            run(y, E=np.zeros((6, 3)), ids=[0, number])
