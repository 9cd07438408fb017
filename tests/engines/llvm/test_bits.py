"""The same bits on any number of threads and for any instruction set, and the reference engine's numbers in
training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.engines.llvm.support import BOUNDS, Arrays, close
from tests.engines.llvm.training import BATCH_SIZE, image_program, large_program, start, text_program, trained

from pellucid.engines import compile_program
from pellucid.engines.llvm.run.native import TARGETS, available, target
from pellucid.formula import Program

PROGRAMS = {"image": image_program, "text": text_program, "large": large_program}


def equal(one: Arrays, other: Arrays) -> None:
    for name, array in one.items():
        assert array.tobytes() == other[name].tobytes(), name


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Program:
    make: Callable[[], Program] = PROGRAMS[request.param]
    return make()


@pytest.fixture(scope="module")
def expected(program: Program) -> Arrays:
    return trained(program)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads(program: Program, expected: Arrays, threads: int) -> None:
    equal(expected, trained(program, threads=threads))


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", TARGETS)
def test_any_instruction_set(program: Program, expected: Arrays, name: str) -> None:
    if name not in available():
        pytest.skip(f"this CPU has no x86-64-{name}")
    equal(expected, trained(program, target=target(name), threads=2))


def test_training_as_the_reference_engine_does_it(program: Program) -> None:
    found = trained(program, kind="float64", threads=2)
    state, data, each = start(program)
    run = compile_program(program, engine="reference", dtype=np.float64)
    for k in range(4):
        rows = np.random.default_rng(k).permutation(100)[:BATCH_SIZE]
        outputs = run({**state, **{n: a[rows] for n, a in data.items()}, **{n: a[k] for n, a in each.items()}})
        state = {name: outputs[name] for name in state}
    for name, array in state.items():
        close(found[name], array, 100 * BOUNDS["float64"], name)
