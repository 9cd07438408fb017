"""The parameters of a small network as a text, short enough for a link."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.lab.protocol.requests import MAX_IN_LINK
from pellucid.messages import gettext


def packed(parameters: Mapping[str, NDArray[Any]]) -> str:
    """All parameters for a link: a checksum of their paths and shapes, and their float32 bytes in base64url.

    Raises:
        DataError: they are too many for a link.
    """
    count = sum(values.size for values in parameters.values())
    if count > MAX_IN_LINK:
        raise DataError(
            gettext(
                "a link carries {most} parameters at most, the network has {count}: save a file instead",
                most=MAX_IN_LINK,
                count=count,
            )
        )
    data = b"".join(np.ascontiguousarray(values, "<f4").tobytes() for values in parameters.values())
    return f"{_form(parameters)}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def unpacked(text: str, like: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The parameters that `packed` wrote, in the shapes of `like`.

    Raises:
        DataError: damaged, or of another network.
    """
    form, _, data = text.partition(".")
    if form != _form(like):
        raise DataError(gettext("the link's weights are of another network: open the task that the link was made in"))
    try:
        flat = np.frombuffer(base64.b64decode(data + "=" * (-len(data) % 4), b"-_", validate=True), "<f4")
    except (ValueError, binascii.Error):
        flat = np.empty(0, np.float32)
    if flat.size != sum(values.size for values in like.values()) or not np.isfinite(flat).all():
        raise DataError(gettext("the link's weights are damaged: copy the whole link"))
    parts = np.split(flat, np.cumsum([values.size for values in like.values()])[:-1])
    return {
        path: part.reshape(values.shape).astype(values.dtype)
        for (path, values), part in zip(like.items(), parts, strict=True)
    }


def _form(parameters: Mapping[str, NDArray[Any]]) -> str:
    text = ";".join(f"{path}:{','.join(map(str, values.shape))}" for path, values in parameters.items())
    return f"{zlib.crc32(text.encode()):08x}"
