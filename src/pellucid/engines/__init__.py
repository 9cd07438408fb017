"""Engines run programs. Each is a module that turns a program into an Executable; here is their list."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike

from pellucid.engines.base import Executable as Executable
from pellucid.engines.session import Session as Session
from pellucid.errors import PellucidError, nearest
from pellucid.formula.program import Program

# An engine's module has `executable(program, dtype) -> Executable`; it is imported when somebody asks
# for the engine.
ENGINES: Final[dict[str, str]] = {
    "llvm": "pellucid.engines.llvm",
    "reference": "pellucid.engines.reference",
    "xla": "pellucid.engines.xla",
    "xla-bfloat16": "pellucid.engines.xla.bfloat16",
}


DEFAULT: Final = "llvm"

IMPORTED: Final = time.time()
"""When this process read its sources: what changes later is not what it runs."""


def engine_named(name: str) -> str:
    """The name of an engine, checked.

    Raises:
        PellucidError: there is no such engine, and the message names the nearest; or the library that it runs on is
            not installed.
    """
    if name not in ENGINES:
        raise PellucidError(f'there is no engine "{name}"; choose one of {", ".join(ENGINES)}.{nearest(name, ENGINES)}')
    if name.startswith("xla") and find_spec("jax") is None:
        raise PellucidError(
            f'the engine "{name}" needs JAX, which is not installed: pip install "pellucid[xla]" (for an NVIDIA GPU, '
            'also "jax[cuda12]")'
        )
    return name


def full_precision(name: str) -> str:
    """The engine that computes what this one does, in the network's dtype throughout: what is kept to be compared."""
    return name.partition("-")[0]


def compile_program(program: Program, *, engine: str = DEFAULT, dtype: DTypeLike = np.float32) -> Executable:
    """The program, ready to run.

    Args:
        program: what to compute.
        engine: one of ENGINES.
        dtype: float32 or float64, what every tensor of real numbers is computed in.

    Raises:
        PellucidError: there is no such engine, or the dtype is another one.
    """
    engine_named(engine)
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise PellucidError(f"expected float32 or float64 as dtype, got {kind}")
    make: Callable[[Program, np.dtype[np.floating]], Executable] = import_module(ENGINES[engine]).executable
    return make(program, kind)
