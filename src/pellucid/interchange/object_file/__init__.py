"""A network as code of its own: an object file with a C header, or a WebAssembly module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pellucid.functions.learning.optimizers import Optimizer
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import LossLike


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: the object file and its header, or the module.
        target: the CPU's triple.
        workspace: bytes of memory for a call; of the network's parameters `parameters`, of what training keeps `state`.
    """

    files: tuple[Path, ...]
    target: str
    workspace: int
    parameters: int
    state: int


def export(
    net: BaseNetwork,
    path: str | os.PathLike[str],
    *,
    target: str | None = None,
    cpu: str | None = None,
    batch: int = 1,
    training: bool = False,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: str | Mapping[str, object] | Optimizer = "adam",
    exact: bool = False,
) -> Exported:
    """Write the network as code of its own, which needs neither Pellucid nor Python nor a library.

        net.export("digits.o")                                     # and digits.h, for this machine
        net.export("digits.o", target="thumbv7em-none-eabihf")     # for a Cortex-M7
        net.export("digits.wasm")                                  # for browsers and other hosts of WebAssembly

    The code is the LLVM engine's, for one thread. It allocates nothing and calls nothing: memory to work in is given by
    the caller, and the header says how much. Its results have the bits of `predict` on as many examples; in WebAssembly
    those of products that are rounded before they are added, unless `exact`.

    Args:
        path: ends in .o or .obj for an object file with a C header beside it, or in .wasm.
        target: a triple of LLVM's, such as "aarch64-linux-gnu"; this machine where it is not given.
        cpu: the oldest CPU of that kind that is to run it, as LLVM names it: "x86-64-v3" (2013), "cortex-m7", …
        batch: the number of examples of a call.
        training: whether a step of training is in it too: forward, backward, update.
        loss, optimizer: of that step, as in `fit`. Targets are class numbers where the loss is a cross-entropy over
            several classes. The learning rate is given in every call.
        exact: in WebAssembly, compute the engine's bits, which is many times slower.

    Raises:
        PellucidError: LLVM does not know the target, or code for it would need functions of others, as in float64; or
            the path has another suffix.
        ModelFileError: a file cannot be written.
    """
    from pellucid.interchange.object_file.exporting import write

    return write(
        net,
        Path(path),
        target=target,
        cpu=cpu,
        batch=batch,
        training=training,
        loss=loss,
        optimizer=optimizer,
        exact=exact,
    )
