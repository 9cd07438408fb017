"""Pooling: worked by hand, against JAX, against central differences; how gradients print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.naive import check_gradients
from tests.functions.forward.test_convolution import agree, texts
from tests.functions.support import Array, Arrays, evaluate, tensors, with_gradients

from pellucid.errors import ShapeError
from pellucid.formula import BATCH, Tensor
from pellucid.functions.forward import pools

POOLS: dict[str, Callable[..., Tensor]] = {
    "max": pools.max_pool,
    "min": pools.min_pool,
    "average": pools.average_pool,
}


def one(formula: Any, x: Array) -> Array:
    return evaluate({"y": formula(**tensors({"x": x}, batched=("x",)))}, {"x": x})["y"]


def distinct(rng: np.random.Generator, *shape: int) -> Array:
    """No two numbers are nearer than a step of central differences, so that no winner changes."""
    return rng.permutation(np.prod(shape)).reshape(shape) / 10.0 - 1.0


# By hand


def test_an_example_worked_by_hand() -> None:
    x = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 0.0], [7.0, -1.0, 6.0]])[None, :, :, None]
    windows: dict[str, Any] = {
        "max": [[5, 5], [7, 6]],
        "min": [[1, 0], [-1, -1]],
        "average": [[13 / 4, 10 / 4], [13 / 4, 8 / 4]],
    }
    for name, expected in windows.items():
        found = one(lambda x, name=name: POOLS[name](x, size=2, stride=1), x)
        np.testing.assert_allclose(found[0, :, :, 0], expected, rtol=1e-15)


def test_padding_counts_for_nothing() -> None:
    x = np.array([-3.0, -1.0, -2.0])[None, :, None]
    # "same" with a window of 2, stride 2: one place is added at the end, so the last window holds −2 alone
    expected = {"max": [-1.0, -2.0], "min": [-3.0, -2.0], "average": [-2.0, -2.0]}
    for name, values in expected.items():
        found = one(lambda x, name=name: POOLS[name](x, size=2, padding="same"), x)
        np.testing.assert_array_equal(found[0, :, 0], values)


def test_of_two_equal_numbers_the_first_takes_the_gradient() -> None:
    x = np.array([[2.0, 2.0], [1.0, 2.0]])[None, :, :, None]
    for name, expected in {"max": [[3.0, 0.0], [0.0, 0.0]], "min": [[0.0, 0.0], [3.0, 0.0]]}.items():
        _, gradients = with_gradients(
            lambda x, name=name: POOLS[name](x, size=2), {"x": x}, np.full((1, 1, 1, 1), 3.0), batched=("x",)
        )
        np.testing.assert_array_equal(gradients["x"][0, :, :, 0], expected)


# Against JAX


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The shape of x, and the options of a window."""
    rank = draw(st.sampled_from([1, 2, 3]))

    def each(low: int, high: int) -> tuple[int, ...]:
        return draw(st.tuples(*[st.integers(low, high)] * rank))

    size = each(1, 3)
    pads = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in size)
    padding = draw(st.sampled_from(["valid", "same", pads]))
    extents = tuple(k + more for k, more in zip(size, each(0, 5), strict=True))
    shape = (draw(st.integers(1, 3)), *extents, draw(st.integers(1, 3)))
    return shape, {"size": size, "stride": draw(st.sampled_from([None, each(1, 3)])), "padding": padding}


@pytest.mark.parametrize("name", POOLS)
@settings(max_examples=7, deadline=None, derandomize=True)
@given(drawn=windows(), seed=st.integers(0, 999))
def test_pooling_agrees_with_jax(name: str, drawn: tuple[tuple[int, ...], dict[str, Any]], seed: int) -> None:
    shape, options = drawn
    dimensions = (1, *options["size"], 1)
    strides = (1, *(options["stride"] or options["size"]), 1)
    padding = options["padding"]
    padding = padding.upper() if isinstance(padding, str) else [(0, 0), *padding, (0, 0)]

    def reference(jax: Any, x: Any) -> Any:
        lax = jax.lax
        if name == "max":
            return lax.reduce_window(x, -np.inf, lax.max, dimensions, strides, padding)
        if name == "min":
            return lax.reduce_window(x, np.inf, lax.min, dimensions, strides, padding)
        count = lax.reduce_window(jax.numpy.ones_like(x), 0.0, lax.add, dimensions, strides, padding)
        return lax.reduce_window(x, 0.0, lax.add, dimensions, strides, padding) / count

    agree(lambda x: POOLS[name](x, **options), reference, {"x": distinct(np.random.default_rng(seed), *shape)}, seed)


