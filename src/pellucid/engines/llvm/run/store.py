"""Compiled code on disk, for processes to come: one file a key, in the user's cache directory.

What stands there is run, so nothing is taken on trust. A file begins with the hash of its key and content, so one that
is damaged, half written or under another's name is none; it has to be a regular file of this user's or of root's, in a
directory where nobody else may put one. Files are written beside and renamed: processes may write the same one at
once. Whatever fails only costs the time of compiling again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
import time
from pathlib import Path

from pellucid.engines.llvm.run.fallback import warn
from pellucid.files import open_regular

MAGIC = b"pellucid code 3\n"

LARGEST = 256 * 2**20
"""Bytes of all files together. From there on, those go that were not used for longest."""

KEPT = 0.75
"""How much of that stays: not every file that is written has to look at all."""

ABANDONED = 3600.0
"""Seconds after which a file that was never renamed belongs to a process that is gone."""

_OURS = re.compile(r"[0-9a-f]{40}\.code|pellucid-\w+\.tmp")


def directory() -> Path | None:
    """Where code is kept: PELLUCID_CACHE, or the system's place for caches. None if it is kept nowhere, because
    PELLUCID_CACHE is "off" or there is no home directory."""
    named = os.environ.get("PELLUCID_CACHE")
    if named is None:
        import platformdirs  # takes longer than all else that is done here, and is needed where nothing is set

        try:
            path = platformdirs.user_cache_dir("pellucid", appauthor=False)
        except RuntimeError:  # as new versions say it; old ones give a path that begins with a tilde
            return None
        return Path(path) if os.path.isabs(path) else None
    if named.lower() in ("", "off", "0", "none"):
        return None
    path = os.path.expanduser(named)
    return None if path.startswith("~") else Path(path).absolute()


def read(key: str) -> bytes | None:
    """What was written under this key, if it is there and whole."""
    path = _path(key)
    if path is None or not _ours(path.parent):
        return None
    content = _content(path)
    if content is None or not content.startswith(MAGIC):
        return None
    digest, rest = content[len(MAGIC) :][:32], content[len(MAGIC) + 32 :]
    if digest != _digest(key, rest):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the files that are not used for longest go first
    return rest


def write(key: str, rest: bytes) -> None:
    """Keep these bytes under this key, if that can be done."""
    path = _path(key)
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _ours(path.parent):
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix="pellucid-", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + _digest(key, rest) + rest)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        _make_room(path)


def _path(key: str) -> Path | None:
    folder = directory()
    return None if folder is None else folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.code"


def _digest(key: str, rest: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(key.encode()).digest() + rest).digest()


def _owned(status: os.stat_result) -> bool:
    return os.name == "nt" or status.st_uid in (0, os.geteuid())


def _ours(folder: Path) -> bool:
    """Whether nobody but this user, or root, can put a file there."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    mine = os.name == "nt" or status.st_uid == os.geteuid()
    if mine or (_owned(status) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        return True
    warn(
        f"compiled code is not kept in {folder}, because another user can write there, and is made anew in every "
        "process; set PELLUCID_CACHE to a directory of your own, or to off"
    )
    return False


def _content(path: Path) -> bytes | None:
    """What a regular file of this user's holds."""
    try:
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            return file.read() if _owned(status) and status.st_size <= LARGEST else None
    except OSError:
        return None


def _make_room(new: Path) -> None:
    """Where files take too much, let those go that were not used for longest, and what was left half written."""
    files: list[tuple[float, int, str]] = []
    now = time.time()
    for entry in os.scandir(new.parent):
        with contextlib.suppress(OSError):
            if not _OURS.fullmatch(entry.name) or entry.name == new.name:
                continue
            status = entry.stat(follow_symlinks=False)
            if entry.name.endswith(".tmp"):
                if now - status.st_mtime > ABANDONED:
                    os.unlink(entry.path)
            else:
                files.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in files) + new.stat().st_size
    if total <= LARGEST:
        return
    for _, size, path in sorted(files):
        if total <= KEPT * LARGEST:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            total -= size
