"""Light work on large values, a step at a time.

A softmax over ten thousand words at every step of a sequence is some nests, one after the other: what each of them
makes of a shard leaves the caches before the next one reads it. A step of it does not. So such nests become a loop over
the axis that they have in common, as the nests of a recurrence are.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from pellucid.engines.llvm.plan.work import LANES, Nest, Phase, Plan, Recurrence, Work, plain_axes
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Read, Reduction, Statement, Tensor, factors, rename

FAR = 2 * 1024 * 1024
"""Bytes that a shard makes and that leave the L2 cache before they are read."""

FEW = 4
"""Steps for which a loop is no gain."""


def go_step_by_step(plan: Plan) -> Plan:
    """Make loops of light nests that hand large values on to each other."""
    if plan.small_batch:
        return plan
    phases = [
        p if p.kind == "global" or p.all_shards or p.divided else Phase(p.kind, _in_loops(plan, p.works))
        for p in plan.phases
    ]
    return replace(plan, phases=phases)


def _in_loops(plan: Plan, works: list[Work]) -> list[Work]:
    done: list[Work] = []
    while works:
        group = _Group.of(plan, works)
        if group is None:
            done.append(works[0])
            works = works[1:]
            continue
        for nest, step in group.members.items():
            nest.step = step
        nests = list(group.members)
        done += [*group.before, Recurrence(nests, nests[0].axes[1].size, reverse=False, kind="shard")]
        works = group.after
    return done


class _Group:
    """Nests of which each reads, of what another one makes, its own step: with the axis of the steps. `before` and
    `after` are works that have to be done before them, and all others."""

    def __init__(self, plan: Plan, first: Nest) -> None:
        self.plan = plan
        self.members: dict[Nest, Axis] = {first: first.axes[1]}
        self.made: dict[Tensor, int] = dict.fromkeys(first.targets, 1)
        self.before: list[Work] = []
        self.after: list[Work] = []

    @classmethod
    def of(cls, plan: Plan, works: list[Work]) -> _Group | None:
        """The group that begins with the first of these works, if it is worth a loop."""
        first = works[0]
        if not isinstance(first, Nest) or not _light(first) or len(first.axes) < 3 or first.axes[1].size <= FEW:
            return None
        if prod(a.size for a in first.axes[1:]) * LANES * plan.request.real < FAR:
            return None
        group = cls(plan, first)
        for place, work in enumerate(works[1:], 1):
            if not isinstance(work, Nest) or not _light(work):
                group.after += works[place:]
                break
            group.add(work)
        return group if len(group.members) > 1 else None

    def add(self, nest: Nest) -> None:
        homes = {self.plan.home(r.tensor) for r in nest.reads}
        later = {t for work in self.after for t in work.targets}
        if homes.isdisjoint(self.made) and homes.isdisjoint(later):
            self.before.append(nest)
            return
        step = self.step(nest) if homes.isdisjoint(later) else None
        if step in nest.axes[1:]:
            self.include(nest, step)
        elif step is not None and (parts := _terms(nest, step)) is not None:
            terms, total = parts
            self.include(terms, terms.axes[1])
            self.after.append(total)
        else:
            self.after.append(nest)

    def include(self, nest: Nest, step: Axis) -> None:
        self.members[nest] = step
        self.made |= dict.fromkeys(nest.targets, nest.axes.index(step))

    def step(self, nest: Nest) -> Axis | None:
        """The axis at which the nest reads what the members make, each value at its own step."""
        steps = {
            plain_axes(r)[self.made[r.tensor]] if r.tensor in self.made else None
            for r in nest.reads
            if self.plan.home(r.tensor) in self.made
        }
        return steps.pop() if len(steps) == 1 else None


def _terms(nest: Nest, step: Axis) -> tuple[Nest, Nest] | None:
    """A sum over the steps as its terms, which a loop makes, and their sum: what the terms read need not be kept for
    all steps. None if it is another nest, or one whose terms are products: these are added up with a single rounding.
    """
    if len(nest.statements) != 1 or len(nest.reductions) != 1:
        return None
    (statement,), (e,) = nest.statements, nest.reductions
    if statement.expression is not e or e.name != "sum" or e.axes != (step,) or len(factors(e.body)) != 1:
        return None
    batch, *others = nest.axes
    own = {a: a.fresh() for a in (batch, step, *others)}
    terms = Tensor(f"{statement.target.name}.terms", tuple(own.values()))
    made = Nest([Statement(terms, rename(e.body, own))], terms.axes, "shard")
    total = Reduction("sum", e.axes, Read(terms, tuple(Affine.of(a) for a in own)))
    return made, Nest([Statement(statement.target, total, statement.letters)], nest.axes, nest.kind)


def _light(nest: Nest) -> bool:
    """Whether a nest multiplies nothing by a kernel."""
    return (
        nest.kind == "shard"
        and nest.step is None
        and nest.scatter is None
        and nest.cache_blocking is None
        and all(len(factors(e.body)) < 2 for e in nest.sums)
    )
