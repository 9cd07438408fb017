"""What a file that the page saved carries."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect
from tests.lab.browser.person import Person

KINDS = {"f4": "<f4", "f8": "<f8", "i4": "<i4", "u1": "u1"}


def numbers(coded: dict[str, Any]) -> NDArray[Any]:
    kind, text = coded["$"]
    return np.frombuffer(base64.b64decode(text), KINDS[kind])


def document(path: Path) -> dict[str, Any]:
    """What the file tells its page."""
    found = re.search(
        r'<script type="application/json" id="pellucid-document">(.*?)</script>', path.read_text(encoding="utf-8"), re.S
    )
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    return told


def losses(told: dict[str, Any]) -> NDArray[Any]:
    """The loss of every step, all bits of it."""
    assert told["history"]["every"] == 1
    return numbers(told["history"]["loss"])


def parameters(told: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return {
        path: numbers(packed["numbers"]).reshape(packed["shape"]) / packed.get("over", 1)
        for path, packed in told["parameters"].items()
    }


def saves(person: Person, path: Path) -> dict[str, Any]:
    """Presses Save and opens what was saved."""
    with person.page.expect_download() as waiting:
        person.button("Save").click()
    waiting.value.save_as(path)
    expect(person.button("Save")).to_be_enabled()
    return document(path)
