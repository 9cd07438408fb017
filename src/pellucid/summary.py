"""A network as a table: path, kind, output shape, parameters, multiply-adds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.formula.axes import Axis
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import Reduction, Statement, factors, free_axes, reads, walk
from pellucid.layers.base import OpenShape
from pellucid.lengths import TRIED
from pellucid.markup import html_table
from pellucid.network import BaseNetwork


@dataclass(frozen=True)
class Row:
    """One layer: multiply-adds are those of one example."""

    path: str
    kind: str
    shape: OpenShape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The rows of a network, and its totals."""

    name: str
    rows: tuple[Row, ...]
    trainable: int
    fixed: int
    length: str = ""
    """Of which length the example is, where any may come."""

    @property
    def parameters(self) -> int:
        return self.trainable + self.fixed

    @property
    def multiply_adds(self) -> int:
        return sum(r.multiply_adds for r in self.rows)

    def __str__(self) -> str:
        heads, cells, total = self._cells()
        widths = [max(len(row[i]) for row in [heads, *cells]) for i in range(len(heads))]
        lines = [
            "  ".join(f"{c:<{w}}" if i < 3 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in [heads, *cells]
        ]
        rule = "─" * len(lines[0])
        return "\n".join([lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), rule, total])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads, cells, total = self._cells()
        return html_table(heads, cells, texts=3, below=total)

    def _cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
        """The head, the rows and the sum, as text."""
        heads: tuple[str, ...] = ("path", "kind", "output shape", "parameters", "multiply-adds")
        cells: list[tuple[str, ...]] = [
            (
                r.path,
                r.kind,
                str(("n", *("any" if e is None else e for e in r.shape))).replace("'", ""),
                f"{r.parameters:,}",
                f"{r.multiply_adds:,}",
            )
            for r in self.rows
        ]
        fixed = f", {self.fixed:,} of them not trained" if self.fixed else ""
        total = f"{self.parameters:,} parameters{fixed}; {self.multiply_adds:,} multiply-adds an example{self.length}"
        return heads, cells, total


def summarise(network: BaseNetwork) -> Summary:
    """Count a network's parameters, and its multiply-adds in its formulas."""
    forward = network.forward(training=False)
    work: dict[str, int] = {}
    for statement in reachable(forward.outputs.values()):
        owner = _owner(network, statement.target.name)
        work[owner] = work.get(owner, 0) + multiply_adds(statement)
    sizes: dict[str, int] = {}
    for path, spec in network.specs.items():
        owner = _owner(network, path)
        sizes[owner] = sizes.get(owner, 0) + math.prod(spec.shape)
    rows = []
    for use in network.uses:
        kind = use.layer.title
        rows.append(Row(use.path, kind, network.shape_of(use.path), sizes.get(use.path, 0), work.get(use.path, 0)))
    length = next(
        (
            f" of length {n}"
            for n in TRIED
            if network.open and any(n in s for s in network.closed().input_shapes.values())
        ),
        "",
    )
    trainable = sum(math.prod(network.specs[path].shape) for path in network.parameters.trainable)
    return Summary(network.name or "network", tuple(rows), trainable, sum(sizes.values()) - trainable, length)


def _owner(network: BaseNetwork, name: str) -> str:
    """The use to which a value belongs."""
    return max((u.path for u in network.uses if name == u.path or name.startswith(f"{u.path}.")), key=len, default=name)


def multiply_adds(statement: Statement) -> int:
    """Products that a statement sums up for one example: the extents of the axes over which each Σ of products runs."""

    def count(e: Reduction) -> int:
        axes = free_axes(e) | set(e.axes)
        return math.prod(_extent(a) for a in axes)

    sums = (e for e in walk(statement.expression) if isinstance(e, Reduction) and e.name == "sum")
    return sum(count(e) for e in sums if sum(1 for f in factors(e.body) if any(True for _ in reads(f))) > 1)


def _extent(axis: Axis) -> int:
    return axis.extent if isinstance(axis.extent, int) else 1
