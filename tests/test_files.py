"""Files are whole or not there."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from safetensors.numpy import load_file

from pellucid.data import (
    load_idx_folder,
    load_image_folder,
    read_csv,
    read_idx,
    read_image,
    read_series,
    read_text,
    write_image,
)
from pellucid.errors import DataError, ModelFileError, PellucidError
from pellucid.explain import Trace
from pellucid.files import read_tensors, write_atomically, write_tensors
from pellucid.layers import Dense
from pellucid.model import Network, load


def test_there_and_back(tmp_path: Path) -> None:
    content = {"a": [1.5, None, "é"], "nan": {"x": 1e-300}}
    tensors = {"w": np.arange(6.0).reshape(2, 3).T, "empty": np.zeros((0, 2), np.float32), "n": np.array(3)}
    write_tensors(tmp_path / "f", "kind", content, tensors)
    found, arrays = read_tensors(tmp_path / "f", "kind")
    assert found == content
    assert all(np.array_equal(arrays[k], v) and arrays[k].dtype == v.dtype for k, v in tensors.items())
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def full(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ModelFileError, match="cannot be written: the disk is full; free some space") as error:
        write_atomically(path, full)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    # a limit on the size of files stands in for the disk: the kernel refuses in the middle of writing
    code = f"""
import resource, signal, numpy as np
from pellucid.errors import ModelFileError
from pellucid.files import write_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    write_tensors({str(tmp_path / "f")!r}, "kind", {{}}, {{"w": np.zeros(1_000_000)}})
except ModelFileError as error:
    print(error)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "cannot be written: File too large" in output
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_replaced(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".f.0123.part", tmp_path / ".f.4567.part"  # the second may still be written to
    for part in (old, fresh):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    write_atomically(tmp_path / "f", lambda file: file.write(b"whole"))
    assert sorted(p.name for p in tmp_path.iterdir()) == [fresh.name, "f"]


def test_several_processes_write_one_path(tmp_path: Path) -> None:
    code = f"""
import numpy as np
from pellucid.files import write_tensors
for turn in range(30):
    write_tensors({str(tmp_path / "f")!r}, "kind", {{}}, {{"w": np.full(50_000, turn)}})
"""
    writers = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 3
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert np.all(read_tensors(tmp_path / "f", "kind")[1]["w"] == 29)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_permissions_stay(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    path.chmod(mode)
    write_atomically(path, lambda file: file.write(b"x"))
    assert path.read_bytes() == b"x"
    assert path.stat().st_mode & 0o777 == mode


def test_the_same_tensors_are_the_same_bytes(tmp_path: Path) -> None:
    # in processes of their own: the order of a hash table may differ from one to the next
    code = """
import sys, numpy as np
from pellucid.files import write_tensors
tensors = {name: np.arange(3, dtype=dtype) for name, dtype in zip("cabd", ["f4", "f8", "i8", "f4"], strict=True)}
for turn in range(4):
    write_tensors(sys.argv[1] + str(turn), "kind", {"b": 1, "a": 2}, tensors)
"""
    for run in "ab":
        subprocess.run([sys.executable, "-c", code, str(tmp_path / run)], check=True)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert len(list(tmp_path.iterdir())) == 8


def test_every_tensor_is_aligned(tmp_path: Path) -> None:
    write_tensors(tmp_path / "f", "kind", {"é": "x"}, {"a": np.zeros(3, np.float32), "b": np.ones(2), "c": np.array(5)})
    data = (tmp_path / "f").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    assert size % 8 == 0
    assert header["c"]["data_offsets"][0] % 8 == header["b"]["data_offsets"][0] % 8 == 0
    assert {k: v.dtype for k, v in load_file(tmp_path / "f").items()} == {"a": "float32", "b": "float64", "c": "int64"}


@pytest.mark.parametrize("dtype", [np.bool_, np.int32, np.float16, np.complex128, object])
def test_types_that_could_not_be_read_again(dtype: type, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"w is \w+, expected one of float32, float64, int64"):
        write_tensors(tmp_path / "f", "kind", {}, {"w": np.zeros(2, dtype)})
    assert not list(tmp_path.iterdir())


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    write_atomically(tmp_path / "link", lambda file: file.write(b"x"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere/f", "there is no such folder; create it first"),
        ("folder", "it is a folder; give the name of a file"),
        ("file/f", "a part of the path is no folder"),
        ("x" * 300, "name too long"),
    ],
)
def test_places_that_cannot_be_written(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match=f"(?i){message}"):
        write_tensors(tmp_path / name, "kind", {}, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ModelFileError, match="permission is denied"):
        write_tensors(tmp_path / "f", "kind", {}, {})


def test_content_that_is_no_json(tmp_path: Path) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (object(), {(1, 2): 3}, deep):
        with pytest.raises(ModelFileError, match="not plain JSON"):
            write_tensors(tmp_path / "f", "kind", {"x": value}, {})
    assert not list(tmp_path.iterdir())


def test_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="there is no file"):
        read_tensors(tmp_path / "none", "kind")
    with pytest.raises(ModelFileError, match="it is a folder"):
        read_tensors(tmp_path, "kind")


READERS: dict[str, Callable[[str | Path], object]] = {
    "model": load,
    "trace": Trace.load,
    "checkpoint": lambda path: Network(Dense(1), input_shape=1).fit([[1.0]], [[1.0]], resume=path, verbose=0),
    "csv": read_csv,
    "series": lambda path: read_series(path, ("Close",)),
    "text": read_text,
    "idx": read_idx,
    "image": read_image,
    "idx folder": load_idx_folder,
    "image folder": load_image_folder,
}


@pytest.mark.parametrize("reader", READERS)
def test_only_regular_files_are_read(reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, link, folder = tmp_path / "pipe", tmp_path / "link", tmp_path / "folder"
    os.mkfifo(pipe)  # opened without care, it waits for a writer for ever
    link.symlink_to("/dev/zero")
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)
        listening.bind("socket")
        for place, kind in ((pipe, "pipe"), (link, "device"), (folder, "folder"), (Path("socket"), "")):
            with pytest.raises(
                PellucidError, match=f"it is a {kind}|Not a directory|holds 0 folders|holds no|No such dev"
            ):
                READERS[reader](place)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["a\0b", "\ud83d.csv", "x" * 300])
def test_names_that_no_file_has(reader: str, name: str) -> None:
    with pytest.raises(PellucidError, match=r"which no file name has|name too long"):
        READERS[reader](name)


@pytest.mark.parametrize("name", ["a\0b", "\ud83d.csv"])
def test_names_that_cannot_be_written(name: str) -> None:
    with pytest.raises(ModelFileError, match="which no file name has"):
        Network(Dense(1), input_shape=1).save(name)
    with pytest.raises(DataError, match="which no file name has"):
        write_image(f"{name}.png", np.zeros((2, 2, 1)))


def test_larger_than_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "f", "wb") as file:
        file.truncate(1 << 40)
    for reader in ("csv", "text"):
        with pytest.raises(DataError, match=r"it holds 1,099,511,627,776 bytes, expected at most 1,073,741,824"):
            READERS[reader](tmp_path / "f")


def test_a_device_stays_a_device() -> None:
    before = os.stat(os.devnull)
    with pytest.raises(ModelFileError, match="no regular file"):
        write_atomically(os.devnull, lambda file: file.write(b"x"))
    assert os.stat(os.devnull).st_rdev == before.st_rdev
