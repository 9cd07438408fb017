"""Files that are whole or absent: tensors and JSON in the safetensors format, written beside and renamed; and how any
file is opened to be read.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError

Form = tuple[tuple[int, ...], np.dtype[Any]]
VERSION = 1
MAX_BYTES = 1 << 30
"""The maximum size of a file which is read into memory whole."""
_DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}
_MAX_CONTENT = 1 << 25
_STALE_SECONDS = 3600.0
_KINDS = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EACCES: "permission is denied; choose another place",
    errno.EPERM: "permission is denied; choose another place",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.ENOENT: "there is no such folder; create it first",
    errno.ENOTDIR: "a part of the path is no folder; choose another place",
}


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, opened to be read: a pipe could wait for ever, and a device never end.

    Raises:
        OSError: the file cannot be opened or is no regular file; ``reason`` gives the reason in words.
    """
    # without O_NONBLOCK, opening a pipe waits for someone who writes into it
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    name = _name(path)
    if os.name == "nt" and os.path.isdir(name):  # which os.open reports as a lack of permission
        raise OSError(errno.EINVAL, "it is a folder, expected a regular file")
    handle = os.open(name, flags)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            kind = next((kind for test, kind in _KINDS.items() if test(mode)), "a device")
            raise OSError(errno.EINVAL, f"it is {kind}, expected a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: as ``open_regular``, or the file holds more than ``max_bytes``.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise OSError(errno.EFBIG, f"it holds {size:,} bytes, expected at most {max_bytes:,}")
        return file.read()  # a size would be set aside whole before the first byte


def list_folder(folder: str | os.PathLike[str]) -> list[Path]:
    """The paths in a folder, sorted.

    Raises:
        OSError: there is no such folder, or it cannot be read.
    """
    return sorted(Path(_name(folder)).iterdir())


def reason(error: OSError) -> str:
    """Why a file cannot be read, in words."""
    return (error.strerror or str(error)).rstrip(".")


def _name(path: str | os.PathLike[str]) -> str:
    """The path as text that the operating system takes."""
    name = os.fsdecode(path)
    try:
        encoded = os.fsencode(name)
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "its name holds half of a surrogate pair, which no file name has") from None
    if b"\0" in encoded:
        raise OSError(errno.EINVAL, "its name holds a zero byte, which no file name has")
    return name


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside a path to write into, which takes the path's place, whole, when the block ends.

    After a crash at any moment the path holds the old file or the new one; where several processes write one path,
    that of the last to finish. A file that is replaced hands on its permissions, and a link stays a link.

    Raises:
        ModelFileError: the disk is full, the path cannot be written; the old file, if there is one, stays.
    """
    try:
        target = Path(os.path.realpath(_name(path)))
        mode = _mode(target)
        _remove_stale(target)
        beside = target.with_name(f".{target.stem[:40]}.{os.urandom(8).hex()}.part{target.suffix[:16]}")
        try:
            with open(beside, "xb"):
                pass
            if mode is not None:
                beside.chmod(mode)
            yield beside
            with open(beside, "r+b") as file:
                os.fsync(file.fileno())
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise ModelFileError(f'"{path}" cannot be written: {_reason(error)}') from error


def _mode(target: Path) -> int | None:
    """The permissions of the file that is to be replaced, None where there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "")
    if not stat.S_ISREG(mode):  # renaming would put a file in the place of a device
        raise OSError(errno.EINVAL, "it is no regular file; give the name of a file")
    return stat.S_IMODE(mode)


def _remove_stale(target: Path) -> None:
    """Remove what processes left behind that were killed while they wrote this path."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            if entry.name.startswith(f".{target.stem[:40]}.") and ".part" in entry.name:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < time.time() - _STALE_SECONDS:
                        os.unlink(entry.path)


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all. See `replacing`.

    Raises:
        ModelFileError: the disk is full, the path cannot be written; the old file, if there is one, stays.
    """
    with replacing(path) as beside, open(beside, "r+b") as file:
        write(file)


