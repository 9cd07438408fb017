"""The networks of the benchmarks, at small sizes: every value of a training step is the reference engine's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.workloads import WORKLOADS, Task
from tests.engines.xla.support import long
from tests.fuzzing.comparison import Oracle, Report, agree

from pellucid.engines import compile_program
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import training_program

pytest.importorskip("jax")
SMALL: dict[str, dict[str, Any]] = {
    "wide": {"width": 64},
    "rnn": {"length": 8, "width": 16},
    "lstm": {"length": 8, "width": 16},
    "lstm2": {"length": 8, "width": 16},
    "gru": {"length": 8, "width": 16},
    "bilstm": {"length": 8, "width": 16, "vocabulary": 50},
    "words": {"length": 8, "width": 16, "vocabulary": 50},
    "transformer": {"length": 10},
}


@long
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_step_is_the_reference_engines(name: str) -> None:
    task = Task(name, batch=4, **SMALL.get(name, {}))
    net = task.network()
    x, y = task.data(net)
    wanted, targets = goals(net, y, None)
    program = training_program(net, wanted, task.optimizer)
    plain = {"learning_rate": np.array(0.01), "step": np.array(1), "seed": np.array(0)}
    given = {n: np.zeros([a.size for a in t.axes], net.dtype) for n, t in program.inputs.items() if ":" in n}
    given |= plain | {n: a[:4] for n, a in targets.items()} | dict.fromkeys(net.input_shapes, x[:4])
    given |= dict(net.parameters)
    given = {n: a for n, a in given.items() if n in program.inputs}
    dtype = net.dtype.name
    found = compile_program(program, engine="xla", dtype=dtype)(given)
    report = Report()
    agree(name, _roots(found), Oracle(program, given, dtype), report, dtype, given, net.parameters.trainable)


def _roots(found: Any) -> Any:
    return {n: np.sqrt(a) if n.endswith("second_moment") else a for n, a in found.items()}
