"""Compiled code, kept in the user's cache directory.

A file is named by the hash of the program, the CPU, and the sources and libraries that made it. It holds a
checksum and is put in place by renaming: processes may write the same one at once, and a damaged or foreign file
is compiled again. PELLUCID_CACHE names another directory, or is "off".
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import llvmlite

from pellucid.engines.base import Dtype
from pellucid.engines.llvm.fingerprint import fingerprint
from pellucid.engines.llvm.layout import Layout
from pellucid.engines.llvm.module import write
from pellucid.engines.llvm.native import Compiler, Library, host, object_code
from pellucid.engines.llvm.target import Target
from pellucid.engines.llvm.work import Schedule, batched
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Reduction, Statement, walk
from pellucid.formula.program import Program

MAGIC = b"pellucid code 2\n"


@dataclass
class Facts:
    """What the run time needs to know of a program's code: the user's arrays in order, and the sizes of its memory.

    `copies` are outputs that are another array's copy, `state` the outputs that overwrite an input, `labels` what a
    profile counts, `pieces` in how many threads may share the work of an example, `work` is a guess at the operations
    of one. `ahead` are the inputs that the first phases read, if these read parameters alone and make no output: they
    may be left out while the parameters are the same.
    """

    words: list[tuple[str, str]]
    shard_bytes: int
    local_bytes: int
    global_bytes: int
    phases: int
    pieces: int
    copies: dict[str, tuple[str, str]]
    state: dict[str, str]
    labels: list[str]
    work: float
    ahead: list[str]


@dataclass
class Code:
    """Code in memory, where it starts, and the facts about it."""

    library: Library
    entry: int
    facts: Facts


def compiled(
    program: Program,
    dtype: Dtype,
    state: dict[str, str],
    target: Target,
    *,
    profile: bool = False,
    few: bool = False,
    shared: bool = False,
) -> Code:
    """The program's code, from the cache if it is there.

    Args:
        state: outputs that may overwrite an input, and that input's name.
        few: for a few examples at a time.
        shared: whether threads may share the work of one of these.

    Raises:
        Unsupported: a statement cannot be compiled.
    """
    path = _path(target, dtype, state, profile, few, shared, fingerprint(program))
    found = _load(path) if path is not None else None
    if found is None:
        found = _make(program, dtype, state, target, profile, few, shared)
        if path is not None:
            _save(path, *found)
    facts, objects = found
    library = Library(objects, target)
    return Code(library, library.address("run"), facts)


def library(text: str) -> Library:
    """This text's code for this CPU, from the cache if it is there."""
    path = _path(host(), text)
    code = _read(path) if path is not None else None
    if code is None:
        code = object_code(text, host())
        if path is not None:
            _write(path, code)
    return Library([code], host())


def _path(*parts: object) -> Path | None:
    """Where the code that depends on these parts is kept, if it is."""
    folder = directory()
    if folder is None:
        return None
    key = repr((_sources(), llvmlite.__version__, sys.platform, *parts))
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.o"


def _make(
    program: Program, dtype: Dtype, state: dict[str, str], target: Target, profile: bool, few: bool, shared: bool
) -> tuple[Facts, list[bytes]]:
    kind: Any = "float" if dtype.itemsize == 4 else "double"
    with Compiler(target) as compiler:
        module = write(
            program,
            kind,
            target=target,
            state=state,
            profile=profile,
            few=few,
            shared=shared,
            finished=compiler.add,
        )
        objects = compiler.objects()
    layout = module.layout
    facts = Facts(
        layout.words,
        layout.shard_bytes,
        layout.local_bytes,
        layout.global_bytes,
        module.phases,
        module.pieces,
        _copies(layout, module.state, few),
        module.state,
        module.labels,
        sum(map(operations, program.statements)),
        _ahead(layout.schedule),
    )
    return facts, objects


def _ahead(plan: Schedule) -> list[str]:
    works = [work for phase in plan.phases[: plan.ahead()] for work in phase.works]
    made = {t for work in works for t in work.targets}
    if any(plan.home(t) in made for t in plan.program.outputs.values()):
        return []
    read = {plan.home(r.tensor) for work in works for r in work.reads}
    return [name for name, tensor in plan.program.inputs.items() if tensor in read]


def _copies(layout: Layout, state: dict[str, str], few: bool) -> dict[str, tuple[str, str]]:
    """Outputs without a batch axis that are some other array: an input, or what another output is too."""
    found: dict[str, tuple[str, str]] = {}
    for name, tensor in layout.schedule.program.outputs.items():
        if name not in state and (few or not batched(tensor)):
            home = layout.home(tensor)
            if home.place == "user" and home.offset != layout.word("out", name):
                found[name] = layout.words[home.offset - layout.word(*layout.words[0])]
    return found


def operations(s: Statement) -> float:
    """A guess at the operations of a statement, for one example."""
    sums = [e for e in walk(s.expression) if isinstance(e, Reduction)]
    inner = max((_extent(e.axes) for e in sums), default=1)
    return 2.0 * _extent(s.axes) * inner


def _extent(axes: tuple[Axis, ...]) -> int:
    return prod(a.size for a in axes if isinstance(a.extent, int))


@cache
def _sources() -> str:
    """The hash of the compiler itself: code that another version made is not used."""
    key = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        key.update(file.read_bytes())
    return key.hexdigest()


def directory() -> Path | None:
    """Where code is kept; None if it is not."""
    named = os.environ.get("PELLUCID_CACHE")
    if named is not None:
        return None if named.lower() in ("", "off", "0", "none") else Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pellucid"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pellucid"


def _load(path: Path) -> tuple[Facts, list[bytes]] | None:
    rest = _read(path)
    if rest is None:
        return None
    size = int.from_bytes(rest[:8], "little")
    told, sizes = json.loads(rest[8 : 8 + size])
    facts = Facts(**told)
    facts.words = [(way, name) for way, name in facts.words]
    facts.copies = {name: (way, source) for name, (way, source) in facts.copies.items()}
    ends = [8 + size + sum(sizes[:k]) for k in range(len(sizes) + 1)]
    return facts, [rest[a:b] for a, b in pairwise(ends)]


def _save(path: Path, facts: Facts, objects: list[bytes]) -> None:
    told = json.dumps([asdict(facts), [len(code) for code in objects]]).encode()
    _write(path, len(told).to_bytes(8, "little") + told + b"".join(objects))


def _read(path: Path) -> bytes | None:
    """What a file holds, if it is there and whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(MAGIC) + 32
    rest = content[start:]
    if content[: len(MAGIC)] != MAGIC or hashlib.sha256(rest).digest() != content[len(MAGIC) : start]:
        return None
    return rest


def _write(path: Path, rest: bytes) -> None:
    """Write beside and rename. A directory that cannot be written only costs the time of compiling again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + hashlib.sha256(rest).digest() + rest)
            os.replace(name, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