def write_tensors(
    path: str | os.PathLike[str], kind: str, content: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Write tensors, and `content` as JSON in the file's metadata, atomically; the same ones give the same bytes.

    Raises:
        ModelFileError: the path cannot be written, `content` is not plain JSON, or a tensor has another type than
            float32, float64 or int64.
    """
    metadata = {"format": kind, "version": str(VERSION)}
    try:
        metadata["content"] = json.dumps(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f'"{path}" cannot be written: its metadata is not plain JSON ({error})') from error
    if len(metadata["content"]) > _MAX_CONTENT:
        raise ModelFileError(f'"{path}" cannot be written: its metadata is longer than {_MAX_CONTENT:,} characters')
    arrays = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    for name, array in arrays.items():
        if array.dtype.name not in _DTYPES:
            raise ModelFileError(
                f'"{path}" cannot be written: {name} is {array.dtype}, expected one of {", ".join(_DTYPES)}'
            )
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0]))  # so that every tensor is aligned
    write_atomically(path, lambda file: _write(file, metadata, ordered))


def _write(file: BinaryIO, metadata: Mapping[str, str], arrays: Sequence[tuple[str, NDArray[Any]]]) -> None:
    """The safetensors format; the library's own writer puts the metadata in another order every time."""
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, array in arrays:
        begin, end = end, end + array.nbytes
        dtype = _DTYPES[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for _, array in arrays:
        file.write(array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8).data)


def read_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The content and the tensors of a file that `write_tensors` wrote.

    Raises:
        ModelFileError: no such file, truncated, damaged, or written by something else.
    """
    content, tensors = open_tensors(path, kind)
    return content, dict(tensors)


def open_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], Tensors]:
    """As `read_tensors`, but a tensor is read from the file when it is asked for.

    Raises:
        ModelFileError: no such file, truncated, damaged, or written by something else.
    """
    forms: dict[str, Form] = {}
    with _opened(path) as file:
        content = _content(path, kind, file.metadata() or {})
        for name in file.keys():  # noqa: SIM118 (it is no mapping)
            part = file.get_slice(name)
            if (dtype := part.get_dtype()) not in _DTYPES.values():
                expected = ", ".join(_DTYPES.values())
                raise ModelFileError(f'"{path}" holds {name} as {dtype}, expected one of {expected}')
            forms[name] = tuple(part.get_shape()), np.dtype(f"<{dtype[0].lower()}{int(dtype[1:]) // 8}")
    return content, Tensors(path, forms)


class Tensors(Mapping[str, NDArray[Any]]):
    """The tensors of a file, each read when it is asked for.

    Attributes:
        forms: the shape and the type of each, without reading it.
    """

    def __init__(self, path: str | os.PathLike[str], forms: dict[str, Form]) -> None:
        self._path, self.forms = os.path.abspath(path), forms

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.forms:
            raise KeyError(name)
        with _opened(self._path) as file:
            return np.array(file.get_tensor(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.forms)

    def __len__(self) -> int:
        return len(self.forms)


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The file, its failures raised as errors of Pellucid."""
    from safetensors import SafetensorError, safe_open

    try:
        open_regular(path).close()
        with safe_open(path, framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise ModelFileError(f'there is no file "{path}"') from error
    except OSError as error:
        raise ModelFileError(f'"{path}" cannot be read: {reason(error)}') from error
    except SafetensorError as error:
        raise ModelFileError(f'"{path}" is truncated or no safetensors file ({error})') from error


def _content(path: str | os.PathLike[str], kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The JSON in the metadata, after a look at what wrote it."""
    written = metadata.get("format")
    if written != kind:
        other = f"a {written} file" if written else "one that Pellucid did not write"
        raise ModelFileError(f'expected "{path}" to be a {kind} file, got {other}')
    if metadata.get("version") != str(VERSION):
        raise ModelFileError(
            f'"{path}" has version {metadata.get("version")} of its format, expected {VERSION}: '
            "use the Pellucid that wrote it"
        )
    text = metadata.get("content", "")
    if len(text) > _MAX_CONTENT:
        raise ModelFileError(f'"{path}" is damaged: its metadata is longer than {_MAX_CONTENT:,} characters')
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f'"{path}" is damaged: its metadata is no JSON ({error})') from error
    if not isinstance(content, dict):
        raise ModelFileError(f'"{path}" is damaged: its metadata is a {type(content).__name__}, expected an object')
    return content


def _reason(error: OSError) -> str:
    """Why a file cannot be written, in words."""
    known = _REASONS.get(error.errno) if error.errno is not None else None
    return known or reason(error)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut."""
    if os.name == "nt":  # Windows cannot open a folder, and needs not
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
