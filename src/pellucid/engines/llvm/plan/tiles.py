"""How many points of a nest are computed at once: register tiles, chosen by counting.

A tile of a contraction keeps its sums in registers; each load serves a row or a column of them. The choice depends
on the CPU, the order in which an element is summed does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from math import gcd, inf, prod

from pellucid.engines.llvm.plan.shared_kernels import shared_kernel
from pellucid.engines.llvm.plan.work import LANES, OFTEN, Nest, Plan, Request, batched, length
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    factors,
    free_axes,
    reads,
    walk,
)

MAX_EDGES = 6
"""Rounds at the edge of an image that are written out one by one; more would make more code than they save."""


ACROSS = 8
"""What a sum across the lanes and the arithmetic on its single number cost, in terms of a shard's part of a sum."""

WRITTEN = 200
"""For how many points the taps of a window may be written out: a tile, once more at every edge."""

LEFT_OVER = 0.1
"""What a divided axis loses where its last tile is smaller: few of its points have terms in common."""

FETCHED = 4.0
"""Cycles for a register that is put into memory to make room for another one."""

SIDE_BY_SIDE = 8
"""Vectors of a row that are read at once where some rows of a large kernel are read side by side."""

LATENCY, RELOADED = 4.0, 9.0
"""Cycles from a sum to the next one that it is in, in a register and through memory."""


@dataclass
class Tile:
    """`sizes`: points along each axis. `middle`: rounds of an axis whose windows lie wholly inside, from and to."""

    sizes: dict[Axis, int] = field(default_factory=dict)
    middle: dict[Axis, tuple[int, int]] = field(default_factory=dict)

    def get(self, axis: Axis, default: int) -> int:
        return self.sizes.get(axis, default)


def choose_tiles(plan: Plan) -> Plan:
    """A tile for every nest."""
    return replace(plan, tiles={nest: _chosen(nest, plan.request) for nest in plan.nests})


def _chosen(nest: Nest, request: Request) -> Tile:
    axes = [a for a in nest.axes if a.extent is not BATCH and a is not nest.step]
    lane = axes[-1] if lane_last(nest) else None
    tile = Tile()
    if looked_up(nest) and axes and axes[-1] is nest.axes[-1] and axes[-1].size >= LANES:
        tile.sizes[axes[-1]] = LANES
    for axis in axes:
        need = _needed(nest, axis)
        if need > 1 and axis.size >= need:
            tile.sizes[axis] = need
    heavy = max(nest.sums, key=length, default=None)
    shared = shared_kernel(nest, request.real) if nest.all_shards else None
    if shared is not None:
        axes = [shared.output]  # how many places a last shard has is not known
    if heavy is not None:
        _contraction(tile, nest, heavy, axes, lane, request)
    if nest.small_batch and nest.cache_blocking is not None and lane is not None:
        tile.sizes[lane] = min(tile.get(lane, 1), SIDE_BY_SIDE)
    if nest.divided and lane is not None:
        while tile.get(lane, 1) > 1 and not any(
            a.size >= 2 * tile.get(a, 1) * (LANES if a is lane else 1) for a in axes
        ):
            tile.sizes[lane] //= 2  # what threads share has to be two tiles at least
    return tile


def lane_last(nest: Nest) -> bool:
    """Whether a nest has its target's last axis in the lanes; else it has the examples there, or is scalar."""
    if nest.small_batch:
        return len(nest.axes) > 1 and nest.axes[-1] is not nest.step and nest.axes[-1].size > 1
    if nest.kind != "global" or not nest.axes:
        return False
    if nest.partial is not None:
        return not nest.partial.across
    if nest.scatter is not None:
        return True
    extent = nest.axes[-1].size
    summed = any(batched(r.tensor) for r in nest.reads)
    if not summed:
        return extent > 1
    if extent % LANES == 0:
        return True
    product = any(len([r for r in reads(s.expression) if batched(r.tensor)]) > 1 for s in nest.statements)
    # Idle lanes cost as often as there are terms, sums across the lanes and what follows them once for every element.
    terms = max((prod(a.size for a in e.axes if a.extent is not BATCH) for e in nest.reductions), default=1)
    if product and terms * (-extent % LANES) < ACROSS * extent:
        return True
    return (product and extent >= 40) or (len(nest.axes) > 1 and extent >= 64)


