"""Sums of products of arrays: a chain of matrix products over batch, left, right and contracted axes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from pellucid.engines.reference.node import Context, Frame, Node, Run, State
from pellucid.engines.reference.operations import as_float, product
from pellucid.formula.axes import Axis

Axes = tuple[Axis, ...]


def contract(c: Context, nodes: Sequence[Node], axes: Axes, frame: Frame) -> Node:
    """Σ over `axes` of the product of nodes built in the frame (*frame, *axes), each of which depends on
    one of the axes.
    """
    inner = (*frame, *axes)
    pool = _absorbed(c, list(nodes), inner)
    while len(pool) > 2:
        one, two = _cheapest(c, pool, axes)
        rest = [n for n in pool if n is not one and n is not two]
        done = frozenset(a for a in (one.axes | two.axes) & set(axes) if not any(a in n.axes for n in rest))
        pool = _absorbed(c, [*rest, _pair(c, one, two, done, inner, inner)], inner)
    summed = frozenset(axes)
    if len(pool) == 1:
        return total(c, pool[0], summed & pool[0].axes, inner, frame)
    return _pair(c, pool[0], pool[1], summed, inner, frame)


def _absorbed(c: Context, pool: list[Node], inner: Frame) -> list[Node]:
    """Factors whose axes another factor has too are multiplied into it, the smallest such."""
    pool = sorted(pool, key=lambda n: c.count(n.axes))
    done: list[Node] = []
    while pool:
        node = pool.pop(0)
        host = next((k for k, n in enumerate(pool) if node.axes <= n.axes), None)
        if host is None:
            done.append(node)
        else:
            pool[host] = product(c, [node, pool[host]])
    return done


def _cheapest(c: Context, pool: Sequence[Node], axes: Axes) -> tuple[Node, Node]:
    """The two factors whose product, summed over what they alone have, is smallest."""
    pairs = [(a, b) for k, a in enumerate(pool) for b in pool[k + 1 :]]

    def size(pair: tuple[Node, Node]) -> int:
        others = frozenset[Axis]().union(*(n.axes for n in pool if n not in pair))
        return c.count([a for a in pair[0].axes | pair[1].axes if a not in axes or a in others])

    return min(pairs, key=size)


def total(c: Context, node: Node, summed: frozenset[Axis], inner: Frame, frame: Frame) -> Node:
    """The sum of one node over axes of the frame `inner`, as an array of the frame `frame`."""
    if node.kind == "bool":
        node = as_float(c, node)
    run = node.run
    left = node.axes - summed
    shape = c.shape(left, frame)
    fast = min((a for a in node.axes if c.extent(a) > 1), key=lambda a: node.strides.get(a, 0), default=None)
    if node.kind == "float" and left and fast in left and c.count(left) <= 64 < c.count(summed):
        # Few long sums over rows: NumPy's own sum would go row by row, a product with ones does not.
        rows = _matrix(c, node, (), tuple(a for a in frame if a in left), _in_memory(node, summed), inner)
        ones = np.ones(c.count(summed), dtype=c.dtype)
        return Node(left, "float", lambda v: (rows(v) @ ones).reshape(shape), True, strides=c.contiguous(left, frame))
    places = tuple(d for d, a in enumerate(inner) if a in summed)
    if fast in left and len(frame) < len(inner) and node.kind == "float" and small_window(c, left, summed):
        every = [dict(zip(places, at, strict=True)) for at in np.ndindex(*(c.extent(inner[d]) for d in places))]
        windows = [tuple(at.get(d, slice(None)) for d in range(len(inner))) for at in every]

        def slide(v: State) -> Any:
            array = run(v)
            result = array[windows[0]].copy()
            for window in windows[1:]:
                np.add(result, array[window], out=result)
            return result.reshape(shape)

        return Node(left, "float", slide, True, strides=node.strides)
    if len(frame) == len(inner):
        return Node(left, node.kind, lambda v: np.add.reduce(run(v), axis=places, keepdims=True), bool(left))

    def add(v: State) -> Any:
        return np.add.reduce(run(v), axis=places).reshape(shape)

    return Node(left, node.kind, add, bool(left), strides=c.contiguous(left, frame))


def small_window(c: Context, kept: Collection[Axis], reduced: Collection[Axis]) -> bool:
    """Whether a reduction goes faster window element by window element, over all windows at once, than
    window by window.
    """
    return c.count(reduced) <= 32 and c.count(kept) >= 8 * c.count(reduced)


def _pair(c: Context, a: Node, b: Node, summed: frozenset[Axis], inner: Frame, frame: Frame) -> Node:
    """Σ over `summed` of a·b, as an array of the frame `frame`; the axes that it has no more have to be
    among `summed`.
    """
    alone = (a.axes ^ b.axes) & summed
    if alone & a.axes:
        a = total(c, a, alone & a.axes, inner, inner)
    if alone & b.axes:
        b = total(c, b, alone & b.axes, inner, inner)
    con = a.axes & b.axes & summed
    batch = tuple(x for x in frame if x in a.axes & b.axes and x not in con)
    left, right = (tuple(x for x in frame if x in n.axes and x not in m.axes) for n, m in ((a, b), (b, a)))
    if not con or not (left or right) or a.kind != "float" or b.kind != "float":
        return total(c, product(c, [a, b]), con, inner, frame)
    if not left or (right and frame.index(right[0]) < frame.index(left[0])):
        a, b, left, right = b, a, right, left
    larger = max(a, b, key=lambda n: c.count(n.axes))
    order = _in_memory(larger, con)
    one, two = _matrix(c, a, batch, left, order, inner), _matrix(c, b, batch, order, right, inner)
    axes = frozenset((*batch, *left, *right))
    result = (*batch, *left, *right, *(x for x in frame if x not in axes))
    sizes = c.shape(axes, result)
    turn = tuple(result.index(x) for x in frame)
    strides = c.contiguous(axes, (*batch, *left, *right))
    if turn == tuple(range(len(frame))):
        return Node(axes, "float", lambda v: np.matmul(one(v), two(v)).reshape(sizes), bool(axes), strides=strides)
    return Node(
        axes,
        "float",
        lambda v: np.matmul(one(v), two(v)).reshape(sizes).transpose(turn),
        bool(axes),
        strides=strides,
    )


def _in_memory(node: Node, axes: frozenset[Axis]) -> Axes:
    """The axes in the order in which they lie in the node's memory, as far as is known."""
    return tuple(sorted(axes, key=lambda a: (-abs(node.strides.get(a, 0)), a.name)))


