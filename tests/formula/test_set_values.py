"""A value of any function that is set by hand: nothing changes where it is what it was, and where it is not, everything
after it is what its own formula makes of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.functions.cases import CASES, Case
from tests.functions.support import tensors

from pellucid.engines import compile_program
from pellucid.explain.arithmetic import evaluate
from pellucid.formula import BATCH, Program, Tensor, derivative
from pellucid.formula.derivative import reachable
from pellucid.formula.intervention import intervene, setting
from pellucid.formula.program import Loop

Arrays = dict[str, np.ndarray[Any, Any]]


def everything(case: Case, arrays: Arrays, rng: np.random.Generator) -> tuple[dict[str, Tensor], Arrays]:
    """Every value of a function and of its derivative, and what they read."""
    inputs = tensors(arrays, batched=case.batched)
    output = case.formula(**inputs)
    upstream = Tensor("upstream", tuple(a.fresh() for a in output.axes)) if output.rank else None
    n = len(next(iter(arrays.values())))
    given = {**arrays}
    if upstream is not None:
        given["upstream"] = rng.normal(size=tuple(e if isinstance(e, int) else n for e in output.shape))
    gradients = derivative(output, [t for t in inputs.values() if t.kind == "float"], upstream=upstream)
    ends = [output, *gradients.values()]
    return {f"value {k}": s.target for k, s in enumerate(reachable(ends))}, given


def by_hand(outputs: dict[str, Tensor], given: Arrays, chosen: Tensor, mask: Any, new: Any) -> Arrays:
    """All values, each statement by itself in float64, with elements of one of them set."""
    program = Program(outputs)
    target = next(program.outputs[name] for name, tensor in outputs.items() if tensor is chosen)
    known = {program.inputs[name]: np.asarray(given[name]) for name in program.inputs}
    batch = len(next(iter(given.values())))
    for stage in program.stages:
        assert not isinstance(stage, Loop)
        (array,) = evaluate([(stage.axes, stage.expression)], known, batch)
        if stage.target.kind == "int":
            array = array.astype(np.int64)
        if stage.target is target:
            array = np.where(mask > 0, new, array)
        known[stage.target] = array
    return {name: known[program.outputs[name]] for name in outputs}


def held(case: Case, engine: str, seed: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    arrays = case.draw(rng, (3, 2, 5))
    outputs, given = everything(case, arrays, rng)
    owners = list(Program(outputs).outputs.values())
    real = [  # of values with one formula a program keeps one
        t for t, owner in zip(outputs.values(), owners, strict=True) if t.kind == "float" and owners.count(owner) == 1
    ]
    if not real:
        return
    chosen = real[data.draw(st.integers(0, len(real) - 1), label="value")]
    dtype = np.float64 if engine == "reference" else np.float32
    plain = compile_program(Program(outputs), engine=engine, dtype=dtype)(given)
    name = next(name for name, tensor in outputs.items() if tensor is chosen)
    old = np.asarray(plain[name])
    mask = (rng.random(old.shape) < data.draw(st.sampled_from([0.3, 1.1]), label="of it")).astype(dtype)
    whole = bool(mask.all())
    how = setting(chosen, "patched", whole=whole)
    changed = Program(intervene(outputs, [how]))
    if any(t.axes and t.axes[0].extent is BATCH for t in changed.outputs.values()) and not any(
        t.axes and t.axes[0].extent is BATCH for t in changed.inputs.values()
    ):
        return  # the loss is set, and nothing says of how many examples: a network reads them besides
    run = compile_program(changed, engine=engine, dtype=dtype)

    def patched(value: Any) -> Arrays:
        more = {how.given.name: value} | ({} if how.chosen is None else {how.chosen.name: mask})
        return run({**given, **more})

    for output, array in patched(old).items():
        if engine == "xla":  # it decides anew for each program where it rounds
            np.testing.assert_allclose(array, plain[output], rtol=1e-5, atol=1e-6, err_msg=output)
        else:
            assert np.array_equal(array, plain[output], equal_nan=True), output
    new = old + rng.uniform(0.05, 0.1, old.shape).astype(dtype)
    expected = by_hand(outputs, given, chosen, mask, new)
    tolerance = 1e-9 if engine == "reference" else 2e-3
    for output, array in patched(new).items():
        if outputs[output].kind == "float":
            np.testing.assert_allclose(array, expected[output], rtol=tolerance, atol=tolerance, err_msg=output)


@pytest.mark.sample(30)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 99), data=st.data())
def test_a_value_of_any_function_is_set(case: Case, seed: int, data: Any) -> None:
    held(case, "reference", seed, data)


@settings(max_examples=4, deadline=None)
@given(case=st.sampled_from(CASES), seed=st.integers(0, 99), data=st.data())
def test_a_value_of_any_function_is_set_in_native_code(case: Case, seed: int, data: Any) -> None:
    held(case, "llvm", seed, data)


@settings(max_examples=2, deadline=None)
@given(case=st.sampled_from(CASES), seed=st.integers(0, 99), data=st.data())
def test_a_value_of_any_function_is_set_on_xla(case: Case, seed: int, data: Any) -> None:
    pytest.importorskip("jax")
    held(case, "xla", seed, data)
