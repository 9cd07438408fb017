"""Flatten and reshape keep the numbers' order; dropout keeps their mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.functions.support import evaluate

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor
from pellucid.functions.forward.noise import dropout
from pellucid.functions.forward.shaping import flatten, reshape


@pytest.mark.parametrize(
    ("before", "after"),
    [((2, 3, 5), (-1,)), ((30,), (5, 3, 2)), ((2, 15), (3, -1)), ((6, 5), (1, 2, 3, 5)), ((7,), (7,))],
)
def test_reshape_is_numpys(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=(3, *before))
    x = Tensor.input("x", {"n": BATCH, **dict(zip("hwc", before, strict=False))})
    found = evaluate({"y": reshape(x, after), "flat": flatten(x)}, {"x": values})
    np.testing.assert_array_equal(found["y"], values.reshape(3, *after))
    np.testing.assert_array_equal(found["flat"], values.reshape(3, -1))


@pytest.mark.parametrize("shape", [(4,), (-1, 4), (-1, -1), (0, 6), ()])
def test_shapes_that_do_not_fit(shape: tuple[int, ...]) -> None:
    x = Tensor.input("x", n=BATCH, h=2, w=3)
    with pytest.raises(ShapeError, match="6 numbers of shape"):
        reshape(x, shape)


def _dropped(values: Any, *, rate: float = 0.25, seed: int = 1, step: int = 1, stream: int = 1) -> Any:
    x = Tensor.input("x", n=BATCH, h=values.shape[1])
    given = {name: Tensor.input(name, kind="int") for name in ("seed", "step")}
    output = dropout(x, rate=rate, stream=stream, **given)
    return evaluate({"y": output}, {"x": values, "seed": np.array(seed), "step": np.array(step)})["y"]


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    found = _dropped(np.ones((100, 101)))
    assert set(np.unique(found)) == {0.0, 1 / 0.75}
    # 10100 draws: the share's standard deviation is √(0.25·0.75/10100) = 0.0043
    assert np.mean(found == 0) == pytest.approx(0.25, abs=0.02)


def test_dropout_is_a_function_of_seed_step_and_stream() -> None:
    values = np.ones((5, 7))
    mask = _dropped(values)
    np.testing.assert_array_equal(_dropped(values), mask)
    for other in ({"seed": 2}, {"step": 2}, {"stream": 2}):
        assert (_dropped(values, **other) != mask).any()
    # An example's mask depends on its place in the batch alone, not on the batch's size.
    np.testing.assert_array_equal(_dropped(values[:3]), mask[:3])


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan"), "half", True])
def test_a_rate_is_a_share(rate: Any) -> None:
    with pytest.raises(PellucidError, match="at least 0 and less than 1"):
        _dropped(np.ones((2, 2)), rate=rate)
