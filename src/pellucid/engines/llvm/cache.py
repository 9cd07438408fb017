"""Compiled code, kept: in this process, and in the user's cache directory.

A file is named by the hash of the IR, the CPU and the versions that made it, holds a checksum, and is put in place by renaming:
processes may write the same one at once, and a damaged or foreign file is compiled again. PELLUCID_CACHE names another
directory, or is "off".
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import llvmlite

from pellucid.engines.base import Dtype
from pellucid.engines.llvm.layout import Layout
from pellucid.engines.llvm.module import Module, write
from pellucid.engines.llvm.native import Library, Target, object_code
from pellucid.engines.llvm.schedule import batched
from pellucid.formula.program import Program

VERSION = 1
MAGIC = b"pellucid\n"


@dataclass
class Code:
    """What the run time needs of a program: where it starts, the user's arrays in order, and the sizes of its memory."""

    library: Library
    entry: int
    words: list[tuple[str, str]]
    shard_bytes: int
    global_bytes: int
    phases: int
    copies: dict[str, tuple[str, str]]
    state: dict[str, str]
    labels: list[str]


def compiled(program: Program, dtype: Dtype, state: dict[str, str], target: Target, *, profile: bool = False) -> Code:
    """The program's code, from the cache if it is there.

    Raises:
        Unsupported: a statement cannot be compiled.
    """
    module = write(
        program, "float" if dtype.itemsize == 4 else "double", wide=target.wide, state=state, profile=profile
    )
    library = Library(_cached(module, target), target)
    layout, state = module.layout, module.state
    return Code(
        library,
        library.address("run"),
        layout.words,
        layout.shard_bytes,
        layout.global_bytes,
        module.phases,
        _copies(layout, state),
        state,
        module.labels,
    )


def _copies(layout: Layout, state: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Outputs without a batch axis that are some other array: an input, or what another output is too."""
    found: dict[str, tuple[str, str]] = {}
    for name, tensor in layout.schedule.program.outputs.items():
        if name not in state and not batched(tensor):
            home = layout.home(tensor)
            if home.place == "user" and home.offset != layout.word("out", name):
                found[name] = layout.words[home.offset - layout.word(*layout.words[0])]
    return found


def directory() -> Path | None:
    """Where code is kept; None if it is not."""
    named = os.environ.get("PELLUCID_CACHE")
    if named is not None:
        return None if named.lower() in ("", "off", "0", "none") else Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pellucid"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pellucid"


def _cached(module: Module, target: Target) -> bytes:
    folder = directory()
    if folder is None:
        return object_code(module.text, target)
    key = hashlib.sha256()
    for part in (VERSION, llvmlite.__version__, target.cpu, target.features, sys.platform, module.text):
        key.update(f"{part}\0".encode())
    path = folder / f"{key.hexdigest()[:40]}.o"
    code = _load(path)
    if code is None:
        code = object_code(module.text, target)
        _save(path, code)
    return code


def _load(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head = len(MAGIC) + 32
    code = content[head:]
    if content[: len(MAGIC)] != MAGIC or hashlib.sha256(code).digest() != content[len(MAGIC) : head]:
        return None
    return code


def _save(path: Path, code: bytes) -> None:
    """Write beside and rename. A directory that cannot be written only costs the time of compiling again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + hashlib.sha256(code).digest() + code)
            os.replace(name, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
