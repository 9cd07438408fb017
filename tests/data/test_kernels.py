from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.kernels import KERNELS, kernel
from pellucid.errors import DataError


@pytest.mark.parametrize("name", KERNELS)
def test_named_kernels_are_square_with_a_middle(name: str) -> None:
    k = kernel(name)
    assert k.shape[0] == k.shape[1] and k.shape[0] % 2 == 1
    # what blurs, sharpens or embosses keeps the mean of an image; what finds edges makes an even image 0
    assert k.sum() == pytest.approx(0 if name in ("sobel-x", "sobel-y", "laplacian") else 1)


def test_a_gaussian_is_a_bell() -> None:
    k = kernel("gaussian", sigma=1.0)
    assert k.shape == (7, 7)
    assert k[3, 4] / k[3, 3] == pytest.approx(np.exp(-0.5))
    assert kernel("box", size=3).tolist() == [[1 / 9] * 3] * 3


def test_written_kernels() -> None:
    assert kernel("1 0 -1; 2,0,-2 ;1 0 -1").tolist() == kernel("sobel_x").tolist()
    assert kernel("0.5 1e-3").tolist() == [[0.5, 0.001]]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("sobel", {}, 'Did you mean "sobel-'),
        ("1 2; 3", {}, "got 2, 1 numbers"),
        ("", {}, "got 0 numbers"),
        ("1 - 2", {}, "other than numbers"),
        ("1 1e999", {}, "infinity"),
        ("emboss", {"size": 5}, "got one for the kernel"),
        ("box", {"sigma": 1.0}, "got one for the kernel"),
        ("box", {"size": 4}, "odd number"),
        ("gaussian", {"sigma": -1.0}, "above 0"),
        ("gaussian", {"sigma": 1e38}, r"sigma is 1e\+38, expected at most 170"),
        ("1e300 1", {}, "adds up to more than float32 can hold"),
        ("3e38 3e38", {}, "adds up to more than float32 can hold"),
    ],
)
def test_what_is_refused(text: str, options: dict[str, float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        kernel(text, **options)  # type: ignore[arg-type]
