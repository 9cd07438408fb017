"""Every function of the room: its derivative, JAX's opinion, its notation."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import pytest
from tests.functions.cases import CASES, JAX_ACTIVATIONS, Case, Shape
from tests.functions.support import (
    Arrays,
    all_statements,
    assert_reads_back,
    central_differences,
    evaluate,
    tensors,
    with_gradients,
)
from tests.sampling import some

import pellucid.functions
from pellucid.functions.activations import ACTIVATIONS

ELSEWHERE = {
    *("optimizers", "initial_values"),  # their tests run over registries of their own
    *("attention", "convolution", "lookup", "masks", "normalisation", "pools", "recurrence", "sliding_window"),
}
"""Modules whose functions are tested in files of their own, test_optimizers.py for one."""

SHAPES: list[Shape] = [(1, 2, 5), (3, 1, 2), (2, 3, 7)]
"""One in turn for each function, because JAX compiles each operation once for every shape."""

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def upstream_for(case: Case, arrays: Arrays, rng: np.random.Generator) -> Any:
    output = case.formula(**tensors(arrays, batched=case.batched))
    if not output.rank:
        return None
    n = next(iter(arrays.values())).shape[0]
    return rng.normal(size=tuple(e if isinstance(e, int) else n for e in output.shape))


def test_every_function_has_a_case() -> None:
    found = set()
    for module in pkgutil.walk_packages(pellucid.functions.__path__, "pellucid.functions."):
        short = module.name.rpartition(".")[2]
        if module.ispkg or short in ELSEWHERE:
            continue
        for name, function in vars(importlib.import_module(module.name)).items():
            here = inspect.isfunction(function) and function.__module__ == module.name
            gives = str(inspect.signature(function).return_annotation) if here else ""
            if not name.startswith("_") and gives in ("Tensor", "Tensor | None"):
                found.add(f"{short}.{name}")
    found |= {f"activations.{name}" for name in ACTIVATIONS}
    assert found == {case.covers for case in CASES}


def test_every_built_in_activation_is_compared_with_jax() -> None:
    assert {case.name for case in CASES if case.covers.startswith("activations.")} == set(JAX_ACTIVATIONS)


@every_case
def test_derivative_agrees_with_central_differences(case: Case) -> None:
    rng = np.random.default_rng(1)
    arrays = case.draw(rng, (3, 2, 5))
    upstream = upstream_for(case, arrays, rng)
    _, gradients = with_gradients(case.formula, arrays, upstream, batched=case.batched)
    output = {"value": case.formula(**tensors(arrays, batched=case.batched))}

    def weighted(moved: Arrays) -> float:
        return float(np.sum(evaluate(output, moved)["value"] * (1.0 if upstream is None else upstream)))

    assert gradients
    for name, gradient in gradients.items():
        expected = central_differences(weighted, arrays, name)
        assert gradient.shape == expected.shape
        assert np.abs(gradient - expected).max() <= 1e-6 * max(np.abs(expected).max(), 1e-3), name


@every_case
def test_value_and_gradients_agree_with_jax(case: Case) -> None:
    jax = pytest.importorskip("jax")
    if case.reference is None:
        pytest.skip("JAX has no such function")
    for shape in some(SHAPES, 1, case.name):
        agrees(jax, case, shape)


def agrees(jax: Any, case: Case, shape: Shape) -> None:
    rng = np.random.default_rng(1)
    arrays = {k: a.astype(np.float32) if a.dtype.kind == "f" else a for k, a in case.draw(rng, shape).items()}
    upstream = upstream_for(case, arrays, rng)
    value, gradients = with_gradients(case.formula, arrays, upstream, batched=case.batched, dtype=np.float32)
    fixed = {k: a.astype(np.int32) for k, a in arrays.items() if a.dtype.kind != "f"}
    reference = case.reference
    assert reference is not None

    def function(moving: Any) -> Any:
        return reference(jax, **moving, **fixed)

    expected, pull = jax.vjp(function, {k: jax.numpy.asarray(a) for k, a in arrays.items() if k not in fixed})
    back = jax.numpy.asarray(1.0 if upstream is None else upstream, jax.numpy.float32)
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)
    for name, gradient in pull(back)[0].items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


@every_case
def test_notation_reads_back(case: Case) -> None:
    arrays = case.draw(np.random.default_rng(2), (3, 2, 5))
    for statement in all_statements(case.formula, arrays, batched=case.batched):
        assert_reads_back(statement)
