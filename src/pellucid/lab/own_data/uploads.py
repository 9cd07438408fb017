"""The files that a page has sent, in memory: nothing of them is written anywhere, and nothing in them is run."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from collections.abc import Container, Iterable, Iterator
from pathlib import PurePosixPath

from pellucid.errors import DataError
from pellucid.lab.protocol.requests import SentPart
from pellucid.messages import gettext

MAX_BYTES = 32 << 20
"""Of all files together, as they are sent; what a file holds compressed may be `MAX_UNPACKED`."""
MAX_UNPACKED = 128 << 20
MAX_FILES = 20_000
ZIP = b"PK\3\4"
PACKED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)
"""What a damaged or foreign archive makes of its reader."""


class Uploads:
    """The files that came, each by its path: "pets/cat/1.png", or "flats.csv"."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._files)

    @property
    def size(self) -> int:
        """In bytes."""
        return self._size

    @property
    def archives(self) -> dict[str, str]:
        """The archives that came, by the folder in which their files stand."""
        return {PurePosixPath(name).stem: name for name, data in self._files.items() if data.startswith(ZIP)}

    def add(self, parts: Iterable[SentPart]) -> None:
        """Take what came.

        Raises:
            DataError: no base64, or more than is taken in all.
        """
        for part in parts:
            try:
                data = base64.b64decode(part.data, validate=True)
            except binascii.Error:
                raise DataError(gettext('"{name}" did not come whole: give it again', name=part.name)) from None
            self._size += len(data)
            if self._size > MAX_BYTES or len(self._files) >= MAX_FILES:
                raise DataError(
                    gettext(
                        "these files have more than {size} MiB or are more than {count:,}, expected at most as much in "
                        "the lab: give a part of them, or train in Python",
                        size=MAX_BYTES >> 20,
                        count=MAX_FILES,
                    )
                )
            last = next(reversed(self._files), None)
            if part.continues and last is not None:
                self._files[last] += data
            else:
                self._files[_free(_tidy(part.name), self._files)] = bytearray(data)

    def files(self) -> dict[str, bytes]:
        """The content of each file, those of archives in their place.

        Raises:
            DataError: nothing came, or an archive is damaged or holds too much.
        """
        found: dict[str, bytes] = {}
        for name, data in self._files.items():
            content = bytes(data)
            if not content.startswith(ZIP):
                found[name] = content
                continue
            for inner, unpacked in unzipped(name, content):
                found[_free(inner, found)] = unpacked
        found = {name: content for name, content in found.items() if not hidden(name)}
        if not found:
            raise DataError(gettext("no file came, expected a table, images or a text"))
        return found


def unzipped(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files in an archive, each by the archive's name and its path in it.

    Raises:
        DataError: it is damaged, encrypted, or holds more than is unpacked in the lab.
    """
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if any(entry.filename == "[Content_Types].xml" for entry in entries):
                raise DataError(gettext('"{name}" is an office document, expected text: save it as CSV', name=name))
            if len(entries) > MAX_FILES:
                raise _too_much(name)
            for entry in entries:
                with archive.open(entry) as file:
                    # what it says of its own size may be a lie
                    data = file.read(MAX_UNPACKED - total + 1)
                total += len(data)
                if total > MAX_UNPACKED:
                    raise _too_much(name)
                yield f"{PurePosixPath(name).stem}/{_tidy(entry.filename)}", data
    except DataError:
        raise
    except PACKED as error:
        raise DataError(
            gettext('"{name}" is damaged or cannot be unpacked ({error}): pack it again', name=name, error=str(error))
        ) from None


def hidden(name: str) -> bool:
    """Whether a file is one that systems leave behind."""
    return any(part.startswith((".", "__MACOSX")) or part == "Thumbs.db" for part in PurePosixPath(name).parts)


def _tidy(name: str) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "file"


def _free(name: str, taken: Container[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def _too_much(name: str) -> DataError:
    return DataError(
        gettext(
            '"{name}" unpacks to more than {size} MiB or {count:,} files, expected at most as much in the lab: give a '
            "part of it, or train in Python",
            name=name,
            size=MAX_UNPACKED >> 20,
            count=MAX_FILES,
        )
    )
