"""An interpreter of formulas that is as slow as it is plain: one element at a time, in Python numbers. And
the helpers of the tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.engines.random import uniform
from pellucid.formula import BATCH, Affine, Axis, Tensor, derivative
from pellucid.formula.expressions import Constant, Expression, Index, Operation, Read, Reduction, Size
from pellucid.formula.program import Program

Array = NDArray[Any]

SCALARS: dict[str, Any] = {
    "add": lambda *a: sum(a),
    "mul": lambda *a: math.prod(a),
    "exp": math.exp,
    "expm1": math.expm1,
    "log": lambda x: math.log(x) if x > 0 else -math.inf if x == 0 else math.nan,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "erf": math.erf,
    "tanh": math.tanh,
    "σ": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "relu": lambda x: max(x, 0),
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "max": max,
    "min": min,
    "pow": lambda x, y: x**y,
    "div": lambda x, y: x / y,
    "lt": lambda x, y: float(x < y),
    "le": lambda x, y: float(x <= y),
    "eq": lambda x, y: float(x == y),
    "and": lambda x, y: float(bool(x) and bool(y)),
    "stop": lambda x: x,
    "uniform": lambda *a: float(uniform(*map(int, a))),
}


class Naive:
    """The values of a program's tensors by definition. A recurrence is a call of itself."""

    def __init__(self, program: Program, inputs: Mapping[str, Array]) -> None:
        self.program = program
        self.arrays = {tensor: np.asarray(inputs[name]) for name, tensor in program.inputs.items()}
        self.batch = next((a.shape[d] for t, a in self.arrays.items() for d, e in enumerate(t.shape) if e is BATCH), 1)
        self.known: dict[tuple[Tensor, tuple[int, ...]], Any] = {}

    def extent(self, axis: Axis) -> int:
        return self.batch if axis.extent is BATCH else axis.size

    def tensor(self, tensor: Tensor) -> Array:
        extents = [self.extent(a) for a in tensor.axes]
        result = np.zeros(extents)
        for at in np.ndindex(*extents):
            result[at] = self.element(tensor, at)
        return result

    def element(self, tensor: Tensor, at: tuple[int, ...]) -> Any:
        if tensor in self.arrays:
            return self.arrays[tensor][at].item()
        if (tensor, at) not in self.known:
            statement = self.program.definition(tensor)
            assert statement is not None
            self.known[tensor, at] = self.value(statement.expression, dict(zip(tensor.axes, at, strict=True)))
        return self.known[tensor, at]

    def index(self, index: Affine, at: Mapping[Axis, int]) -> float:
        return (sum(k.value * at[a] for a, k in index.terms) + index.constant) / index.divisor.value

    def value(self, e: Expression, at: Mapping[Axis, int]) -> Any:
        match e:
            case Constant(value):
                return value
            case Size(axis):
                return self.extent(axis)
            case Index(index):
                return self.index(index, at)
            case Operation("where", (condition, yes, no)):
                return self.value(yes if self.value(condition, at) else no, at)
            case Operation("mul", args) if any(
                isinstance(a, Operation) and a.name == "eq" and not self.value(a, at) for a in args
            ):
                return 0.0
            case Operation(name, args):
                return SCALARS[name](*(self.value(a, at) for a in args))
            case Read(tensor, indices, outside):
                places = [self.index(i, at) if isinstance(i, Affine) else self.value(i, at) for i in indices]
                inside = all(p == int(p) and 0 <= p < self.extent(a) for p, a in zip(places, tensor.axes, strict=True))
                if inside:
                    return self.element(tensor, tuple(int(p) for p in places))
                assert outside is not None
                return self.value(outside, at)
            case Reduction(name, axes, body):
                every = product(*(range(self.extent(a)) for a in axes))
                values = [self.value(body, {**at, **dict(zip(axes, v, strict=True))}) for v in every]
                if name == "sum":
                    return math.fsum(values)
                return max(values) if name == "max" else values.index(max(values))
        raise TypeError(e)


def random_inputs(program: Program, *, batch: int = 3, seed: int = 0, **given: Any) -> dict[str, Array]:
    """Normal numbers for every input of the program that is not given."""
    rng = np.random.default_rng(seed)
    shapes = {n: [batch if e is BATCH else e for e in t.shape] for n, t in program.inputs.items()}
    return {n: np.asarray(given[n]) if n in given else rng.normal(size=s) for n, s in shapes.items()}


def agree(outputs: Tensor | Mapping[str, Tensor], *, batch: int = 3, seed: int = 0, **given: Any) -> dict[str, Array]:
    """Check the engine against the naive interpreter in both precisions; returns the float64 outputs."""
    program = Program({"y": outputs} if isinstance(outputs, Tensor) else outputs)
    inputs = random_inputs(program, batch=batch, seed=seed, **given)
    before = {n: a.copy() for n, a in inputs.items()}
    naive = Naive(program, inputs)
    expected = {n: naive.tensor(t) for n, t in program.outputs.items()}
    for dtype, tolerance in ((np.float32, 2e-4), (np.float64, 1e-12)):
        found = compile_program(program, engine="reference", dtype=dtype)(inputs)
        assert list(found) == list(expected)
        for name, array in found.items():
            assert array.dtype == (np.int64 if program.outputs[name].kind == "int" else dtype), name
            assert array.flags.c_contiguous and array.flags.writeable
            assert not any(np.shares_memory(array, a) for a in inputs.values())
            np.testing.assert_allclose(array, expected[name], rtol=tolerance, atol=tolerance, err_msg=name)
    for name, array in inputs.items():
        np.testing.assert_array_equal(array, before[name])
    return found


def check_gradients(
    y: Tensor, wrt: Sequence[Tensor], *, batch: int = 3, seed: int = 0, naive: bool = True, **given: Any
) -> None:
    """The derived gradients against central differences of Σ upstream·y, with a random upstream; and
    against the naive interpreter.
    """
    upstream = Tensor("upstream", tuple(a.fresh() for a in y.axes))
    gradients = derivative(y, wrt, upstream=upstream)
    outputs = {"y": y, **{f"d{t.name}": d for t, d in gradients.items()}}
    program = Program(outputs)
    inputs = random_inputs(program, batch=batch, seed=seed, **given)
    if naive:
        agree(outputs, batch=batch, seed=seed, **given)
    found = compile_program(program, engine="reference", dtype=np.float64)(inputs)
    forward = compile_program(Program({"y": y}), engine="reference", dtype=np.float64)
    h = 1e-6
    for tensor in wrt:
        expected = np.zeros_like(inputs[tensor.name])
        for at in np.ndindex(expected.shape):
            sides = []
            for step in (h, -h):
                moved = inputs[tensor.name].copy()
                moved[at] += step
                sides.append((forward({**inputs, tensor.name: moved})["y"] * inputs["upstream"]).sum())
            expected[at] = (sides[0] - sides[1]) / (2 * h)
        np.testing.assert_allclose(found[f"d{tensor.name}"], expected, rtol=1e-6, atol=1e-7, err_msg=f"d{tensor.name}")
