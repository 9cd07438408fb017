"""New values of a state that are written over the old ones."""

from __future__ import annotations

from pellucid.engines.llvm.plan.phases import elementwise_reader
from pellucid.engines.llvm.plan.work import Nest, Plan, batched
from pellucid.formula.expressions import Tensor


def write_in_place(plan: Plan) -> Plan:
    """Keep of the wished-for outputs those that may overwrite their input."""
    outputs = plan.program.outputs
    plan.state = {name: old for name, old in plan.request.state.items() if _in_place(plan, outputs[name], old)}
    return plan


def _in_place(plan: Plan, target: Tensor, name: str) -> bool:
    """Whether a new value may overwrite the input of that name: nobody reads the old one elsewhere, or later."""
    old = plan.program.inputs[name]
    if old.shape != target.shape or old.kind != target.kind or batched(target) or target in plan.views:
        return False
    seen = False
    for phase in plan.phases:
        here = [w for w in phase.works if target in w.targets]
        for work in phase.works:
            if work in here:
                if not isinstance(work, Nest) or work.scatter is not None:
                    return False
                if any(plan.home(r.tensor) is old and not elementwise_reader(plan, work, r) for r in work.reads):
                    return False
            elif (here or seen) and any(plan.home(r.tensor) is old for r in work.reads):
                return False
        seen = seen or bool(here)
    return seen and old not in plan.views.values() and sum(t is target for t in plan.program.outputs.values()) == 1
