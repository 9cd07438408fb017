"""A `.keras` file: a zip archive of JSON and weights, whose sizes are checked before anything is unpacked."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from typing import Any

from pellucid.errors import ModelFileError
from pellucid.files import read_bytes, reason

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_BYTES = (1 << 31) - 1
"""The maximum size of a file, and of the weights in it."""
MAX_CONFIG = 1 << 24
MAX_GROWTH = 100
"""The maximum of what the weights may grow to as they are unpacked, as a multiple of the file: Keras does not pack."""


def unpacked(path: str | os.PathLike[str]) -> tuple[dict[str, Any], bytes]:
    """What `config.json` says, and the bytes of the weights.

    Raises:
        ModelFileError: no such file, truncated, foreign, or larger unpacked than it may be.
    """
    name = os.fspath(path)
    try:
        content = read_bytes(path, max_bytes=MAX_BYTES)
    except OSError as error:
        raise ModelFileError(f'"{name!s}" cannot be read: {reason(error)}') from None
    if content[:8] == b"\x89HDF\r\n\x1a\n":
        raise ModelFileError(
            f'"{name!s}" is an HDF5 file, expected a .keras file: load it in Keras and call model.save("model.keras")'
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            config = _document(archive, CONFIG)
            return config, _member(archive, WEIGHTS, min(MAX_BYTES, MAX_GROWTH * len(content)))
    except ModelFileError as error:
        raise ModelFileError(f'"{name!s}": {error}') from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        words = " ".join(str(error).split())[:200]
        raise ModelFileError(f'"{name!s}" is no .keras file, or truncated: {words}') from None


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A file of the archive."""
    names = archive.namelist()
    if names.count(name) != 1:
        there = ", ".join(repr(n)[:40] for n in names[:5]) or "nothing"
        raise ModelFileError(f"expected one {name} in it, got {there}")
    with archive.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ModelFileError(f"{name} in it is larger than {limit:,} bytes, which is the maximum")
    return content


def _document(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        document = json.loads(_member(archive, name, MAX_CONFIG))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} in it is no JSON: {' '.join(str(error).split())[:120]}") from None
    if not isinstance(document, dict):
        raise ModelFileError(f"{name} in it is no description of a model")
    return document


def packed(documents: dict[str, Any], weights: bytes) -> bytes:
    """A `.keras` file; the same content gives the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, document in documents.items():
            archive.writestr(zipfile.ZipInfo(name), json.dumps(document))
        archive.writestr(zipfile.ZipInfo(WEIGHTS), weights)
    return target.getvalue()
