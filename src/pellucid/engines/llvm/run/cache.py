"""Programs' code, compiled or found among what earlier processes compiled.

The key is all that the code depends on: the program, the CPU and system, LLVM, and the sources that write the code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from pellucid.engines import IMPORTED
from pellucid.engines.base import Dtype
from pellucid.engines.llvm.emit.module import write
from pellucid.engines.llvm.plan.layout import Layout
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.plan.work import Plan, batched
from pellucid.engines.llvm.run import store
from pellucid.engines.llvm.run.fingerprint import fingerprint
from pellucid.engines.llvm.run.native import Compiler, Library, host, object_code
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Reduction, Statement, walk
from pellucid.formula.program import Program


@dataclass
class Metadata:
    """What the run time needs to know of a program's code: the user's arrays in order, and the sizes of its memory.

    `copies` are outputs that are another array's copy, `state` the outputs that overwrite an input, `labels` what a
    profile counts, `pieces` in how many threads may share the work of an example, `work` is a guess at the operations
    of one. `parameter_only` are the inputs that the first phases read, if these read parameters alone and make no
    output: they may be left out while the parameters are the same.
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
    parameter_only: list[str]


@dataclass
class Code:
    """Code in memory, where it starts, and the facts about it."""

    library: Library
    entry: int
    metadata: Metadata


def compiled(
    program: Program,
    dtype: Dtype,
    state: dict[str, str],
    target: Target,
    *,
    profile: bool = False,
    small_batch: bool = False,
    shared: bool = False,
    fixed: bool = False,
) -> Code:
    """The program's code, from the cache if it is there.

    Args:
        state: outputs that may overwrite an input, and that input's name.
        small_batch: for a few examples at a time.
        shared: whether threads may share the work of one of these.
        fixed: whether the parameters are the same in all calls.

    Raises:
        Unsupported: a statement cannot be compiled.
    """
    key = _key(target, dtype, state, profile, small_batch, shared, fixed, fingerprint(program))
    stored = _load(key)
    if stored is None:
        stored = _make(program, dtype, state, target, profile, small_batch, shared, fixed)
        _save(key, *stored)
    metadata, objects = stored
    library = Library(objects, target)
    return Code(library, library.address("run"), metadata)


def library(text: str) -> Library:
    """This text's code for this CPU, from the cache if it is there."""
    key = _key(host(), text)
    code = store.read(key) if key is not None else None
    if code is None:
        code = object_code(text, host())
        if key is not None:
            store.write(key, code)
    return Library([code], host())


def _key(*parts: object) -> str | None:
    """All that code depends on; None if that cannot be told."""
    sources = _sources()
    return None if sources is None else repr((sources, llvmlite.__version__, llvm.llvm_version_info, *parts))


def _make(
    program: Program,
    dtype: Dtype,
    state: dict[str, str],
    target: Target,
    profile: bool,
    small_batch: bool,
    shared: bool,
    fixed: bool,
) -> tuple[Metadata, list[bytes]]:
    kind: Any = "float" if dtype.itemsize == 4 else "double"
    with Compiler(target) as compiler:
        module = write(
            program,
            kind,
            target=target,
            state=state,
            profile=profile,
            small_batch=small_batch,
            shared=shared,
            fixed=fixed,
            finished=compiler.add,
        )
        objects = compiler.objects()
    layout = module.layout
    metadata = Metadata(
        layout.words,
        layout.shard_bytes,
        layout.local_bytes,
        layout.global_bytes,
        module.phases,
        module.pieces,
        copies_of(layout, module.state, small_batch),
        module.state,
        module.labels,
        sum(operations(s) for nest in layout.plan.nests for s in nest.statements),
        _parameter_only(layout.plan),
    )
    return metadata, objects


def _parameter_only(plan: Plan) -> list[str]:
    works = [work for phase in plan.phases[: plan.parameter_only()] for work in phase.works]
    made = {t for work in works for t in work.targets}
    if any(plan.home(t) in made for t in plan.program.outputs.values()):
        return []
    read = {plan.home(r.tensor) for work in works for r in work.reads}
    return [name for name, tensor in plan.program.inputs.items() if tensor in read]


def copies_of(layout: Layout, state: dict[str, str], small_batch: bool) -> dict[str, tuple[str, str]]:
    """Outputs without a batch axis that are some other array: an input, or what another output is too."""
    copies: dict[str, tuple[str, str]] = {}
    for name, tensor in layout.plan.program.outputs.items():
        if name not in state and (small_batch or not batched(tensor)):
            home = layout.home(tensor)
            if home.place == "user" and home.offset != layout.word("out", name):
                copies[name] = layout.words[home.offset - layout.word(*layout.words[0])]
    return copies


def operations(s: Statement) -> float:
    """A guess at the operations of a statement of the plan, for one example."""
    sums = [e for e in walk(s.expression) if isinstance(e, Reduction)]
    inner = max((_extent(e.axes) for e in sums), default=1)
    return 2.0 * _extent(s.axes) * inner


def _extent(axes: tuple[Axis, ...]) -> int:
    return prod(a.size for a in axes if isinstance(a.extent, int))


SOURCES = ("formula/**/*.py", "engines/llvm/**/*.py", "engines/*.py", "errors.py")
"""The files that decide what code is written: the packages that these import are among them."""


@cache
def _sources() -> str | None:
    """The hash of the compiler itself: code that another version made is not used. None where the sources that run are
    not to be seen: in an archive, or because they have changed since."""
    top = Path(__file__).parents[3]
    files = sorted(file for pattern in SOURCES for file in top.glob(pattern))
    if not files or any(file.stat().st_mtime > IMPORTED for file in files):
        return None
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(top).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _load(key: str | None) -> tuple[Metadata, list[bytes]] | None:
    content = store.read(key) if key is not None else None
    if content is None:
        return None
    size = int.from_bytes(content[:8], "little")
    fields, sizes = json.loads(content[8 : 8 + size])
    metadata = Metadata(**fields)
    metadata.words = [(way, name) for way, name in metadata.words]
    metadata.copies = {name: (way, source) for name, (way, source) in metadata.copies.items()}
    ends = [8 + size + sum(sizes[:k]) for k in range(len(sizes) + 1)]
    return metadata, [content[a:b] for a, b in pairwise(ends)]


def _save(key: str | None, metadata: Metadata, objects: list[bytes]) -> None:
    if key is not None:
        header = json.dumps([asdict(metadata), [len(code) for code in objects]]).encode()
        store.write(key, len(header).to_bytes(8, "little") + header + b"".join(objects))