def _run_length(c: Context, node: Node, order: Sequence[Axis]) -> int:
    """How many neighbours of an array laid out in this order are neighbours in the node's memory too."""
    length = 1
    for axis in reversed(order):
        if c.extent(axis) > 1:
            if node.strides.get(axis) != length:
                break
            length *= c.extent(axis)
    return length


def _matrix(c: Context, node: Node, batch: Axes, rows: Axes, columns: Axes, inner: Frame) -> Run:
    """A function that gives the node as matrices (batch, rows, columns); where a copy is needed, in the
    order that copies fastest.
    """
    run = node.run
    sizes = (c.count(batch), c.count(rows), c.count(columns)) if batch else (c.count(rows), c.count(columns))
    flipped = _run_length(c, node, (*batch, *columns, *rows)) > _run_length(c, node, (*batch, *rows, *columns))
    order = (*batch, *columns, *rows) if flipped else (*batch, *rows, *columns)
    present = tuple(inner.index(a) for a in order)
    turn = (*present, *(d for d in range(len(inner)) if d not in present))
    if flipped:
        laid = (*sizes[:-2], sizes[-1], sizes[-2])
        return lambda v: run(v).transpose(turn).reshape(laid).swapaxes(-1, -2)
    if turn == tuple(range(len(inner))):
        return lambda v: run(v).reshape(sizes)
    return lambda v: run(v).transpose(turn).reshape(sizes)