def _needed(nest: Nest, axis: Axis) -> int:
    """The points along an axis that have to be written out for their conditions to be known: of divided indices,
    and of [g = 2]."""
    need = 1
    for statement in nest.statements:
        for e in walk(statement.expression):
            if isinstance(e, Read):
                for index in e.indices:
                    if isinstance(index, Affine) and index.divisor.value != 1 and axis in index.axes:
                        need = max(need, index.divisor.value)
            compared = (
                [a for a in e.args if isinstance(a, Index)] if isinstance(e, Operation) and e.name == "eq" else []
            )
            if axis.extent is not BATCH and axis.size <= 4 and any(a.affine.plain is axis for a in compared):
                need = max(need, axis.size)
    return need if need <= 4 else 1


def looked_up(nest: Nest) -> list[Read]:
    """Reads of rows of a table whose number differs from example to example: as many neighbours as there are lanes
    are loaded from every row and turned. A nest with a sum has other reasons for its tile."""
    if nest.kind != "shard" or nest.small_batch or nest.heavy or len(nest.axes) < 2:
        return []
    all_reads = [e for s in nest.statements for e in walk(s.expression) if isinstance(e, Read)]
    return [e for e in all_reads if not batched(e.tensor) and e.outside is None and _by_row(e, nest.axes[-1])]


def _by_row(e: Read, last: Axis) -> bool:
    rows = [i for i in e.indices if not isinstance(i, Affine)]
    places = [(i, a.size) for i, a in zip(e.indices, e.tensor.axes, strict=True) if isinstance(i, Affine)]
    return (
        len(rows) == 1
        and isinstance(rows[0], Read)
        and batched(rows[0].tensor)
        and last not in free_axes(rows[0])
        and all(i.divisor.value == 1 and i.within(size) for i, size in places)
        and [last in i.axes for i, _ in places] == [False] * (len(places) - 1) + [True]
        and isinstance(e.indices[-1], Affine)
        and e.indices[-1].plain is last
    )


