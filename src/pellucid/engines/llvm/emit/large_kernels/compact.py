"""A last shard of few examples with several places of them side by side in the lanes, so that few are idle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pellucid.engines.llvm.emit.points import COMPACT, Batch, Linear, Point
from pellucid.engines.llvm.plan.shared_kernels import SharedKernel
from pellucid.engines.llvm.plan.work import LANES
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Tensor

if TYPE_CHECKING:
    from pellucid.engines.llvm.emit.nest import Writer


@dataclass(frozen=True)
class Compact:
    """What is known when the call runs: whether the last shard is such a one, the number of the others, its examples,
    how many places go side by side, and how many groups of places there are."""

    there: str
    shards: str
    examples: str
    together: str
    groups: str


def collect_places(w: Writer, shared: SharedKernel) -> Compact | None:
    """Copy the last shard of the operand, if it is one of few examples."""
    places, tensor = shared.places, shared.operand.tensor
    if places is None:
        return None
    b = w.b
    full = b.pure(f"sdiv i64 {{}}, {LANES}", w.evaluator.examples)
    left = b.pure(f"srem i64 {{}}, {LANES}", w.evaluator.examples)
    there = b.pure(
        "and i1 {}, {}", b.pure("icmp sgt i64 {}, 0", left), b.pure(f"icmp sle i64 {{}}, {LANES // 2}", left)
    )
    some = b.pure("select i1 {}, i64 {}, i64 1", there, left)
    together = b.pure(f"sdiv i64 {LANES}, {{}}", some)
    groups = b.pure("sdiv i64 {}, {}", b.add(b.add(together, places.size), -1), together)
    shards = b.pure("select i1 {}, i64 {}, i64 {}", there, full, w.evaluator.shards)
    compact = Compact(there, shards, some, together, groups)
    v, size = f"<{LANES} x {w.kind}>", w.evaluator.size(w.kind)
    with b.when(there):
        source, target = _start(w, tensor, Batch(full)), _start(w, tensor, Batch(COMPACT))
        inner = tensor.axes[-1].size
        # In this order whatever is written beyond a place's own lanes is written again.
        with b.loop(0, groups) as group, b.loop(0, inner) as k:
            first = b.pure("mul i64 {}, {}", group, together)
            end = b.smaller(b.add(first, together), places.size)
            line = b.at(w.kind, target, b.multiply(b.add(b.multiply(group, inner), k), LANES))
            with b.loop(first, end) as place:
                lane = b.pure("mul i64 {}, {}", b.pure("sub i64 {}, {}", place, first), some)
                near = b.at(w.kind, source, b.multiply(b.add(b.multiply(place, inner), k), LANES))
                value = b.here(f"load {v}, ptr {{}}, align {size}", near)
                b.effect(f"store {v} {value}, ptr {b.at(w.kind, line, lane)}, align {size}")
    return compact


def spread_places(w: Writer, shared: SharedKernel, compact: Compact, points: list[Point]) -> None:
    """Copy some columns of the target back. Idle lanes get other places' values."""
    assert shared.places is not None
    b, target = w.b, w.nest.targets[0]
    full = b.pure(f"sdiv i64 {{}}, {LANES}", w.evaluator.examples)
    first, inner = points[0].axes[shared.output], shared.output.size
    source, to = (_start(w, target, batch, shared.output, first) for batch in (Batch(COMPACT), Batch(full)))
    v, size = f"<{LANES} x {w.kind}>", w.evaluator.size(w.kind)
    # The last column is read beyond its end, where the next group may begin: the last groups go first.
    with b.loop(0, shared.places.size) as count:
        place = b.pure(f"sub i64 {shared.places.size - 1}, {{}}", count)
        group = b.pure("sdiv i64 {}, {}", place, compact.together)
        end = b.at(w.kind, source, b.multiply(b.add(b.multiply(group, inner), len(points)), LANES))
        b.effect(f"store {v} zeroinitializer, ptr {end}, align {size}")
        lane = b.pure("mul i64 {}, {}", b.pure("srem i64 {}, {}", place, compact.together), compact.examples)
        near = b.at(w.kind, b.at(w.kind, source, b.multiply(group, inner * LANES)), lane)
        line = b.at(w.kind, to, b.multiply(place, inner * LANES))
        with b.loop(0, len(points)) as column:
            value = b.here(f"load {v}, ptr {{}}, align {size}", b.at(w.kind, near, b.multiply(column, LANES)))
            b.effect(f"store {v} {value}, ptr {b.at(w.kind, line, b.multiply(column, LANES))}, align {size}")


def _start(w: Writer, tensor: Tensor, batch: Batch, axis: Axis | None = None, first: Linear | None = None) -> str:
    """The first element of a shard's tensor, or its first one at a value of the last axis."""
    places = [Linear() for _ in tensor.axes]
    if first is not None:
        places[-1] = first
    offset, base = w.evaluator.address(tensor, places, batch, False)
    return w.evaluator.place(base, w.kind, offset)
