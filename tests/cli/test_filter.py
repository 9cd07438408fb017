from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.cli.filter import filtered
from pellucid.data import read_image
from pellucid.data.kernels import kernel

from .conftest import Run


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """5×6 pixels of noise, in colour."""
    pixels = np.random.default_rng(0).integers(256, size=(5, 6, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def slid(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Cross-correlation without padding, by its definition."""
    h, w = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    terms = [k[u, v] * x[u : u + h, v : v + w] for u, v in np.ndindex(*k.shape)]
    return np.asarray(sum(terms))


@pytest.mark.parametrize("name", ["identity", "gaussian", "sharpen", "sobel-x", "emboss", "1 2; 3 4; 5 6"])
def test_convolution_and_correlation_by_definition(name: str) -> None:
    x = np.random.default_rng(0).random((9, 8, 3), dtype=np.float32)
    k = kernel(name)
    y, formula = filtered(x, k, padding="valid")
    np.testing.assert_allclose(y, slid(x, k), atol=1e-5)
    assert "Σ" in formula
    # true convolution, from its own definition Σ x[i−u, j−v]·k[u,v]: a point becomes the kernel
    point = np.zeros((9, 9, 1), dtype=np.float32)
    point[4, 4] = 1
    turned, _ = filtered(point, k[::-1, ::-1], padding="valid")
    rows, columns = k.shape
    corner = turned[5 - rows : 5, 5 - columns : 5, 0]
    np.testing.assert_allclose(corner, k, atol=1e-6)


def test_stride_and_padding() -> None:
    x = np.random.default_rng(0).random((9, 8, 1), dtype=np.float32)
    k = kernel("box", size=3)
    padded = np.pad(x, ((2, 2), (2, 2), (0, 0)))
    np.testing.assert_allclose(filtered(x, k, stride=2, padding=2)[0], slid(padded, k)[::2, ::2], atol=1e-6)
    assert filtered(x, k)[0].shape == x.shape


def test_the_image_and_one_pixel(run: Run, image: Path) -> None:
    k = "1 2 3; 4 5 6; 7 8 9"
    text = run("filter", image.name, "--kernel", k, "--pixel", "2,1", "--values", "size", "-o", "out.png").output
    assert "Convolution: the kernel is rotated" in text
    products = [float(p) for p in re.findall(r"x\[\d+,\d+\]·k\[\d,\d\].*?([-+][\d.]+) *\n", text)]
    total = re.search(r"y\[2,1\] +([-+][\d.]+)", text)
    assert total is not None and len(products) == 9
    assert sum(products) == pytest.approx(float(total[1]), abs=1e-3)
    x = read_image(image)[..., 0]
    assert float(total[1]) == pytest.approx((x[1:4, 0:3] * kernel(k)[::-1, ::-1]).sum(), abs=1e-3)
    assert read_image(image.parent / "out.png").shape == (5, 6, 3)


def test_correlation_is_the_turned_kernel(run: Run, image: Path) -> None:
    assert "Cross-correlation" in run("filter", image.name, "--kernel", "1 2; 3 4", "--correlate", "-o", "a.png").output
    run("filter", image.name, "--kernel", "4 3; 2 1", "-o", "b.png")
    assert (image.parent / "a.png").read_bytes() == (image.parent / "b.png").read_bytes()
    assert "the same result" in run("filter", image.name, "--kernel", "box").output


def test_identity_gives_the_image_back(run: Run, image: Path) -> None:
    run("filter", image.name, "--kernel", "identity")
    np.testing.assert_array_equal(read_image(image.parent / "filtered.png"), read_image(image))


def test_with_no_image_given(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    assert "places outside" not in run("filter", "--grey", "--stride", "4").output
    assert read_image(tmp_path / "filtered.png").shape == (107, 160, 1)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["none.png"], "cannot read"),
        (["--kernel", "sobel"], 'Did you mean "sobel-'),
        (["--size", "9", "--kernel", "box", "--padding", "valid"], "kernel (9, 9) is larger than the image"),
        (["--stride", "0"], "stride"),
        (["--padding", "some"], 'got "some"'),
        (["--pixel", "5,0"], "lies outside the result"),
        (["--pixel", "5"], "a row and a column"),
        (["-o", "out.docx"], "not the name of an image"),
    ],
)
def test_errors_are_one_line(run: Run, image: Path, args: list[str], said: str) -> None:
    args = args if args[0].endswith(".png") else [image.name, *args]
    error = run("filter", *args, code=2).stderr
    assert said in error
    assert error.strip().splitlines()[-1].startswith(("pellucid: error: ", "Error: "))


def test_a_large_kernel_is_shown_in_part(run: Run, image: Path) -> None:
    said = run("filter", str(image), "--kernel", "gaussian", "--sigma", "3").output
    assert "The kernel, as it slides (the middle 7 × 7 of 19 × 19):" in said
    assert "v=6" in said and "v=12" in said and "v=5" not in said and "v=13" not in said
    assert max(map(len, said.splitlines())) < 160
    assert "(the middle" not in run("filter", str(image), "--kernel", "gaussian", "--force").output


def test_the_image_itself_is_not_overwritten(run: Run, image: Path) -> None:
    before = image.read_bytes()
    said = run("filter", str(image), "--output", str(image), code=2).output
    assert "it is what is read, give another name" in said
    assert image.read_bytes() == before
