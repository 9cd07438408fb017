"""Gradients that the engine computes, against central differences in float64 with random upstream
gradients.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.naive import check_gradients

from pellucid.formula import BATCH, Tensor, define


def test_dense() -> None:
    x, w, b = Tensor.input("x", n=BATCH, i=5), Tensor.input("w", i=5, o=3), Tensor.input("b", o=3)
    y = define("y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]", x=x, w=w, b=b)
    check_gradients(define("a[…] = σ(y[…])", y=y), [x, w, b])
    check_gradients(define("a[…] = tanh(y[…])", y=y), [x, w, b], batch=1)


@pytest.mark.parametrize(("s", "p", "d"), [(1, 0, 1), (1, 2, 1), (2, 1, 1), (3, 1, 2), (2, 0, 2), (2, (0, 1), 1)])
def test_convolution(s: int, p: int | tuple[int, int], d: int) -> None:
    x, k, b = (
        Tensor.input("x", n=BATCH, h=7, w=6, c=2),
        Tensor.input("k", u=3, v=2, c=2, f=3),
        Tensor.input("b", f=3),
    )
    text = "y[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i·s + u·d - p, j·s + v·d - p, c | 0]·k[u,v,c,f]"
    check_gradients(define(text, x=x, k=k, b=b, s=s, p=p, d=d), [x, k, b], batch=2)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 9),
)
def test_convolution_in_any_configuration(s: int, p: int, d: int, window: int, f: int, more: int) -> None:
    x = Tensor.input("x", n=BATCH, h=d * (window - 1) + more, c=3)
    k = Tensor.input("k", u=window, c=3, f=f)
    y = define("y[n,i,f] = Σ[u,c] x[n, i·s + u·d - p, c | 0]·k[u,c,f]", x=x, k=k, s=s, p=p, d=d)
    check_gradients(y, [x, k], batch=2)


@pytest.mark.parametrize(("s", "p"), [(1, 0), (2, 1), (3, 2)])
def test_transposed_convolution(s: int, p: int) -> None:
    x, k = Tensor.input("x", n=BATCH, i=4, c=2), Tensor.input("k", u=3, c=2, f=3)
    y = define(
        "y[n,h,f] = Σ[u,c] x[n, (h + p - u)/s, c | 0]·k[u,c,f]",
        x=x,
        k=k,
        s=s,
        p=p,
        extents={"h": 3 * s + 3 - 2 * p},
    )
    check_gradients(y, [x, k], batch=2)


@pytest.mark.parametrize(("K", "s", "p"), [(2, 2, 0), (3, 2, 1), (3, 1, 0), (2, 3, 0)])
def test_max_pooling(K: int, s: int, p: int) -> None:
    x = Tensor.input("x", n=BATCH, h=6, w=7, c=2)
    y = define("y[n,i,j,c] = max[u<K, v<K] x[n, i·s + u - p, j·s + v - p, c | -inf]", x=x, K=K, s=s, p=p)
    check_gradients(y, [x], batch=2)


def test_average_pooling() -> None:
    x = Tensor.input("x", n=BATCH, h=7, c=2)
    y = define("y[n,i,c] = Σ[u<K] x[n, i·s + u - p, c | 0]/K", x=x, K=3, s=2, p=1)
    check_gradients(y, [x])


def test_softmax() -> None:
    z = Tensor.input("z", n=BATCH, o=7)
    text = """e[…,o] = exp(z[…,o] - stop(max[k] z[…,k]))
              a[…,o] = e[…,o]/Σ[k] e[…,k]"""
    check_gradients(define(text, z=z), [z])
    stated = {"z": "dz[…,k] = a[…,k]·(da[…,k] − Σ[o] a[…,o]·da[…,o])"}
    check_gradients(define(text, z=z, derivative=stated), [z])


def test_normalisation() -> None:
    x, scale = Tensor.input("x", n=BATCH, i=4), Tensor.input("g", i=4)
    y = define(
        """m[i] = Σ[n] x[n,i]/size(n)
           v[i] = Σ[n] (x[n,i] - m[i])²/size(n)
           y[n,i] = g[i]·(x[n,i] - m[i])/sqrt(v[i] + 0.001)""",
        x=x,
        g=scale,
    )
    check_gradients(y, [x, scale], batch=5)


def test_embedding() -> None:
    table, ids = Tensor.input("E", v=6, d=3), Tensor.input("ids", n=BATCH, t=4, kind="int")
    y = define("y[n,t,d] = E[ids[n,t],d]²", E=table, ids=ids)
    check_gradients(y, [table], ids=[[0, 2, 2, 5], [2, 0, 0, 1], [5, 5, 5, 5]])


def test_flatten() -> None:
    x = Tensor.input("x", n=BATCH, i=3, j=4, c=2)
    y = define("y[n,q<24] = Σ[i,j,c] [q = 8·i + 2·j + c]·x[n,i,j,c]²", x=x)
    check_gradients(y, [x])


def test_crossentropy() -> None:
    z, labels = Tensor.input("z", n=BATCH, k=5), Tensor.input("label", n=BATCH, kind="int")
    loss = define(
        """m[n] = stop(max[k] z[n,k])
           s[n] = log(Σ[k] exp(z[n,k] - m[n]))
           l[n] = s[n] + m[n] − z[n, y[n]]""",
        z=z,
        y=labels,
    )
    check_gradients(loss, [z], label=[4, 0, 4])


LSTM = """
z[n,t,g,j] = b[g,j] + Σ[i] x[n,t,i]·W[i,g,j] + Σ[q] h[n,t-1,q | h0[n,q]]·U[q,g,j]
i[n,t,j]   = σ(z[n,t,0,j])
f[n,t,j]   = σ(z[n,t,1,j])
g[n,t,j]   = tanh(z[n,t,2,j])
o[n,t,j]   = σ(z[n,t,3,j])
c[n,t,j]   = f[n,t,j]·c[n,t-1,j | c0[n,j]] + i[n,t,j]·g[n,t,j]
h[n,t,j]   = o[n,t,j]·tanh(c[n,t,j])"""


@pytest.mark.parametrize(("batch", "T", "H"), [(3, 5, 2), (1, 3, 3), (2, 1, 2)])
@pytest.mark.parametrize("back", [False, True])
def test_lstm(batch: int, T: int, H: int, back: bool) -> None:
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
    h = define(LSTM.replace("t-1", "t+1") if back else LSTM, x=x, W=W, U=U, b=b, h0=h0, c0=c0)
    check_gradients(h, [x, W, U, b, h0, c0], batch=batch)


def test_plain_recurrence() -> None:
    x, U = Tensor.input("x", n=BATCH, t=5, j=2), Tensor.input("U", q=2, j=2)
    h = define("h[n,t,j] = tanh(x[n,t,j] + Σ[q] h[n,t-1,q | 0]·U[q,j])", x=x, U=U)
    check_gradients(h, [x, U])


def test_masked_recurrence() -> None:
    x, U = Tensor.input("x", n=BATCH, t=5, j=2), Tensor.input("U", q=2, j=2)
    mask = Tensor.input("m", n=BATCH, t=5, kind="int")
    text = """s[n,t,j] = tanh(x[n,t,j] + Σ[q] h[n,t-1,q | 0]·U[q,j])
              h[n,t,j] = where(0 < m[n,t], s[n,t,j], h[n,t-1,j | 0])"""
    check_gradients(define(text, x=x, U=U, m=mask), [x, U], m=np.array([[1, 1, 1, 0, 0], [1] * 5, [1, 0, 0, 0, 0]]))


def test_concatenation_and_reversal() -> None:
    a, b = Tensor.input("a", n=BATCH, t=3, i=2), Tensor.input("b", n=BATCH, t=3, i=3)
    y = define("y[n,t,o<5] = a[n, 2 - t, o | 0]² + b[n, t, o - 2 | 0]²", a=a, b=b)
    check_gradients(y, [a, b])
