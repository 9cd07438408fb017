"""Text to object code that needs nothing else, in a process of its own: LLVM ends its process where it meets what it
cannot translate, and what it can for CPUs that nobody tried only trying tells.

The process is given a message in JSON and gives the object file, or says on its last line what is wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import llvmlite.binding as llvm

from pellucid.engines.llvm.emit.fma import split, unfused
from pellucid.engines.llvm.emit.math import C_NAMES
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.standalone.cpus import TRIED, is_web
from pellucid.engines.llvm.standalone.symbols import symbols_of
from pellucid.engines.llvm.standalone.wide_integers import FUNCTIONS, in_halves
from pellucid.errors import PellucidError

_COMMAND = "import sys; sys.path[:] = {path!r}; from pellucid.engines.llvm.standalone.compiling import main; main()"


@dataclass(frozen=True)
class Text:
    """What is compiled to one object file.

    Attributes:
        units: by the name of a function, its texts, whose other names are its own.
        more: what belongs to all of them, and may call them.
        exports: the names that others see.
    """

    units: Mapping[str, Sequence[str]]
    more: Sequence[str]
    exports: Sequence[str]


def object_file(text: Text, target: Target, *, exact: bool) -> bytes:
    """One object file, in which nothing is undefined.

    Args:
        exact: whether products are added with one rounding also where the CPU has no instruction for that, and it takes
            many times as long: in WebAssembly. Everywhere else they are.

    Raises:
        PellucidError: LLVM cannot translate it for this CPU, or only with functions of others.
    """
    if is_web(target):
        code = _compile(text, target, "exact" if exact else "split")
    else:
        code = _compile(text, target, "fused")
        if FUNCTIONS.intersection(symbols_of(code).undefined):
            halves = {name: [in_halves(part) for part in unit] for name, unit in text.units.items()}
            text = replace(text, units=halves, more=[in_halves(part) for part in text.more])
            code = _compile(text, target, "fused")
        if {"fma", "fmaf"}.intersection(symbols_of(code).undefined):
            code = _compile(text, target, "exact")
    missing = symbols_of(code).undefined
    if missing:
        raise PellucidError(
            f"expected code that calls no function of others, got {', '.join(sorted(missing))} in the code for "
            f"{_named(target)}: {_advice(missing)}"
        )
    return code


def _advice(missing: Sequence[str]) -> str:
    if set(missing) & {*C_NAMES.values(), "fmod"}:
        return "in float64 these are the C library's; export a network of dtype float32"
    return "choose a CPU that computes real numbers itself, or a smaller instruction set"


def _named(target: Target) -> str:
    return f"{target.triple}{f' ({target.cpu})' if target.cpu else ''}"


def _compile(text: Text, target: Target, fma: Literal["fused", "exact", "split"]) -> bytes:
    """The object file; products are added "fused" by the CPU's instructions, "exact" without them, to the same bits, or
    "split" and rounded twice."""
    changes: dict[str, Callable[[str], str]] = {"exact": partial(unfused, doubles=True), "split": split}
    change = changes.get(fma, str)
    request = {
        "triple": target.triple,
        "cpu": target.cpu,
        "features": target.features,
        "units": {name: [change(part) for part in unit] for name, unit in text.units.items()},
        "more": list(text.more),
        "exports": list(text.exports),
    }
    command = [sys.executable, "-c", _COMMAND.format(path=sys.path)]
    done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, check=False)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if any("not a recognized processor" in line for line in said):
        raise PellucidError(f'expected a CPU that LLVM knows for {target.triple}, got "{target.cpu}"')
    if done.returncode or not done.stdout:
        why = next(
            (line for line in said if "error" in line.lower()), said[-1] if said else f"it ended with {done.returncode}"
        )
        raise PellucidError(
            f"expected a target for which LLVM can translate the code, such as {', '.join(TRIED)}, "
            f"got {_named(target)}: {why}"
        )
    return done.stdout


def main() -> None:
    """In the process of its own: the request from stdin, the object file to stdout."""
    request: dict[str, Any] = json.load(sys.stdin)
    sys.stdout.buffer.write(_compiled(request))


def _compiled(request: dict[str, Any]) -> bytes:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    whole = llvm.parse_assembly("")
    for name, texts in request["units"].items():
        unit = _linked(texts)
        _hide(unit, {name})
        whole.link_in(unit)
    for text in request["more"]:
        whole.link_in(llvm.parse_assembly(text))
    _hide(whole, set(request["exports"]))
    machine = llvm.Target.from_triple(request["triple"]).create_target_machine(
        cpu=request["cpu"],
        features=request["features"],
        opt=2,
        reloc=_relocation(request["triple"]),
        codemodel="default",
    )
    whole.triple, whole.data_layout = request["triple"], str(machine.target_data)
    if not whole.data_layout.startswith("e"):
        raise SystemExit("error: it is big-endian, and the code is for little-endian memory")
    _without_unused(whole, machine)
    return bytes(machine.emit_object(whole))


def _relocation(triple: str) -> str:
    """Programs are loaded anywhere in memory, but on a microcontroller and in WebAssembly."""
    return "static" if "none" in triple or triple.startswith("wasm") else "pic"


def _linked(texts: Sequence[str]) -> Any:
    first, *others = (llvm.parse_assembly(text) for text in texts)
    for other in others:
        first.link_in(other)
    return first


def _hide(module: Any, exports: Set[str]) -> None:
    """Keep all that a module defines to itself, but these names."""
    for symbol in (*module.functions, *module.global_variables):
        if not symbol.is_declaration and symbol.name not in exports:
            symbol.linkage = "internal"


def _without_unused(module: Any, machine: Any) -> None:
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0)))
