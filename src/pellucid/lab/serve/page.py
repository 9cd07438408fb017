"""The HTML around the built page: as a server gives it, and as one file that carries everything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pellucid.errors import ModelFileError
from pellucid.lab.serve.safety import file_policy
from pellucid.messages import gettext, words

ASSETS = Path(__file__).parents[1] / "assets"
NAMES = ("page.js", "page.css", "widget.js", "widget.css")

_SERVER = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} – Pellucid</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="page.css?{version}">
<script type="module" src="page.js?{version}"></script>
</head>
<body>
<div id="lab"></div>
<noscript>The lab needs JavaScript, which is switched off in this browser.</noscript>
</body>
</html>
"""

_FILE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Pellucid">
<title>{title} – Pellucid</title>
<link rel="icon" href="{icon}">
<style>{style}</style>
</head>
<body>
<div id="lab"></div>
<noscript>The lab needs JavaScript, which is switched off in this browser.</noscript>
<script type="application/json" id="pellucid-document">{document}</script>
<script type="module">{script}</script>
</body>
</html>
"""

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M3 8L13 3.5M3 8L13 12.5' stroke='%23888' fill='none'/%3E"
    "%3Ccircle cx='3' cy='8' r='2.5' fill='%23d95f02'/%3E"
    "%3Ccircle cx='13' cy='3.5' r='2.5' fill='%231f78b4'/%3E"
    "%3Ccircle cx='13' cy='12.5' r='2.5' fill='%231f78b4'/%3E%3C/svg%3E"
)


def check_assets() -> None:
    """See that the page is there.

    Raises:
        ModelFileError: it was not built.
    """
    for name in NAMES:
        asset(name)


def asset(name: str) -> bytes:
    """One of the built files; no other name is ever read.

    Raises:
        ModelFileError: the page was not built.
    """
    if name not in NAMES:
        raise ModelFileError(f'there is no "{name}" in the lab, expected one of {", ".join(NAMES)}')
    path = ASSETS / name
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise ModelFileError(
            "the lab's page is not built: run `make lab` (or `python hatch_build.py`) in the repository, or install a"
            " wheel of Pellucid"
        ) from error
    return _read(path, changed)


@lru_cache(maxsize=2 * len(NAMES))
def _read(path: Path, changed: int) -> bytes:
    return path.read_bytes()


def server_page(title: Mapping[str, str], language: str | None = None) -> str:
    """The page that talks to its server; without a language the page takes the browser's."""
    both = hashlib.sha256(asset("page.js") + asset("page.css")).hexdigest()[:12]
    return _SERVER.format(language=language or "", title=html.escape(_said(title, language)), icon=_ICON, version=both)


def single_file(document: Mapping[str, Any], language: str | None = None) -> str:
    """A file that needs nothing but a browser: scripts, styles, and what `lab.serve.document` says of a network.

    Without a language the page takes the browser's.
    """
    script = _script(asset("page.js").decode())
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    title = document.get("description", {}).get("title") or words(gettext("Gallery of small tasks"))
    return _FILE.format(
        language=language or "",
        policy=file_policy(digest),
        title=html.escape(_said(title, language)),
        icon=_ICON,
        style=_style(asset("page.css").decode()),
        document=_data(text),
        script=script,
    )


def _said(words: Mapping[str, str], language: str | None) -> str:
    return words.get(language or "en") or "lab"


def _data(text: str) -> str:
    """JSON that ends no script element and that JavaScript of any age reads."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _script(text: str) -> str:
    """JavaScript that ends no script element: where HTML would see a tag, the < is written otherwise, which means the
    same inside strings, templates and regular expressions, the only places where a built module has such a text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\\x00")
    return re.sub(r"<(?=!--|/?script)", r"\\x3c", text, flags=re.IGNORECASE)


def _style(text: str) -> str:
    return re.sub(r"<(?=/style)", r"\\3c ", text, flags=re.IGNORECASE)
