"""Files of a person's own, as a page sends them."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

import pellucid as pl
from pellucid.lab.edit.plain_code import preamble
from pellucid.lab.own_data.understanding import OwnFiles
from pellucid.lab.protocol.requests import DataChoices, SentPart
from pellucid.lab.task import Task


def part(name: str, content: bytes, *, continues: bool = False) -> SentPart:
    return SentPart(name=name, data=base64.b64encode(content).decode(), continues=continues)


def own(files: Mapping[str, bytes]) -> OwnFiles:
    given = OwnFiles()
    given.take([part(name, content) for name, content in files.items()], more=False)
    return given


def said(files: Mapping[str, bytes], **choices: Any) -> str | None:
    """Why nothing can be begun with them, or None."""
    fault = own(files).understood(DataChoices(**choices))["fault"]
    assert fault is None or fault["zh"] != fault["en"], "in the language of the page"
    return None if fault is None else fault["en"]


def task(files: Mapping[str, bytes], **choices: Any) -> Task:
    return own(files).beginning(DataChoices(**choices)).task()


def image(seed: int, height: int = 12, width: int = 10) -> bytes:
    """A PNG of noise in colour."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def run(task: Task) -> dict[str, Any]:
    """What the task's code makes, in the folder where the files are."""
    known: dict[str, Any] = {}
    exec(preamble(task), known)
    return known


def same(task: Task, known: Mapping[str, Any]) -> bool:
    """Whether code made the task's examples and network, to the bit."""
    assert task.test is not None
    pairs = [(task.x, known["x"]), (task.y, known["y"]), *zip(task.test, known["validation_data"], strict=True)]
    net = known["net"]
    assert isinstance(net, pl.Network)
    pairs += [(task.net.parameters[path], net.parameters[path]) for path in task.net.parameters]
    return net.config() == task.net.config() and all(np.array_equal(a, b) for a, b in pairs)
