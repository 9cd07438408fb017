"""What schedules are made of: nests of loops, recurrences, sums prepared by the shards, phases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

from pellucid.engines.llvm.plan.target import AVX2, Registers
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Expression,
    Read,
    Reduction,
    Statement,
    Tensor,
    children,
    reads,
    walk,
)
from pellucid.formula.program import Program, Stage

LANES = 16
"""Numbers of a vector, on every CPU: the order in which sums are added depends on it."""

FEW = 4
"""Numbers of the vectors for shards of so few examples: as many as registers of 128 bits have."""

OFTEN = 8
"""How many times a shard has to read a kernel outside a recurrence for a packed copy of it to pay."""

CACHE_LINE = 64
"""Bytes of a cache line: terms of a sum that lie farther apart cost a line each."""


class Unsupported(Exception):
    """A statement that this engine cannot compile; the message says why."""

    def __init__(self, statement: Statement, why: str) -> None:
        super().__init__(f"{statement.target.name}: {why}")
        self.statement = statement


def batched(tensor: Tensor) -> bool:
    """Whether the tensor has a value for every example."""
    return bool(tensor.axes) and tensor.axes[0].extent is BATCH


def plain_axes(read: Read) -> list[Axis | None]:
    """The axes that are a read's indices as they are; None for any other index."""
    return [i.plain if isinstance(i, Affine) else None for i in read.indices]


def length(e: Reduction) -> int:
    """How many terms a reduction has; of a batch, as many as one may have."""
    return prod(a.size if isinstance(a.extent, int) else 64 for a in e.axes)


@dataclass(eq=False)
class Nest:
    """Statements over the same axes, each target's axes renamed to `axes`. `scatter` is the axis at which
    additions are scattered, `divided` says that threads share an example's work, `all_shards` that one call works on
    all shards, `partial` is a sum that the shards prepare, `cache_blocking` one that is summed in pieces."""

    statements: list[Statement]
    axes: tuple[Axis, ...]
    kind: Literal["shard", "global"]
    scatter: Axis | None = None
    step: Axis | None = None
    reverse: bool = False
    small_batch: bool = False
    divided: bool = False
    all_shards: bool = False
    partial: Partial | None = None
    cache_blocking: Partial | None = None
    _known: object = None
    _reads: list[Read] = field(default_factory=list)

    @property
    def targets(self) -> list[Tensor]:
        return [s.target for s in self.statements]

    @property
    def reads(self) -> list[Read]:
        """What the nest reads itself: the operands of a sum that is prepared shard by shard are not among it."""
        known = (len(self.statements), self.partial)
        if self._known != known:
            skip = self.partial.sum if self.partial is not None else None
            self._known, self._reads = known, [r for s in self.statements for r in _reads_but(s.expression, skip)]
        return self._reads

    @property
    def reductions(self) -> list[Reduction]:
        return [e for s in self.statements for e in walk(s.expression) if isinstance(e, Reduction)]

    @property
    def sums(self) -> list[Reduction]:
        return [e for e in self.reductions if e.name == "sum"]

    @property
    def operations(self) -> int:
        """A guess at the operations of the nest: of an example, of a step."""
        return self.elements * max(map(length, self.reductions), default=4)

    @property
    def elements(self) -> int:
        """How many elements each target has: of an example, of a step."""
        return prod(a.size for a in self.axes if a.extent is not BATCH and a is not self.step)

    @property
    def heavy(self) -> bool:
        return bool(self.reductions)

    @property
    def reads_other_steps(self) -> bool:
        """Whether a step of the loop that the nest is in reads what lies before or behind it."""
        indices = [i for r in self.reads for i in r.indices if isinstance(i, Affine)]
        return any(self.step in i.axes and i.plain is not self.step for i in indices)


@dataclass(eq=False)
class Recurrence:
    """The nests of a loop, run in order for every step. Each nest's `step` is its loop axis."""

    nests: list[Nest]
    extent: int
    reverse: bool
    kind: Literal["shard", "global"]

    @property
    def targets(self) -> list[Tensor]:
        return [t for nest in self.nests for t in nest.targets]

    @property
    def reads(self) -> list[Read]:
        return [r for nest in self.nests for r in nest.reads]


