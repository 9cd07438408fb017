"""From IR to code that can be called: the target machine, the linker, and what both are for this CPU."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
from collections.abc import Iterable
from functools import cache
from queue import SimpleQueue
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding import ffi

from pellucid.engines.llvm.emit.fma import unfused
from pellucid.engines.llvm.plan.target import ARCHITECTURES
from pellucid.engines.llvm.plan.target import Target as Target
from pellucid.errors import PellucidError
from pellucid.once import held_at_fork

TARGETS = {"v2": ("x86-64-v2", "sse4.2"), "v3": ("x86-64-v3", "avx2"), "v4": ("x86-64-v4", "avx512f")}
"""Fixed instruction sets, by name: LLVM's, and a feature of a CPU that has it."""


OLDEST = (20,)
"""The first LLVM that reads the code's text, in llvmlite 0.45."""

# One lock is around all of LLVM. A child that forked while another thread was compiling would wait for it for ever.
held_at_fork(ffi.lib._lock)


@cache
def _initialise() -> None:
    for start in (llvm.initialize_native_target, llvm.initialize_native_asmprinter):
        start()


@cache
def host() -> Target:
    """This CPU, under this system; or what PELLUCID_TARGET names.

    Raises:
        PellucidError: PELLUCID_TARGET names nothing that this CPU has.
    """
    named = os.environ.get("PELLUCID_TARGET")
    if named:
        if named not in available():
            expected = ", ".join(available()) or "nothing on this CPU"
            raise PellucidError(f"PELLUCID_TARGET is {named!r}, expected {expected}")
        return target(named)
    return Target(llvm.get_host_cpu_name(), _features().flatten(), llvm.get_process_triple())


def available() -> list[str]:
    """The names of TARGETS that this CPU has."""
    return [name for name, (_, feature) in TARGETS.items() if _features().get(feature)]


def target(name: str | None = None) -> Target:
    """This CPU, or one of TARGETS by name."""
    return host() if name is None else Target(TARGETS[name][0], "", llvm.get_process_triple())


@cache
def _features() -> llvm.FeatureMap:
    _initialise()
    try:
        return llvm.get_host_cpu_features()
    except RuntimeError:  # not every LLVM can ask every CPU; then the name tells
        return llvm.FeatureMap()


def _fresh_machine(to: Target) -> Any:
    _initialise()
    # Level 2 and not 3: the same code within a per cent, in less time.
    return llvm.Target.from_triple(to.triple).create_target_machine(cpu=to.cpu, features=to.features, opt=2, jit=True)


_machine = cache(_fresh_machine)


def ready() -> None:
    """Make the machine for this CPU, so that it shows at once where code cannot be made.

    LLVM ends the process when it meets what it cannot translate, so this has to be known before it is asked.

    Raises:
        RuntimeError: LLVM is too old, or does not know this CPU or system, or no code is made for it.
    """
    if llvm.llvm_version_info < OLDEST:
        raise RuntimeError(f"llvmlite {llvmlite.__version__} is too old: 0.45 is the first that will do")
    to = host()
    if to.architecture is None or struct.calcsize("P") != 8:
        known = " and ".join(sorted(set(ARCHITECTURES.values())))
        raise RuntimeError(f"code is made for 64-bit {known}, and this process is {to.triple}")
    _machine(to)


def object_code(text: str, to: Target) -> bytes:
    """Compile IR. LLVM's optimiser is left out on purpose: see the decision on it."""
    module = llvm.parse_assembly(text if to.fused else unfused(text))
    return bytes(_machine(to).emit_object(module))


class Compiler:
    """Compiles one text after the other on a thread of its own, while the next are being written."""

    def __init__(self, to: Target) -> None:
        self._to = to
        self._texts: SimpleQueue[str | None] = SimpleQueue()
        self._found: list[bytes] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="pellucid compiler")
        try:
            self._thread.start()
        except BaseException:  # Ctrl-C: nobody will say that no text comes
            self._texts.put(None)
            raise

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, *_: object) -> None:
        self._texts.put(None)
        self._thread.join()

    def add(self, text: str) -> None:
        self._texts.put(text)

    def objects(self) -> list[bytes]:
        """The object code of all texts."""
        self._texts.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found

    def _work(self) -> None:
        while (text := self._texts.get()) is not None:
            try:
                self._found.append(object_code(text, self._to))
            except Exception as error:
                self._error = error
                return


class Library:
    """Object code, linked into this process."""

    def __init__(self, objects: Iterable[bytes], to: Target) -> None:
        _library_symbols()
        # the linker takes a machine for its own
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _fresh_machine(to))
        for code in objects:
            self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


@cache
def _library_symbols() -> None:
    """The C library's functions that generated code calls, wherever they live on this system."""
    for name in ("m", "c"):
        try:
            llvm.load_library_permanently(f"lib{name}.so.6")  # of glibc; to look for another starts a program
        except RuntimeError:
            from ctypes.util import find_library

            if library := find_library(name):
                llvm.load_library_permanently(library)
    if sys.platform == "win32":  # what a function calls that needs more than a page of the stack
        llvm.add_symbol("__chkstk", ctypes.cast(ctypes.WinDLL("ntdll")["__chkstk"], ctypes.c_void_p).value)
