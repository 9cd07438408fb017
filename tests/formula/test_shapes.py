"""The extents of axes: read off what they index, largest windows that fit, and what does not fit."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pellucid.errors import FormulaError, ShapeError
from pellucid.formula import BATCH, Axis, Tensor, define, define_all
from pellucid.formula.axes import Extent
from pellucid.formula.parser import Binding


def shape(text: str, /, extents: dict[str, int] | None = None, **bindings: Binding) -> tuple[Extent, ...]:
    return define(text, extents=extents, derivative=None, **bindings).shape


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    s=st.integers(1, 4),
    p=st.integers(0, 5),
    d=st.integers(1, 3),
)
def test_a_window_has_the_size_of_the_textbook(size: int, kernel: int, s: int, p: int, d: int) -> None:
    """floor((H + 2p − d(K − 1) − 1)/s) + 1: Dumoulin and Visin, A guide to convolution arithmetic (2016), relationship
    15."""
    expected = (size + 2 * p - d * (kernel - 1) - 1) // s + 1
    x, k = Tensor.input("x", n=BATCH, h=size), Tensor.input("k", u=kernel)
    text = "y[n,i] = Σ[u] x[n, i·s + u·d - p | 0]·k[u]"
    if expected >= 1:
        assert shape(text, x=x, k=k, s=s, d=d, p=p) == (BATCH, expected)
    else:
        with pytest.raises(ShapeError, match="axis i would be empty"):
            define(text, x=x, k=k, s=s, d=d, p=p)


@given(size=st.integers(1, 30), kernel=st.integers(1, 5), low=st.integers(0, 3), high=st.integers(0, 3))
def test_padding_may_differ_at_the_two_ends(size: int, kernel: int, low: int, high: int) -> None:
    expected = size + low + high - kernel + 1
    assume(expected >= 1)
    x = Tensor.input("x", n=BATCH, h=size)
    assert shape("y[n,i] = max[u<K] x[n, i + u - p | -inf]", x=x, K=kernel, p=(low, high)) == (
        BATCH,
        expected,
    )


def test_without_an_outside_a_window_stays_inside() -> None:
    assert shape("y[i] = max[u<3] x[2·i + u]", x=Tensor.input("x", h=8)) == (3,)


def test_numbers_in_the_text_are_padding_too() -> None:
    assert shape("y[i] = Σ[u] x[i + u - 1 | 0]·k[u]", x=Tensor.input("x", h=8), k=Tensor.input("k", u=3)) == (8,)


def test_two_reads_of_a_window_give_the_smaller_size() -> None:
    x, z = Tensor.input("x", h=8), Tensor.input("z", h=6)
    assert shape("y[i] = x[i + 1]·z[2·i]", x=x, z=z) == (3,)


def test_a_batch_runs_through_all_statements() -> None:
    found = define_all("a[n,i] = x[n,i]²\nb[n] = Σ[i] a[n,i]\nL = Σ[n] b[n]/size(n)", x=Tensor.input("x", n=BATCH, i=3))
    assert [t.shape for t in found.values()] == [(BATCH, 3), (BATCH,), ()]


def test_a_recurrence_has_the_extents_of_what_it_reads() -> None:
    found = define("h[n,t] = x[n,t] + h[n, t-1 | 0]", x=Tensor.input("x", n=BATCH, t=6))
    assert found.shape == (BATCH, 6)


def test_extents_that_the_formula_declares() -> None:
    x = Tensor.input("x", n=BATCH, q=42)
    assert shape("y[n,i<6,j<w] = x[n, w·i + j]", x=x, w=7) == (BATCH, 6, 7)
    assert shape("y[n,i,j] = x[n, w·i + j]", {"i": 6, "j": 7}, x=x, w=7) == (BATCH, 6, 7)


X, W = Tensor.input("x", n=BATCH, i=100), Tensor.input("w", i=784, o=3)


@pytest.mark.parametrize(
    ("text", "bindings", "message"),
    [
        ("y[n,o] = Σ[i] x[n,i]·‸w[i,o]", {"x": X, "w": W}, "axis i is 100 in x[n,i] but 784 in w[i,o]"),
        ("y[n,i<3] = ‸x[n,i]", {"x": X}, "axis i is 3, but x has 100 there"),
        (
            "y[n] = ‸x[n,100]",
            {"x": X},
            "100 runs from 100 to 100, but x has 100 along i; say what lies outside, as in | 0",
        ),
        (
            "y[n,i<100] = ‸x[n,i + 1]",
            {"x": X},
            "i + 1 runs from 1 to 100, but x has 100 along i; say what lies outside, as in | 0",
        ),
        ("y[n,i<9] = ‸x[n,i/2]", {"x": X}, "i/2 may leave x; say what lies outside, as in | 0"),
        ("y[i] = ‸x[0,i]", {"x": X}, "0 may leave x; say what lies outside, as in | 0"),
        (
            "y[n,i] = Σ[u<200] ‸x[n,i + u]",
            {"x": X},
            "axis i would be empty: its window covers 200, but x has only 100",
        ),
        (
            "y[n,i] = Σ[u<200] ‸x[n,i + u - 3 | 0]",
            {"x": X},
            "axis i would be empty: its window covers 200, but x has only 106 (6 of padding included)",
        ),
    ],
)
def test_what_does_not_fit(text: str, bindings: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        define(text.replace("‸", ""), extents=None, derivative=None, **bindings)
    said, shown, caret = str(caught.value).split("\n")
    assert said == message
    assert shown == "    " + text.replace("‸", "")
    assert caret == "    " + " " * text.index("‸") + "^"


def test_an_axis_of_unknown_extent_is_named() -> None:
    with pytest.raises(FormulaError, match="nothing says how long axis k is; declare it, as in k<10"):
        define("y[n,k] = x[n,0]", x=X)


def test_a_tensor_without_extents_says_so() -> None:
    with pytest.raises(FormulaError, match="axis i of z has no extent yet"):
        _ = Tensor("z", (Axis("i"),)).shape
