"""Code for systems that this is not: it compiles, and needs nothing that they do not have."""

from __future__ import annotations

from collections.abc import Callable

import llvmlite.binding as llvm
import numpy as np
import pytest
from tests.engines.llvm.objects import Symbols, symbols
from tests.engines.llvm.training import image_program, large_program, text_program

import pellucid as pl
from pellucid.engines.llvm.emit import math
from pellucid.engines.llvm.emit.module import write
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.run import fallback, finite, handoff, native
from pellucid.engines.llvm.run.native import object_code
from pellucid.formula import Program

LINUX, MAC, WINDOWS = "linux-gnu", "apple-macosx", "pc-windows-msvc"
TARGETS = {
    "arm64 linux": Target("generic", "", f"aarch64-unknown-{LINUX}"),
    "arm64 mac": Target("apple-m1", "", f"arm64-{MAC}"),
    "arm64 windows": Target("generic", "", f"aarch64-{WINDOWS}"),
    "v4 linux": Target("x86-64-v4", "", f"x86_64-unknown-{LINUX}"),
    "v3 mac": Target("x86-64-v3", "", f"x86_64-{MAC}"),
    "v3 windows": Target("x86-64-v3", "", f"x86_64-{WINDOWS}"),
    "v2 linux": Target("x86-64-v2", "", f"x86_64-unknown-{LINUX}"),
}
MEMORY = {"memset", "memcpy", "memmove"}
HAVE = {
    "linux": MEMORY | {"sched_yield"},
    "mac": MEMORY | {"sched_yield", "bzero"},
    # __chkstk is in ntdll.dll, _fltused in no code: the linker of a program looks for it
    "windows": MEMORY | {"SwitchToThread", "__chkstk", "_fltused"},
}
"""What generated code may need of each system's own libraries."""

MATH = {*math.C_NAMES.values(), "fma", "sincos", "__sincos_stret"}
"""What float64 programs may call beyond that."""


@pytest.fixture(params=TARGETS)
def name(request: pytest.FixtureRequest) -> str:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return str(request.param)


def needed(texts: list[str], to: Target) -> set[str]:
    found = [symbols(object_code(text, to)) for text in texts]
    every = Symbols(set().union(*(f.defined for f in found)), set().union(*(f.needed for f in found)))
    return every.needed - every.defined


@pytest.mark.sample(6)
@pytest.mark.parametrize("make", [image_program, text_program, large_program])
def test_programs_need_only_what_the_system_has(name: str, make: Callable[[], Program]) -> None:
    to, texts = TARGETS[name], list[str]()
    write(make(), "float", target=to, profile=True, finished=texts.append)
    more = {"fma"} if to.cpu == "x86-64-v2" else set()
    assert needed(texts, to) <= HAVE[name.split()[-1]] | more


@pytest.mark.sample(2)
def test_programs_of_doubles_call_the_c_library(name: str) -> None:
    to, texts = TARGETS[name], list[str]()
    write(text_program(), "double", target=to, finished=texts.append)
    assert needed(texts, to) <= HAVE[name.split()[-1]] | MATH


def test_threads_wait_with_what_the_system_has(name: str) -> None:
    to = TARGETS[name]
    assert needed([handoff.text(to)], to) <= HAVE[name.split()[-1]]
    assert not needed([finite.text()], to)


@pytest.mark.parametrize("name", ["arm64 linux", "arm64 mac"], indirect=True)
def test_waiting_on_arm_reads_no_register_of_the_kernel(name: str) -> None:
    """The counter of cycles, PMCCNTR_EL0, may be read by the kernel alone; the timer by everyone."""
    machine = llvm.Target.from_triple(TARGETS[name].triple).create_target_machine(cpu="generic")
    text = machine.emit_assembly(llvm.parse_assembly(handoff.text(TARGETS[name])))
    assert "CNTVCT_EL0" in text and "PMCCNTR" not in text.upper()


@pytest.mark.parametrize("triple", ["i686-pc-linux-gnu", "armv7l-unknown-linux-gnueabihf", "riscv64-unknown-linux-gnu"])
def test_other_cpus_get_the_reference_engine(triple: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "host", lambda: Target("generic", "", triple))
    monkeypatch.setattr(fallback, "_warned", set())
    program = text_program()
    with pytest.warns(RuntimeWarning, match="64-bit AArch64 and x86-64.*reference engine") as warned:
        for _ in range(2):
            fallback.executable(program, np.dtype(np.float32))
    assert len(warned) == 1


def test_what_is_known_of_a_target() -> None:
    linux = "x86_64-unknown-linux-gnu"
    ivy_bridge = Target("ivybridge", "+avx,-avx2,-fma", linux)
    piledriver = Target("bdver2", "+avx,+fma4", linux)
    known = [*TARGETS.values(), ivy_bridge, piledriver, Target("znver4", "+avx,+avx512f,+fma", linux)]
    assert [t.registers.bits for t in known] == [128, 128, 128, 512, 256, 256, 128, 256, 256, 512]
    assert [t.fused for t in known] == [True] * 6 + [False, False, True, True]


def test_the_target_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in native.available():
        monkeypatch.setenv("PELLUCID_TARGET", name)
        assert native.host.__wrapped__() == native.target(name)
    monkeypatch.setenv("PELLUCID_TARGET", "v9")
    with pytest.raises(pl.PellucidError, match="PELLUCID_TARGET is 'v9', expected "):
        native.host.__wrapped__()


def test_an_llvm_that_cannot_tell_the_features_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("no features")

    monkeypatch.setattr(llvm, "get_host_cpu_features", refuse)
    native._features.cache_clear()
    found = native.host.__wrapped__()
    monkeypatch.undo()
    native._features.cache_clear()
    assert found.features == "" and found.cpu and found.triple
