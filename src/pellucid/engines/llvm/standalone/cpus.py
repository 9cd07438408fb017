"""What code is made for: a CPU by its triple, and the instructions that are taken for granted there."""

from __future__ import annotations

from dataclasses import dataclass

import llvmlite.binding as llvm

from pellucid.engines.llvm.plan.target import Target
from pellucid.errors import PellucidError

WEB = "wasm32-unknown-unknown"

_SYSTEMS = ("freebsd", "linux", "netbsd", "none", "openbsd", "windows")

TRIED = ("x86_64-linux-gnu", "aarch64-linux-gnu", "thumbv7em-none-eabihf", "riscv64-linux-gnu", WEB)
"""What messages offer; every other of LLVM's that passes the check of its symbols will do."""


@dataclass(frozen=True)
class Default:
    """A CPU that is taken where none is named."""

    cpu: str
    features: str = ""


DEFAULTS = {
    "x86_64": Default("x86-64-v3"),  # since 2013: AVX2 and products that are added with one rounding
    "amd64": Default("x86-64-v3"),
    "i686": Default("pentium4"),
    "i586": Default("pentium4"),
    "i386": Default("pentium4"),
    "thumbv7em": Default("cortex-m7"),
    "thumbv8m.main": Default("cortex-m33"),
    "armv7": Default("", "+vfp4"),
    "armv7a": Default("", "+vfp4"),
    "thumbv7": Default("", "+vfp4"),
    "riscv32": Default("generic-rv32", "+m,+a,+f,+d"),
    "riscv64": Default("generic-rv64", "+m,+a,+f,+d"),
    "wasm32": Default("generic", "+simd128"),
}
"""By the first word of a triple; elsewhere LLVM chooses."""


def cpu_for(triple: str | None, cpu: str | None) -> Target:
    """The triple, with a CPU and its features; of this machine, where none is given.

    Raises:
        PellucidError: LLVM does not know the triple.
    """
    llvm.initialize_all_targets()
    triple = llvm.get_process_triple() if triple is None else _whole(triple)
    try:
        llvm.Target.from_triple(triple)
    except RuntimeError:
        raise PellucidError(f'expected a target that LLVM knows, such as {", ".join(TRIED)}, got "{triple}"') from None
    first = triple.partition("-")[0]
    default = DEFAULTS.get(first, Default(""))
    features = default.features
    if first.startswith(("arm", "thumb")) and not first.startswith("arm64"):
        features = ",".join(filter(None, (features, "-neon")))  # there it takes tiny numbers for 0
    return Target(cpu or default.cpu, features, triple)


def _whole(triple: str) -> str:
    """The triple with a vendor, as LLVM reads it: aarch64-unknown-linux-gnu for aarch64-linux-gnu."""
    first, *rest = triple.split("-")
    return "-".join([first, "unknown", *rest]) if len(rest) == 2 and rest[0] in _SYSTEMS else triple


def is_web(target: Target) -> bool:
    return target.triple.startswith("wasm32")
