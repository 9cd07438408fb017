"""`define`: a formula as text, inside a typed Python function, becomes a tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pellucid.errors import FormulaError, nearest
from pellucid.formula.expressions import Statement, Tensor
from pellucid.formula.parser import Binding, Parser
from pellucid.formula.shapes import infer


def define(
    text: str, /, *, extents: Mapping[str, int] | None = None, derivative: Mapping[str, str] | None = None, **bindings: Binding
) -> Tensor:
    """The tensor that the formula's last statement defines.

    Args:
        text: one or more statements, `y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]`, one a line.
        extents: extents of axes that the text does not tell, by name.
        derivative: derivatives stated by hand where they are better than the derived ones: for an argument's name, its
            adjoint as a formula of the arguments, the result and the result's adjoint, which is called d + the result's name
            (`{"z": "dz[…,k] = a[…,k]·(da[…,k] − Σ[o] a[…,o]·da[…,o])"}`).
        bindings: what the names in the text mean: tensors, numbers, and paddings (low, high).

    Raises:
        FormulaError: the text cannot be read; a caret points to the place.
        ShapeError: extents do not agree.
    """
    return tuple(define_all(text, extents=extents, derivative=derivative, **bindings).values())[-1]


def define_all(
    text: str, /, *, extents: Mapping[str, int] | None = None, derivative: Mapping[str, str] | None = None, **bindings: Binding
) -> dict[str, Tensor]:
    """All tensors that the formula defines, by the names it gives them, in its order. See `define`."""
    parser = Parser(text, bindings, extents)
    statements = parser.statements()
    infer(text, statements)
    given = {value: name for name, value in bindings.items() if isinstance(value, Tensor)}
    unread = set(given) - {read.tensor for s in statements for read, _ in s.reads}
    if unread:
        raise FormulaError(f"{given[unread.pop()]} is given, but the formula does not read it\n    {text.strip()}")
    letters = given | {s.target: s.target.name for s in statements}
    for s in statements:
        s.target.definition = Statement(s.target, s.expression, letters)
    found = {s.target.name: s.target for s in statements}
    if derivative:
        result = statements[-1].target
        result.stated = {_argument(bindings, name): _stated(rule, result, bindings) for name, rule in derivative.items()}
    return found


def _argument(bindings: Mapping[str, Binding], name: str) -> Tensor:
    bound = bindings.get(name)
    if not isinstance(bound, Tensor):
        raise FormulaError(f"a derivative is stated for {name}, which is not a tensor of the formula.{nearest(name, bindings)}")
    return bound


def _stated(rule: str, result: Tensor, bindings: Mapping[str, Binding]) -> Callable[[Tensor], Tensor]:
    letter = result.letter

    def adjoint(upstream: Tensor) -> Tensor:
        known = {n: b for n, b in bindings.items() if not isinstance(b, Tensor) or f"{n}[" in rule.split("=", 1)[1]}
        if f" {letter}[" in rule or f"({letter}[" in rule:
            known[letter] = result
        return define(rule, **known, **{f"d{letter}": upstream})

    return adjoint
