"""Programs that call exported networks: in C, for this machine and for emulated ones, and in WebAssembly's hosts."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Machine:
    """How a C program is compiled for a machine, and run there."""

    target: str | None
    compiler: tuple[str, ...]
    run: tuple[str, ...] = ()

    def need(self) -> None:
        """Skip where its tools are missing."""
        for tool in (self.compiler[0], *self.run[:1]):
            if shutil.which(tool) is None:
                pytest.skip(f"there is no {tool} on this machine")


HERE = Machine(None, ("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"))
ARM64 = Machine("aarch64-linux-gnu", ("aarch64-linux-gnu-gcc", "-static"), ("qemu-aarch64",))
_CORTEX_M7 = ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16", "-nostartfiles", "-DNO_SYSTEM")
MICRO = Machine("thumbv7em-none-eabihf", ("arm-none-eabi-gcc", *_CORTEX_M7), ("qemu-arm", "-cpu", "max"))
"""Without a board: the code of a microcontroller in a process of the emulator, which it asks to print."""

_PRINTING = r"""
#ifdef NO_SYSTEM
static int system_call(int number, int a, const void *b, int c) {
    register int r0 __asm__("r0") = a;
    register const void *r1 __asm__("r1") = b;
    register int r2 __asm__("r2") = c, r7 __asm__("r7") = number;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r7) : "memory");
    return r0;
}
int main(void);
void _start(void) { system_call(1, main(), 0, 0); }
#else
#include <stdio.h>
#endif
static void print(const void *numbers, int count) {
    for (int k = 0; k < count; k++) {
        uint32_t word;
        char text[10] = "00000000\n";
        memcpy(&word, (const char *)numbers + 4 * k, 4);
        for (int digit = 0; digit < 8; digit++)
            text[digit] = "0123456789abcdef"[word >> (28 - 4 * digit) & 15];
#ifdef NO_SYSTEM
        system_call(4, 1, text, 9);
#else
        fputs(text, stdout);
#endif
    }
}
"""


def run_c(machine: Machine, code: Path, statements: str) -> Array:
    """What a program prints with `print(numbers, count)`, as 32-bit words; `statements` stand in its main."""
    machine.need()
    upper = code.stem.upper()
    state = f"_Alignas({upper}_ALIGNMENT) static unsigned char state[{upper}_STATE];" if "_train" in statements else ""
    source = f"""#include <string.h>
#include "{code.stem}.h"
_Alignas({upper}_ALIGNMENT) static unsigned char workspace[{upper}_WORKSPACE];
{state}
{_PRINTING}
int main(void) {{
    memset(workspace, 0xff, sizeof workspace); /* NaN: what is read before it was written shows */
{statements}
    return 0;
}}
"""
    main, program = code.with_suffix(".c"), code.with_suffix(".out")
    main.write_text(source, encoding="utf-8")
    command = [*machine.compiler, "-O1", str(main), str(code), "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([*machine.run, str(program)], capture_output=True, text=True, check=True)
    return np.array([int(line, 16) for line in ran.stdout.split()], np.uint32)


def c_array(name: str, array: Array) -> str:
    """A definition of an array with these bits."""
    kind = "int32_t" if array.dtype.kind == "i" else "float"
    words = ", ".join(f"0x{word:08x}" for word in np.ascontiguousarray(array).reshape(-1).view(np.uint32))
    count = array.size
    return (
        f"    static const uint32_t {name}_words[{count}] = {{{words}}};\n"
        f"    static {kind} {name}[{count}];\n    memcpy({name}, {name}_words, sizeof {name});\n"
    )


class Module:
    """A WebAssembly module in wasmtime."""

    def __init__(self, file: Path) -> None:
        wasmtime = pytest.importorskip("wasmtime")
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        instance = wasmtime.Instance(self._store, wasmtime.Module.from_file(engine, str(file)), [])
        self._exports = instance.exports(self._store)
        self._memory = self._exports["memory"]
        self.about = about(file)

    def call(self, name: str, *numbers: float, **arrays: Array) -> Any:
        """The status of a call, and its outputs by name; inputs are given by name, "." written as "_"."""
        function = self.about["functions"][name]
        for path, place in function["inputs"].items():
            array = arrays[path.replace(".", "_")].astype(place["dtype"])
            assert list(array.shape) == place["shape"]
            self._memory.write(self._store, array.tobytes(), place["offset"])
        status = self._exports[name](self._store, *numbers)
        return status, {path: self.read(place) for path, place in function["outputs"].items()}

    def read(self, place: dict[str, Any]) -> Array:
        size = int(np.prod(place["shape"])) * np.dtype(place["dtype"]).itemsize
        content = bytes(self._memory.read(self._store, place["offset"], place["offset"] + size))
        return np.frombuffer(content, place["dtype"]).reshape(place["shape"])


def about(file: Path) -> dict[str, Any]:
    """What a module says of itself: the section called pellucid."""
    content, at = file.read_bytes(), 8

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(content):
        kind = number()
        end = number() + at
        if kind == 0:
            size = number()
            if content[at : at + size] == b"pellucid":
                found: dict[str, Any] = json.loads(content[at + size : end])
                return found
        at = end
    raise AssertionError("no section called pellucid")
