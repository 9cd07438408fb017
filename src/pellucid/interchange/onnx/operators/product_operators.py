"""Sums of products: Gemm, MatMul, Einsum."""

from __future__ import annotations

from pellucid.errors import ShapeError
from pellucid.interchange.onnx.operators.base import (
    Node,
    Text,
    UnsupportedError,
    Value,
    broadcast_shapes,
    number,
    operator,
)


@operator("Gemm")
def _gemm(node: Node) -> Value:
    """α·A·B + β·C, A and B transposed where that is asked for."""
    a, b, c = node.input(0), node.input(1), node.optional(2)
    if a.rank != 2 or b.rank != 2:
        raise ShapeError(f"Gemm multiplies shapes {a.shape} and {b.shape}, expected two matrices")
    turned_a, turned_b = bool(node.attr("transA", 0)), bool(node.attr("transB", 0))
    rows, inner = reversed(a.shape) if turned_a else a.shape
    inner_b, columns = reversed(b.shape) if turned_b else b.shape
    if inner != inner_b:
        raise ShapeError(f"Gemm multiplies shapes {a.shape} and {b.shape}, whose inner axes differ")
    text = Text()
    i, j, k = text.axes([rows, columns, inner])
    product = f"{text.read(a, [k, i] if turned_a else [i, k], 'x')}·{text.read(b, [j, k] if turned_b else [k, j], 'w')}"
    alpha, beta = float(node.attr("alpha", 1.0)), float(node.attr("beta", 1.0))
    body = f"Σ[{k}] {product}" if alpha == 1 else f"{number(alpha)}·(Σ[{k}] {product})"
    if c is not None and beta:
        offset = text.broadcast(c, [i, j], "b")
        body = f"{offset if beta == 1 else f'{number(beta)}·{offset}'} + {body}"
    return text.result([i, j], body, a.dtype)


@operator("MatMul")
def _matmul(node: Node) -> Value:
    a, b = node.input(0), node.input(1)
    return multiplied(a, b)


def multiplied(a: Value, b: Value, *, scale: float = 1.0) -> Value:
    """NumPy's matmul: matrices in the last axes, a vector standing for a row or a column."""
    if not a.rank or not b.rank:
        raise ShapeError("MatMul multiplies a number, expected vectors or matrices")
    inner = a.shape[-1]
    if inner != b.shape[-2 if b.rank > 1 else -1]:
        raise ShapeError(f"MatMul multiplies shapes {a.shape} and {b.shape}, whose inner axes differ")
    text = Text()
    outer = text.axes(broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    i = [text.axis(a.shape[-2])] if a.rank > 1 else []
    j = [text.axis(b.shape[-1])] if b.rank > 1 else []
    k = text.axis(inner)
    left = text.broadcast(a, [*outer, *i, k][-a.rank :] if a.rank > 1 else [k], "x")
    right = text.broadcast(b, [*outer, k, *j][-b.rank :] if b.rank > 1 else [k], "w")
    body = f"Σ[{k}] {left}·{right}"
    return text.result([*outer, *i, *j], body if scale == 1 else f"(Σ[{k}] {left}·{right})·{number(scale)}", a.dtype)


@operator("Einsum")
def _einsum(node: Node) -> Value:
    """Letters of the equation are axes, and those that the result lacks are summed over."""
    values = [node.input(place) for place in range(len(node.inputs))]
    equation = str(node.attr("equation", "")).replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(values):
        raise ShapeError(f'Einsum has {len(values)} inputs for "{equation}"')
    wide = max(
        (v.rank - len(t.replace("...", "")) for t, v in zip(terms, values, strict=True) if "..." in t), default=0
    )
    if wide < 0:
        raise ShapeError(f'the inputs of Einsum have too few axes for "{equation}"')
    dots = [f"…{k}" for k in range(wide)]

    def spelled(term: str, count: int) -> list[str]:
        before, found, after = term.partition("...")
        return [*before, *(dots[wide - count :] if found else []), *after]

    spellings = [spelled(t, v.rank - len(t.replace("...", ""))) for t, v in zip(terms, values, strict=True)]
    if not arrow:
        every = [a for s in spellings for a in s if not a.startswith("…")]
        right = "..." * bool(dots) + "".join(sorted({a for a in every if every.count(a) == 1}))
    text = Text()
    axes: dict[str, str] = {}
    for spelling, value in zip(spellings, values, strict=True):
        if len(spelling) != value.rank:
            raise ShapeError(f'an input of Einsum has {value.rank} axes, expected those of "{equation}"')
        for a, extent in zip(spelling, value.shape, strict=True):
            if a not in axes:
                axes[a] = text.axis(extent)
            elif text.extents[axes[a]] != extent:
                if a.startswith("…") and 1 in (extent, text.extents[axes[a]]):
                    raise UnsupportedError("Einsum stretches axes of 1")
                raise ShapeError(f'axis {a} of Einsum "{equation}" has extents {text.extents[axes[a]]} and {extent}')
    result = spelled(right, wide)
    if any(a not in axes for a in result):
        raise ShapeError(f'"{equation}" of Einsum names axes that no input has')
    summed = [axes[a] for a in axes if a not in result]
    product = "·".join(
        text.read(v, [axes[a] for a in s], name)
        for v, s, name in zip(values, spellings, _names(len(values)), strict=True)
    )
    body = f"Σ[{','.join(summed)}] {product}" if summed else product
    return text.result([axes[a] for a in result], body, values[0].dtype)


def _names(count: int) -> list[str]:
    return [*"xwuvz", *("x" for _ in range(count))][:count]


@operator("Det")
def _det(node: Node) -> Value:
    x = node.input(0)
    if x.shape[-2:] != (2, 2):
        raise UnsupportedError(f"Det of matrices {x.shape[-2:]}, expected (2, 2)")

    text = Text()
    letters = text.axes(x.shape[:-2])
    a, b, c, d = (text.read(x, [*letters, i, j]) for i in "01" for j in "01")
    return text.result(letters, f"{a}·{d} − {b}·{c}", x.dtype)
