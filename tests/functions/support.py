"""What the tests of formulas share: running them, central differences, and reading their notation back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Statement, Tensor, define, derivative, unicode
from pellucid.formula.axes import Affine, Coefficient
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import Constant, Index, Read, Reduction, canonical, walk
from pellucid.formula.notation.unicode import letters

Array = NDArray[Any]
Arrays = dict[str, Array]
Formula = Callable[..., Tensor]


def tensors(arrays: Mapping[str, Array], *, batched: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """An input for each array; arrays of integers become tensors of integers, `batched` ones begin with n."""
    found = {}
    for name, array in arrays.items():
        axes: dict[str, Any] = dict(zip("hwcdefg", array.shape, strict=False))
        if name in batched:
            axes = {"n": BATCH, **dict(zip("hwcdefg", array.shape[1:], strict=False))}
        found[name] = Tensor.input(name, axes, kind="int" if array.dtype.kind in "iu" else "float")
    return found


def evaluate(outputs: Mapping[str, Tensor], arrays: Mapping[str, Array], dtype: Any = np.float64) -> Arrays:
    """The outputs, by the reference engine."""
    return compile_program(Program(outputs), engine="reference", dtype=dtype)(dict(arrays))


def with_gradients(
    formula: Formula, arrays: Arrays, upstream: Array | None, *, batched: tuple[str, ...], dtype: Any = np.float64
) -> tuple[Array, Arrays]:
    """The formula's value, and the gradient of Σ upstream·value by every input of real numbers."""
    given = tensors(arrays, batched=batched)
    output = formula(**given)
    arriving = Tensor("upstream", tuple(a.fresh() for a in output.axes)) if upstream is not None else None
    wanted = {name: t for name, t in given.items() if t.kind == "float"}
    found = derivative(output, wanted.values(), upstream=arriving)
    gradients = {f"d{name}": found[t] for name, t in wanted.items()}
    extra = {} if upstream is None else {"upstream": upstream}
    results = evaluate({"value": output, **gradients}, {**arrays, **extra}, dtype)
    return results.pop("value"), {name.removeprefix("d"): array for name, array in results.items()}


def central_differences(function: Callable[[Arrays], float], arrays: Arrays, name: str, step: float = 1e-5) -> Array:
    """∂function/∂arrays[name], element by element, with an error of the order of step²."""
    gradient = np.zeros_like(arrays[name])
    for place in np.ndindex(gradient.shape):
        ends = []
        for sign in (1, -1):
            moved = arrays[name].copy()
            moved[place] += sign * step
            ends.append(function({**arrays, name: moved}))
        gradient[place] = (ends[0] - ends[1]) / (2 * step)
    return gradient


def assert_reads_back(statement: Statement) -> None:
    """The statement's Unicode text, parsed with what its names mean, is the same statement."""
    names = letters(statement)
    text = unicode(statement)
    bindings: dict[str, Any] = {letter: t for t, letter in names.items() if t is not statement.target}
    bindings.update(_constants(statement))
    extents: dict[str, Any] = {a.name: a.extent for a in statement.axes if a.bound is None}
    again = define(text, extents=extents, **bindings).definition
    assert again is not None
    assert unicode(again) == text
    assert canonical(again.expression, again.axes) == canonical(statement.expression, statement.axes), text


def all_statements(formula: Formula, arrays: Arrays, *, batched: tuple[str, ...]) -> list[Statement]:
    """The statements of a formula and of its derivative."""
    given = tensors(arrays, batched=batched)
    output = formula(**given)
    upstream = Tensor(f"d{output.letter}", tuple(a.fresh() for a in output.axes)) if output.rank else None
    wanted = [t for t in given.values() if t.kind == "float"]
    return reachable([output, *derivative(output, wanted, upstream=upstream).values()])


def _constants(statement: Statement) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for e in walk(statement.expression):
        match e:
            case Constant(value, name) if name and name != "π":
                found[name] = value
            case Index(affine):
                found.update(_coefficients(affine))
            case Read(_, indices, _):
                for index in indices:
                    if isinstance(index, Affine):
                        found.update(_coefficients(index))
            case Reduction(_, axes, _):
                found.update({a.bound.name: a.bound.value for a in axes if a.bound is not None and a.bound.name})
    found.update({a.bound.name: a.bound.value for a in statement.axes if a.bound is not None and a.bound.name})
    return found


def _coefficients(affine: Affine) -> dict[str, int]:
    signed: list[Coefficient] = [*(c for _, c in affine.terms), *affine.offset, affine.divisor]
    return {c.name: -c.value if c.minus else c.value for c in signed if c.name and "·" not in c.name}
