"""Native code gives the reference engine's numbers, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.llvm.support import agree, draw, with_gradients

from pellucid.engines import compile_program
from pellucid.formula import BATCH, Axis, Program, Tensor, define, define_all
from pellucid.formula.axes import Affine
from pellucid.formula.expressions import Read, Reduction
from pellucid.formula.expressions import Tensor as Array
from pellucid.functions.activations import ACTIVATIONS, activation
from pellucid.functions.forward.attention import scaled_dot_product
from pellucid.functions.forward.noise import dropout
from pellucid.functions.forward.recurrence import gru, lstm, rnn
from pellucid.functions.learning.losses import loss, total
from pellucid.functions.learning.optimizers import OPTIMIZERS, optimizer

few = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
examples = st.sampled_from([1, 2, 15, 16, 17, 33])
real = Tensor.input


@few
@given(
    examples,
    st.sampled_from([1, 5, 48, 70]),
    st.sampled_from([1, 3, 16, 31, 65]),
    st.sampled_from(["σ", "relu", "tanh"]),
)
def test_dense(n: int, i: int, o: int, function: str) -> None:
    x, w, b = real("x", n=BATCH, i=i), real("w", i=i, o=o), real("b", o=o)
    y = define(f"y[n,o] = {function}(b[o] + Σ[i] x[n,i]·w[i,o])", x=x, w=w, b=b)
    program = with_gradients(y, [x, w, b])
    agree(program, draw(program, n))


@few
@given(
    examples,
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([1, 6, 16, 40]),
    st.integers(7, 12),
    st.integers(1, 5),
)
def test_convolution(n: int, s: int, p: int, d: int, c: int, f: int, size: int, window: int) -> None:
    if (window - 1) * d + 1 > size:
        window = 2
    x, k, b = real("x", n=BATCH, h=size, w=size + 2, c=c), real("k", u=window, v=window, c=c, f=f), real("b", f=f)
    y = define(
        "y[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i·s + u·d - p, j·s + v·d - p, c | 0]·k[u,v,c,f]",
        x=x,
        k=k,
        b=b,
        s=s,
        d=d,
        p=p,
    )
    program = with_gradients(define("a[…] = relu(y[…])", y=y), [x, k, b])
    agree(program, draw(program, n))


@few
@given(
    examples,
    st.integers(2, 3),
    st.integers(0, 2),
    st.sampled_from([1, 8, 33]),
    st.sampled_from([1, 6, 16, 40]),
    st.integers(3, 9),
    st.integers(2, 5),
)
def test_transposed_convolution(n: int, s: int, p: int, c: int, f: int, size: int, window: int) -> None:
    """Its tiles are of points that few terms have in common, and end where the image does."""
    h, w = ((extent - 1) * s - 2 * p + window for extent in (size, size + 1))
    x, k = real("x", n=BATCH, i=size, j=size + 1, c=c), real("k", u=window, v=window, f=f, c=c)
    y = define(
        f"y[n,h<{h},w<{w},f] = Σ[u,v,c] x[n, (h + p - u)/s, (w + p - v)/s, c | 0]·k[u,v,f,c]", x=x, k=k, p=p, s=s
    )
    program = Program({"y": y})
    agree(program, draw(program, n))


@few
@given(examples, st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.sampled_from([1, 3]), st.booleans())
def test_pooling(n: int, size: int, s: int, p: int, c: int, mean: bool) -> None:
    p = min(p, size - 1)
    x = real("x", n=BATCH, h=9, w=10, c=c)
    if mean:
        text = "y[n,i,j,c] = (Σ[u<K, v<K] x[n, i·s + u - p, j·s + v - p, c | 0])/K²"
    else:
        text = "y[n,i,j,c] = max[u<K, v<K] x[n, i·s + u - p, j·s + v - p, c | -inf]"
    program = with_gradients(define(text, x=x, K=size, s=s, p=p), [x])
    agree(program, draw(program, n))


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@settings(few, max_examples=2)
@given(n=st.sampled_from([3, 17]), t=st.sampled_from([1, 2, 7]), j=st.sampled_from([1, 6, 32]), reverse=st.booleans())
def test_recurrences(kind: str, n: int, t: int, j: int, reverse: bool) -> None:
    gates: Any = {"rnn": {}, "lstm": {"g": 4}, "gru": {"g": 3}}[kind]
    x, h0 = real("x", n=BATCH, t=t, i=5), real("h0", n=BATCH, q=j)
    w, u, b = real("w", i=5, **gates, j=j), real("u", q=j, **gates, j=j), real("b", **gates, j=j)
    function = {"rnn": rnn, "lstm": lstm, "gru": gru}[kind]
    found = function(x, kernel=w, recurrent_kernel=u, bias=b, hidden=h0, reverse=reverse)  # type: ignore[operator]
    program = with_gradients(found["h"], [x, w, u, b, h0])
    agree(program, draw(program, n))


@few
@given(examples, st.integers(1, 5), st.sampled_from([1, 3, 40]))
def test_embedding(n: int, t: int, d: int) -> None:
    table, ids = real("table", v=11, d=d), Tensor.input("ids", n=BATCH, t=t, kind="int")
    program = with_gradients(define("y[n,t,d] = E[ids[n,t],d]", E=table, ids=ids), [table])
    agree(program, draw(program, n, ids=np.random.default_rng(n).integers(0, 11, (n, t))))


@few
@given(examples, st.booleans())
def test_attention(n: int, causal: bool) -> None:
    q, k, v = (real(name, n=BATCH, t=4, h=2, d=3) for name in "qkv")
    program = with_gradients(scaled_dot_product(q, k, v, causal=causal)["y"], [q, k, v])
    agree(program, draw(program, n))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    z = real("z", n=BATCH, k=9)
    program = with_gradients(activation(name)(z), [z])
    agree(program, draw(program, 19))


@pytest.mark.parametrize("hot", [False, True])
def test_crossentropy_after_a_reshape(hot: bool) -> None:
    x, w = real("x", n=BATCH, i=3, j=4), real("w", q=12, k=5)
    y = real("t", n=BATCH, k=5) if hot else Tensor.input("t", n=BATCH, kind="int")
    flat = define("f[n,q<12] = Σ[i,j] [q = 4·i + j]·x[n,i,j]", x=x)
    z = define("z[n,k] = Σ[q] f[n,q]·w[q,k]", f=flat, w=w)
    mean = total(loss("categorical_crossentropy")(z, y, logits=True))
    program = with_gradients(mean, [x, w])
    label = np.eye(5)[np.arange(21) % 5] if hot else np.arange(21) % 5
    agree(program, draw(program, 21, t=label))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    rule = optimizer(name)
    w, dw = real("w", i=7, o=19), real("dw", i=7, o=19)
    slots = {s: real(s, i=7, o=19) for s in rule.slots}
    program = Program(rule.update(w, dw, slots, lr=real("lr"), step=Tensor.input("step", kind="int")))
    inputs = draw(program, 1, step=3)
    inputs |= {s: np.abs(inputs[s]) for s in slots}
    agree(program, inputs)


def test_normalisation_over_the_batch() -> None:
    x = real("x", n=BATCH, h=3, c=4)
    z = define_all(
        """μ[c] = Σ[n,h] x[n,h,c]/(size(n)·size(h))
        v[c] = Σ[n,h] (x[n,h,c] − μ[c])²/(size(n)·size(h))
        z[n,h,c] = (x[n,h,c] − μ[c])/√(v[c] + 0.001)""",
        x=x,
    )["z"]
    program = with_gradients(z, [x])
    for n in (1, 16, 21):
        agree(program, draw(program, n))


def test_dropout_draws_the_numbers_of_every_other_engine() -> None:
    x, seed, step = real("x", n=BATCH, i=6, j=7), Tensor.input("seed", kind="int"), Tensor.input("step", kind="int")
    program = with_gradients(dropout(x, rate=0.4, seed=seed, step=step, stream=12345), [x])
    inputs = draw(program, 35, seed=4_000_000_000, step=7)
    agree(program, inputs)


def test_maxima_and_their_places_take_the_first_winner() -> None:
    x = real("x", n=BATCH, i=5, j=3)
    program = Program(
        {
            "most": define("m[n] = max[i,j] x[n,i,j]", x=x),
            "place": define("p[n] = argmax[i,j] x[n,i,j]", x=x),
            "least": define("l[n,j] = argmin[i] x[n,i,j]", x=x),
        }
    )
    agree(program, {"x": np.round(np.random.default_rng(0).normal(size=(18, 5, 3)))})


def test_sums_within_sums() -> None:
    y, t = real("y", n=BATCH, o=3), real("t", n=BATCH, o=3)
    mean = define("L[] = Σ[n] (Σ[o] (y[n,o] − t[n,o])²/size(o))/size(n)", y=y, t=t)
    program = with_gradients(mean, [y])
    for n in (1, 16, 21):
        agree(program, draw(program, n))


def test_views_alone() -> None:
    x = real("x", n=BATCH, i=2, j=3)
    program = Program({"y": define("y[n,q<6] = Σ[i,j] [q = 3·i + j]·x[n,i,j]", x=x)})
    for n in (2, 20):
        agree(program, draw(program, n))


def test_sums_too_long_for_a_cache_are_prepared_by_the_shards() -> None:
    x, w = real("x", n=BATCH, t=70, i=20), real("w", i=20, o=64)
    y = define("y[n,t,o] = Σ[i] x[n,t,i]·w[i,o] + Σ[i] x[n, t - 1, i | 0]·w[i,o]", x=x, w=w)
    program = with_gradients(y, [w])
    agree(program, draw(program, 37))


def test_a_statement_that_cannot_be_compiled_is_named_and_runs_by_the_reference_engine() -> None:
    x = real("x", n=BATCH, i=4)
    y = define("y[n] = Σ[i] x[n,i]²", x=x)
    away = Array("turned", (Axis("i", 4), Axis("n", BATCH)))
    i, n = away.axes
    away.define(Read(x, (Affine.of(n), Affine.of(i))))
    back = Array("sums", (Axis("i", 4),))
    m = Axis("n", BATCH)
    back.define(Reduction("sum", (m,), Read(away, (Affine.of(back.axes[0]), Affine.of(m)))))
    program = Program({"y": y, "sums": back})
    from pellucid.engines.llvm import executable

    with pytest.warns(RuntimeWarning, match="turned has the batch axis elsewhere than first"):
        run = executable(program, np.dtype(np.float32))
    inputs = draw(program, 6)
    for name, array in compile_program(program, engine="reference")(inputs).items():
        np.testing.assert_allclose(run(inputs)[name], array, rtol=1e-5)


def test_every_tensor_can_be_traced() -> None:
    x, w = real("x", n=BATCH, i=5), real("w", i=5, o=3)
    y = define("y[n,o] = Σ[i] x[n,i]·w[i,o]", x=x, w=w)
    program = Program({"a": define("a[…] = relu(y[…])", y=y)})
    inputs = draw(program, 7)
    from tests.engines.llvm.support import native

    found = native(program).trace(inputs)
    expected = compile_program(program, engine="reference").trace(inputs)
    assert list(found) == list(expected)
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)
