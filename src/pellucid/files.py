"""Files that are whole or not there: tensors and JSON in the safetensors format, written beside and renamed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError

VERSION = 1
_KINDS = {"F32", "F64", "I64"}
_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EACCES: "permission is denied; choose another place",
    errno.EPERM: "permission is denied; choose another place",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.EISDIR: "it is a folder; give the name of a file",
    errno.EINVAL: "it is no ordinary file; give the name of a file",
    errno.ENOENT: "there is no such folder; create it first",
    errno.ENOTDIR: "a part of the path is no folder; choose another place",
}


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all: beside its place, synced to the disk, then renamed.

    After a crash at any moment the path holds the old file or the new one. One process at a time may write a path.

    Raises:
        ModelFileError: the disk is full, the path cannot be written; the old file, if there is one, stays.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.part")
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "")
        if target.exists() and not target.is_file():  # renaming would put a file in the place of a device
            raise OSError(errno.EINVAL, "")
        beside.unlink(missing_ok=True)  # left behind by a process that was killed
        try:
            with open(beside, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise ModelFileError(f'"{path}" cannot be written: {_reason(error)}') from error


def write_tensors(
    path: str | os.PathLike[str], kind: str, content: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Write tensors, and `content` as JSON in the file's metadata, atomically."""
    from safetensors.numpy import save

    try:
        text = json.dumps(content)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f'"{path}" cannot be written: its metadata is not plain JSON ({error})') from error
    metadata = {"format": kind, "version": str(VERSION), "content": text}
    data = save({name: np.asarray(t, order="C") for name, t in tensors.items()}, metadata)
    write_atomically(path, lambda file: file.write(data))


def read_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The content and the tensors of a file that `write_tensors` wrote.

    Raises:
        ModelFileError: no such file, truncated, damaged, or written by something else.
    """
    content, tensors = open_tensors(path, kind)
    return content, dict(tensors)


def open_tensors(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    """As `read_tensors`, but a tensor is read from the file when it is asked for.

    Raises:
        ModelFileError: no such file, truncated, damaged, or written by something else.
    """
    with _opened(path) as file:
        content = _content(path, kind, file.metadata() or {})
        names = tuple(file.keys())
        for name in names:
            dtype = file.get_slice(name).get_dtype()
            if dtype not in _KINDS:
                raise ModelFileError(f'"{path}" holds {name} as {dtype}, expected one of {", ".join(sorted(_KINDS))}')
    return content, _Tensors(path, names)


class _Tensors(Mapping[str, NDArray[Any]]):
    """The tensors of a file, each read when it is asked for."""

    def __init__(self, path: str | os.PathLike[str], names: tuple[str, ...]) -> None:
        self._path, self._names = os.path.abspath(path), dict.fromkeys(names)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        with _opened(self._path) as file:
            return np.array(file.get_tensor(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The file, its troubles told as errors of ours."""
    from safetensors import SafetensorError, safe_open

    try:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "")
        with safe_open(path, framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise ModelFileError(f'there is no file "{path}"') from error
    except OSError as error:
        raise ModelFileError(f'"{path}" cannot be read: {_reason(error)}') from error
    except SafetensorError as error:
        raise ModelFileError(f'"{path}" is truncated or no safetensors file ({error})') from error


def _content(path: str | os.PathLike[str], kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The JSON in the metadata, after a look at what wrote it."""
    found = metadata.get("format")
    if found != kind:
        came = f"is a {found} file" if found else "was not written by Pellucid"
        raise ModelFileError(f'"{path}" {came}, expected a {kind} file')
    if metadata.get("version") != str(VERSION):
        raise ModelFileError(
            f'"{path}" has version {metadata.get("version")} of its format, expected {VERSION}: '
            "use the Pellucid that wrote it"
        )
    try:
        content = json.loads(metadata.get("content", ""))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f'"{path}" is damaged: its metadata is no JSON ({error})') from error
    if not isinstance(content, dict):
        raise ModelFileError(f'"{path}" is damaged: its metadata is a {type(content).__name__}, expected an object')
    return content


def _reason(error: OSError) -> str:
    known = _REASONS.get(error.errno) if error.errno is not None else None
    return known or error.strerror or str(error)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself survive a power cut."""
    if os.name == "nt":  # Windows cannot open a folder, and needs not
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
