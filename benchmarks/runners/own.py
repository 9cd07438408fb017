"""Pellucid itself: the engine that the network names, many steps in one call."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.runners import Array, Job, Steps
from pellucid.engines import compile_program
from pellucid.formula import Program
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import prediction_program, training_program


def training(job: Job) -> Steps:
    """PELLUCID_THREADS of the process says how many threads there are."""
    net, optimizer = job.net, job.optimizer
    wanted, targets = goals(net, job.y, None)
    whole = training_program(net, wanted, optimizer)
    # no peer's step hands its predictions out either
    program = Program({name: t for name, t in whole.outputs.items() if not name.endswith(".prediction")})
    state = {
        n: np.zeros([a.size for a in t.axes], net.dtype) for n, t in program.inputs.items() if n in program.outputs
    }
    executable = _compiled(job, program)
    session = executable.session({**state, **net.parameters})
    data = {name: _plain(a) for name, a in targets.items()} | dict.fromkeys(net.input_shapes, _plain(job.x))
    order = np.arange(len(job.x)).reshape(-1, job.batch)
    given = [name for name in ("step", "learning_rate") if name in program.inputs]
    done = 0

    def steps(count: int) -> Array:
        nonlocal done
        number = np.arange(done, done + count)
        done += count
        each = {"step": number + 1, "learning_rate": np.full(count, optimizer.initial_rate, net.dtype)}
        rows = order[number % len(order)]
        return np.asarray(session.run(data, rows=rows, each={name: each[name] for name in given})["loss"])

    return steps


def fit(job: Job) -> Steps:
    def epochs(count: int) -> Array:
        history = job.net.fit(
            job.x, job.y, epochs=count, batch_size=job.batch, optimizer=job.optimizer, verbose=0, on_nonfinite="stop"
        )
        return np.asarray(history["loss"])

    return epochs


def inference(job: Job) -> Steps:
    """The same examples in every call, from the array to the probabilities."""
    net = job.net
    executable = _compiled(job, prediction_program(net))
    parameters = dict(net.parameters)
    # a program of which the engine cannot compile every statement cannot be prepared
    prepare = getattr(executable, "prepare", None)
    run = prepare(parameters, examples=len(job.x)) if prepare else lambda data: executable({**parameters, **data})
    data = dict.fromkeys(net.input_shapes, _plain(job.x))
    (path,) = net.output_shapes

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            run(data)
        return np.asarray(run(data)[path])

    return calls


def _compiled(job: Job, program: Program) -> Any:
    executable = compile_program(program, engine=job.net.engine, dtype=job.net.dtype)
    if job.net.engine == "llvm" and not hasattr(executable, "prepare"):
        warnings.warn("some of it is computed by the reference engine", RuntimeWarning, stacklevel=3)
    return executable


def _plain(array: Array) -> Array:
    """Integers as the engine has them, so that no call converts them."""
    return np.ascontiguousarray(array, np.int32) if array.dtype.kind == "i" else array
