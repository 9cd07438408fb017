"""Windows: what options mean, how places print, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.errors import PellucidError
from pellucid.functions.forward.sliding_window import Window, paddings_of, same, sizes_of


@pytest.mark.parametrize(
    ("extent", "span", "stride", "expected"),
    [(5, 3, 1, (1, 1)), (4, 2, 1, (0, 1)), (4, 3, 2, (0, 1)), (5, 3, 2, (1, 1)), (7, 2, 3, (0, 1)), (6, 1, 2, (0, 0))],
)
def test_same(extent: int, span: int, stride: int, expected: tuple[int, int]) -> None:
    # (⌈7/3⌉ − 1)·3 + 2 − 7 = 1 in the fifth case, which goes to the end
    assert same(extent, span, stride) == expected


@pytest.mark.parametrize(
    ("given", "rank", "expected"),
    [
        (2, 1, ((2, 2),)),
        ((1, 2), 1, ((1, 2),)),
        ([[1, 2]], 1, ((1, 2),)),
        (np.int64(1), 2, ((1, 1), (1, 1))),
        ((1, 2), 2, ((1, 1), (2, 2))),
        (((0, 1), 2), 2, ((0, 1), (2, 2))),
        ("same", 2, "same"),
    ],
)
def test_paddings(given: Any, rank: int, expected: Any) -> None:
    assert paddings_of(given, rank, "padding") == expected


@pytest.mark.parametrize("given", [-1, 1.5, True, (1, 2, 3), ((1, 2, 3), 1), "sane", None])
def test_paddings_that_are_none(given: Any) -> None:
    with pytest.raises(PellucidError, match=r"^padding of Conv2D is .*, expected") as caught:
        paddings_of(given, 2, "padding of Conv2D")
    assert ('Did you mean "same"?' in str(caught.value)) == (given == "sane")


@pytest.mark.parametrize("given", [0, -1, 1.0, True, (1, 2, 3), "2", None, (1, 0)])
def test_sizes_that_are_none(given: Any) -> None:
    with pytest.raises(PellucidError, match=r"^strides is .*, expected an integer from 1 or 2 of them"):
        sizes_of(given, 2, "strides")


def test_a_formula_names_only_what_is_there() -> None:
    plain = Window((3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1))
    assert plain.places("ij", "uv") == "i + u, j + v"
    assert plain.inverse("hw", "uv") == "h − u, w − v"
    full = Window((3, 2), (2, 1), ((1, 1), (0, 1)), (2, 2))
    assert full.places("ij", "uv") == "i·s_h + u·d − p_h, j + v·d − p_w"
    assert full.inverse("hw", "uv") == "(h + p_h − u·d)/s_h, w + p_w − v·d"
    assert full.numbers == {"s_h": 2, "s_w": 1, "d": 2, "p_h": (1, 1), "p_w": (0, 1)}
    assert full.sizes == {"K_h": 3, "K_w": 2}
    assert full.taps("uv") == "u<K_h,v<K_w"
    assert full.spans == (5, 3)
    assert full.steps((9, 8)) == (4, 7)