def _contraction(tile: Tile, nest: Nest, e: Reduction, axes: list[Axis], lane: Axis | None, request: Request) -> None:
    """Points along the axes such that a step of the sum costs least."""
    counted = _Counted.of(e, axes, lane, request)
    if counted is None:
        return
    cpu, apart = counted.cpu, counted.apart
    room = max(3 * cpu.registers // (4 * cpu.each), 1)
    start = {a: tile.get(a, 1) for a in axes}
    options = {a: [start[a]] if start[a] > apart[a] == 1 else _options(tile, e, a, lane, room * apart[a]) for a in axes}
    windows = {a for a in axes if _guards(e, a)}
    best, best_cost = start, inf
    seen: set[tuple[int, ...]] = set()
    # The last axes first: where two choices cost the same, what lies together in memory is taken together.
    for one, two in [*combinations(axes[::-1], 2), *((a, a) for a in axes)]:
        if one in windows and two in windows and one is not two:
            continue
        for first, second in product(options[one], options[two]):
            sizes = {**start, one: first, two: second}
            points, key = prod(size // apart[a] for a, size in sizes.items()), tuple(sizes.values())
            if key in seen or (sizes != start and (points > room or counted.written(sizes) > WRITTEN)):
                continue
            seen.add(key)
            cost = counted.cost(sizes)
            if cost < best_cost - 1e-9:
                best, best_cost = sizes, cost
    for axis, size in best.items():
        tile.sizes[axis] = size
        edges = _edges(e, axis, size)
        if edges is not None and size > 1:
            tile.middle[axis] = edges


def predicted(nest: Nest, tile: Tile, request: Request, examples: int) -> float | None:
    """The cycles that the tile's largest sum takes for so many examples by the count that tiles are chosen by, what is
    made of it left out; None where nothing is counted."""
    e = max(nest.sums, key=length, default=None)
    axes = [a for a in nest.axes if a.extent is not BATCH and a is not nest.step]
    lane = axes[-1] if axes and lane_last(nest) else None
    counted = _Counted.of(e, axes, lane, request) if e is not None else None
    if e is None or counted is None:
        return None
    # Where the examples are not the lanes, they are terms of the sum.
    times = examples if lane is not None and any(a.extent is BATCH for a in e.axes) else -(-examples // LANES)
    if nest.kind == "global" and not any(a.extent is BATCH for a in e.axes):
        times = 1
    times *= prod(a.size for a in e.axes if a.extent is not BATCH) * (nest.step.size if nest.step is not None else 1)
    return times * counted.cost({a: tile.get(a, 1) for a in axes})


def _operands(e: Expression) -> list[Read]:
    """What the terms of a sum multiply, also where not all of them count: `where(s ≤ t, x·y/√d, 0)`."""
    match e:
        case Read():
            return [e]
        case Operation("mul", args):
            return [r for a in args for r in _operands(a)]
        case Operation("div", (a, _)) | Operation("where", (_, a, Constant(0))):
            return _operands(a)
    return []


def _options(tile: Tile, e: Reduction, axis: Axis, lane: Axis | None, room: int) -> list[int]:
    """Sizes worth a trial: those that divide the extent, and some that do not."""
    base = tile.get(axis, 1)
    count = axis.size // LANES if axis is lane else axis.size
    sizes = [s for s in range(base, min(count, room) + 1, base) if count % s == 0 or count > room]
    return [base] + [s for s in sizes if s != base and _edges(e, axis, s) is not None]


@dataclass(frozen=True)
class _Vectors:
    """A CPU's vectors: so many registers, of which a vector of LANES numbers takes `each`. It multiplies and adds two
    registers a cycle, and loads two."""

    registers: int
    each: int


@dataclass(frozen=True)
class _Operand:
    """A factor of a sum: the axes that it depends on, the registers that one value of it takes (one where all lanes
    have the same number), and the loads."""

    depends: list[bool]
    registers: int
    loads: int

    def count(self, sizes: Iterable[int]) -> int:
        """How many values of it a tile reads."""
        return prod(size for size, on in zip(sizes, self.depends, strict=True) if on)


def _operand(read: Read, axes: list[Axis], lane: Axis | None, each: int) -> _Operand:
    free = free_axes(read)
    depends = [a in free for a in axes]
    if not (batched(read.tensor) if lane is None else lane in free):
        return _Operand(depends, 1, 1)
    return _Operand(depends, each, each if lane is None or _together(read, lane) else LANES)


@dataclass(frozen=True)
class _Counted:
    """What a step of a sum costs, by counting.

    Attributes:
        e: the sum.
        operands: the factors of a term.
        apart: how far apart the points of an axis are that have terms in common: where an index is divided, each term
            is there for every second point, say.
        together: for how many terms in a row they are the same points.
        lane: the axis in the lanes; None where these are the examples.
    """

    e: Reduction
    operands: list[_Operand]
    apart: dict[Axis, int]
    together: int
    lane: Axis | None
    cpu: _Vectors

    @classmethod
    def of(cls, e: Reduction, axes: list[Axis], lane: Axis | None, request: Request) -> _Counted | None:
        """Nothing is counted where a term is no product or there are too few of them."""
        found = _operands(e.body)
        if length(e) < 4 or not found or not axes:
            return None
        cpu = _Vectors(request.registers.count, LANES * 8 * request.real // request.registers.bits)
        divided = divided_indices(e)
        same = prod(a.size for a in e.axes if a.extent is not BATCH and not any(a in i.axes for i in divided))
        apart = dict.fromkeys(axes, 1)
        if same >= OFTEN:
            for a in axes:
                apart[a] = apart_along(a, divided)
        return cls(e, [_operand(r, axes, lane, cpu.each) for r in found], apart, same, lane, cpu)

    def cost(self, sizes: dict[Axis, int]) -> float:
        """Cycles for one step of the sum at all points of the nest, tails included, relative to the points."""
        cpu, total = self.cpu, 0.0
        for combination in product(*(_rounds(a, s, a is self.lane) for a, s in sizes.items())):
            rounds = prod(count for _, count in combination)
            size = [-(-size // self.apart[a]) for a, (size, _) in zip(sizes, combination, strict=True)]
            sums = prod(size) * cpu.each
            counts = [o.count(size) for o in self.operands]
            loads = sum(o.loads * count for o, count in zip(self.operands, counts, strict=True))
            free = cpu.registers - _held(self.operands, counts, size)
            # A sum that has no register waits for the memory it was put into, again and again.
            spills = max(0, sums - free)
            busy = max(sums / 2, loads / 2, RELOADED if spills else LATENCY)
            if prod(size for size, _ in combination) * cpu.each > free:  # the others are fetched when their turn comes
                busy += FETCHED * sums / self.together
            total += rounds * (busy + 0.15 * loads + 0.5 * spills + 0.6)
        if max(self.apart.values()) > 1:
            total *= 1 + LEFT_OVER * sum(a.size % size > 0 for a, size in sizes.items() if a is not self.lane)
        return total

    def written(self, sizes: dict[Axis, int]) -> int:
        """For how many points each tap of a window is written out; 0 where it is looped over."""
        if max(self.apart.values()) == 1:
            return 0
        points = 1
        for axis, size in sizes.items():
            rounds, left = divmod(axis.size // LANES if axis is self.lane else axis.size, size)
            first, last = _edges(self.e, axis, size) or (0, rounds)
            points *= size * (first + rounds - last + (last > first)) + left
        return points


def divided_indices(e: Reduction) -> list[Affine]:
    """The indices in a sum that are divided: a term is there where they are whole."""
    return [i for r in reads(e.body) for i in r.indices if isinstance(i, Affine) and i.divisor.value != 1]


def apart_along(axis: Axis, indices: list[Affine]) -> int:
    """How far apart the points of an axis are that have terms in common, where the indices are divided."""
    return max((i.divisor.value // gcd(i.divisor.value, i.coefficient(axis)) for i in indices), default=1)


def _held(operands: list[_Operand], counts: list[int], size: list[int]) -> int:
    """Registers for the factors, the points one after the other, those of the last axis first: a factor that others
    than neighbours share is kept for all of them."""
    last = max((k for k, s in enumerate(size) if s > 1), default=-1)
    points, pairs = prod(size), zip(operands, counts, strict=True)
    return sum(o.registers * (count if o.depends[last] and count < points else 1) for o, count in pairs)


def _rounds(axis: Axis, size: int, lanes: bool) -> list[tuple[int, int]]:
    """Points at once along an axis, and how often: whole tiles, what is left of them, and what is left of a vector."""
    count = axis.size // LANES if lanes else axis.size
    rounds = [(size, count // size)]
    if count % size:
        rounds.append((count % size, 1))
    if lanes and axis.size % LANES:
        rounds.append((1, 1))
    return rounds


def _together(read: Read, lane: Axis) -> bool:
    """Whether neighbours along the lane's axis lie side by side in memory."""
    last = read.indices[-1]
    return isinstance(last, Affine) and last.plain is lane


def _guards(e: Reduction, axis: Axis) -> list[tuple[Affine, int]]:
    """Windowed indices of the sum that move with the axis and may leave their tensor."""
    guards = []
    for f in factors(e.body):
        if isinstance(f, Read) and (f.outside is None or f.outside == Constant(0)):
            for index, place in zip(f.indices, f.tensor.axes, strict=True):
                if (
                    isinstance(index, Affine)
                    and axis in index.axes
                    and place.extent is not BATCH
                    and not index.within(place.extent)
                ):
                    guards.append((index, place.size))
    return guards


def _edges(e: Reduction, axis: Axis, size: int) -> tuple[int, int] | None:
    """The rounds of `size` points for which every window lies inside, or None if too many do not."""
    guards = _guards(e, axis)
    rounds = axis.size // size
    if not guards:
        return (0, rounds)
    if any(size * index.coefficient(axis) % index.divisor.value for index, _ in guards):
        return None  # in which of these points a term is there would have to be asked
    inside = [k for k in range(rounds) if all(_inside(index, extent, axis, k * size, size) for index, extent in guards)]
    if not inside:
        return (rounds, rounds) if rounds <= MAX_EDGES else None
    first, last = inside[0], inside[-1] + 1
    return (first, last) if first + rounds - last <= MAX_EDGES else None


def _inside(index: Affine, extent: int, axis: Axis, start: int, count: int) -> bool:
    low = high = index.constant
    for a, c in index.terms:
        ends = (c.value * start, c.value * (start + count - 1)) if a is axis else (0, c.value * (a.size - 1))
        low, high = low + min(ends), high + max(ends)
    return low > -index.divisor.value and high < extent * index.divisor.value
