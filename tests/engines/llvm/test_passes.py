"""Passes give a new plan, and leave the one that they are given as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.engines.llvm.test_order import variance
from tests.engines.llvm.test_small_batch import text_of_some_length
from tests.engines.llvm.training import image_program, large_program, text_program

from pellucid.engines.llvm.plan.layout import lay_out
from pellucid.engines.llvm.plan.passes import PASSES
from pellucid.engines.llvm.plan.work import Plan, Request
from pellucid.formula import Program

TRAINING: list[Callable[[], Program]] = [image_program, text_program, large_program, lambda: variance(33, 32)]


def contents(plan: Plan) -> list[object]:
    """What a plan holds, in containers of its own."""
    phases = [(phase.kind, list(phase.works)) for phase in plan.phases]
    panels = {nest: dict(some) for nest, some in plan.panels.items()}
    rest = plan.stages, list(plan.works), dict(plan.views), dict(plan.state), plan.small_batch, dict(plan.tiles)
    return [phases, panels, *rest]


@pytest.mark.parametrize("make", TRAINING)
def test_a_training_step(make: Callable[[], Program]) -> None:
    program = make()
    state = {name: name for name in program.outputs if name in program.inputs}
    followed(Plan(program, Request(state=state)))


def test_a_small_batch_that_threads_share() -> None:
    followed(Plan(text_of_some_length(), Request(small_batch=True, shared=True)))


def followed(plan: Plan) -> None:
    for apply in PASSES:
        before = contents(plan)
        following = apply(plan)
        assert contents(plan) == before, apply.__name__
        plan = following
    before = contents(plan)
    lay_out(plan)
    assert contents(plan) == before
