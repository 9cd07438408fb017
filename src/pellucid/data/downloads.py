"""Files from the network: resumed where they broke off, checked by their digests, kept in the system's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ..errors import DataError

FOLDER = "PELLUCID_DATA"
"""The environment variable that says where data sets are kept, instead of the system's cache folder."""
_PIECE = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte


def data_folder() -> Path:
    """Where downloaded sets are kept: `PELLUCID_DATA`, or the folder "data" of Pellucid's cache folder."""
    if chosen := os.environ.get(FOLDER):
        return Path(chosen)
    import platformdirs  # needed where nothing is set

    return Path(platformdirs.user_cache_dir("pellucid", appauthor=False)) / "data"


def download(urls: Sequence[str], path: Path, digest: str, *, what: str) -> Path:
    """A file, downloaded unless it is there, whole and as it should be.

    Args:
        urls: where it is to be had; the next one is tried where one fails.
        path: where it is kept; a part of it lies beside it, `path.part`, and is continued later.
        digest: "sha256:…" or "md5:…".
        what: what messages and the progress bar call it.

    Raises:
        DataError: no connection; no such file there; another content than is expected; a folder that cannot be
            written.
    """
    if path.is_file() and _matches(path, digest):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f'cannot keep {what} in "{path.parent}": {error.strerror}; set {FOLDER} to another folder.'
        ) from error
    part = path.with_name(f"{path.name}.part")
    reasons = []
    for url in urls:
        try:
            _fetch(url, part, what)
        except (OSError, ValueError) as error:
            reasons.append(f"{url}: {_reason(error)}")
            continue
        if _matches(part, digest):
            os.replace(part, path)
            return path
        part.unlink()
        reasons.append(f"{url}: what came has another digest than {digest}")
    held = f"; {part.stat().st_size:,} bytes are kept, and the next try continues there" if part.is_file() else ""
    raise DataError(
        f'{what} cannot be downloaded ({"; ".join(reasons)}){held}. Without a connection, put the file "{path.name}" '
        f'into the folder "{path.parent}", or use a set that comes along: digits, iris, wine, breast_cancer, diabetes.'
    )


def _matches(path: Path, digest: str) -> bool:
    kind, _, expected = digest.partition(":")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest() == expected


def _fetch(url: str, part: Path, what: str) -> None:
    """The rest of a file to the end of what is there of it, or all, where the server cannot continue."""
    there = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "pellucid"})
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing is left: it is whole, or another file
            raise
        return
    with answer:
        continued = answer.status == 206
        length = answer.headers.get("Content-Length")
        total = int(length) + (there if continued else 0) if length else None
        with open(part, "ab" if continued else "wb") as file, _bar(what, total, there if continued else 0) as advance:
            _copy(answer, file, advance)
        if total is not None and part.stat().st_size < total:
            raise ConnectionError(f"it broke off after {part.stat().st_size:,} of {total:,} bytes")


def _copy(source: Any, target: IO[bytes], advance: Any) -> None:
    while piece := source.read(_PIECE):
        target.write(piece)
        advance(len(piece))


@contextlib.contextmanager
def _bar(what: str, total: int | None, done: int) -> Iterator[Any]:
    """A progress bar on a terminal, a line elsewhere; gives a function that counts bytes."""
    if not sys.stderr.isatty() or threading.current_thread() is not threading.main_thread():
        size = "" if total is None else f" ({total / 1e6:.1f} MB)"
        print(f"downloading {what}{size}", file=sys.stderr, flush=True)
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda count: progress.advance(task, count)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError):
        return reason.strerror or str(reason) or "no connection"
    return str(reason)
