"""Compiled programs under valgrind: nothing is read or written outside what is theirs, no branch depends on nothing.

    python -m benchmarks.memcheck

The tests' training programs and predictions, compiled for x86-64-v3 (valgrind knows no AVX-512), run from the code
cache under memcheck. Arenas are blocks of malloc of their very size, so the first byte outside is noticed. Faults
are counted where the code that makes them, or the code that called it, belongs to no file: it was made at run time.
The last run gives the code an arena that is too short: if no fault is found there, the check itself is broken.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from tests.engines.llvm.support import draw, native
from tests.engines.llvm.test_small_batch import image
from tests.engines.llvm.training import finish, image_program, start, text_program

from pellucid.engines.base import Array
from pellucid.engines.llvm.run import buffers
from pellucid.engines.llvm.run.native import target
from pellucid.formula import Program

ALIGN = 64
NEAR = 3
"""Frames of a fault's stack that are looked at: the code itself may have called memset."""


def _training(make: Callable[[], Program], n: int | None) -> None:
    """One call with n examples, or four steps in place on two threads."""
    program = make()
    if n is None:
        finish(native(program, threads=2, target=target("v3")), program)
        return
    state, data, each = start(program)
    inputs = {**state, **{k: a[:n] for k, a in data.items()}, **{k: a[0] for k, a in each.items()}}
    native(program, target=target("v3"))(inputs)


def _prediction(n: int) -> None:
    program = image(16, 33)
    inputs = draw(program, n)
    run = native(program, target=target("v3"))
    prepared = run.prepare({name: a for name, a in inputs.items() if name != "x"}, examples=n)
    for _ in range(2):
        run(inputs)
        prepared(inputs)


RUNS: dict[str, list[Callable[[], None]]] = {
    "training on images": [partial(_training, image_program, n) for n in (1, 16, 37, None)],
    "training on text": [partial(_training, text_program, n) for n in (1, 16, 37, None)],
    "prediction": [partial(_prediction, n) for n in (1, 3, 20)],
}
BROKEN = "an arena that is too short"


def inside(name: str) -> None:
    """What runs in the process that is watched."""
    if os.environ.get("MEMCHECK"):
        buffers.aligned = partial(_block, cut=ALIGN if name == BROKEN else 0)
    for run in RUNS.get(name, [partial(_training, image_program, 37)]):
        run()


def _block(size: int, *_: object, cut: int, **__: object) -> Array:
    """Memory that belongs to nobody but the allocator from its first byte outside on."""
    library = ctypes.CDLL(None)
    library.aligned_alloc.restype = ctypes.c_void_p
    place = library.aligned_alloc(ctypes.c_size_t(ALIGN), ctypes.c_size_t(size - cut))
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(place))


def faults(name: str, folder: str) -> list[str]:
    """What memcheck reports on code made at run time."""
    environment = {**os.environ, "PELLUCID_CACHE": folder, "PELLUCID_THREADS": "1", "PYTHONMALLOC": "malloc"}
    own = [sys.executable, "-m", "benchmarks.memcheck", name]
    subprocess.run(own, env=environment, check=True)  # compiles
    report = Path(folder, "report.xml")
    watch = ["valgrind", "--quiet", "--leak-check=no", "--xml=yes", f"--xml-file={report}"]
    watched = subprocess.run([*watch, *own], env={**environment, "MEMCHECK": "1"}, capture_output=True, text=True)
    messages = []
    # a process that breaks down leaves no whole document
    for text in re.findall(r"<error>.*?</error>", report.read_text(errors="replace"), re.DOTALL):
        error = ElementTree.fromstring(text)
        frames = error.findall("stack/frame")[:NEAR]
        if any(frame.find("obj") is None for frame in frames):
            messages.append(error.findtext("what") or error.findtext("xwhat/text") or "a fault")
    if watched.returncode and name != BROKEN:
        messages.append(f"the process ended with {watched.returncode}: {watched.stderr[-500:]}")
    return messages


def main() -> int:
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing was checked")
        return 0
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        for name in [*RUNS, BROKEN]:
            messages = faults(name, folder)
            wrong = bool(messages) != (name == BROKEN)
            bad = bad or wrong
            verdict = "; ".join(sorted(set(messages))) or "nothing found"
            print(f"{'WRONG' if wrong else 'fine '}  {name}: {verdict}", flush=True)
    return int(bad)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        inside(sys.argv[1])
    else:
        sys.exit(main())
