"""Embedding: worked by hand, against JAX, against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.naive import check_gradients
from tests.functions.forward.test_convolution import texts
from tests.functions.support import with_gradients

from pellucid.errors import ShapeError
from pellucid.formula import BATCH, Tensor
from pellucid.functions.forward.lookup import embedding


def test_a_word_that_comes_twice_gets_both_gradients() -> None:
    arrays = {"ids": np.array([[2, 0, 2]]), "table": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])}
    upstream = np.array([[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]])
    value, gradients = with_gradients(embedding, arrays, upstream, batched=("ids",))
    np.testing.assert_array_equal(value, [[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]])
    # row 2 was read first and last: 1 + 4 and 10 + 40; row 1 never
    np.testing.assert_array_equal(gradients["table"], [[2.0, 20.0], [0.0, 0.0], [5.0, 50.0]])


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 3, 4), (5,)])
def test_it_agrees_with_jax(shape: tuple[int, ...]) -> None:
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(0)
    ids, table = rng.integers(0, 11, shape), rng.normal(size=(11, 5)).astype(np.float32)
    upstream = rng.normal(size=(*shape, 5)).astype(np.float32)
    value, gradients = with_gradients(
        embedding, {"ids": ids, "table": table}, upstream, batched=("ids",), dtype=np.float32
    )
    expected, pull = jax.vjp(lambda rows: rows[ids], table)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_allclose(gradients["table"], pull(upstream)[0], rtol=1e-5, atol=1e-6)


def test_the_derivative_agrees_with_central_differences() -> None:
    ids, table = Tensor.input("ids", n=BATCH, t=3, kind="int"), Tensor.input("table", v=4, d=2)
    words: Any = np.array([[1, 1, 3], [0, 3, 1]])
    check_gradients(embedding(ids, table), [table], batch=2, ids=words)


def test_it_reads_like_the_textbook() -> None:
    ids, table = Tensor.input("ids", n=BATCH, t=3, kind="int"), Tensor.input("E", v=4, d=2)
    assert texts(embedding(ids, table), table) == [
        "y[n,t,d] = E[ids[n,t],d]",
        "dE[v,d] = Σ_nt dy[n,t,d]·[v = ids[n,t]]",
    ]


def test_real_numbers_are_no_entries() -> None:
    with pytest.raises(ShapeError, match="integers straight from an Input"):
        embedding(Tensor.input("x", n=BATCH, t=3), Tensor.input("E", v=4, d=2))
