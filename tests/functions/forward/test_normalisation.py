"""Normalisation: worked by hand, against JAX, against central differences; how the fused derivative prints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.naive import check_gradients
from tests.functions.forward.test_convolution import agree
from tests.functions.support import Array, evaluate, tensors

from pellucid.formula import BATCH, Tensor, derivative, unicode
from pellucid.formula.derivative import reachable
from pellucid.functions.forward.normalisation import Over, running, scale, standardise, statistics

OVER: tuple[Over, ...] = ("batch", "example")


def normalised(
    x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, *, over: Over, epsilon: float = 1e-3
) -> Tensor:
    mean, variance = statistics(x, over=over)
    return scale(standardise(x, mean, variance, epsilon=epsilon, over=over), gamma, beta)


def one(x: Array, **options: Any) -> Array:
    given_: dict[str, Any] = tensors({"x": x}, batched=("x",))
    return evaluate({"y": normalised(**given_, **options)}, {"x": x})["y"]


def test_an_example_worked_by_hand() -> None:
    x = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 13.0]])
    # over the batch: channel 0 has mean 3 and variance (4 + 0 + 4)/3 = 8/3,
    # channel 1 has mean 11 and variance (1 + 1 + 4)/3 = 2
    expected = [[-2 / np.sqrt(8 / 3), -1 / np.sqrt(2)], [0, -1 / np.sqrt(2)], [2 / np.sqrt(8 / 3), 2 / np.sqrt(2)]]
    np.testing.assert_allclose(one(x, over="batch", epsilon=0.0), expected, rtol=1e-14, atol=1e-15)
    # in each example: (1, 10) has mean 5.5 and variance 4.5², so it becomes (−1, 1), as do the others
    np.testing.assert_allclose(one(x, over="example", epsilon=0.0), [[-1, 1]] * 3, rtol=1e-14)


@pytest.mark.parametrize("over", OVER)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    shape=st.sampled_from([(2, 3), (5, 17), (1, 4, 3), (3, 2, 5), (2, 3, 4, 2), (1, 2, 3, 1)]),
    parts=st.sampled_from([(), ("gamma",), ("beta",), ("gamma", "beta")]),
    seed=st.integers(0, 99),
)
def test_it_agrees_with_jax(over: Over, shape: tuple[int, ...], parts: tuple[str, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = {"x": rng.normal(2.0, 3.0, shape), **{name: rng.normal(size=shape[-1]) for name in parts}}
    axes = -1 if over == "example" else tuple(range(len(shape) - 1))

    def reference(jax: Any, x: Any, gamma: Any = 1.0, beta: Any = 0.0) -> Any:
        mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        return gamma * (x - mean) / jax.numpy.sqrt(variance + 0.1) + beta

    agree(lambda **given_: normalised(**given_, over=over, epsilon=0.1), reference, arrays, seed)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("parts", [(), ("gamma",), ("beta",), ("gamma", "beta")])
def test_the_fused_derivative_agrees_with_central_differences(over: Over, parts: tuple[str, ...]) -> None:
    x = Tensor.input("x", n=BATCH, h=2, w=2, c=3)
    learnt: dict[str, Any] = {name: Tensor.input(name, c=3) for name in parts}
    check_gradients(normalised(x, over=over, **learnt), [x, *learnt.values()], batch=3, naive=len(parts) == 1)


def test_running_statistics_are_numbers_to_the_derivative() -> None:
    x, mean, variance = Tensor.input("x", n=BATCH, c=3), Tensor.input("mean", c=3), Tensor.input("variance", c=3)
    z = standardise(x, mean, variance, epsilon=1e-3, over="batch", own=False)
    check_gradients(z, [x], variance=np.array([0.5, 1.0, 2.0]))


def test_running_statistics_follow() -> None:
    arrays = {"old": np.array([1.0, 2.0]), "new": np.array([3.0, -2.0])}
    found = evaluate({"y": running(**tensors(arrays), momentum=0.9)}, arrays)["y"]
    np.testing.assert_allclose(found, [0.9 * 1 + 0.1 * 3, 0.9 * 2 - 0.1 * 2], rtol=1e-15)


def test_the_derivative_reads_like_the_textbook() -> None:
    x = Tensor.input("x", n=BATCH, c=3)
    z = standardise(x, *statistics(x, over="batch"), epsilon=1e-3, over="batch")
    upstream = Tensor("dz", tuple(a.fresh() for a in z.axes))
    found = [unicode(s) for s in reachable(derivative(z, [x], upstream=upstream).values())]
    expected = [
        "μ[c] = Σ_n x[n,c]/size(n)",
        "v[c] = Σ_n (x[n,c] − μ[c])²/size(n)",
        "z[n,c] = (x[n,c] − μ[c])/sqrt(v[c] + ε)",
        "a[c] = Σ_n dz[n,c]/size(n)",
        "r[c] = Σ_n dz[n,c]·z[n,c]/size(n)",
        "dx[n,c] = (dz[n,c] − a[c] − z[n,c]·r[c])/sqrt(v[c] + ε)",
    ]
    assert sorted(found) == sorted(expected)
    assert found[-1] == expected[-1]