@pytest.mark.parametrize("shape", [(1, 5, 3), (3, 4, 5, 2), (2, 17, 1, 1), (2, 3, 4, 5, 2)])
def test_global_pooling_agrees_with_jax(shape: tuple[int, ...]) -> None:
    places = tuple(range(1, len(shape) - 1))
    arrays: Arrays = {"x": distinct(np.random.default_rng(0), *shape)}
    agree(pools.global_max_pool, lambda jax, x: x.max(axis=places), arrays, 1)
    agree(pools.global_average_pool, lambda jax, x: x.mean(axis=places), arrays, 1)


# Derivatives


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize(
    "options", [{"size": 2}, {"size": 3, "stride": 2, "padding": "same"}, {"size": (1, 2), "stride": 1}]
)
def test_derivatives_agree_with_central_differences(name: str, options: dict[str, Any]) -> None:
    values = distinct(np.random.default_rng(5), 2, 4, 5, 2)
    x = Tensor.input("x", n=BATCH, h=4, w=5, c=2)
    check_gradients(POOLS[name](x, **options), [x], batch=2, naive=options == {"size": 2}, x=values)


def test_derivatives_of_global_pooling_agree_with_central_differences() -> None:
    values = distinct(np.random.default_rng(6), 3, 4, 2)
    x = Tensor.input("x", n=BATCH, t=4, c=2)
    check_gradients(pools.global_max_pool(x), [x], x=values)
    check_gradients(pools.global_average_pool(x), [x], x=values)


# How it reads


def test_formulas_and_gradients_read_like_the_textbook() -> None:
    x = Tensor.input("x", n=BATCH, h=9, w=9, c=2)
    assert texts(pools.max_pool(x, size=2), x) == [
        "y[n,i,j,c] = max[u<K,v<K] x[n, i·s + u, j·s + v, c]",
        "dx[n,h,w,c] = Σ[u<K,v<K] dy[n, (h − u)/s, (w − v)/s, c | 0]·[m[n, (h − u)/s, (w − v)/s, c | 0] = 2·u + v]",
    ]
    assert texts(pools.min_pool(x, size=3, stride=1, padding=1)) == [
        "y[n,i,j,c] = min[u<K,v<K] x[n, i + u − p, j + v − p, c | ∞]"
    ]
    assert texts(pools.average_pool(x, size=2), x) == [
        "y[n,i,j,c] = Σ[u<K,v<K] x[n, i·s + u, j·s + v, c]/K²",
        "dx[n,h,w,c] = Σ[u<K,v<K] dy[n, (h − u)/s, (w − v)/s, c | 0]/K²",
    ]
    volume = Tensor.input("x", n=BATCH, d=9, h=9, w=9, c=2)
    assert texts(pools.average_pool(volume, size=2)) == [
        "y[n,i,j,l,c] = Σ[u<K,v<K,r<K] x[n, i·s + u, j·s + v, l·s + r, c]/K³"
    ]
    assert texts(pools.global_average_pool(x), x) == [
        "y[n,c] = Σ_hw x[n,h,w,c]/(size(h)·size(w))",
        "dx[n,h,w,c] = dy[n,c]/(size(h)·size(w))",
    ]


# What cannot be


def test_what_does_not_fit_is_said_in_one_sentence() -> None:
    x = Tensor.input("x", n=BATCH, h=4, w=4, c=2)
    with pytest.raises(ShapeError, match=r"the window \(5, 5\) is larger than the image \(4, 4\)"):
        pools.max_pool(x, size=5)
    with pytest.raises(ShapeError, match="as large as the window"):
        pools.max_pool(x, size=2, padding=2)
    with pytest.raises(ShapeError, match=r"a sequence .* or a volume"):
        pools.average_pool(Tensor.input("x", n=BATCH, i=4), size=2)
    with pytest.raises(ShapeError, match=r"a sequence .* or a volume"):
        pools.global_max_pool(Tensor.input("x", n=BATCH, i=4))
