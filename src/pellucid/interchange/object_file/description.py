"""What a WebAssembly module says of itself, as JSON in a section of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pellucid.engines.llvm.standalone.functions import Argument, Field
from pellucid.interchange.object_file.contents import Contents

SECTION: Final = "pellucid"
VERSION: Final = 1


def description(contents: Contents, addresses: Mapping[str, int], *, exact: bool) -> dict[str, Any]:
    """By function the arrays that it reads and writes, and all that is kept between calls: `offset` in bytes from the
    start of the memory, `shape` (a batch's arrays with the batch in front), `dtype`."""

    def arrays(some: Iterable[Argument]) -> dict[str, Any]:
        return {a.name: _array(addresses[a.symbol], a.shape, a.kind) for a in some}

    def field(at: Field) -> dict[str, Any]:
        return _array(addresses["parameters"] + at.offset, at.shape, at.kind)

    fields = {name: field(at) for name, at in contents.block.fields.items()}
    about: dict[str, Any] = {
        "version": VERSION,
        "name": contents.name,
        "batch": max(function.examples for function in contents.functions.values()),
        "exact": exact,
        "functions": {
            which: {
                "numbers": list(function.numbers),
                "inputs": arrays(function.inputs),
                "outputs": arrays(function.outputs),
            }
            for which, function in contents.functions.items()
        },
        "parameters": {n: f for n, f in fields.items() if ":" not in n and n not in ("step", "seed")},
        "state": {n: f for n, f in fields.items() if ":" in n or n in ("step", "seed")},
    }
    if contents.optimizer is not None:
        about |= {"loss": contents.loss, "optimizer": contents.optimizer}
    return about


def _array(offset: int, shape: tuple[int, ...], kind: str) -> dict[str, Any]:
    return {"offset": offset, "shape": list(shape), "dtype": kind}
