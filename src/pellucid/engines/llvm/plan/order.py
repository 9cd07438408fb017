"""The check of a finished plan: whatever is read was made earlier in the same call.

Memory is not cleared between calls, so a value that is read too early would be the one of the call before, and nobody
would notice. The plan is therefore held against its order before any code is made of it.
"""

from __future__ import annotations

from pellucid.engines.llvm.plan.work import Nest, Partial, Plan, Recurrence, Work, plain_axes
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Read, Tensor, reads


class OrderError(AssertionError):
    """A plan reads what is not there yet: a fault of the planner, not of the program."""


def check_order(plan: Plan) -> Plan:
    """Follow the phases and look at every read; the plan stays as it is.

    Raises:
        OrderError: a statement reads a value that is made later, or at the same time; the message names both.
    """
    made = {plan.home(t) for t in plan.program.inputs.values()}
    prepared: set[Partial] = set()
    for phase in plan.phases:
        before = set(made)
        for work in phase.works:
            # Shards run their works one after the other, the works of a global phase run at once.
            _check(plan, work, made if phase.kind == "shard" else before, prepared)
            made |= {plan.home(t) for t in work.targets}
        prepared |= {work for work in phase.works if isinstance(work, Partial)}
    return plan


def _check(plan: Plan, work: Work, made: set[Tensor], prepared: set[Partial]) -> None:
    if isinstance(work, Recurrence):
        loop = {plan.home(t) for t in work.targets}
        known = set(made)
        for nest in work.nests:
            _check_nest(plan, nest, known, loop)
            known |= {plan.home(t) for t in nest.targets}
    elif isinstance(work, Nest):
        if work.partial is not None and work.partial not in prepared:
            raise OrderError(f"{_names(work)}: its sum is added up before the shards prepare their parts")
        _check_nest(plan, work, made, set())
    else:
        # a part of a sum, or a packed copy of a parameter
        name = _names(work.nest) if isinstance(work, Partial) else f"the packed copy of {work.reads[0].tensor.name}"
        for read in work.reads:
            _look(plan, name, read, made)


def _check_nest(plan: Plan, nest: Nest, made: set[Tensor], loop: set[Tensor]) -> None:
    known = set(made)
    skip = set() if nest.partial is None else set(nest.partial.reads)
    for statement in nest.statements:
        for read in reads(statement.expression):
            earlier_step = plan.home(read.tensor) in loop and nest.step is not None and not _at(read, nest.step)
            if read not in skip and not earlier_step:
                _look(plan, statement.target.name, read, known)
        known.add(plan.home(statement.target))


def _at(read: Read, step: Axis) -> bool:
    """Whether a read of a loop's tensor is of the step that is being computed."""
    return step in plain_axes(read)


def _look(plan: Plan, name: str, read: Read, made: set[Tensor]) -> None:
    if plan.home(read.tensor) not in made:
        raise OrderError(f"{name} reads {read.tensor.name}, which is made later in the same call")


def _names(nest: Nest) -> str:
    return "+".join(t.name for t in nest.targets)
