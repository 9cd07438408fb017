"""Products of a shard of few examples: sums of four of them instead of sixteen, in registers that cost less. The other
lanes get what the last of these has, as all idle lanes are copies of the last example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.points import Linear, Point
from pellucid.engines.llvm.emit.sums.accumulators import Reducing
from pellucid.engines.llvm.plan.work import FEW, LANES, batched
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import Read, factors

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.builder import Builder
    from pellucid.engines.llvm.emit.evaluate import Evaluator


def in_few_lanes(work: Reducing, points: list[Point], all_lanes: Callable[[], list[str]]) -> list[str]:
    """The sum at every point: where the shard has few examples in as many lanes, else in all."""
    reads = [f for f in factors(work.body) if isinstance(f, Read)]
    if not _is_product(work, reads, points):
        return all_lanes()
    evaluator, b = work.evaluator, work.b
    product = _Product(evaluator, reads)
    v = f"<{LANES} x {evaluator.kind}>"
    left = b.pure("sub nsw i64 {}, {}", evaluator.examples, b.multiply("%unit", LANES))
    few = b.pure(f"icmp sle i64 {{}}, {FEW}", left)
    branch = b.branch(few)
    sums = product.sums(list(work.e.axes), points, ["zeroinitializer"] * len(points))
    found = b.join(branch, *((v, product.repeated(s), "poison") for s in sums))
    branch = b.branch(b.pure("xor i1 {}, true", few))
    return b.join(branch, *((v, text, other) for text, other in zip(all_lanes(), found, strict=True)))


def _is_product(work: Reducing, reads: list[Read], points: list[Point]) -> bool:
    """Whether it is one of examples and a kernel that threads share, which reads nothing outside."""
    e, nest = work.e, work.evaluator.nest
    if not nest.divided or nest.small_batch or e.name != "sum" or any(a.extent is BATCH for a in e.axes):
        return False
    if len(reads) != 2 or len(factors(work.body)) != 2 or any(r.tensor.kind == "int" for r in reads):
        return False
    if sum(batched(r.tensor) for r in reads) != 1 or any(p.active is not None for p in points):
        return False
    return all(_inside(work, r, points) for r in reads)


def _inside(work: Reducing, read: Read, points: list[Point]) -> bool:
    for index, place in zip(read.indices, read.tensor.axes, strict=True):
        if not isinstance(index, Affine) or index.divisor.value != 1:
            return False
        reaches = [work.partial(index, p) for p in points] if place.extent is not BATCH else []
        if any(low < 0 or high >= place.size for low, high in reaches):
            return False
    return True


@dataclass(frozen=True)
class _Product:
    """A sum of products in vectors of few lanes."""

    evaluator: Evaluator
    reads: list[Read]

    @property
    def b(self) -> Builder:
        return self.evaluator.b

    @property
    def kind(self) -> str:
        return f"<{FEW} x {self.evaluator.kind}>"

    def sums(self, axes: list[Axis], points: list[Point], accs: list[str]) -> list[str]:
        v = self.kind
        if axes:
            loop = self.b.open(0, axes[0].size, carried=[(v, acc) for acc in accs])
            inner = [p.at(axes[0], Linear.counter(loop.counter)) for p in points]
            return self.b.close(loop, self.sums(axes[1:], inner, list(loop.values)))
        call = f"call {v} @llvm.fma.v{FEW}{self.evaluator.maths.suffix}({v} {{}}, {v} {{}}, {v} {{}})"
        rows = [[self.factor(r, p) for r in self.reads] for p in points]
        return [self.b.pure(call, *row, acc) for row, acc in zip(rows, accs, strict=True)]

    def factor(self, read: Read, point: Point) -> str:
        evaluator, v = self.evaluator, self.kind
        if not batched(read.tensor):
            number = evaluator.read(read, point)
            one = self.b.pure(f"insertelement {v} poison, {evaluator.kind} {{}}, i32 0", number.text)
            mask = f"<{FEW} x i32> zeroinitializer"
            return self.b.pure(f"shufflevector {v} {{}}, {v} poison, {mask}", one)
        places = [Linear(), *(evaluator.linear(i, point) for i in read.indices[1:] if isinstance(i, Affine))]
        offset, base = evaluator.address(read.tensor, places, evaluator.batch_of(read, point), False)
        place = evaluator.place(base, evaluator.kind, offset)
        return self.b.pure(f"load {v}, ptr {{}}, align {evaluator.size(evaluator.kind)}", place)

    def repeated(self, total: str) -> str:
        """All lanes: beyond the first few, the last of these."""
        v, mask = self.kind, ", ".join(f"i32 {min(k, FEW - 1)}" for k in range(LANES))
        return self.b.here(f"shufflevector {v} {{}}, {v} poison, <{LANES} x i32> <{mask}>", total)
