from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pellucid.data import Augmentation, load_image_folder, read_image, sample_image, write_image
from pellucid.data.images import uniforms
from pellucid.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of three images of 4×6 pixels: black and white."""
    for name, level in (("black", 0), ("white", 255)):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("L", (6, 4), level).save(tmp_path / name / f"{i}.png")
    (tmp_path / "white" / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_by_class(folder: Path) -> None:
    data = load_image_folder(folder)
    assert data.class_names == ("black", "white")
    assert data.x.shape == (6, 4, 6, 1) and data.x.dtype == np.float32
    assert data.y.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(data.x[:, 0, 0, 0], data.y)
    assert load_image_folder(folder, size=(2, 3), channels=3).x.shape == (6, 2, 3, 3)


def test_one_image_in_colour_makes_all_of_them(folder: Path) -> None:
    Image.new("RGB", (6, 4), "red").save(folder / "black" / "red.png")
    data = load_image_folder(folder)
    assert data.x.shape == (7, 4, 6, 3)
    assert data.x[3, 0, 0].tolist() == [1, 0, 0]
    assert data.x[4, 0, 0].tolist() == [1, 1, 1]


def test_what_a_folder_must_not_hold(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 0 folders"):
        load_image_folder(folder / "black")
    with pytest.raises(DataError, match="cannot read the folder"):
        load_image_folder(folder / "none")
    image = folder / "white" / "1.png"
    whole = image.read_bytes()
    for content, said in ((whole[:50], "corrupt|no image"), (b"", "no image"), (b"text", "no image")):
        image.write_bytes(content)
        with pytest.raises(DataError, match=said) as caught:
            load_image_folder(folder)
        assert str(image) in str(caught.value) and "\n" not in str(caught.value)
    Image.new("L", (5, 5)).save(image)
    with pytest.raises(DataError, match=r'1\.png" is 5×5 pixels and ".*0\.png" 4×6: use size=\(4, 6\)'):
        load_image_folder(folder)
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match='empty" holds no image'):
        load_image_folder(folder)


def test_modes_become_grey_or_colour(tmp_path: Path) -> None:
    path = tmp_path / "p.png"

    def read(image: Image.Image, channels: int | None = None) -> list[float]:
        image.save(path)
        pixels = read_image(path, channels=channels)
        assert pixels.dtype == np.float32 and pixels.shape[:2] == (1, 1)
        return [round(float(v), 2) for v in pixels[0, 0]]

    assert read(Image.new("1", (1, 1), 1)) == [1]
    assert read(Image.new("RGB", (1, 1), (255, 0, 51))) == [1, 0, 0.2]
    assert read(Image.new("RGB", (1, 1), (51, 51, 51)), 1) == [0.2]
    assert read(Image.new("L", (1, 1), 51), 3) == [0.2, 0.2, 0.2]
    # transparent is white, whatever colour lies below
    assert read(Image.new("RGBA", (1, 1), (0, 0, 0, 0))) == [1, 1, 1]
    assert read(Image.new("LA", (1, 1), (0, 0))) == [1]
    assert read(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), 1) == [1]
    assert read(Image.fromarray(np.array([[32896]], dtype=np.uint16))) == [0.5]  # 16 bits: 128·257


def test_to_the_input_of_a_network(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    pixels = np.full((40, 20), 255, dtype=np.uint8)
    pixels[:20] = 0  # dark above, light below
    Image.fromarray(pixels).save(path)
    small = read_image(path, size=(4, 2), channels=1, invert=True)
    assert small.shape == (4, 2, 1)
    assert small[0, 0, 0] == 1 and small[3, 0, 0] == 0


def test_a_image_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270°
    Image.new("L", (6, 4)).save(tmp_path / "p.jpg", exif=exif)
    assert read_image(tmp_path / "p.jpg").shape == (6, 4, 1)


def test_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (30, 30)).save(tmp_path / "p.png")
    for limit in (500, 100):  # Pillow warns above the limit and raises above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match="too many pixels"):
            read_image(tmp_path / "p.png")


PEAK = """
import resource, sys
from PIL import Image
import numpy as np
from pellucid.data import read_image
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) << 20,) * 2)
print(read_image(sys.argv[1], size=(28, 28)).mean())
"""


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_a_large_image_takes_little_memory_where_a_size_is_given(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (8000, 4000), 65535 if mode == "I;16" else "white").save(tmp_path / "large.png")
    command = [sys.executable, "-c", PEAK, str(tmp_path / "large.png"), "500"]  # MB; as float32 in colour it has 384
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1.0\n"


def test_large_images_are_reduced_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = np.linspace(0, 255, 400 * 600).reshape(400, 600).astype(np.uint8)
    for suffix in ("jpg", "png"):
        Image.fromarray(gradient).save(tmp_path / f"large.{suffix}")
    whole = read_image(tmp_path / "large.jpg", size=(20, 30))
    monkeypatch.setattr("pellucid.data.images.MAX_PIXELS", 100_000)
    np.testing.assert_allclose(read_image(tmp_path / "large.jpg", size=(20, 30)), whole, atol=0.02)
    for name, size in (("large.png", (20, 30)), ("large.jpg", None), ("large.jpg", (300, 500))):
        with pytest.raises(DataError, match="has 400×600 pixels, expected at most 100,000 in all: make it smaller"):
            read_image(tmp_path / name, size=size)


def test_more_transparent_colours_than_colours(tmp_path: Path) -> None:
    Image.new("P", (4, 4)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    chunk = b"tRNS" + bytes(300)
    at = data.index(b"IDAT") - 4
    checked = (300).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data[:at] + checked + data[at:])
    with pytest.raises(DataError, match=r"is a corrupt image"):
        read_image(tmp_path / "a.png")


def test_formats_that_run_programs_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="is no image that Pillow knows"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("size", [28, (28,), (0, 5), (1, 1 << 20), "ab"])
def test_sizes_that_are_none(size: Any, folder: Path) -> None:
    for reading in (lambda: load_image_folder(folder, size=size), lambda: read_image(folder / "0.png", size=size)):
        with pytest.raises(DataError, match="size is"):
            reading()


def test_written_and_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(5, 4, 3)) / np.float32(255)
    write_image(tmp_path / "p.png", pixels)
    np.testing.assert_allclose(read_image(tmp_path / "p.png"), pixels, atol=1e-6)
    write_image(tmp_path / "g.png", np.array([[[-1.0], [2.0]]]))
    assert read_image(tmp_path / "g.png")[0, :, 0].tolist() == [0, 1]
    with pytest.raises(DataError, match="expected one that ends in"):
        write_image(tmp_path / "p.docx", pixels)
    with pytest.raises(DataError, match="cannot read"):
        read_image(tmp_path / "none.png")


def test_the_sample_images() -> None:
    pytest.importorskip("sklearn")
    assert sample_image().shape == (427, 640, 3)
    with pytest.raises(DataError, match="expected one of china, flower"):
        sample_image("cat")


def test_a_flip_by_hand() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1).repeat(50, axis=0)
    flipped = Augmentation(flip=True)(x, range(50), seed=0, epoch=0)
    turned = (flipped == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((flipped == x).all(axis=(1, 2, 3)) ^ turned).all()
    assert 10 < turned.sum() < 40


def test_shifts_and_rotations_stay_in_their_bounds() -> None:
    x = np.zeros((40, 15, 15, 1), dtype=np.float32)
    x[:, 7, 7] = 1
    moved = Augmentation(shift=2)(x, range(40), seed=0, epoch=0)[..., 0]
    np.testing.assert_allclose(moved.sum(axis=(1, 2)), 1, rtol=1e-5)
    i = (moved * np.arange(15)[:, None]).sum(axis=(1, 2)) - 7
    assert np.abs(i).max() <= 2 and i.std() > 0.5
    # a quarter turn at the most: the dot on the right goes round the middle at its distance
    x = np.zeros((40, 15, 15, 1), dtype=np.float32)
    x[:, 7, 12] = 1
    turned = Augmentation(rotate=90)(x, range(40), seed=0, epoch=0)[..., 0]
    rows = (turned * np.arange(15)[:, None]).sum(axis=(1, 2)) / turned.sum(axis=(1, 2)) - 7
    columns = (turned * np.arange(15)).sum(axis=(1, 2)) / turned.sum(axis=(1, 2)) - 7
    np.testing.assert_allclose(np.hypot(rows, columns), 5, atol=0.5)
    assert (columns > -0.5).all() and rows.min() < -2 and rows.max() > 2


def test_a_image_changes_by_seed_epoch_and_index_alone() -> None:
    x = np.random.default_rng(0).random((8, 6, 6, 2), dtype=np.float32)
    change = Augmentation(flip=True, shift=1, rotate=10)
    whole = change(x, range(8), seed=3, epoch=2)
    part = np.array([5, 1, 5])
    np.testing.assert_array_equal(change(x[part], part, seed=3, epoch=2), whole[part])
    for other in ({"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 1}):
        assert (change(x, range(8), **other) != whole).any()
    np.testing.assert_allclose(Augmentation()(x, range(8), seed=0, epoch=0), x, rtol=1e-6)


def test_the_random_numbers_are_uniform() -> None:
    draws = uniforms(np.arange(5000), 1, 1)
    assert draws.shape == (5000, 4) and draws.min() >= 0 and draws.max() < 1
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=0.02)
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.05


def test_bad_augmentations() -> None:
    with pytest.raises(DataError, match="shift is -1"):
        Augmentation(shift=-1)
    with pytest.raises(DataError, match="and 2 indices"):
        Augmentation()(np.zeros((3, 2, 2, 1)), [0, 1], seed=0, epoch=0)
