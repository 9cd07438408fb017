"""The C header of an object file: what its functions take and give, with an example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod

from pellucid.engines.llvm.plan.layout import ALIGN
from pellucid.engines.llvm.plan.target import Target
from pellucid.engines.llvm.standalone.functions import Argument, Function
from pellucid.interchange.object_file.contents import RATE, Contents

_KINDS = {"float32": "float", "float64": "double", "int32": "int32_t"}


def header(contents: Contents, to: Target, workspace: int, code: str, own: str) -> str:
    """The header's text.

    Args:
        workspace: bytes that a call works in.
        code, own: the names of the object file and of the header.
    """
    upper = contents.name.upper()
    lines = [
        f"/* {own}: the network in {code}, by Pellucid, for {to.triple}{f' ({to.cpu})' if to.cpu else ''}.",
        " *",
        " * The code calls nothing, allocates nothing and keeps nothing: all memory is yours. Threads may call it",
        " * at the same time, each with a workspace of its own.",
        " *",
        *(f" * {line}".rstrip() for line in _example(contents, code, own)),
        " */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        "/* Examples in a call. */",
        f"#define {upper}_BATCH {contents.functions['predict'].examples}",
        "",
        "/* Memory begins at a multiple of this many bytes: the workspace"
        + (", and the state." if _trains(contents) else "."),
        f" * In C11: _Alignas({upper}_ALIGNMENT) static unsigned char workspace[{upper}_WORKSPACE]; */",
        f"#define {upper}_ALIGNMENT {ALIGN}",
        "",
        "/* Bytes that a call works in. What is in them does not matter before it, nor after it. */",
        f"#define {upper}_WORKSPACE {workspace}",
        "",
    ]
    if _trains(contents):
        lines += _state(contents, upper)
    for which, function in contents.functions.items():
        lines += _declaration(which, function, contents)
    lines += ["#ifdef __cplusplus", "}", "#endif", "", "#endif", ""]
    return "\n".join(lines)


def _trains(contents: Contents) -> bool:
    return "train" in contents.functions


def _state(contents: Contents, upper: str) -> Iterator[str]:
    assert contents.optimizer is not None
    yield "/* Bytes that training keeps between calls: the parameters, what the optimizer"
    yield f" * ({contents.optimizer['name']}) remembers of each, and the number of steps. Copy them, and you have a"
    yield " * copy of the network. In them, at these bytes:"
    for path, field in contents.block.fields.items():
        extents = "".join(f"[{extent}]" for extent in field.shape)
        yield f" *   {field.offset:>10}  {_KINDS[field.kind]} {path}{extents}"
    yield " */"
    yield f"#define {upper}_STATE {contents.block.size}"
    yield ""
    yield "/* Fill the state with the parameters that the network had when it was exported, and forget all training. */"
    yield f"void {contents.name}_start(void *state);"
    yield ""


def _declaration(which: str, function: Function, contents: Contents) -> Iterator[str]:
    if which == "predict":
        yield "/* The network's outputs for a batch of examples."
    else:
        loss = ", ".join(f"{path}: {json.dumps(config)}" for path, config in contents.loss.items())
        assert contents.optimizer is not None
        settings = ", ".join(f"{k} {v}" for k, v in contents.optimizer.items() if k not in ("name", RATE))
        yield "/* One step of training: forward, backward, update of the state."
        yield f" * Loss of {loss}; optimizer {contents.optimizer['name']}{f' ({settings})' if settings else ''}."
    yield " *"
    arguments = [(a, "in ") for a in function.inputs] + [(a, "out") for a in function.outputs]
    for argument, way in arguments:
        yield f" *   {way} {argument.symbol}: {_described(argument)}"
    if function.numbers:
        assert contents.optimizer is not None
        yield f" *   in  {RATE}: such as {_rate(contents)}; it may change from step to step"
    yield " *"
    checked = (
        "an integer names nothing that the network knows: then nothing was done" if _integers(function) else "never"
    )
    yield f" * Gives 0, or 1 if {checked}. */" if _integers(function) else " * Gives 0. */"
    yield f"int {function.name}({', '.join(_parameters(function))});"
    yield ""


def _rate(contents: Contents) -> str:
    """The learning rate that the optimizer has, or that it begins with where it has a schedule."""
    rate = (contents.optimizer or {}).get(RATE)
    return f"{rate:g}" if isinstance(rate, float) else "0.001"


def _integers(function: Function) -> bool:
    return any(a.kind == "int32" for a in function.inputs)


def _described(argument: Argument) -> str:
    extents = "".join(f"[{extent}]" for extent in argument.shape)
    return f"{argument.name}, {prod(argument.shape)} numbers: {_KINDS[argument.kind]} {extents or '(one)'}"


def _parameters(function: Function) -> Iterator[str]:
    for argument in function.inputs:
        yield f"const {_KINDS[argument.kind]} *{argument.symbol}"
    for symbol in function.numbers.values():
        yield f"{_KINDS[str(function.dtype)]} {symbol}"
    for argument in function.outputs:
        yield f"{_KINDS[argument.kind]} *{argument.symbol}"
    if not function.constant:
        yield "void *state" if function.counter else "const void *state"
    yield "void *workspace"


def _example(contents: Contents, code: str, own: str) -> Iterator[str]:
    """A program that can be compiled as it stands."""
    name, upper = contents.name, contents.name.upper()
    yield f"Save this as main.c, then: cc main.c {code} -o main && ./main"
    yield ""
    yield "    #include <stdio.h>"
    yield f'    #include "{own}"'
    yield ""
    yield f"    _Alignas({upper}_ALIGNMENT) static unsigned char workspace[{upper}_WORKSPACE];"
    if _trains(contents):
        yield f"    _Alignas({upper}_ALIGNMENT) static unsigned char state[{upper}_STATE];"
    seen: dict[str, None] = {}
    for function in contents.functions.values():
        for a in (*function.inputs, *function.outputs):
            if a.symbol not in seen:
                seen[a.symbol] = None
                yield f"    static {_KINDS[a.kind]} {a.symbol}[{prod(a.shape)}];"
    yield ""
    yield "    int main(void) {"
    last = contents.functions["predict"].outputs[0]
    if _trains(contents):
        train = contents.functions["train"]
        given = [*(a.symbol for a in train.inputs), *(_rate(contents) for _ in train.numbers)]
        given += [*(a.symbol for a in train.outputs), "state", "workspace"]
        yield f"        {name}_start(state);"
        yield "        for (int step = 0; step < 10; step++) {"
        yield f"            // put {train.examples} examples into {' and '.join(a.symbol for a in train.inputs)} here"
        yield f"            if ({train.name}({', '.join(given)}))"
        yield "                return 1;"
        yield f'            printf("loss %g\\n", {train.outputs[0].symbol}[0]);'
        yield "        }"
    predict = contents.functions["predict"]
    given = (
        [a.symbol for a in (*predict.inputs, *predict.outputs)]
        + ([] if predict.constant else ["state"])
        + ["workspace"]
    )
    yield f"        if ({predict.name}({', '.join(given)}))"
    yield "            return 1;"
    yield f"        for (int k = 0; k < {prod(last.shape)}; k++)"
    yield f'            printf("%g\\n", {last.symbol}[k]);'
    yield "        return 0;"
    yield "    }"
