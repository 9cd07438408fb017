"""Recurrences that work near: what is needed in one step only stays in one step.

A statement without a sum of which only the loop reads, each step its own part, runs inside the loop. And a tensor of
the loop that nothing reads later has memory for one step, which the next one overwrites.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pellucid.engines.llvm.plan.work import Nest, Partial, Plan, Recurrence, Work, batched, nests_of
from pellucid.formula.axes import Affine
from pellucid.formula.expressions import Read, Tensor


def join_light_loops(plan: Plan) -> Plan:
    """Move light statements into the loops that alone read them."""
    kept = set(plan.program.outputs.values()) | set(plan.views.values())
    readers: dict[Tensor, list[Work]] = {}
    for work in plan.works:
        for tensor in {r.tensor for r in work.reads}:
            readers.setdefault(tensor, []).append(work)
    result: list[Work] = []
    for work in plan.works:
        if isinstance(work, Recurrence) and work.kind == "shard":
            light: list[Nest] = []
            for nest in result[::-1]:
                if (
                    isinstance(nest, Nest)
                    and nest.kind == "shard"
                    and not nest.heavy
                    and all(t not in kept and readers.get(t, []) == [work] for t in nest.targets)
                    and (place := _own_step(work, nest)) is not None
                ):
                    result.remove(nest)
                    light.insert(0, replace(nest, step=nest.axes[place], reverse=work.reverse))
            work = replace(work, nests=[*light, *work.nests])
        result.append(work)
    return replace(plan, works=result)


def _own_step(loop: Recurrence, nest: Nest) -> int | None:
    """The place of the axis along which every step of the loop reads the nest's targets at its own number alone."""
    for place in range(1, len(nest.axes)):
        if nest.axes[place].extent == loop.extent and all(
            _plain(r, place) is reader.step for reader in loop.nests for r in reader.reads if r.tensor in nest.targets
        ):
            return place
    return None


def _plain(read: Read, place: int) -> object:
    index = read.indices[place]
    return index.plain if isinstance(index, Affine) else None


def by_rows(read: Read, nest: Nest) -> bool:
    """Whether a sum over examples with its target's last axis in the lanes reads the copy made for it ("rows")."""
    last = nest.axes[-1] if nest.axes else None
    return (
        batched(read.tensor)
        and read.tensor.rank > 1
        and all(isinstance(i, Affine) for i in read.indices)
        and [isinstance(i, Affine) and last in i.axes for i in read.indices]
        == [False] * (read.tensor.rank - 1) + [True]
        and _plain(read, read.tensor.rank - 1) is last
    )


def of_single_step(plan: Plan, lanes_last: Iterable[Nest]) -> dict[Tensor, int]:
    """Tensors of recurrences of which one step is kept, with the place of their loop axis."""
    last = set(lanes_last)
    kept = {plan.home(t) for t in plan.program.outputs.values()} | set(plan.views.values())
    places: dict[Tensor, int] = {}
    loops = [w for p in plan.phases for w in p.works if isinstance(w, Recurrence) and w.kind == "shard"]
    for loop in loops:
        for number, nest in enumerate(loop.nests):
            assert nest.step is not None
            place = nest.axes.index(nest.step)
            for target in nest.targets:
                if place == 1 and target not in kept and _within(plan, loop, number, target, place, last):
                    places[target] = place
    return places


def _within(plan: Plan, loop: Recurrence, maker: int, target: Tensor, place: int, lanes_last: set[Nest]) -> bool:
    """Whether every read of the target comes before its next value does."""
    for phase in plan.phases:
        for work in phase.works:
            if isinstance(work, Partial):
                if any(r.tensor is target and (work.across or not by_rows(r, work.nest)) for r in work.reads):
                    return False
                continue
            for nest in nests_of(work):
                for r in nest.reads:
                    if r.tensor is not target or (nest in lanes_last and by_rows(r, nest)):
                        continue
                    if work is not loop or not _in_time(loop, loop.nests.index(nest), maker, r, place):
                        return False
    return True


def _in_time(loop: Recurrence, reader: int, maker: int, read: Read, place: int) -> bool:
    nest, index = loop.nests[reader], read.indices[place]
    if not isinstance(index, Affine) or index.divisor.value != 1 or nest.step is None or index.axes != (nest.step,):
        return False
    if index.plain is nest.step:
        return reader >= maker
    if index.coefficient(nest.step) != 1 or index.constant != (1 if loop.reverse else -1):
        return False
    # the step before: read by a nest that runs before the maker, or by the maker at the very place it then overwrites
    others = [k for k in range(len(read.indices)) if k != place]
    return reader < maker or (reader == maker and all(_plain(read, k) is nest.axes[k] for k in others))
