"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from pellucid.errors import ModelFileError
from pellucid.files import read_tensors, write_atomically, write_tensors


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
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "cannot be written: File too large" in told
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".f.part").write_bytes(b"half")
    write_atomically(tmp_path / "f", lambda file: file.write(b"whole"))
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


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
    with pytest.raises(ModelFileError, match="not plain JSON"):
        write_tensors(tmp_path / "f", "kind", {"x": object()}, {})


def test_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="there is no file"):
        read_tensors(tmp_path / "none", "kind")
    with pytest.raises(ModelFileError, match="it is a folder"):
        read_tensors(tmp_path, "kind")


def test_a_device_stays_a_device() -> None:
    before = os.stat(os.devnull)
    with pytest.raises(ModelFileError, match="no ordinary file"):
        write_atomically(os.devnull, lambda file: file.write(b"x"))
    assert os.stat(os.devnull).st_rdev == before.st_rdev
