from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import TOYS, blobs, checkerboard, circles, moons, spirals, xor
from pellucid.errors import DataError

names = pytest.mark.parametrize("name", TOYS)


@names
def test_a_toy_is_decided_by_its_arguments(name: str) -> None:
    toy = TOYS[name]
    one, same, other = toy(n=101, seed=3), toy(n=101, seed=3), toy(n=101, seed=4)
    assert one.name == name and one.x.shape == (101, 2) and one.x.dtype == np.float32
    assert one.y.dtype == np.int64 and one.feature_names == ("x1", "x2")
    np.testing.assert_array_equal(one.x, same.x)
    np.testing.assert_array_equal(one.y, same.y)
    assert not np.array_equal(one.x, other.x)
    assert (np.diff(one.y) != 0).sum() > 20, "classes come mixed"
    noisy = toy(n=101, seed=3, noise=0.5)
    np.testing.assert_array_equal(noisy.y, one.y)


@given(st.sampled_from(sorted(TOYS)), st.integers(1, 80), st.integers(2, 6), st.integers(0, 99))
def test_classes_are_numbered_and_even(name: str, n: int, classes: int, seed: int) -> None:
    toy = TOYS[name]
    options = {"classes": classes} if "classes" in inspect.signature(toy).parameters else {}
    data = toy(n=n, seed=seed, **options)
    assert data.class_names is not None
    counts = np.bincount(data.y, minlength=len(data.class_names))
    assert len(counts) == options.get("classes", 2)
    if name not in ("xor", "checkerboard"):  # there the place decides the class
        assert counts.max() - counts.min() <= 1


def test_without_noise_the_points_lie_on_their_curves() -> None:
    c = circles(n=60, classes=3, noise=0)
    np.testing.assert_allclose(np.hypot(*c.x.T), (c.y + 1) / 3, rtol=1e-5)
    b = blobs(n=60, classes=4, noise=0)
    np.testing.assert_allclose(b.x, np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])[b.y], atol=1e-6)
    m = moons(n=60, noise=0)
    centre = np.where(m.y[:, None] == 0, [0, 0], [1, 0.5])
    np.testing.assert_allclose(np.hypot(*(m.x - centre).T), 1, rtol=1e-5)
    assert ((m.x - centre)[:, 1] * np.where(m.y == 0, 1, -1) >= -1e-6).all()
    s = spirals(n=60, classes=3, noise=0, turns=0.5)
    radius = np.hypot(*s.x.T)
    angle = 2 * np.pi * (0.5 * radius + s.y / 3)
    np.testing.assert_allclose(s.x, radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-5)


def test_squares_are_coloured_like_a_board() -> None:
    x = xor(n=200)
    np.testing.assert_array_equal(x.y, (x.x[:, 0] > 0) != (x.x[:, 1] > 0))
    board = checkerboard(n=200, classes=3, cells=5)
    cell = np.floor((board.x.astype(np.float64) + 1) / 2 * 5)
    np.testing.assert_array_equal(board.y, cell.sum(axis=1) % 3)


def test_noise_is_its_standard_deviation() -> None:
    spread = blobs(n=20_000, classes=2, noise=0.3).x - blobs(n=20_000, classes=2, noise=0).x
    assert spread.std() == pytest.approx(0.3, rel=0.02)


@names
def test_bad_arguments_are_refused(name: str) -> None:
    toy = TOYS[name]
    for options, message in (
        ({"n": 0}, "n is 0"),
        ({"n": 2.5}, "n is 2.5, expected an integer"),
        ({"seed": -1}, "seed is -1"),
        ({"noise": -1}, "noise is -1, expected a finite"),
        ({"noise": float("nan")}, "noise is nan"),
    ):
        with pytest.raises(DataError, match=message):
            toy(**options)
    with pytest.raises(DataError, match="classes is 1, expected an integer from 2"):
        blobs(classes=1)
