"""Operations, element by element: scalar functions, sums and products of terms, conditions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from pellucid.engines.reference.node import SOFT, Context, Frame, Kind, Node, State, constant, hard
from pellucid.engines.reference.numpy_functions import ARITHMETIC, COMPARISONS, UFUNCS, UNARY, uniform
from pellucid.engines.reference.portable import PORTABLE
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import (
    ZERO,
    Expression,
    Operation,
    coefficient,
    factors,
    multiply,
    substitute,
)
from pellucid.formula.sum_patterns import tied_axis


def operation(c: Context, e: Operation, frame: Frame) -> Node:
    """A node for any operation of the language."""
    match e.name:
        case "add":
            return _sum(c, e.args, frame)
        case "mul":
            return _with_slices(c, (e,), frame) or product(c, [c.build(a, frame) for a in e.args])
        case "relu":
            return binary(c, np.maximum, c.build(e.args[0], frame), constant(0))
        case "stop":
            return c.build(e.args[0], frame)
        case "where":
            condition, yes, no = (c.build(a, frame) for a in e.args)
            return _where(c, condition, yes, no, frame)
    args = [c.build(a, frame) for a in e.args]
    if e.name in UFUNCS or e.name in UNARY:
        return _function(c, e.name, args[0])
    if e.name in ARITHMETIC:
        return binary(c, ARITHMETIC[e.name], args[0], args[1])
    if e.name in COMPARISONS:
        return _compare(c, COMPARISONS[e.name], args[0], args[1])
    match e.name:
        case "div":
            return divide(c, args[0], args[1])
        case "pow":
            return _power(c, args[0], args[1])
        case "and":
            return _compare(c, np.logical_and, args[0], args[1])
        case "uniform":
            return _uniform(c, args, frame)
    raise NotImplementedError(f"the reference engine has no operation {e.name}")


# Kinds


def as_float(c: Context, node: Node) -> Node:
    """The node with its integers or truth values as numbers of the engine's dtype."""
    if node.kind == "float" or node.soft:
        return node
    dtype, run = c.dtype, node.run
    return Node(node.axes, "float", lambda v: np.array(run(v), dtype=dtype), bool(node.axes), strides=node.strides)


def _joined(kinds: set[Kind]) -> Kind:
    """The kind of a sum or product. Truth values count as 0 and 1 of the engine's dtype."""
    if kinds <= SOFT:
        return "whole" if kinds == {"whole"} else "number"
    return "int" if kinds <= {"int", "whole"} else "float"


# Arithmetic


def binary(c: Context, ufunc: np.ufunc, a: Node, b: Node) -> Node:
    """An arithmetic function of two nodes, written over one of them where that one is nobody else's."""
    axes = a.axes | b.axes
    kind = _joined({a.kind, b.kind})
    one, two = a.run, b.run
    if kind in SOFT:
        if a.constant is not None and b.constant is not None:
            return constant(ufunc(a.constant, b.constant).item())
        return Node(axes, kind, lambda v: ufunc(one(v), two(v)).item())
    if kind == "float":
        # NumPy multiplies a number by a truth value as it should; everything else is converted first.
        keep = "bool" if ufunc is np.multiply and "float" in (a.kind, b.kind) else ""
        a, b = (n if n.kind == keep else as_float(c, n) for n in (a, b))
        one, two = a.run, b.run
    strides = a.strides if len(a.axes) >= len(b.axes) else b.strides

    run = lambda v: ufunc(one(v), two(v))  # noqa: E731
    if a.fresh and a.axes == axes and a.kind == kind:

        def run(v: State) -> Any:
            x = one(v)
            return ufunc(x, two(v), out=x)

    elif b.fresh and b.axes == axes and b.kind == kind:

        def run(v: State) -> Any:
            y = two(v)
            return ufunc(one(v), y, out=y)

    return Node(axes, kind, run, bool(axes), strides=strides)


def divide(c: Context, a: Node, b: Node) -> Node:
    a, b = as_float(c, a), as_float(c, b)
    if a.kind == "whole" and b.kind == "whole":
        a = Node(a.axes, "number", a.run, constant=a.constant)
    return binary(c, np.true_divide, a, b)


def product(c: Context, nodes: Sequence[Node]) -> Node:
    """The product, small factors first, so that few large arrays are made."""
    ordered = sorted(nodes, key=lambda n: (not n.soft, c.count(n.axes)))
    if all(n.kind == "bool" for n in ordered):
        return reduce(lambda a, b: _compare(c, np.logical_and, a, b), ordered)
    if ordered[0].constant == 1 and len(ordered) > 1 and ordered[1].kind != "bool":
        ordered = ordered[1:]
    return reduce(lambda a, b: binary(c, np.multiply, a, b), ordered)


def _sum(c: Context, terms: Sequence[Expression], frame: Frame) -> Node:
    sliced = _with_slices(c, terms, frame)
    if sliced is not None:
        return sliced
    # A positive term goes first, so that the others can be added to it or subtracted from it.
    ordered = sorted(terms, key=lambda t: coefficient(t)[0] == -1)
    total = c.build(ordered[0], frame)
    for term in ordered[1:]:
        number, rest = coefficient(term)
        if number == -1:
            total = binary(c, np.subtract, total, c.build(rest, frame))
        else:
            total = binary(c, np.add, total, c.build(term, frame))
    return total


