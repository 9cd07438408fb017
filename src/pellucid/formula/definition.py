"""`define`: a formula as text, inside a typed Python function, becomes a tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pellucid.errors import FormulaError, ShapeError, nearest
from pellucid.formula.axes import Extent
from pellucid.formula.expressions import Expression, Number, Read, Statement, Tensor, reads, rename, transform
from pellucid.formula.parser import Binding, Parser, tokenize
from pellucid.formula.shapes import infer


def define(
    text: str,
    /,
    *,
    extents: Mapping[str, Extent] | None = None,
    derivative: Mapping[str, str] | None = None,
    **bindings: Binding,
) -> Tensor:
    """The tensor that the formula's last statement defines.

    Args:
        text: one or more statements, `y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]`, one a line.
        extents: extents of axes that the text does not give, by name.
        derivative: derivatives stated by hand where they are better than the derived ones: for an argument's name, its
            adjoint as a formula of the arguments, the result and the result's adjoint, which is called d + the result's
            name (`{"z": "dz[…,k] = a[…,k]·(da[…,k] − Σ[o] a[…,o]·da[…,o])"}`).
        bindings: what the names in the text mean: tensors, numbers, and paddings (low, high).

    Raises:
        FormulaError: the text cannot be read; a caret points to the place.
        ShapeError: extents do not agree.
    """
    return tuple(define_all(text, extents=extents, derivative=derivative, **bindings).values())[-1]


def define_all(
    text: str,
    /,
    *,
    extents: Mapping[str, Extent] | None = None,
    derivative: Mapping[str, str] | None = None,
    **bindings: Binding,
) -> dict[str, Tensor]:
    """All tensors that the formula defines, by the names it gives them, in its order. See `define`."""
    tensors = _define(text, bindings, extents)
    if derivative:
        result = tuple(tensors.values())[-1]
        result.stated = {
            _argument(bindings, name): _stated(rule, result, bindings) for name, rule in derivative.items()
        }
    return tensors


def _define(
    text: str, bindings: Mapping[str, Binding], extents: Mapping[str, Extent] | None = None
) -> dict[str, Tensor]:
    statements = Parser(text, bindings, extents).statements()
    infer(text, statements)
    given = {value: name for name, value in bindings.items() if isinstance(value, Tensor)}
    unread = set(given) - {read.tensor for s in statements for read, _ in s.reads}
    if unread:
        raise FormulaError(f"{given[unread.pop()]} is given, but the formula does not read it\n    {text.strip()}")
    letters = given | {s.target: s.target.name for s in statements}
    for s in statements:
        s.target.define(s.expression, letters)
    return {s.target.name: s.target for s in statements}


def read_back(
    text: str,
    tensors: Mapping[str, Tensor],
    *,
    constants: Mapping[str, Number | tuple[int, int]] | None = None,
    extents: Mapping[str, Extent] | None = None,
) -> Statement:
    """One statement from its text: what `unicode` prints reads back as a statement of the same structure.

    Args:
        text: the statement.
        tensors: what its names mean. If the name on the left is among them, the statement is about that tensor; else
            about a new one.
        constants: the numbers that the text calls by name.
        extents: extents of axes that the text does not give, by the names it prints.

    Raises:
        FormulaError: the text cannot be read; a caret points to the place.
        ShapeError: extents do not agree.
    """
    head = next(iter(tokenize(text))).text
    bindings: dict[str, Binding] = {**(constants or {}), **{n: t for n, t in tensors.items() if n != head}}
    parsed = Parser(text, bindings, extents).statements()
    if len(parsed) != 1:
        raise FormulaError(f"expected one statement, got {len(parsed)}\n    {text.strip()}")
    source = parsed[0].target
    target = tensors.get(head, source)
    if target.rank != source.rank:
        raise FormulaError(f"{head} has {target.rank} axes, got {source.rank}\n    {text.strip()}")
    for axis, known in zip(source.axes, target.axes, strict=True):
        axis.extent = known.extent if axis.extent is None else axis.extent
        if known.extent is not None and axis.extent != known.extent:
            raise ShapeError(
                f"axis {axis.name} is {axis.extent}, but {head} has {known.extent} there\n    {text.strip()}"
            )
    infer(text, parsed, partial=True)

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read) and e.tensor is source and target is not source:
            return transform(Read(target, e.indices, e.outside), change)
        return None

    expression = rename(transform(parsed[0].expression, change), dict(zip(source.axes, target.axes, strict=True)))
    names = {r.tensor for r in reads(expression)} | {target}
    return Statement(target, expression, {t: n for n, t in tensors.items() if t in names} | {target: head})


def _argument(bindings: Mapping[str, Binding], name: str) -> Tensor:
    bound = bindings.get(name)
    if not isinstance(bound, Tensor):
        raise FormulaError(
            f"a derivative is stated for {name}, which is not a tensor of the formula.{nearest(name, bindings)}"
        )
    return bound


def _stated(rule: str, result: Tensor, bindings: Mapping[str, Binding]) -> Callable[[Tensor], Tensor]:
    letter = result.letter
    words = [token.text for token in tokenize(rule)]
    read = {word for word, after in zip(words, [*words[1:], ""], strict=True) if after == "["}

    def adjoint(upstream: Tensor) -> Tensor:
        given: dict[str, Binding] = {**bindings, letter: result}
        known = {
            n: b for n, b in given.items() if not isinstance(b, Tensor) or n in read or (not b.rank and n in words)
        }
        return tuple(_define(rule, {**known, f"d{letter}": upstream}).values())[-1]

    return adjoint
