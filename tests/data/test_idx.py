from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.data import load_idx, load_idx_folder, read_idx
from pellucid.errors import DataError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
MNIST = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """The file of an array, as the format's description has it."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 10
labels = np.array([3, 0], dtype=np.uint8)
arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda code: hnp.arrays(np.dtype(code), hnp.array_shapes(max_dims=4, max_side=5))
)


@shared_folder
@given(arrays, st.booleans())
def test_an_array_comes_back(tmp_path: Path, array: np.ndarray[Any, Any], zipped: bool) -> None:
    content = idx(array)
    # the suffix says nothing: the content does
    path = write(tmp_path / "file.dat", gzip.compress(content, 1, mtime=0) if zipped else content)
    read = read_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative
    np.testing.assert_array_equal(read, array)


@shared_folder
@given(arrays, st.booleans(), st.data())
def test_no_part_of_a_file_passes_for_the_whole(
    tmp_path: Path, array: np.ndarray[Any, Any], zipped: bool, data: st.DataObject
) -> None:
    content = gzip.compress(idx(array), 1, mtime=0) if zipped else idx(array)
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(DataError):
        read_idx(write(tmp_path / "cut", content[:cut]))
    with pytest.raises(DataError, match=r"more than|damaged"):
        read_idx(write(tmp_path / "long", content + b"x"))


@shared_folder
@given(st.binary(max_size=64))
def test_any_bytes_give_an_array_or_a_data_error(tmp_path: Path, content: bytes) -> None:
    for prefix in (b"", b"\0\0\x08\x01", b"\x1f\x8b\x08\0\0\0\0\0\0\0"):
        path = write(tmp_path / "any", prefix + content)
        try:
            assert read_idx(path).size > 0
        except DataError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, expected an IDX file"),
        (b"\x89PNG....", "begins with the bytes 89 50 4e 47, which is no IDX file"),
        (b"\0\0\x0a\x01....", "no IDX file"),
        (b"\0\0\x08\x00....", "no IDX file"),
        (b"\0\0\x08\xff" + b"\0" * 2000, "no IDX file"),
        (b"\0\0\x08\x02\0\0\0\1", "truncated in its header"),
        (b"\0\0\x08\x01\0\0\0\0", r"declares the shape \(0,\)"),
        (b"\0\0\x08\x04" + b"\xff" * 16, "expected at most 1,073,741,824"),
        (b"\0\0\x08\x01\0\1\0\0", "truncated: it declares 65,536 bytes"),
        (idx(images)[:-1], "truncated: it holds 23 of 24 bytes"),
        (idx(images) + b"!", "holds more than the 24 bytes"),
        (gzip.compress(idx(images), mtime=0)[:-9], "damaged gzip"),
        (gzip.compress(idx(images), mtime=0)[:-8] + b"\0" * 8, "damaged gzip"),
        (gzip.compress(idx(images) + b"!", mtime=0), "holds more than the 24 bytes"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path / "bad-idx", content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_a_header_costs_no_memory_and_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    declared = b"\0\0\x08\x01" + struct.pack(">I", 1 << 30)
    small = write(tmp_path / "small", gzip.compress(declared, mtime=0))
    bomb = write(tmp_path / "bomb", gzip.compress(idx(labels) + bytes(1 << 26), 1))
    tracemalloc.start()
    with pytest.raises(DataError, match="truncated"):
        read_idx(small)
    with pytest.raises(DataError, match="more than the 2 bytes"):
        read_idx(bomb)
    with pytest.raises(DataError, match="expected at most 10"):
        read_idx(write(tmp_path / "limit", idx(images)), max_bytes=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 21


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*No such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="cannot read"):
        read_idx(tmp_path)


def test_images_with_their_labels(tmp_path: Path) -> None:
    data = load_idx(write(tmp_path / "a", idx(images)), write(tmp_path / "b", idx(labels)), name="tiny")
    assert data.name == "tiny" and data.x.shape == (2, 3, 4, 1) and data.x.dtype == np.float32
    np.testing.assert_array_equal(data.x[..., 0], images.astype(np.float32) / np.float32(255))
    assert data.y.tolist() == [3, 0] and data.class_names == ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("pixels", "marks", "message"),
    [
        (labels, images, "holds labels and .* images: swap the two"),
        (images.astype(np.float32), labels, r"holds float32 of shape \(2, 3, 4\), expected images"),
        (images, images, r"expected labels \(n,\) of integers"),
        (images, labels.astype(np.float64), "holds float64"),
        (images, np.zeros(3, np.uint8), "holds 2 images, .* 3 labels"),
        (images, np.array([0, -5], np.int8), "the label -5, expected labels from 0 to 65535"),
        (images, np.array([0, 2**31 - 1], np.int32), "the label 2147483647"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, pixels: Any, marks: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_idx(write(tmp_path / "a", idx(pixels)), write(tmp_path / "b", idx(marks)))


@pytest.mark.parametrize(
    "pattern",
    ["{}-{}-idx3-ubyte", "{}-{}-idx3-ubyte.gz", "{}-{}.idx3-ubyte", "emnist-letters-{}-{}-idx3-ubyte.gz"],
)
def test_a_folder_gives_the_training_and_the_test_set(tmp_path: Path, pattern: str) -> None:
    other = "test" if "emnist" in pattern else "t10k"
    write(tmp_path / pattern.format("train", "images"), idx(images))
    write(tmp_path / pattern.format("train", "labels"), idx(labels))
    write(tmp_path / pattern.format(other, "images"), gzip.compress(idx(images[:1]), mtime=0))
    write(tmp_path / pattern.format(other, "labels"), gzip.compress(idx(labels[:1]), mtime=0))
    write(tmp_path / "readme.txt", b"no data")
    train, test = load_idx_folder(tmp_path)
    assert train.x.shape == (2, 3, 4, 1) and test.x.shape == (1, 3, 4, 1)
    assert train.name == tmp_path.name and test.y.tolist() == [3]


def test_a_folder_that_lacks_a_file_says_which(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx3-ubyte", idx(images))
    with pytest.raises(DataError, match="no train-labels file, expected one train-labels-idx"):
        load_idx_folder(tmp_path)
    write(tmp_path / "train-labels-idx1-ubyte", idx(labels))
    write(tmp_path / "train-labels-idx1-ubyte.gz", b"the twin is not read")
    with pytest.raises(DataError, match="no t10k-images file"):
        load_idx_folder(tmp_path)
    write(tmp_path / "letters-train-images-idx3-ubyte", idx(images))
    with pytest.raises(DataError, match="holds letters-train-images-idx3-ubyte and train-images-idx3-ubyte"):
        load_idx_folder(tmp_path)
    with pytest.raises(DataError, match="cannot read the folder"):
        load_idx_folder(tmp_path / "none")


def test_images_of_two_sizes_are_refused(tmp_path: Path) -> None:
    for part, pixels in (("train", images), ("t10k", images[:, :2])):
        write(tmp_path / f"{part}-images-idx3-ubyte", idx(pixels))
        write(tmp_path / f"{part}-labels-idx1-ubyte", idx(labels))
    with pytest.raises(DataError, match=r"\(3, 4, 1\) to train and of \(2, 4, 1\) to test"):
        load_idx_folder(tmp_path)


@pytest.mark.skipif(not MNIST.is_dir(), reason="the files of MNIST are not here")
def test_mnist() -> None:
    train, test = load_idx_folder(MNIST)
    assert train.x.shape == (60_000, 28, 28, 1) and test.x.shape == (10_000, 28, 28, 1)
    assert train.x.max() == 1 and train.x.min() == 0
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9] and test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert float(train.x.mean(dtype=np.float64)) == pytest.approx(0.1307, abs=1e-4)  # as PyTorch's examples say
