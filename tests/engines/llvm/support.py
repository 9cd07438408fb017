"""Programs to compile, and their comparison with the reference engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.engines import compile_program
from pellucid.engines.llvm.run.executable import Executable
from pellucid.engines.llvm.run.native import Target
from pellucid.formula import BATCH, Program, Tensor, derivative

Arrays = dict[str, np.ndarray]

BOUNDS = {"float32": 2e-5, "float64": 1e-11}
"""Largest difference from the reference engine in float64, relative to a tensor's largest element."""


def with_gradients(y: Tensor, wrt: list[Tensor]) -> Program:
    """A program of y and its gradients, from an upstream gradient that is an input."""
    upstream = Tensor("upstream", tuple(a.fresh() for a in y.axes))
    gradients = derivative(y, wrt, upstream=upstream)
    return Program({"y": y, **{f"d{t.name}": d for t, d in gradients.items()}})


def draw(program: Program, n: int, /, **given: Any) -> Arrays:
    """Random numbers for all real inputs; whole ones have to be given."""
    rng = np.random.default_rng(0)
    found: Arrays = {}
    for name, tensor in program.inputs.items():
        shape = [n if e is BATCH else e for e in tensor.shape]
        found[name] = np.asarray(given[name]) if name in given else rng.normal(size=shape) * 0.5
    return found


def agree(program: Program, inputs: Mapping[str, Any], *, kinds: tuple[str, ...] = ("float32", "float64")) -> None:
    """Native code against the reference engine; outputs are named when they differ."""
    expected = compile_program(program, engine="reference", dtype=np.float64)(inputs)
    for kind in kinds:
        found = native(program, kind)(inputs)
        assert list(found) == list(expected)
        for name, array in found.items():
            try:
                close(array, expected[name], BOUNDS[kind], f"{name} in {kind}")
            except AssertionError:
                # where the terms of a sum nearly cancel, the reference engine's rounding is as large
                rounded = compile_program(program, engine="reference", dtype=kind)(inputs)[name]
                close(array, expected[name], BOUNDS[kind], f"{name} in {kind}", 3 * np.abs(rounded - expected[name]))


def close(found: np.ndarray, expected: np.ndarray, bound: float, what: str, rounding: np.ndarray | float = 0.0) -> None:
    """`rounding` is what each number may be off besides."""
    assert found.shape == expected.shape, what
    if expected.dtype.kind == "i":
        assert np.array_equal(found, expected), what
        return
    same = np.isfinite(expected)
    assert np.array_equal(np.isnan(found), np.isnan(expected)), what
    assert np.array_equal(found[np.isinf(expected)], expected[np.isinf(expected)]), what
    if same.any():
        off = np.maximum(np.abs(found[same] - expected[same]) - np.broadcast_to(rounding, same.shape)[same], 0)
        error = off.max() / (np.abs(expected[same]).max() + 1e-6)
        assert error < bound, f"{what}: {error}"


def native(
    program: Program, kind: str = "float32", *, threads: int | None = None, target: Target | None = None
) -> Executable:
    return Executable(program, np.dtype(kind), threads=threads, target=target)
