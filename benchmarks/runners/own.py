"""Pellucid itself: the engine that the network names, many steps in one call."""

from __future__ import annotations

from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.runners import ADAM, Array, Steps
from pellucid.engines import compile_program
from pellucid.formula import Program
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import prediction_program, training_program


def training(net: pl.Network, x: Array, y: Array, *, batch: int, threads: int, compiled: bool) -> Steps:
    """PELLUCID_THREADS of the process says how many threads there are."""
    wanted, targets = goals(net, y, None)
    whole = training_program(net, wanted, ADAM)
    # no peer's step hands its predictions out either
    program = Program({name: t for name, t in whole.outputs.items() if not name.endswith(".prediction")})
    state = {
        n: np.zeros([a.size for a in t.axes], np.float32) for n, t in program.inputs.items() if n in program.outputs
    }
    executable: Any = compile_program(program, engine=net.engine, dtype=net.dtype)
    session = executable.session({**state, **net.parameters})
    data = {name: np.ascontiguousarray(a, np.int32) if a.dtype.kind == "i" else a for name, a in targets.items()}
    data |= dict.fromkeys(net.input_shapes, np.ascontiguousarray(x, np.int32) if x.dtype.kind == "i" else x)
    order = np.arange(len(x) // batch * batch).reshape(-1, batch)
    done = 0

    def steps(count: int) -> Array:
        nonlocal done
        number = np.arange(done, done + count)
        done += count
        each = {"step": number + 1, "learning_rate": np.full(count, ADAM.initial_rate, np.float32)}
        return np.asarray(session.run(data, rows=order[number % len(order)], each=each)["loss"])

    return steps


def inference(net: pl.Network, x: Array, *, threads: int, compiled: bool) -> Steps:
    """The same examples in every call, from the array to the probabilities."""
    executable: Any = compile_program(prediction_program(net), engine=net.engine, dtype=net.dtype)
    parameters = dict(net.parameters)
    # a program of which the engine cannot compile every statement cannot be prepared
    prepare = getattr(executable, "prepare", None)
    run = prepare(parameters, examples=len(x)) if prepare else lambda data: executable({**parameters, **data})
    data = dict.fromkeys(net.input_shapes, np.ascontiguousarray(x, np.int32) if x.dtype.kind == "i" else x)
    (path,) = net.output_shapes

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            run(data)
        return np.asarray(run(data)[path])

    return calls