@dataclass(eq=False)
class Partial:
    """A long sum that is summed in pieces, so that what it reads stays near: one over examples, of which every shard
    prepares its own part, or one of a shard's own.

    `pieces` are the numbers of values of the sum's first axes but the batch that are summed at once. With `across` the
    examples lie in the lanes: a part is a vector for each element, to be added across its lanes at the end. `divided`
    says that threads share a shard's part.
    """

    nest: Nest
    sum: Reduction
    pieces: tuple[int, ...]
    across: bool = False
    divided: bool = False
    kind: Literal["shard", "global"] = "shard"

    @property
    def targets(self) -> list[Tensor]:
        return []

    @property
    def reads(self) -> list[Read]:
        return list(reads(self.sum.body))

    def inside(self, axis: Axis) -> tuple[int, int]:
        """From which value of the axis to which no index leaves its tensor because of that axis alone."""
        low, high = 0, axis.size
        for read in self.reads:
            for index, place in zip(read.indices, read.tensor.axes, strict=True):
                if (
                    isinstance(index, Affine)
                    and index.axes == (axis,)
                    and index.divisor.value == 1
                    and index.coefficient(axis) == 1
                ):
                    low, high = max(low, -index.constant), min(high, place.size - index.constant)
        return low, high


Work = Nest | Recurrence | Partial


def nests_of(work: Work) -> list[Nest]:
    """The nests of a piece of work; of a prepared sum, none."""
    return work.nests if isinstance(work, Recurrence) else [work] if isinstance(work, Nest) else []


def _reads_but(e: Expression, skip: Expression | None) -> list[Read]:
    """The reads of an expression outside one of its parts."""
    if e is skip:
        return []
    own = [e] if isinstance(e, Read) else []
    return own + [r for child in children(e) for r in _reads_but(child, skip)]


@dataclass(eq=False)
class Phase:
    """Work between two barriers of all threads: a chain for every shard, or global nests that do not read each
    other."""

    kind: Literal["shard", "global"]
    works: list[Any] = field(default_factory=list)

    @property
    def reads_examples(self) -> bool:
        return any(batched(r.tensor) for work in self.works for r in work.reads)

    @property
    def divided(self) -> bool:
        """Whether it is a single piece of work that threads share: what it makes is for all of them."""
        return any((isinstance(w, Partial) and w.divided) or any(n.divided for n in nests_of(w)) for w in self.works)

    @property
    def all_shards(self) -> bool:
        """Whether it is a single piece of work on all shards, which threads share."""
        return any(nest.all_shards for work in self.works for nest in nests_of(work))


@dataclass(frozen=True)
class Request:
    """What a plan is made for.

    Args:
        real: bytes of a real number.
        registers: the CPU's, for vectors.
        state: by output, the input in whose place it is to be written where that can be.
        small_batch: for a few examples at a time.
        shared: whether threads may share the work of one of these.
        fixed: whether the parameters are the same in all calls.
    """

    real: int = 4
    registers: Registers = AVX2
    state: Mapping[str, str] = field(default_factory=dict)
    small_batch: bool = False
    shared: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Plan:
    """A program on its way to code, of which every pass makes one that is a step further.

    Attributes:
        stages: the program's, or what is done in their stead.
        works: nests and recurrences, in the order of the stages.
        views: tensors that are others under another shape: no code, no memory.
        phases: what runs when.
        state: by output, the input in whose place it is written.
        small_batch: for a few examples, each a shard of its own with its last axes in the lanes.
        tiles: how many points of a nest are computed at once.
        panels: packed copies of parameters, by the nest that reads them.
    """

    program: Program
    request: Request = field(default_factory=Request)
    stages: tuple[Stage, ...] = ()
    works: list[Work] = field(default_factory=list)
    views: dict[Tensor, Tensor] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    small_batch: bool = False
    tiles: dict[Nest, Any] = field(default_factory=dict)
    panels: dict[Nest, dict[Tensor, Any]] = field(default_factory=dict)

    @property
    def nests(self) -> list[Nest]:
        return [nest for phase in self.phases for work in phase.works for nest in nests_of(work)]

    def parameter_only(self) -> int:
        """How many phases at the start read parameters alone."""
        for place, phase in enumerate(self.phases):
            if phase.kind == "shard" or phase.reads_examples:
                return place
        return 0

    def home(self, tensor: Tensor) -> Tensor:
        while tensor in self.views:
            tensor = self.views[tensor]
        return tensor


def strides(axes: Iterable[Axis]) -> list[int]:
    """Row-major strides; the batch axis among them counts as 1."""
    steps: list[int] = []
    step = 1
    for axis in reversed(list(axes)):
        steps.append(step)
        step *= axis.extent if isinstance(axis.extent, int) else 1
    return steps[::-1]
