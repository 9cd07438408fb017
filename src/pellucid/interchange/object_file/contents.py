"""What an exported file holds: functions, what they take and give, and the memory that they share."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines.llvm.standalone.functions import Argument, Block, Function
from pellucid.formula import BATCH, Program, Tensor
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import Goal
from pellucid.training.programs import (
    evaluation_program,
    mask_name,
    prediction_name,
    prediction_program,
    training_program,
)

STEP, SEED, RATE = "step", "seed", "learning_rate"


@dataclass(frozen=True)
class Contents:
    """What is compiled.

    Attributes:
        name: what the names of the C functions begin with.
        functions: "predict", and "train" where it can be trained; or steps of training, "train_32", …, and evaluations,
            "evaluate_64", ….
        block: the parameters, and for training the optimizer's memory, the seed and the number of steps.
        content: the first bytes of that block; the rest is zeros.
        loss: by output, where it can be trained; `optimizer` its settings.
    """

    name: str
    functions: Mapping[str, Function]
    block: Block
    content: bytes
    loss: Mapping[str, Any]
    optimizer: Mapping[str, Any] | None


def contents_of(
    net: BaseNetwork, name: str, batch: int, goals: Sequence[Goal], optimizer: Optimizer | None
) -> Contents:
    """Prediction, and with an optimizer a step of training towards the goals."""
    programs = {"predict": (prediction_program(net), batch)}
    if optimizer is not None:
        programs["train"] = (_step(net, goals, optimizer), batch)
    return _contents(net, name, programs, goals, optimizer)


def steps_of(
    net: BaseNetwork,
    name: str,
    batches: Sequence[int],
    goals: Sequence[Goal],
    optimizer: Optimizer,
    judged: Sequence[int] = (),
) -> Contents:
    """Steps of training, "train_32", one for each number of examples, and evaluations, "evaluate_64", each with its
    predictions, and where these have masks with them. They share what is kept, which begins with zeros."""
    program = _step(net, goals, optimizer, predicts=True)
    evaluation = evaluation_program(net, goals)
    programs = {f"train_{n}": (program, n) for n in batches} | {f"evaluate_{n}": (evaluation, n) for n in judged}
    return replace(_contents(net, name, programs, goals, optimizer), content=b"")


def _step(net: BaseNetwork, goals: Sequence[Goal], optimizer: Optimizer, *, predicts: bool = False) -> Program:
    whole = training_program(net, goals, optimizer)
    also = {"loss", *(name(goal.path) for goal in goals if predicts for name in (prediction_name, mask_name))}
    return Program({n: t for n, t in whole.outputs.items() if n in also or n in whole.inputs})


def _contents(
    net: BaseNetwork,
    name: str,
    programs: Mapping[str, tuple[Program, int]],
    goals: Sequence[Goal],
    optimizer: Optimizer | None,
) -> Contents:
    """The programs, each for so many examples, with what is kept between calls."""
    parameters = net.parameters.snapshot()
    block = Block()
    for path, array in parameters.items():
        block.add(path, array.shape, str(array.dtype))
    arrays: dict[str, NDArray[Any]] = dict(parameters)
    trained = [which for which in programs if which.startswith("train")]
    if trained:
        block.add(SEED, (), "int32")
        arrays[SEED] = np.array(net.seed, np.uint32).view(np.int32)
        block.add(STEP, (), "int32")
        for path, tensor in programs[trained[0]][0].inputs.items():
            if path not in block.fields and ":" in path:
                block.add(path, tuple(axis.size for axis in tensor.axes), str(net.dtype))
    content = bytearray(max((block.fields[n].offset + block.fields[n].bytes for n in arrays), default=0))
    for path, array in arrays.items():
        start = block.fields[path].offset
        content[start : start + array.nbytes] = array.tobytes()
    content += b"\0" * (-len(content) % 4)
    symbols = _symbols([*net.input_shapes, *net.output_shapes, *(goal.name for goal in goals)])
    functions = {
        which: _function(net, f"{name}_{which}", program, symbols, batch, block)
        for which, (program, batch) in programs.items()
    }
    if trained:
        functions = {which: replace(function, constant=False) for which, function in functions.items()}
        classes = {goal.name: net.output_shapes[goal.path][-1] for goal in goals if goal.labels}
        functions |= {which: replace(functions[which], counter=STEP, classes=classes) for which in trained}
    return Contents(
        name,
        functions,
        block,
        bytes(content),
        {goal.path: goal.loss.config for goal in goals},
        None if optimizer is None else optimizer.config(),
    )


def _function(
    net: BaseNetwork, name: str, program: Program, symbols: Mapping[str, str], batch: int, block: Block
) -> Function:
    def argument(path: str, tensor: Tensor) -> Argument:
        shape = tuple(batch if e is BATCH else e for e in tensor.shape)
        return Argument(path, symbols.get(path, path), shape, "int32" if tensor.kind == "int" else str(net.dtype))

    given = [n for n in program.inputs if n not in block.fields and n != RATE]
    order = [*net.input_shapes, *(n for n in given if n not in net.input_shapes)]
    inputs = [argument(n, program.inputs[n]) for n in order if n in given]
    outputs = [argument(n, t) for n, t in program.outputs.items() if n not in block.fields]
    numbers = {RATE: RATE} if RATE in program.inputs else {}
    return Function(name, program, net.dtype, batch, inputs, outputs, numbers, block, constant=True)


_RESERVED = {
    "state",
    "workspace",
    "loss",
    RATE,
    "auto",
    "bool",
    "break",
    "case",
    "char",
    "const",
    "continue",
    "default",
} | {
    *("do", "double", "else", "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register"),
    *("return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void"),
    *("volatile", "while", "memory", "parameters"),
    *keyword.kwlist,
}


def identifier(text: str) -> str:
    """A name of C's for a name of ours: what C does not take becomes _."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return f"net_{name}" if not name or name[0].isdigit() or name[0] == "_" else name


def _symbols(paths: Iterable[str]) -> dict[str, str]:
    """Names of C's for paths, all different."""
    symbols: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name = identifier(path)
        if name in _RESERVED:
            name += "_"
        while name in symbols.values():
            name += "_"
        symbols[path] = name
    return symbols
