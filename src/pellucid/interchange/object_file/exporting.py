"""A network as code of its own, written to files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pellucid.arrays import check_integer
from pellucid.engines.llvm.emit.entries import write_start, write_wrapper
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.standalone import wasm_module
from pellucid.engines.llvm.standalone.compiling import Text, object_file
from pellucid.engines.llvm.standalone.cpus import WEB, cpu_for, is_web
from pellucid.engines.llvm.standalone.functions import Written, write_function
from pellucid.engines.llvm.standalone.wasm_module import Reserved
from pellucid.errors import PellucidError, argument
from pellucid.files import replacing
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.interchange.object_file import Exported
from pellucid.interchange.object_file.contents import Contents, contents_of, identifier, steps_of
from pellucid.interchange.object_file.description import SECTION, description
from pellucid.interchange.object_file.header import header
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import Goal, LossLike, targetless_goals

OBJECTS = (".o", ".obj")
MODULE = ".wasm"


def write(
    net: BaseNetwork,
    path: Path,
    *,
    target: str | None,
    cpu: str | None,
    batch: int,
    training: bool,
    loss: LossLike | Mapping[str, LossLike],
    optimizer: str | Mapping[str, object] | Optimizer,
    exact: bool,
) -> Exported:
    """See `pellucid.interchange.object_file.export`."""
    net.check_fixed("native code", "export(path)")
    batch = check_integer(batch, "batch", minimum=1)
    to = _target(path, target, cpu)
    if exact and not is_web(to):
        raise PellucidError(
            f"{argument('exact', True)} is for WebAssembly, expected {argument('target', WEB)}, got {to.triple}, whose "
            "bits are the engine's without it"
        )
    rule = optimizer_of(optimizer) if training else None
    contents = contents_of(net, identifier(path.stem), batch, targetless_goals(net, loss) if training else [], rule)
    written = {which: write_function(function, to) for which, function in contents.functions.items()}
    workspace = max(w.workspace for w in written.values())
    if path.suffix.lower() == MODULE:
        files = {path: _module(contents, written, to, workspace, exact)}
    else:
        code = object_file(_object_text(contents, written), to, exact=exact)
        beside = path.with_suffix(".h")
        files = {path: code, beside: header(contents, to, workspace, path.name, beside.name).encode()}
    for file, content in files.items():
        with replacing(file) as temporary:
            temporary.write_bytes(content)
    parameters = sum(array.nbytes for array in net.parameters.snapshot().values())
    return Exported(tuple(files), to.triple, workspace, parameters, contents.block.size if training else 0)


def training_module(
    net: BaseNetwork,
    goals: Sequence[Goal],
    optimizer: Optimizer,
    batches: Sequence[int],
    *,
    memory: int,
    judged: Sequence[int] = (),
) -> bytes:
    """A WebAssembly module with steps of training for these numbers of examples, and evaluations.

    Args:
        judged: the numbers of examples of the evaluations.
        memory: the most bytes that its arrays may take together.

    Raises:
        PellucidError: no such code can be made of the network, or it takes more memory.
    """
    net.check_fixed("native code", "export(path)")
    to = _target(Path("steps.wasm"), None, None)
    contents = steps_of(net, "steps", batches, goals, optimizer, judged)
    written = {which: write_function(function, to) for which, function in contents.functions.items()}
    workspace = max(w.workspace for w in written.values())
    if workspace + contents.block.size > memory:
        raise PellucidError(
            f"expected a step of training that takes at most {memory:,} bytes, got {workspace + contents.block.size:,}"
        )
    return _module(contents, written, to, workspace, exact=False)


def _target(path: Path, target: str | None, cpu: str | None) -> Target:
    suffix = path.suffix.lower()
    if suffix not in (*OBJECTS, MODULE):
        raise PellucidError(
            f'expected a path that ends in .o (an object file with a C header) or .wasm (WebAssembly), got "{path}"'
        )
    to = cpu_for(WEB if target is None and suffix == MODULE else target, cpu)
    if suffix == MODULE and not is_web(to):
        raise PellucidError(
            f'expected {WEB} as the target of "{path.name}", got "{target}"; for other CPUs write a file .o'
        )
    return to


def _object_text(contents: Contents, written: Mapping[str, Written]) -> Text:
    """The functions for C: the parameters are constants, or the first content of the caller's state."""
    more = [_constants(contents.content)]
    exports = [function.name for function in contents.functions.values()]
    if "train" in contents.functions:
        exports.append(f"{contents.name}_start")
        more.append(write_start(exports[-1], len(contents.content), contents.block.size))
    return Text(_units(contents, written), more, exports)


def _units(contents: Contents, written: Mapping[str, Written]) -> dict[str, list[str]]:
    return {function.name: written[which].texts for which, function in contents.functions.items()}


def _constants(content: bytes) -> str:
    text = "".join(map("\\{:02X}".format, content))
    return f'@parameters = hidden constant [{len(content)} x i8] c"{text}", align 64\n'


def _module(contents: Contents, written: Mapping[str, Written], to: Target, workspace: int, exact: bool) -> bytes:
    """The functions for WebAssembly: everything has its place in the module's memory."""
    places = {"parameters": Reserved(contents.block.size, contents.content)}
    wrappers = []
    for which, function in contents.functions.items():
        arguments = [f"@{a.symbol}" for a in function.inputs]
        numbers = [f"{'float' if function.dtype.itemsize == 4 else 'double'} %{s}" for s in function.numbers.values()]
        results = [f"@{a.symbol}" for a in function.outputs]
        for a in (*function.inputs, *function.outputs):
            places[a.symbol] = max(Reserved(a.bytes), places.get(a.symbol, Reserved(0)), key=lambda place: place.size)
        state = [] if function.constant else ["@parameters"]
        wrappers.append(
            write_wrapper(which, numbers, function.name, [*arguments, *numbers, *results, *state, "@workspace"])
        )
    places["workspace"] = Reserved(workspace)
    text = Text(_units(contents, written), wrappers, list(contents.functions))
    code = object_file(text, to, exact=exact)
    about = description(contents, wasm_module.addresses_for(code, places), exact=exact)
    return wasm_module.link(
        code,
        exports=list(contents.functions),
        places=places,
        custom={SECTION: json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode()},
    )