def _function(c: Context, name: str, x: Node) -> Node:
    x = as_float(c, x)
    run = x.run
    if c.portable or name in UNARY:
        function = PORTABLE[name] if c.portable else UNARY[name]
        if x.soft:
            return Node(x.axes, "number", lambda v: function(float(run(v))).item())
        return Node(x.axes, "float", lambda v: function(run(v)), bool(x.axes), strides=x.strides)
    ufunc = UFUNCS[name]
    if x.soft:
        return Node(x.axes, "number", lambda v: ufunc(float(run(v))).item())
    if not x.fresh:
        return Node(x.axes, "float", lambda v: ufunc(run(v)), bool(x.axes), strides=x.strides)

    def over(v: State) -> Any:
        y = run(v)
        return ufunc(y, out=y)

    return Node(x.axes, "float", over, True, strides=x.strides)


def _power(c: Context, x: Node, by: Node) -> Node:
    x, by = as_float(c, x), as_float(c, by)
    run = x.run
    if x.soft:
        x = Node(
            x.axes,
            "number",
            lambda v: float(run(v)),
            constant=None if x.constant is None else float(x.constant),
        )
    elif by.constant == 2:
        return Node(x.axes, "float", lambda v: np.square(run(v)), bool(x.axes), strides=x.strides)
    elif by.constant == 0.5:
        return _function(c, "sqrt", x)
    elif by.constant == -1:
        return binary(c, np.true_divide, constant(1.0), x)
    elif by.constant is not None:
        by = constant(float(by.constant))
    return binary(c, np.power, x, by)


# Conditions


def _compare(c: Context, ufunc: np.ufunc, a: Node, b: Node) -> Node:
    axes = a.axes | b.axes
    one, two = a.run, b.run
    if a.soft and b.soft:
        return Node(axes, "bool", lambda v: bool(ufunc(one(v), two(v))))
    return Node(
        axes,
        "bool",
        lambda v: ufunc(one(v), two(v)),
        strides=a.strides if len(a.axes) >= len(b.axes) else b.strides,
    )


def _where(c: Context, condition: Node, yes: Node, no: Node, frame: Frame) -> Node:
    kind = _joined({yes.kind, no.kind})
    if kind in ("float", "number"):
        yes, no = as_float(c, yes), as_float(c, no)
    axes = condition.axes | yes.axes | no.axes
    test, one, two = condition.run, yes.run, no.run
    if not condition.axes:
        # Known before any element is: only the branch that holds is computed.
        if not axes:
            return Node(axes, kind, lambda v: one(v) if test(v) else two(v))
        shape = c.shape(axes, frame)
        dtype = c.dtype if kind in ("float", "number") else np.dtype(np.int64)
        return Node(
            axes,
            kind,
            lambda v: np.broadcast_to(np.asarray(one(v) if test(v) else two(v), dtype=dtype), shape),
        )
    if kind in SOFT:
        number = c.dtype.type if kind == "number" else np.int64
        return Node(
            axes,
            "float" if kind == "number" else "int",
            lambda v: np.where(test(v), number(one(v)), number(two(v))),
            True,
        )
    return Node(axes, kind, lambda v: np.where(test(v), one(v), two(v)), True, strides=condition.strides)


def _uniform(c: Context, args: Sequence[Node], frame: Frame) -> Node:
    axes = frozenset[Axis]().union(*(a.axes for a in args))
    runs = [a.run for a in args]
    dtype = c.dtype
    return Node(axes, "float", lambda v: uniform(*(r(v) for r in runs)).astype(dtype, copy=False), bool(axes))


# Brackets that fix an axis of the frame to one value: f·[g = 2]


def _with_slices(c: Context, terms: Sequence[Expression], frame: Frame) -> Node | None:
    """A sum in which terms are [g = 2]·f: each f is computed at g = 2 alone and added to that slice. None
    without such terms.
    """
    slices: list[tuple[tuple[Any, ...], Node, frozenset[Axis]]] = []
    others: list[Expression] = []
    for term in terms:
        parts = factors(term)
        slice_of = next(((p, f) for p in parts if (f := tied_axis(p, frame.__contains__)) is not None), None)
        if slice_of is None:
            others.append(term)
            continue
        bracket, (axis, value) = slice_of
        inner = tuple(a for a in frame if a is not axis)
        rest = substitute(multiply(*(p for p in parts if p is not bracket)), {axis: Affine.of(value)})
        # With the ellipsis, a slice of a vector is an array to write to, not a number.
        place = (*(slice(None) for _ in range(frame.index(axis))), value, ...)
        slices.append((place, c.build(rest, inner), frozenset((axis,))))
    if not slices:
        return None
    base = c.build(ZERO if not others else Operation("add", tuple(others)) if len(others) > 1 else others[0], frame)
    axes = base.axes.union(*(n.axes | tied for _, n, tied in slices))
    base = as_float(c, base)
    shape, dtype, zero = c.shape(axes, frame), c.dtype, base.constant == 0
    start = hard(c, base, frame)
    written = [(place, node.run) for place, node, _ in slices]

    def run(v: State) -> Any:
        if zero:
            total = np.zeros(shape, dtype=dtype)
        else:
            total = np.empty(shape, dtype=dtype)
            total[...] = start(v)
        for place, value in written:
            part = total[place]
            np.add(part, value(v), out=part)
        return total

    return Node(axes, "float", run, True, strides=c.contiguous(axes, frame))
