"""ONNX Runtime held to AVX2.

It has no switch for that: where its kernels are chosen, it asks the CPU. So its workers load a copy of the installed
package in which the one jump to its AVX-512 kernels is left out, if that jump is where it is looked for.
"""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Final

_BEFORE: Final = bytes.fromhex("41f7c200000100740e4c89c048f7d0a8e0")
"""Does the CPU have AVX-512 (bit 16), and does the system save its registers (bits 5 to 7)?"""

_JUMP: Final = bytes.fromhex("0f84")
_LENGTH: Final = 6
_NOTHING: Final = b"\x90"


def held() -> Path | None:
    """A folder with the copy, to be searched before others; None where there is nothing to hold, or no such jump."""
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    for library in package.glob("capi/onnxruntime_pybind11_state*"):
        code = without_jump(library.read_bytes())
        if code is not None:
            folder = Path(tempfile.mkdtemp(prefix="pellucid-bench-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns(library.name, "__pycache__"))
            (folder / package.name / "capi" / library.name).write_bytes(code)
            return folder
    return None


def without_jump(code: bytes) -> bytes | None:
    """The library's bytes without the jump; None if it is not there, or more than once."""
    place = code.find(_BEFORE + _JUMP) + len(_BEFORE)
    if code.count(_BEFORE + _JUMP) != 1:
        return None
    return code[:place] + _NOTHING * _LENGTH + code[place + _LENGTH :]
